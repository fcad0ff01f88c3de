"""A trained model folder as a voice: its likeliest answer, where it is sure enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from reportnlp.errors import InputError
from reportnlp.findings.schema import Panel
from reportnlp.functions import blocks
from reportnlp.types import Label, Report

TITLE = "a trained model folder (model=DIR); confidence=0.9 leaves out what it is less sure of"


class Options(blocks.Options):
    """Settings of the voice.

    Attributes:
        model: a folder that `reportnlp train` made; its panel may be another, where questions are the same.
        confidence: the probability from which an answer is a vote; 0 takes the likeliest of every question.
    """

    model: str
    confidence: float = Field(default=0.0, ge=0, le=1)


class Function:
    """Votes as a model labels.

    Args:
        panel: the findings to vote on.
        options: which model, and how sure.

    Raises:
        InputError: the model folder is damaged, or answers none of the panel's questions.
    """

    text_only: ClassVar[bool] = True

    def __init__(self, panel: Panel, options: Options) -> None:
        from reportnlp.classifiers._folder import open_folder
        from reportnlp.classifiers._predict import Predictor  # ONNX Runtime

        folder = open_folder(Path(options.model))
        self._predict = Predictor(folder)
        self._confidence = options.confidence
        self._shared = {q.name for q in panel.questions if q in self._predict.columns.questions}
        if not self._shared:
            raise InputError(
                f"The model in {options.model} answers the panel '{folder.file.panel}' and no question of "
                f"'{panel.name}'. Give a model that does."
            )
        self.identity = folder.digest

    def vote(self, report: Report) -> dict[str, str]:
        """The votes on one report."""
        return self.vote_batch([report])[0]

    def vote_batch(self, reports: Sequence[Report]) -> list[dict[str, str]]:
        """The votes on many; each gets what it would get alone."""
        found = self._predict([report.text for report in reports], [report.id for report in reports])
        return [
            {label.question: label.answer for label in labels if self._is_vote(label)}
            for labels in found.labels
        ]

    def _is_vote(self, label: Label) -> bool:
        sure = label.answer != "" and label.probability >= self._confidence
        return sure and label.question in self._shared


def plant(folder: Path, panel: Panel) -> dict[str, str]:
    """Options of an example: the model that is shipped for the panel."""
    return {"model": str(Path(__file__).parent.parent / "models" / panel.name)}
