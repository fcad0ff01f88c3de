"""A labeler: one panel and one method, ready to label report after report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from reportnlp.findings import Panel, load_panel
from reportnlp.registry import FUNCTIONS
from reportnlp.types import Label, Question, Report


@dataclass(frozen=True, slots=True)
class Result:
    """The labels of one text, with short ways to them.

    Attributes:
        text: the report.
        labels: one per question, in the panel's order.
    """

    text: str
    labels: tuple[Label, ...]

    def __getitem__(self, question: str) -> Label:
        """The label of one question, by name."""
        return next(label for label in self.labels if label.question == question)

    @property
    def answers(self) -> dict[str, str]:
        """Question to answer."""
        return {label.question: label.answer for label in self.labels}

    @property
    def probabilities(self) -> dict[str, float]:
        """Question to the probability of its answer."""
        return {label.question: label.probability for label in self.labels}

    @property
    def evidence(self) -> dict[str, str]:
        """Question to the report's own words that show the answer; questions without any are left out."""
        return {label.question: self.text[slice(*label.evidence)] for label in self.labels if label.evidence}


class Labeler:
    """Labels reports with one panel by one method.

    Args:
        panel: the findings to label together.
        method: name of a labelling function that can answer alone (`rules`).

    Raises:
        UnknownNameError: there is no such method.
    """

    def __init__(self, panel: Panel, method: str = "rules") -> None:
        self.panel = panel
        self.method = method
        self._function = FUNCTIONS.get(method).Function(panel)

    @property
    def panel_name(self) -> str:
        """Name of the panel."""
        return self.panel.name

    @property
    def panel_digest(self) -> str:
        """sha256 (hex) of every definition the answers depend on."""
        return self.panel.digest

    @property
    def model(self) -> str:
        """What labels: method, package version and the panel's digest."""
        return f"{self.method}-{version('reportnlp')}-{self.panel.digest[:12]}"

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """The panel's questions, in the order of the labels."""
        return self.panel.questions

    def label(self, report: Report) -> tuple[Label, ...]:
        """One label per question, in order."""
        labels: tuple[Label, ...] = self._function(report)
        return labels

    def __call__(self, text: str) -> Result:
        """Label one text."""
        return Result(text, self.label(Report(id="", text=text)))


def load(panel: str | Path = "pe", *, method: str = "rules") -> Labeler:
    """Make a labeler.

    Args:
        panel: a shipped panel's name, or the path of a TOML file of your own.
        method: what labels.

    Raises:
        UnknownNameError: no such panel or method.
        InvalidDefinitionError: a finding or panel file that breaks a rule of the schema.
    """
    return Labeler(load_panel(panel), method)
