"""What an evaluation finds: figures with intervals, counts beside them, and what they were computed under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reportnlp.evaluation.answers import Coverage
from reportnlp.evaluation.bootstrap import Figure

UncertainAs = Literal["negative", "positive", "ignore"]
"""How `uncertain` counts where presence is scored: as not present; as present; or `ignore`: reports whose
gold answer is uncertain are left out, and a given `uncertain` is not present."""


@dataclass(frozen=True, slots=True)
class QuestionScore:
    """What one question's scores share.

    Attributes:
        question: its name.
        n: reports scored.
        support: reports per gold answer.
        confusion: gold answer to given answer to number of reports; only what occurs.
    """

    question: str
    n: int
    support: dict[str, int]
    confusion: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class PresenceScore(QuestionScore):
    """How well `present` is found."""

    precision: Figure
    recall: Figure
    f1: Figure


@dataclass(frozen=True, slots=True)
class AttributeScore(QuestionScore):
    """How well an attribute is answered where gold says the finding is present.

    Attributes:
        accuracy: share of right answers; `not_applicable` (the finding was missed) is a wrong one.
        macro_f1: mean F1 of the answers that occur in gold.
        micro_f1: F1 over all answers pooled; `not_applicable` counts as no answer given.
    """

    accuracy: Figure
    macro_f1: Figure
    micro_f1: Figure


@dataclass(frozen=True, slots=True)
class PanelScore:
    """Presence over all findings: counts pooled (micro), and the mean F1 of the findings (macro)."""

    precision: Figure
    recall: Figure
    micro_f1: Figure
    macro_f1: Figure


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of one comparison, with what they were computed under.

    `panel` is None when gold has no presence question.
    """

    presence: tuple[PresenceScore, ...]
    attributes: tuple[AttributeScore, ...]
    panel: PanelScore | None
    coverage: Coverage
    uncertain_as: UncertainAs
    seed: int
    resamples: int
