"""How well a probability ranks reports: areas under the ROC and the precision-recall curve, and the curves.

The areas of what was observed are scikit-learn's. Their intervals are a percentile bootstrap over reports:
each resample weights the reports by how often they were drawn, and with the reports sorted once the two
areas of all resamples are a few running sums (the Mann-Whitney statistic with ties counted half; average
precision). Two methods are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import MissingExtraError
from reportnlp.evaluation import bootstrap
from reportnlp.evaluation.answers import Mask
from reportnlp.evaluation.bootstrap import UNDEFINED, Drawn, Figure, Values, figure

POINTS = 100
"""A curve is thinned to about as many points; more cannot be seen."""


def sklearn_metrics() -> Any:
    """scikit-learn's metrics, imported here because it takes a second and is an extra."""
    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtraError("Evaluation", "evaluate") from error
    return metrics


class Column(NamedTuple):
    """One answer against the rest.

    Attributes:
        positive: (reports,) bool, whether gold is that answer.
        score: (reports,) the answer's probability.
        used: (reports,) bool, the reports that count.
    """

    positive: Mask
    score: Values
    used: Mask


class Areas(NamedTuple):
    """Area under the ROC curve, and average precision, with 95 % bootstrap intervals."""

    auroc: Figure
    auprc: Figure


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of both curves.

    Attributes:
        question, answer: whose probability ranks.
        n, positives: reports, and those of which gold gives that answer.
        fpr, tpr: the ROC curve.
        recall, precision: the precision-recall curve.
    """

    question: str
    answer: str
    n: int
    positives: int
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    recall: tuple[float, ...]
    precision: tuple[float, ...]


def usable(positive: Mask, score: Values, asked: Mask) -> Column:
    """The column of one answer, over the reports of which a probability is known."""
    return Column(positive, score, np.asarray(asked & ~np.isnan(score)))


def areas(columns: Sequence[Column], *, seed: int, resamples: int) -> list[Areas]:
    """Both areas of every column; undefined where gold has one class only."""
    samples = sampled(columns, seed=seed, resamples=resamples)
    return [
        Areas(*(figure(value, samples[:, at, kind]) for kind, value in enumerate(observed(column))))
        for at, column in enumerate(columns)
    ]


def observed(column: Column) -> tuple[float, float]:
    """scikit-learn's two areas; NaN where gold has one class only."""
    positive, score = column.positive[column.used], column.score[column.used]
    if not positive.any() or positive.all():
        return np.nan, np.nan
    metrics = sklearn_metrics()
    return float(metrics.roc_auc_score(positive, score)), float(
        metrics.average_precision_score(positive, score)
    )


def sampled(columns: Sequence[Column], *, seed: int, resamples: int) -> Values:
    """(resamples, columns, 2): both areas of every column on the same resampled reports."""
    if not columns:
        return np.empty((resamples, 0, 2))
    sorted_columns = [_Sorted(column) for column in columns]
    reports = len(columns[0].positive)
    batches = [
        np.stack([column.areas(times) for column in sorted_columns], axis=1)
        for times in bootstrap.draws(reports, seed=seed, resamples=resamples)
    ]
    return np.concatenate(batches)


class _Sorted:
    """A column's reports from the most probable down.

    Only runs of equal scores with a positive among them are looked at; what lies between two of them is added
    up and no more.
    """

    def __init__(self, column: Column) -> None:
        kept = np.flatnonzero(column.used)
        self._order = kept[np.argsort(-column.score[kept], kind="stable")]
        positive, score = column.positive[self._order], column.score[self._order]
        self.defined = bool(positive.any() and not positive.all())
        if not self.defined:
            return
        starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
        ends = np.r_[starts[1:], len(score)]
        rich = np.add.reduceat(positive.astype(int), starts) > 0
        # segments: from each boundary to the next, the last one to the end
        self._cuts = np.unique(np.r_[0, starts[rich], ends[rich]])
        self._cuts = self._cuts[self._cuts < len(score)]
        self._runs = np.searchsorted(self._cuts, starts[rich])
        self._positives = self._order[positive]
        self._pieces = np.searchsorted(starts[rich], np.flatnonzero(positive), side="right") - 1
        self._firsts = np.flatnonzero(np.r_[True, self._pieces[1:] != self._pieces[:-1]])

    def areas(self, times: Drawn) -> Values:
        """(reports, resamples) how often each is drawn, to (resamples, 2)."""
        if not self.defined:
            return np.full((times.shape[1], 2), np.nan)
        every = np.add.reduceat(times[self._order], self._cuts, axis=0)
        seen = every.cumsum(axis=0, dtype=np.float64)
        positive = np.add.reduceat(times[self._positives], self._firsts, axis=0).astype(np.float64)
        return _areas(positive, every[self._runs], seen[self._runs], seen[-1])


def _areas(positive: Values, run: Drawn, seen: Values, total: Values) -> Values:
    """Both areas from the runs with a positive, (runs, resamples) each, the most probable first.

    `positive` and `run` are drawn in each run, `seen` down to its end, `total` in all.
    """
    found = positive.cumsum(axis=0)
    positives = found[-1]
    negatives = total - positives
    below = negatives - (seen - found) + (run - positive) / 2
    precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
    wins, gained = (np.einsum("ij,ij->j", positive, values) for values in (below, precision))
    both = (positives > 0) & (negatives > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pair = np.stack([wins / (positives * negatives), gained / positives], axis=1)
    return np.where(both[:, None], pair, np.nan)


def curve(question: str, answer: str, column: Column) -> Curve | None:
    """Both curves; None where gold has one class only."""
    positive, score = column.positive[column.used], column.score[column.used]
    if not positive.any() or positive.all():
        return None
    metrics = sklearn_metrics()
    fpr, tpr, _ = metrics.roc_curve(positive, score)
    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    return Curve(
        question,
        answer,
        len(positive),
        int(positive.sum()),
        *(_thin(values) for values in (fpr, tpr, recall[::-1], precision[::-1])),
    )


def _thin(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), POINTS)).round().astype(int))
    return tuple(round(float(value), 5) for value in values[kept])


NO_AREAS = Areas(UNDEFINED, UNDEFINED)
