"""The rules as a labelling function: phrases, context, sections, one answer a question."""

from __future__ import annotations

from typing import ClassVar

from reportnlp.findings.schema import Panel
from reportnlp.functions.blocks import reader_of
from reportnlp.types import Label, Report

TITLE = "phrases and context rules from the panel's finding files"


class Function:
    """Labels a report by the panel's rules.

    Args:
        panel: the findings to label together.
    """

    text_only: ClassVar[bool] = True

    def __init__(self, panel: Panel) -> None:
        self._read = reader_of(panel)

    def __call__(self, report: Report) -> tuple[Label, ...]:
        """One label per question of the panel, in order."""
        return self._read.engine.label(report.text)

    def vote(self, report: Report) -> dict[str, str]:
        """The answers alone, from the reading that the other voices of the rules share."""
        labels = self._read.engine.labels(self._read(report.text).stated)
        return {label.question: label.answer for label in labels}
