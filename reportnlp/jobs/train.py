"""`reportnlp train`: labelled reports in, a model folder out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from reportnlp import __version__
from reportnlp.classifiers import _folder
from reportnlp.classifiers._decide import Decider, stacked
from reportnlp.classifiers._encode import Encoder
from reportnlp.classifiers._folder import Decision, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InputError, MissingExtraError, OutputError
from reportnlp.evaluation.calibration import expected_calibration_error
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.splits import folds, random_split
from reportnlp.findings import Panel, load_panel
from reportnlp.jobs import _train_data
from reportnlp.jobs._model_card import card
from reportnlp.jobs._train_data import LabelledReports, Source
from reportnlp.jobs._train_decide import Aim, decisions, stack
from reportnlp.jobs._train_fit import Fitted, Recipe, fit
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import Posteriors

WORK = ".work"
"""Behind the name of the output folder: the folder of checkpoints and logs, which goes when all is done."""

LOGS = "logs"


@dataclass(frozen=True, slots=True)
class TrainJob:
    """What to train.

    Attributes:
        source: reports and labels to learn from and to be held to.
        out: the model folder to make.
        panel: a panel's name, or the path of a TOML file.
        recipe: how the network is made.
        more: further reports that are only learned from: never held out, calibrated or scored on.
        more_weight: how much one of them counts beside one of `source`.
        folds: 0: one part of the reports is held out to choose the epoch and to calibrate; 2 or more: so
            many networks each leave a part out, their logits there calibrate and are scored, and the last
            network learns from all reports.
        held_out: the part that is held out without folds.
        rules: weigh in the rules' answers too (stacking).
        aim: what probabilities and thresholds are for.
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
    more: Source | None = None
    more_weight: float = 1.0
    folds: int = 0
    held_out: float = 0.15
    rules: bool = False
    aim: Aim = field(default_factory=Aim)
    seed: int = 0
    command: str = ""
    limits: str = ""
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.folds == 1 or self.folds < 0:
            raise InputError(f"folds is {self.folds}. Give 0 to hold one part out, or 2 or more.")
        if not 0 < self.held_out < 1:
            raise InputError(f"held_out is {self.held_out}. Give a share between 0 and 1.")


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


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Logits of reports that the network which gave them did not learn from."""

    data: LabelledReports
    logits: Floats
    said: str


def run(job: TrainJob, progress: Progress | None = None) -> Trained:
    """Train, calibrate, and write the model folder.

    Raises:
        InputError: labels or reports that do not fit, or options that do not go together.
        OutputError: the output exists or cannot be written.
        TrainingError: a training that came to nothing.
        ResumeError: unfinished work is of another training.
        MissingExtraError: the libraries for training are not installed.
    """
    _refuse_existing(job)
    _need_extra()
    told = progress or Silent()
    panel = load_panel(job.panel)
    columns = Columns(panel.questions)
    data = _train_data.read(job.source, columns)
    more = None if job.more is None else _weighed(_train_data.read(job.more, columns), job.more_weight)
    work = job.out.with_name(job.out.name + WORK)
    fitted, held = _fit(job, columns, data, more, work, told)
    by_rules = _rules(panel, held.data, told) if job.rules else []
    weights = stack(columns, held.logits, by_rules, held.data.targets, held.data.weights) if job.rules else {}
    logits = stacked(columns, held.logits, by_rules, weights) if job.rules else held.logits
    decided = decisions(columns, logits, held.data.targets, held.data.weights, job.aim)
    everything = data if more is None else data.with_more(more)
    record = {
        **_record(job, fitted, columns, everything),
        "sources": list(_sources(job, data, more)),
        "tested": held.said,
        "figures": list(_figures(columns, panel, logits, held.data, decided, job.seed)),
    }
    told.phase("writing the model", None, "files")
    if _first_process():
        _write(job, panel, columns, fitted, decided, weights, record, everything)
        _keep_log(work, job.out)
    return Trained(job.out, record, len(everything), data.unlabelled, data.unmatched, data.unread)


def _fit(
    job: TrainJob,
    columns: Columns,
    data: LabelledReports,
    more: LabelledReports | None,
    work: Path,
    progress: Progress,
) -> tuple[Fitted, Held]:
    """The network, and held-out logits to calibrate it by."""
    if job.folds:
        return _cross_fit(job, columns, data, more, work, progress)
    split = random_split(
        data.reports, seed=job.seed, test_share=job.held_out, strata=_train_data.strata(data, columns)
    )
    held = data.taken(split.test)
    fitted = fit(
        job.recipe,
        columns,
        _with(data.taken(split.train), more),
        held,
        seed=job.seed,
        work=work / "network",
        progress=progress,
        resume=job.resume,
    )
    said = (
        f"On {len(held):,} reports that were held out of training, which chose the epoch and the calibration "
        "too: no patient and no text of theirs was learned from."
    )
    return fitted, Held(held, fitted.logits([r.text for r in held.reports]), said)


def _cross_fit(
    job: TrainJob,
    columns: Columns,
    data: LabelledReports,
    more: LabelledReports | None,
    work: Path,
    progress: Progress,
) -> tuple[Fitted, Held]:
    logits = np.zeros((len(data), columns.width), dtype=np.float32)
    splits = folds(data.reports, seed=job.seed, count=job.folds, strata=_train_data.strata(data, columns))
    whole = replace(job.recipe, train=replace(job.recipe.train, patience=0))
    for number, split in enumerate(splits, start=1):
        kept = work / f"fold-{number}.npy"
        if not (job.resume and kept.is_file()):
            part = _with(data.taken(split.train), more)
            place = work / f"fold-{number}"
            one = fit(
                whole, columns, part, None, seed=job.seed, work=place, progress=progress, resume=job.resume
            )
            found = one.logits([data.reports[i].text for i in split.test])
            work.mkdir(parents=True, exist_ok=True)
            np.save(kept, found, allow_pickle=False)
            shutil.rmtree(place, ignore_errors=True)
        logits[list(split.test)] = np.load(kept, allow_pickle=False)
    fitted = fit(
        whole,
        columns,
        _with(data, more),
        None,
        seed=job.seed,
        work=work / "network",
        progress=progress,
        resume=job.resume,
    )
    said = (
        f"On all {len(data):,} reports in {job.folds} folds: each was read by a network that had learned "
        "from none of its fold, and from no report of its patient or with its text. Calibrated on them too."
    )
    return fitted, Held(data, logits, said)


def _with(data: LabelledReports, more: LabelledReports | None) -> LabelledReports:
    return data if more is None else data.with_more(more)


def _weighed(data: LabelledReports, weight: float) -> LabelledReports:
    return replace(data, weights=data.weights * np.float32(weight))


def _rules(panel: Panel, data: LabelledReports, progress: Progress) -> list[dict[str, str]]:
    """What the rules answer."""
    from reportnlp.rules.engine import RuleEngine

    engine = RuleEngine(panel)
    progress.phase("labelling by rules", len(data), "reports")
    answers = []
    for report in data.reports:
        answers.append({label.question: label.answer for label in engine.label(report.text)})
        progress.advance(1)
    return answers


def _figures(
    columns: Columns,
    panel: Panel,
    logits: Floats,
    data: LabelledReports,
    decided: Mapping[str, Decision],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Figures of held-out reports, for the card."""
    decider = Decider(columns, panel, decided)
    posteriors = decider.posteriors(logits, [report.id for report in data.reports])
    answers = answers_of(decider, posteriors)
    gold = {report.id: dict(row) for report, row in zip(data.reports, data.answers, strict=True)}
    scores = evaluate(answers, gold, seed=seed, resamples=1)
    for presence in scores.presence:
        for name in ("precision", "recall", "f1"):
            value = getattr(presence, name).value
            if not np.isnan(value):
                yield {"question": presence.question, "n": presence.n, "figure": name, "value": float(value)}
    for attribute in scores.attributes:
        if attribute.n:
            value = float(attribute.accuracy.value)
            yield {"question": attribute.question, "n": attribute.n, "figure": "accuracy", "value": value}
    error = _calibration(columns, posteriors, answers, data)
    yield {"question": "presence, all", "n": len(data), "figure": "calibration error", "value": error}


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


def answers_of(decider: Decider, posteriors: Posteriors) -> dict[str, dict[str, str]]:
    """Report id to question to answer."""
    picks = decider.answers(posteriors).picks
    return {
        report: {
            question.name: "" if pick < 0 else str(question.answers[pick])
            for question, pick in zip(posteriors.questions, picks[row], strict=True)
        }
        for row, report in enumerate(posteriors.report_ids)
    }


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


def _sources(job: TrainJob, data: LabelledReports, more: LabelledReports | None) -> Iterator[dict[str, Any]]:
    for source, read in ((job.source, data), (job.more, more)):
        if source is not None and read is not None:
            yield {
                "inputs": [
                    Path(given).name if Path(given).is_absolute() else given for given in source.inputs
                ],
                "labels": source.labels.name if source.labels.is_absolute() else str(source.labels),
                "labels_digest": sha256(source.labels.read_bytes()).hexdigest(),
                "reports": len(read),
            }


def _write(
    job: TrainJob,
    panel: Panel,
    columns: Columns,
    fitted: Fitted,
    decided: Mapping[str, Decision],
    weights: Mapping[str, Stack],
    record: Mapping[str, Any],
    data: LabelledReports,
) -> None:
    """Write the folder beside its place, then put it there."""
    import tomli_w

    from reportnlp.classifiers._export import export

    draft = job.out.with_name(job.out.name + ".part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        fitted.model.save_pretrained(draft)
        fitted.words.save(draft / _folder.TOKENIZER)
        content = tomli_w.dumps(panel.model_dump(mode="json", exclude_none=True))
        (draft / _folder.PANEL).write_text(content, encoding="utf-8")
        (draft / _folder.CARD).write_text(card(job.out.name, panel, record), encoding="utf-8")
        examples = Encoder(fitted.words, fitted.reading)([report.text for report in data.reports[:3]] * 2)
        export(fitted.model, examples, draft / _folder.ONNX)
        _folder.update_config(
            draft,
            {
                "panel": panel.name,
                "panel_digest": panel.digest,
                "reads": fitted.reading.sections,
                "sentences": fitted.reading.sentences,
                "decisions": {name: one.model_dump(mode="json") for name, one in decided.items()},
                "stack": {name: one.model_dump(mode="json") for name, one in weights.items()},
                "trained": json.loads(json.dumps(record)),
            },
        )
        shutil.rmtree(job.out, ignore_errors=True)
        draft.rename(job.out)
    except OSError as error:
        raise OutputError(f"{job.out} cannot be written: {error.strerror}.") from error


def _keep_log(work: Path, out: Path) -> None:
    """Put the log for TensorBoard beside the model, and drop the checkpoints."""
    log = work / "network" / LOGS
    if log.is_dir():
        shutil.copytree(log, out / LOGS, dirs_exist_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _refuse_existing(job: TrainJob) -> None:
    if job.out.exists() and not job.overwrite:
        raise OutputError(f"{job.out} exists. Name another folder, or add --overwrite.")
    if job.out.is_file():
        raise OutputError(f"{job.out} is a file. Name a folder.")
    if job.out.is_dir() and any(job.out.iterdir()) and not (job.out / _folder.CONFIG).is_file():
        raise OutputError(f"{job.out} is a folder of something else. Name another, or empty it.")


def _need_extra() -> None:
    try:
        import onnxscript  # noqa: F401
        import tomli_w  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Training", "train") from error


def _first_process() -> bool:
    """Under torchrun the first process alone writes."""
    return os.environ.get("RANK", "0") == "0"


def describe(trained: Trained) -> Sequence[str]:
    """What came of it, in lines."""
    record = trained.record
    lines = [
        f"learned from {trained.read:,} reports; reports without labels {trained.unlabelled:,}, labels "
        f"without a report {trained.unmatched:,}, rows that are no report {trained.unread:,}"
    ]
    lines += [f"    {note}" for note in record["notes"]]
    single = [q for q, counts in record["answers"].items() if len(counts) == 1]
    if single:
        lines.append(f"only one answer was ever seen, and will always be given, for: {', '.join(single)}")
    lines.append(record["tested"])
    lines += [
        f"    {row['figure']:18} {row['value']:.3f}  {row['question']} (n {row['n']:,})"
        for row in record["figures"]
    ]
    lines.append(f"model in {trained.folder}")
    return lines
