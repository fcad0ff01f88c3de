"""Labels that nobody wrote by hand, beside one another: functions, label models, what learned of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from reportnlp.evaluation.bootstrap import UNDEFINED, Figure
from reportnlp.evaluation.scores import Scores, UncertainAs


@dataclass(frozen=True, slots=True)
class Method:
    """One way to label the test reports.

    Attributes:
        name: what it is called.
        kind: "function", "label model", "classifier" or "gold".
        scores: of it.
    """

    name: str
    kind: str
    scores: Scores

    @property
    def f1(self) -> Figure:
        """F1 of `present`, pooled over the findings."""
        return UNDEFINED if self.scores.panel is None else self.scores.panel.micro_f1

    @property
    def silent(self) -> bool:
        """Whether it never says `present`: then precision is undefined, and recall 0 by its nature."""
        return self.scores.panel is not None and math.isnan(self.scores.panel.precision.value)


@dataclass(frozen=True, slots=True)
class Curve:
    """F1 of one way to label over the number of reports it learned from.

    Attributes:
        name: what it is called.
        figures: number of reports to pooled F1; a size that taught nothing is undefined.
    """

    name: str
    figures: Mapping[int, Figure]


@dataclass(frozen=True, slots=True)
class Distillation:
    """All that the page shows.

    Attributes:
        facts: what was compared, name and value.
        methods: every way to label, functions first.
        curves: over the number of reports.
        uncertain_as, seed, resamples: see `evaluate`.
    """

    facts: tuple[tuple[str, str], ...]
    methods: tuple[Method, ...]
    curves: tuple[Curve, ...]
    uncertain_as: UncertainAs
    seed: int
    resamples: int
