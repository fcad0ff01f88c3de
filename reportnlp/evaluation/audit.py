"""Was there enough to learn from? Training examples of each answer, against how often it is found.

After Ueda et al. 2018 (Jpn J Radiol 37:15), Table 2 and Fig. 7: sensitivity rises with the number of
examples, about in a straight line over its logarithm.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.scores import Scores


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One answer.

    Attributes:
        question, answer: which.
        n: training reports with that gold answer.
        tested: test reports with it.
        sensitivity: recall of it on the test side.
    """

    question: str
    answer: str
    n: int
    tested: int
    sensitivity: Figure


@dataclass(frozen=True, slots=True)
class Trend:
    """A least-squares line: sensitivity = intercept + slope * log10(n).

    Attributes:
        slope: gain of sensitivity for ten times the examples.
        intercept: at one example.
        correlation: Pearson's, of sensitivity and log10(n).
        answers: points it goes through.
    """

    slope: float
    intercept: float
    correlation: float
    answers: int

    def at(self, n: float) -> float:
        """Sensitivity that the line gives for n examples, within 0 and 1."""
        return min(1.0, max(0.0, self.intercept + self.slope * math.log10(n)))


@dataclass(frozen=True, slots=True)
class Audit:
    """Training examples against sensitivity; `trend` is None with fewer than three different numbers."""

    reports: int
    rows: tuple[AuditRow, ...]
    trend: Trend | None


def audit(train_gold: Answers, scores: Scores) -> Audit:
    """Set what was there to learn from against what was found.

    Args:
        train_gold: gold answers of the training reports.
        scores: of the test reports.
    """
    counts = Counter((question, answer) for row in train_gold.values() for question, answer in row.items())
    rows = tuple(
        AuditRow(s.question, s.answer, counts[s.question, s.answer], s.support, s.recall)
        for s in scores.answers
        if s.support or counts[s.question, s.answer]
    )
    return Audit(len(train_gold), rows, trend_of(rows))


def trend_of(rows: Sequence[AuditRow]) -> Trend | None:
    """The line through the answers that occur on both sides."""
    used = [row for row in rows if row.n and not math.isnan(row.sensitivity.value)]
    sizes = np.log10([row.n for row in used])
    found = np.array([row.sensitivity.value for row in used])
    if len(set(sizes.tolist())) < 3:
        return None
    slope, intercept = np.polyfit(sizes, found, 1)
    level = float(np.ptp(found)) == 0
    correlation = math.nan if level else float(np.corrcoef(sizes, found)[0, 1])
    return Trend(float(slope), float(intercept), correlation, len(used))
