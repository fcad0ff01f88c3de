"""A label table, or reports labelled on the way, compared with gold answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from reportnlp.archive.places import refuse_folder
from reportnlp.errors import InputError, OutputError
from reportnlp.evaluation import tables
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.audit import audit
from reportnlp.evaluation.compare import compare
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.learning import LearningCurve, learning_curve, log_spaced
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.mistakes import mistakes
from reportnlp.evaluation.read import read_answers
from reportnlp.evaluation.record import About, Evaluation, Known
from reportnlp.evaluation.scores import UncertainAs
from reportnlp.evaluation.splits import Kind
from reportnlp.evaluation.strata import sites_and_years, stratify
from reportnlp.formats.blocks import ReadOptions
from reportnlp.jobs._labelled import Found, Label, TrainRow, found
from reportnlp.training.progress import Progress, Silent

if TYPE_CHECKING:
    from reportnlp.jobs._evaluate_trained import Training

OUTPUTS = (".html", ".json", ".csv")


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """What to compare.

    Attributes:
        inputs: one label table; or, with a panel, reports in any input format.
        gold: table with `report_id` and a column per question, or a long table.
        panel: name or path of the panel to label reports with; "" when the input is a label table.
        method: the method to label reports with.
        format: input format of reports; None finds it.
        columns: input columns of reports.
        out: where to write the evaluation, `.html`, `.json` or `.csv`; None writes none.
        overwrite: whether `out` may be replaced.
        uncertain_as: see `reportnlp.evaluate`.
        seed: see `reportnlp.evaluate`; of a random split too.
        resamples: see `reportnlp.evaluate`.
        against: a label table, or with a panel a method, to compare with; "" is none.
        split: score only the test side of a split of the reports that have gold answers; None scores all.
        test_share: of a random or temporal split.
        site: of a site split, the one site to test on; "" is each in turn.
        train_gold: gold answers that the method was trained on, for the audit; None is none.
        date: shown in the report; "" is none.
        training: how the method is trained on the training side; None: `method` labels as it is.
    """

    inputs: tuple[str, ...]
    gold: Path
    panel: str = ""
    method: str = "rules"
    format: str | None = None
    columns: ReadOptions = field(default_factory=ReadOptions)
    out: Path | None = None
    overwrite: bool = False
    uncertain_as: UncertainAs = "negative"
    seed: int = 0
    resamples: int = 1000
    against: str = ""
    split: Kind | None = None
    test_share: float = 0.2
    site: str = ""
    train_gold: Path | None = None
    date: str = ""
    training: Training | None = None


def run(
    settings: EvaluateSettings, *, label: Label | None = None, progress: Progress | None = None
) -> Evaluation:
    """Score, and write the evaluation where that was asked for.

    Args:
        settings: what to compare.
        label: what labels reports, given those to train on; None is what the settings say.
        progress: hears of a training.

    Raises:
        InputError: a file cannot be read, nothing can be compared, or options do not go together.
        OutputError: `out` exists, or has another suffix than `.html`, `.json` or `.csv`.
        TrainingError: a training came to nothing.
        MissingExtraError: the libraries for training, or for the page, are not installed.
    """
    if settings.out is not None:
        check_out(settings.out, settings.overwrite)
    _check_training(settings)
    gold = read_answers(settings.gold)
    with _trainer(settings, gold, progress or Silent()) as trainer:
        chosen = label or trainer
        evaluation = score(settings, found(settings, gold, chosen), gold, chosen)
    if settings.out is not None:
        write(settings.out, evaluation)
    return evaluation


def _check_training(settings: EvaluateSettings) -> None:
    """Are there reports, and a training side?"""
    if settings.site and settings.split != "site":
        raise InputError(f"--site names '{settings.site}' to test on, which only --split site does. Add it.")
    if settings.training is None:
        return
    if not settings.panel:
        raise InputError("To train a method, give reports and their panel: add --panel.")
    if settings.split is None:
        raise InputError(
            "A method is not tested on what it was trained on. Add --split random, temporal or site."
        )
    if settings.training.curve and settings.split == "site" and not settings.site:
        raise InputError(
            "A learning curve is of one training side, and --split site makes one a site. Name the site to "
            "test on, with --site."
        )


@contextmanager
def _trainer(settings: EvaluateSettings, gold: Answers, progress: Progress) -> Iterator[Label | None]:
    """What trains, with a folder to work in for as long as it takes."""
    if settings.training is None:
        yield None
        return
    from reportnlp.jobs._evaluate_trained import Trainer  # half a second or more

    with TemporaryDirectory(prefix="reportnlp-") as work:
        yield Trainer(settings, settings.training, gold, work=Path(work) / "training", progress=progress)


def score(settings: EvaluateSettings, found: Found, gold: Answers, label: Label | None = None) -> Evaluation:
    """Score labels that are there already.

    Args:
        settings: what to compare; `out` is not written.
        found: the labels.
        gold: the gold answers.
        label: what labelled, where it is to be trained on ever more reports.

    Raises:
        InputError: nothing can be compared.
    """
    policy, seed, resamples = settings.uncertain_as, settings.seed, settings.resamples
    tested = gold if found.tested is None else {report: gold[report] for report in found.tested}
    labelled, other = found.labelled, found.other
    scores = evaluate(
        labelled.answers,
        tested,
        seed=seed,
        uncertain_as=policy,
        resamples=resamples,
        posteriors=labelled.posteriors,
    )
    groups = sites_and_years(report for report in found.reports if report.id in tested)
    learned = _learned(settings, found, gold, label)
    return Evaluation(
        _about(settings, found),
        scores,
        stratify(labelled.answers, tested, groups, seed=seed, uncertain_as=policy, resamples=resamples),
        mistakes(labelled, tested, uncertain_as=policy),
        None
        if other is None
        else compare(labelled, other, tested, seed=seed, uncertain_as=policy, resamples=resamples),
        None if learned is None else audit(learned, scores),
        _curve(settings, found, gold, tested, label),
    )


def _curve(
    settings: EvaluateSettings, found: Found, gold: Answers, tested: Answers, label: Label | None
) -> LearningCurve | None:
    """Trained on ever more of the training side."""
    training = settings.training
    if training is None or not training.curve or label is None:
        return None
    reports = {report.id: report for report in found.reports}
    trained, chosen = found.trained or (), label

    def train_and_label(ids: Sequence[str]) -> Labelled:
        some = set(ids)
        rows = [TrainRow(reports[i], gold[i]) for i in trained if i in some]
        return chosen([reports[i] for i in tested], rows)

    return learning_curve(
        trained,
        tested,
        train_and_label,
        sizes=training.sizes or log_spaced(len(trained)),
        seed=settings.seed,
        uncertain_as=settings.uncertain_as,
        resamples=settings.resamples,
    )


def _learned(settings: EvaluateSettings, found: Found, gold: Answers, label: Label | None) -> Answers | None:
    """The gold answers that the method was trained on, where it was."""
    if settings.train_gold is not None:
        return read_answers(settings.train_gold)
    if label is not None and found.trained is not None:
        return {report: gold[report] for report in found.trained}
    return None


def _about(settings: EvaluateSettings, found: Found) -> About:
    labelled = found.labelled
    known: Known = "none" if labelled.posteriors is None else "shared" if labelled.shared else "full"
    return About(
        inputs=tuple(Path(given).name for given in settings.inputs),
        gold=settings.gold.name,
        gold_digest=sha256(settings.gold.read_bytes()).hexdigest(),
        method=labelled.method,
        model=labelled.model,
        panel=Path(settings.panel).name,
        split=found.split,
        train=None if found.trained is None else len(found.trained),
        recipe="" if settings.training is None else str(settings.training),
        probabilities=known,
        version=version("reportnlp"),
        date=settings.date,
    )


def check_out(out: Path, overwrite: bool) -> None:
    """Refuse an output that exists, or that is of no kind written here.

    Raises:
        OutputError: it is so.
    """
    refuse_folder(out)
    if out.suffix not in OUTPUTS:
        raise OutputError(
            f"Scores cannot be written to {out}. Name a file that ends in .html, .json or .csv."
        )
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists. Name another file, or add --overwrite.")


def write(out: Path, evaluation: Evaluation) -> None:
    """Write an evaluation as a page, as JSON or as CSV.

    Raises:
        OutputError: it cannot be written.
    """
    part = out.with_name(f"{out.name}.part")
    page = _page(evaluation) if out.suffix == ".html" else ""
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            if out.suffix == ".json":
                json.dump(tables.document(evaluation), file, indent=2)
            elif out.suffix == ".csv":
                writer = csv.DictWriter(file, tables.COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(tables.records(evaluation.scores))
            else:
                file.write(page)
        part.replace(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}.") from error


def _page(evaluation: Evaluation) -> str:
    from reportnlp.evaluation.report import page  # matplotlib

    return page(evaluation)
