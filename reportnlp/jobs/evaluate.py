"""A label table, or reports labelled on the way, compared with gold answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reportnlp.archive.places import refuse_folder
from reportnlp.errors import InputError, OutputError
from reportnlp.evaluation import tables
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.read import read_answers
from reportnlp.evaluation.scores import Scores, UncertainAs
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.loader import read_reports
from reportnlp.types import NOT_APPLICABLE, BadRow, Question


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
        out: where to write the scores, `.csv` or `.json`; None writes none.
        overwrite: whether `out` may be replaced.
        uncertain_as, seed, resamples: see `reportnlp.evaluate`.
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


def run(settings: EvaluateSettings) -> Scores:
    """Score, and write the scores where that was asked for.

    Raises:
        InputError: a file cannot be read, or nothing can be compared.
        OutputError: `out` exists, or has another suffix than `.csv` or `.json`.
    """
    if settings.out is not None:
        _check_out(settings.out, settings.overwrite)
    gold = read_answers(settings.gold)
    given = _label(settings, gold) if settings.panel else _read_one(settings.inputs, gold)
    scores = evaluate(
        given,
        gold,
        seed=settings.seed,
        uncertain_as=settings.uncertain_as,
        resamples=settings.resamples,
    )
    if settings.out is not None:
        _write(settings.out, scores)
    return scores


def _read_one(inputs: Sequence[str], gold: Answers) -> Answers:
    if len(inputs) != 1:
        raise InputError(
            f"{len(inputs)} label tables were given; one is compared at a time. "
            "To label reports first, add --panel."
        )
    path = Path(inputs[0])
    given = read_answers(path, keep=gold)
    if not any(given.values()):
        raise InputError(
            f"{path} has no answers for any report of the gold table. "
            "If it holds reports, add --panel to label them."
        )
    return given


def _label(settings: EvaluateSettings, gold: Answers) -> Answers:
    """Label the reports that have gold answers; rows that cannot be read stay without labels."""
    from reportnlp.labeler import load  # a second or two, which a comparison of tables need not wait

    labeler = load(settings.panel, method=settings.method)
    _check_answers(gold, labeler.questions)
    answers: dict[str, dict[str, str]] = {}
    for report in read_reports(settings.inputs, format=settings.format, options=settings.columns):
        if isinstance(report, BadRow):
            continue
        if report.id in answers:
            raise InputError(f"Two reports have the id '{report.id}'. Give each its own.")
        labels = labeler.label(report) if report.id in gold else ()
        answers[report.id] = {label.question: label.answer for label in labels}
    return answers


def _check_answers(gold: Answers, questions: Iterable[Question]) -> None:
    allowed = {question.name: question.answers for question in questions}
    for report, row in gold.items():
        for question, answer in row.items():
            if answer and question in allowed and answer not in (*allowed[question], NOT_APPLICABLE):
                raise InputError(
                    f"The gold answer of report '{report}' to {question} is "
                    f"none of: {', '.join(allowed[question])}."
                )


def _check_out(out: Path, overwrite: bool) -> None:
    refuse_folder(out)
    if out.suffix not in (".csv", ".json"):
        raise OutputError(f"Scores cannot be written to {out}. Name a file that ends in .csv or .json.")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists. Name another file, or add --overwrite.")


def _write(out: Path, scores: Scores) -> None:
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            if out.suffix == ".json":
                json.dump(tables.document(scores), file, indent=2)
            else:
                writer = csv.DictWriter(file, tables.COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(tables.records(scores))
        part.replace(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}.") from error
