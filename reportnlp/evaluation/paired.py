"""Two models on the same reports: is one better, or is it chance. And one model's AUROC with its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError
from reportnlp.evaluation.arrays import (
    Mask,
    Values,
    both_classes,
    load_scipy,
    numbers,
    same_length,
    truths,
)
from reportnlp.evaluation.bootstrap import Figure

EXACT_BELOW = 25
"""Discordant pairs below which the chi-square approximation is not trusted (the usual number)."""
COVERAGE = 0.95


class McNemar(NamedTuple):
    """Who is right where the other is wrong.

    Attributes:
        only_a, only_b: reports that one alone has right.
        p: two-sided, of a difference this large if both were as often right.
    """

    only_a: int
    only_b: int
    p: float


class DeLong(NamedTuple):
    """Two areas under the ROC curve, and their difference.

    Attributes:
        auc_a, auc_b: the areas.
        difference: `auc_a - auc_b`.
        low, high: its 95 % interval.
        p: two-sided, of a difference this large if there were none.
    """

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    p: float


def mcnemar(right_a: npt.ArrayLike, right_b: npt.ArrayLike) -> McNemar:
    """Compare how often two models are right on the same reports (McNemar 1947, Psychometrika 12:153).

    Exact (binomial) below 25 reports on which they differ, else chi-square with continuity correction.

    Args:
        right_a: (n,) bool or 0 and 1, whether the one is right.
        right_b: (n,) the same for the other.

    Raises:
        InputError: nothing, unequal lengths, or values besides 0 and 1.
        MissingExtraError: scipy is not installed.
    """
    a, b = truths("right_a", right_a), truths("right_b", right_b)
    same_length(right_a=a, right_b=b)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return McNemar(only_a, only_b, _discordance(only_a, only_b))


def delong(y: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> DeLong:
    """Compare the AUROC of two scores of the same reports (DeLong et al. 1988, Biometrics 44:837).

    In O(n log n) by midranks (Sun and Xu 2014, IEEE Signal Processing Letters 21:1389). A tie counts half.

    Args:
        y: (n,) bool or 0 and 1, two or more of each.
        a: (n,) the one score, higher for 1; any finite numbers.
        b: (n,) the other.

    Returns:
        The comparison. Scores that rank all reports alike have p 1. Where the scores differ but nothing
        varies (one of them perfect and the other constant), `low`, `high` and `p` are NaN: undefined.

    Raises:
        InputError: nothing, unequal lengths, values that cannot be, one class, or one report of a class.
        MissingExtraError: scipy is not installed.
    """
    ones_a, zeros_a = _components(y, "a", a)
    ones_b, zeros_b = _components(y, "b", b)
    auc_a, auc_b = float(ones_a.mean()), float(ones_b.mean())
    difference = float((ones_a - ones_b).mean())
    error = float(np.sqrt(_variance(ones_a - ones_b) + _variance(zeros_a - zeros_b)))
    if error == 0:
        rest = (0.0, 0.0, 1.0) if difference == 0 else (np.nan, np.nan, np.nan)
        return DeLong(auc_a, auc_b, difference, *rest)
    normal = load_scipy().stats.norm
    low, high = normal.interval(COVERAGE, difference, error)
    p = float(2 * normal.sf(abs(difference) / error))
    return DeLong(auc_a, auc_b, difference, float(low), float(high), p)


def auroc_interval(y: npt.ArrayLike, score: npt.ArrayLike) -> Figure:
    """The AUROC and its 95 % interval by DeLong's variance, on the logit scale to keep it within 0 and 1.

    Args:
        y: (n,) bool or 0 and 1, two or more of each.
        score: (n,) higher for 1; any finite numbers.

    Returns:
        The area, `low` and `high`; both are NaN where the area is 0 or 1, whose logit is infinite.

    Raises:
        InputError: nothing, unequal lengths, values that cannot be, one class, or one report of a class.
        MissingExtraError: scipy is not installed.
    """
    ones, zeros = _components(y, "score", score)
    area = float(ones.mean())
    if area in (0, 1):
        return Figure(area, np.nan, np.nan)
    scipy = load_scipy()
    error = np.sqrt(_variance(ones) + _variance(zeros)) / (area * (1 - area))
    reach = scipy.stats.norm.ppf((1 + COVERAGE) / 2) * error
    low, high = scipy.special.expit(scipy.special.logit(area) + np.array([-reach, reach]))
    return Figure(area, float(low), float(high))


def _discordance(only_a: int, only_b: int) -> float:
    stats = load_scipy().stats
    both = only_a + only_b
    if both == 0:
        return 1.0
    if both < EXACT_BELOW:
        return float(stats.binomtest(only_a, both).pvalue)
    beyond = max(abs(only_a - only_b) - 1, 0)
    return float(stats.chi2.sf(beyond**2 / both, df=1))


def _components(y: npt.ArrayLike, name: str, score: npt.ArrayLike) -> tuple[Values, Values]:
    """Structural components: of each 1 the share of the 0s below it, of each 0 of the 1s above it."""
    truth, values = truths("y", y), numbers(name, score)
    same_length(**{"y": truth, name: values})
    _check_classes(truth)
    rank = load_scipy().stats.rankdata
    overall, ones, zeros = rank(values), rank(values[truth]), rank(values[~truth])
    return (overall[truth] - ones) / len(zeros), 1 - (overall[~truth] - zeros) / len(ones)


def _check_classes(truth: Mask) -> None:
    both_classes(truth, "An AUROC")
    fewest = min(truth.sum(), (~truth).sum())
    if fewest < 2:
        raise InputError(
            f"DeLong's variance needs two or more reports of each class; of one there is {fewest}. Give more."
        )


def _variance(components: Values) -> float:
    """Of their mean; exactly 0 where they are all the same."""
    if np.ptp(components) == 0:
        return 0.0
    return float(components.var(ddof=1) / len(components))
