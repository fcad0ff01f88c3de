"""What an evaluation finds: figures with intervals, counts beside them, and what they were computed under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reportnlp.evaluation.answers import Coverage
from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.calibration import Bin
from reportnlp.evaluation.ranking import Curve

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
    """How well `present` is found.

    Attributes:
        precision, recall, f1, specificity: of `present` against the rest.
        auroc, auprc: of the probability of `present`; None where no probabilities are known.
    """

    precision: Figure
    recall: Figure
    f1: Figure
    specificity: Figure
    auroc: Figure | None = None
    auprc: Figure | None = None


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
class AnswerScore:
    """How well one answer is given, against all others: as the answers are, whatever `uncertain` counts as.

    Attributes:
        question, answer: which.
        n: reports scored: for an attribute those where gold says the finding is present.
        support: those of them to which gold gives this answer.
        prevalence: support of n.
        precision, recall, specificity, f1: of this answer against the rest.
        auroc, auprc: of its probability; None where no probabilities are known.
    """

    question: str
    answer: str
    n: int
    support: int
    prevalence: Figure
    precision: Figure
    recall: Figure
    specificity: Figure
    f1: Figure
    auroc: Figure | None = None
    auprc: Figure | None = None


@dataclass(frozen=True, slots=True)
class CalibrationScore:
    """How the probability of the answer that was given compares with how often it is right.

    Attributes:
        question: its name.
        n: reports scored of which that probability is known.
        ece: expected calibration error.
        bins: the reliability diagram.
    """

    question: str
    n: int
    ece: Figure
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class PanelScore:
    """Presence over all findings: counts pooled (micro), and the mean F1 of the findings (macro)."""

    precision: Figure
    recall: Figure
    micro_f1: Figure
    macro_f1: Figure
    specificity: Figure


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of one comparison, with what they were computed under.

    `panel` is None when gold has no presence question. `calibration` and `curves` are empty where no
    probabilities are known.
    """

    presence: tuple[PresenceScore, ...]
    attributes: tuple[AttributeScore, ...]
    panel: PanelScore | None
    coverage: Coverage
    uncertain_as: UncertainAs
    seed: int
    resamples: int
    answers: tuple[AnswerScore, ...] = ()
    calibration: tuple[CalibrationScore, ...] = ()
    curves: tuple[Curve, ...] = ()
