"""A label table, or reports labelled on the way, compared with gold answers."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from reportnlp.archive.places import refuse_folder
from reportnlp.errors import OutputError
from reportnlp.evaluation import tables
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.audit import audit
from reportnlp.evaluation.compare import compare
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.mistakes import mistakes
from reportnlp.evaluation.read import read_answers
from reportnlp.evaluation.record import About, Evaluation, Known
from reportnlp.evaluation.scores import UncertainAs
from reportnlp.evaluation.splits import Kind
from reportnlp.evaluation.strata import sites_and_years, stratify
from reportnlp.formats.blocks import ReadOptions
from reportnlp.jobs._labelled import Found, Label, found

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


def run(settings: EvaluateSettings, *, label: Label | None = None) -> Evaluation:
    """Score, and write the evaluation where that was asked for.

    Args:
        settings: what to compare.
        label: what labels reports, given those to train on; None is the settings' method, as it is.

    Raises:
        InputError: a file cannot be read, nothing can be compared, or options do not go together.
        OutputError: `out` exists, or has another suffix than `.html`, `.json` or `.csv`.
    """
    if settings.out is not None:
        _check_out(settings.out, settings.overwrite)
    gold = read_answers(settings.gold)
    evaluation = _evaluate(settings, found(settings, gold, label), gold, trained=label is not None)
    if settings.out is not None:
        _write(settings.out, evaluation)
    return evaluation


def _evaluate(settings: EvaluateSettings, found: Found, gold: Answers, *, trained: bool) -> Evaluation:
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
    learned = _learned(settings, found, gold, trained)
    return Evaluation(
        _about(settings, found),
        scores,
        stratify(labelled.answers, tested, groups, seed=seed, uncertain_as=policy, resamples=resamples),
        mistakes(labelled, tested, uncertain_as=policy),
        None
        if other is None
        else compare(labelled, other, tested, seed=seed, uncertain_as=policy, resamples=resamples),
        None if learned is None else audit(learned, scores),
    )


def _learned(settings: EvaluateSettings, found: Found, gold: Answers, trained: bool) -> Answers | None:
    """The gold answers that the method was trained on, where it was."""
    if settings.train_gold is not None:
        return read_answers(settings.train_gold)
    if trained and found.trained is not None:
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
        probabilities=known,
        version=version("reportnlp"),
        date=settings.date,
    )


def _check_out(out: Path, overwrite: bool) -> None:
    refuse_folder(out)
    if out.suffix not in OUTPUTS:
        raise OutputError(
            f"Scores cannot be written to {out}. Name a file that ends in .html, .json or .csv."
        )
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists. Name another file, or add --overwrite.")


def _write(out: Path, evaluation: Evaluation) -> None:
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
