"""The rules as a labelling function: phrases, context, sections, one answer a question."""

from __future__ import annotations

from reportnlp.findings.schema import Panel
from reportnlp.rules.engine import RuleEngine
from reportnlp.types import Label, Report

TITLE = "phrases and context rules from the panel's finding files"


class Function:
    """Labels a report by the panel's rules.

    Args:
        panel: the findings to label together.
    """

    def __init__(self, panel: Panel) -> None:
        self._engine = RuleEngine(panel)

    def __call__(self, report: Report) -> tuple[Label, ...]:
        """One label per question of the panel, in order."""
        return self._engine.label(report.text)
