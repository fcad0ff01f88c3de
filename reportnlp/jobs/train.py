"""`reportnlp train`: labelled reports in, a model folder out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from reportnlp import __version__
from reportnlp.archive.stop import stoppable
from reportnlp.classifiers import _folder
from reportnlp.classifiers._decide import Decider, unspoken
from reportnlp.classifiers._encode import Encoder
from reportnlp.classifiers._folder import Decision
from reportnlp.classifiers._questions import Columns
from reportnlp.errors import MissingExtraError, OutputError
from reportnlp.evaluation.calibration import expected_calibration_error
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.scores import Scores
from reportnlp.findings import Panel, load_panel
from reportnlp.jobs import _train_data, _train_int8, _train_search
from reportnlp.jobs._model_card import card
from reportnlp.jobs._model_out import LOGS, first_process, refuse_existing, work_of
from reportnlp.jobs._train_data import LabelledReports, Source
from reportnlp.jobs._train_decide import Aim, answers_of
from reportnlp.jobs._train_fit import Fitted, Recipe
from reportnlp.jobs._train_learn import Held, Learned, Learning, learn
from reportnlp.jobs._train_search import Outcome, Search
from reportnlp.sums import update_config
from reportnlp.training.hub import save_network
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import Posteriors


@dataclass(frozen=True, slots=True)
class TrainJob:
    """What to train.

    Attributes:
        source: reports and labels to learn from and to be held to.
        out: the model folder to make.
        panel: a panel's name, or the path of a TOML file.
        recipe: how the network is made.
        more: further reports that are only learned from: never held out, calibrated or scored on.
        folds: 0: one part of the reports is held out to choose the epoch and to calibrate; 2 or more: so
            many networks each leave a part out, their logits there calibrate and are scored, and the last
            network learns from all reports.
        by_site: see `Learning`.
        held_out: the part that is held out without folds.
        rules: weigh in the rules' answers too (stacking).
        aim: what probabilities and thresholds are for.
        int8: put the network for ONNX Runtime in eight bits, if held-out reports get the same answers.
        search: try recipes first, and train the best; the given one is what they begin with.
        seed: of everything random.
        command: the command line, for the model card.
        limits: what the model card says of where it fails.
        resume: go on with a training that was stopped.
        overwrite: replace the output.
    """

    source: Source
    out: Path
    panel: str = "pe"
    recipe: Recipe = field(default_factory=Recipe)
    more: tuple[Source, ...] = ()
    folds: int = 0
    by_site: bool = False
    held_out: float = 0.15
    rules: bool = False
    aim: Aim = field(default_factory=Aim)
    int8: bool = False
    search: Search | None = None
    seed: int = 0
    command: str = ""
    limits: str = ""
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        _ = self.learning  # refuses what does not fit

    @property
    def learning(self) -> Learning:
        """How to learn from the reports."""
        return Learning(self.recipe, self.folds, self.by_site, self.held_out, self.rules, self.aim, self.seed)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it.

    Attributes:
        folder: the model folder.
        record: what `config.json` keeps of the training.
        read: reports that were learned from.
        unlabelled, unmatched, unread: see `LabelledReports`.
    """

    folder: Path
    record: Mapping[str, Any]
    read: int
    unlabelled: int
    unmatched: int
    unread: int


def run(job: TrainJob, progress: Progress | None = None) -> Trained:
    """Train, calibrate, and write the model folder.

    Raises:
        InputError: labels or reports that do not fit, or options that do not go together.
        OutputError: the output exists or cannot be written.
        TrainingError: a training that came to nothing.
        ResumeError: unfinished work is of another training.
        MissingExtraError: the libraries for training are not installed.
    """
    refuse_existing(job.out, overwrite=job.overwrite)
    _need_extra()
    with stoppable(job.out, work_of(job.out)):
        return _run(job, progress or Silent())


def _run(job: TrainJob, told: Progress) -> Trained:
    panel = load_panel(job.panel)
    columns = Columns(panel.questions)
    data = _train_data.read(job.source, columns)
    more = _train_data.read_all(job.more, columns)
    work = work_of(job.out)
    job, outcome = _searched(job, panel, columns, data, more, told)
    learned = learn(job.learning, panel, columns, data, more, work=work, progress=told, resume=job.resume)
    held = learned.held
    everything = data if more is None else data.with_more(more)
    record = {
        **_record(job, learned.fitted, columns, everything),
        "search": None if outcome is None else outcome.said,
        "sources": list(map(_source, (job.source, *job.more))),
        "tested": held.said,
        "figures": list(_figures(columns, panel, held, learned.decisions, job.seed)),
    }
    told.phase("writing the model", None, "files")
    if first_process():
        _write(job, panel, learned, record, everything, outcome)
        _keep_log(work, job.out)
    return Trained(job.out, record, len(everything), data.unlabelled, data.unmatched, data.unread)


def _searched(
    job: TrainJob,
    panel: Panel,
    columns: Columns,
    data: LabelledReports,
    more: LabelledReports | None,
    progress: Progress,
) -> tuple[TrainJob, Outcome | None]:
    """The job with the best recipe, where one is searched for."""
    if job.search is None:
        return job, None
    work = work_of(job.out) / "search"
    outcome = _train_search.find(
        job.learning,
        job.search,
        panel,
        columns,
        data,
        more,
        work=work,
        progress=progress,
        resume=job.resume,
    )
    return replace(job, recipe=outcome.recipe), outcome


def _figures(
    columns: Columns,
    panel: Panel,
    held: Held,
    decided: Mapping[str, Decision],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Figures of held-out reports, for the card."""
    data, decider = held.data, Decider(columns, panel, decided)
    posteriors = decider.posteriors(held.logits, [report.id for report in data.reports])
    if held.rules is not None:
        posteriors = unspoken(posteriors, held.rules)
    answers = answers_of(decider, posteriors)
    gold = {report.id: dict(row) for report, row in zip(data.reports, data.answers, strict=True)}
    yield from _scored(evaluate(answers, gold, seed=seed, resamples=1))
    error = _calibration(columns, posteriors, answers, data)
    yield {"question": "presence, all", "n": len(data), "figure": "calibration error", "value": error}
    if held.rules is not None:
        alone = dict(zip(gold, held.rules, strict=True))
        yield from _scored(evaluate(alone, gold, seed=seed, resamples=1), ", rules alone")


def _scored(scores: Scores, said: str = "") -> Iterator[dict[str, Any]]:
    for presence in scores.presence:
        for name in ("precision", "recall", "f1"):
            value = getattr(presence, name).value
            if not np.isnan(value):
                row = {"question": presence.question, "n": presence.n, "figure": name + said}
                yield {**row, "value": float(value)}
    for attribute in scores.attributes:
        if attribute.n:
            row = {"question": attribute.question, "n": attribute.n, "figure": f"accuracy{said}"}
            yield {**row, "value": float(attribute.accuracy.value)}


def _calibration(
    columns: Columns, posteriors: Posteriors, answers: Mapping[str, Mapping[str, str]], data: LabelledReports
) -> float:
    """Expected calibration error of the answers about presence, all findings together."""
    sure, right = [], []
    for number, question in enumerate(columns.questions):
        if question.attribute is not None:
            continue
        for row, (report, gold) in enumerate(zip(data.reports, data.answers, strict=True)):
            answer = answers[report.id][question.name]
            if gold.get(question.name) and answer:
                sure.append(posteriors.values[row, number, question.answers.index(answer)])
                right.append(answer == gold[question.name])
    return expected_calibration_error(np.array(sure, dtype=np.float64), np.array(right))


def _record(job: TrainJob, fitted: Fitted, columns: Columns, data: LabelledReports) -> dict[str, Any]:
    history = fitted.history
    return {
        "version": __version__,
        "architecture": job.recipe.architecture,
        "parameters": sum(values.numel() for values in fitted.model.parameters()),
        "seed": job.seed,
        "folds": job.folds,
        "rules": job.rules,
        "notes": fitted.notes,
        "command": job.command,
        "limits": job.limits,
        "answers": dict(_train_data.answer_counts(data, columns)),
        "epochs": None if history is None else history.best_epoch,
    }


def _source(source: Source) -> dict[str, Any]:
    """A source as the card names it: a path that is absolute tells of one machine alone, so its name does."""
    return {
        "inputs": [Path(given).name if Path(given).is_absolute() else given for given in source.inputs],
        "labels": [path.name if path.is_absolute() else str(path) for path in source.labels],
        "labels_digests": [sha256(path.read_bytes()).hexdigest() for path in source.labels],
        "weight": source.weight,
    }


def _write(
    job: TrainJob,
    panel: Panel,
    learned: Learned,
    record: dict[str, Any],
    data: LabelledReports,
    outcome: Outcome | None,
) -> None:
    """Write the folder beside its place, then put it there; the record is told what came of eight bits."""
    import tomli_w

    from reportnlp.classifiers._export import export, round_weights

    fitted = learned.fitted
    draft = job.out.with_name(job.out.name + ".part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        save_network(fitted.model, draft, state_dict=round_weights(fitted.model))
        fitted.words.save(draft / _folder.TOKENIZER)
        content = tomli_w.dumps(panel.model_dump(mode="json", exclude_none=True))
        (draft / _folder.PANEL).write_text(content, encoding="utf-8")
        if outcome is not None:
            _train_search.write(outcome, draft)
        examples = Encoder(fitted.words, fitted.reading)([report.text for report in data.reports[:3]] * 2)
        export(fitted.model, examples, draft / _folder.ONNX)
        int8 = job.int8 and _in_eight_bits(learned, record, draft)
        (draft / _folder.CARD).write_text(card(job.out.name, panel, record), encoding="utf-8")
        update_config(
            draft,
            {
                "panel": panel.name,
                "panel_digest": panel.digest,
                "reads": fitted.reading.sections,
                "sentences": fitted.reading.sentences,
                "int8": int8,
                "decisions": {name: one.model_dump(mode="json") for name, one in learned.decisions.items()},
                "stack": {name: one.model_dump(mode="json") for name, one in learned.stack.items()},
                "trained": json.loads(json.dumps(record)),
            },
        )
        shutil.rmtree(job.out, ignore_errors=True)
        draft.rename(job.out)
    except OSError as error:
        raise OutputError(f"{job.out} cannot be written: {error.strerror}.") from error


def _in_eight_bits(learned: Learned, record: dict[str, Any], draft: Path) -> bool:
    texts = [report.text for report in learned.held.data.reports]
    kept, share = _train_int8.shrink(learned.fitted, texts, draft / _folder.ONNX)
    record["notes"] = [*record["notes"], _train_int8.said(kept, share)]
    return kept


def _keep_log(work: Path, out: Path) -> None:
    """Put the log for TensorBoard beside the model, and drop the checkpoints."""
    log = work / "network" / LOGS
    if log.is_dir():
        shutil.copytree(log, out / LOGS, dirs_exist_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _need_extra() -> None:
    try:
        import onnxscript  # noqa: F401
        import tomli_w  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Training", "train") from error


def describe(trained: Trained) -> Sequence[str]:
    """What came of it, in lines."""
    record = trained.record
    lines = [
        f"learned from {trained.read:,} reports; reports without labels {trained.unlabelled:,}, labels "
        f"without a report {trained.unmatched:,}, rows that are no report {trained.unread:,}"
    ]
    lines += [f"    {note}" for note in record["notes"]]
    if record["search"]:
        lines.append(f"{record['search']}; all trials in {trained.folder / _train_search.TABLE}")
    single = [q for q, counts in record["answers"].items() if len(counts) == 1]
    if single:
        lines.append(f"only one answer was ever seen, and will always be given, for: {', '.join(single)}")
    lines.append(record["tested"])
    lines += [
        f"    {row['figure']:23} {row['value']:.3f}  {row['question']} (n {row['n']:,})"
        for row in record["figures"]
    ]
    lines.append(f"model in {trained.folder}")
    return lines
