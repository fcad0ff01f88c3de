"""The gold answers that votes are held to: read, and refused before any work where they fit nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.read import read_answers
from reportnlp.findings import Panel
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.loader import read_reports
from reportnlp.jobs._labelled import check_answers
from reportnlp.types import Report

SHOWN = 4
"""Names of questions that a message lists."""


def read_gold(path: Path, panel: Panel) -> Answers:
    """Gold answers to questions of the panel, of the reports that have any.

    Raises:
        InputError: the table cannot be read, has an answer that the panel does not know, or answers none of
            the panel's questions.
    """
    gold = read_answers(path)
    check_answers(gold, panel.questions)
    asked = {question.name for question in panel.questions}
    kept = {report: row for report, row in gold.items() if any(row.get(name) for name in asked)}
    if not kept:
        given = sorted({name for row in gold.values() for name, answer in row.items() if answer})
        raise InputError(
            f"{path} answers none of the questions of the panel '{panel.name}' ({_listed(sorted(asked))})"
            + (f", but {_listed(given)}" if given else "")
            + ". Give the panel that the answers are of, or other answers."
        )
    return kept


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" and others" if len(names) > SHOWN else "")


def refuse_others(
    gold: Answers, path: Path, inputs: Sequence[str | Path], format: str | None, columns: ReadOptions
) -> None:
    """Refuse gold answers of none of the reports; reads up to the first report that has any.

    Raises:
        InputError: no report has gold answers, or the reports cannot be read.
    """
    rows = read_reports(inputs, format=format, options=columns)
    if not any(isinstance(row, Report) and row.id in gold for row in rows):
        raise InputError(
            f"No report has gold answers in {path} ({len(gold):,} reports, '{next(iter(gold))}' first). "
            "Compare the ids."
        )
