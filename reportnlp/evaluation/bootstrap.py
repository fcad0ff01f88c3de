"""Percentile bootstrap over reports, fast enough for a million of them.

A figure here is a function of three counts per class: right answers, given answers and gold answers. Drawing
reports with replacement and counting anew equals one multinomial draw over the distinct rows of counts (Efron
and Tibshirani 1993, An Introduction to the Bootstrap, section 6), of which there are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float64]
"""Whole numbers; as floats, which hold them exactly, they are multiplied many times faster."""

RIGHT, GIVEN, GOLD = range(3)
BATCH = 2**22
"""Numbers drawn at once: 32 MiB."""


class Figure(NamedTuple):
    """A figure and its 95 % bootstrap interval; NaN where it is undefined (nothing to divide by)."""

    value: float
    low: float
    high: float


def resample(events: Counts, *, seed: int, resamples: int) -> Counts:
    """Counts of each class in resampled sets of reports.

    Args:
        events: (reports, classes, 3) float64 of 0 and 1: right, given, gold.
        seed: of a generator of this call's own.
        resamples: how many sets of as many reports to draw.

    Returns:
        (resamples, classes, 3) float64, whole numbers.
    """
    reports, classes, _ = events.shape
    rows, times = np.unique(events.reshape(reports, -1), axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    drawn = [
        generator.multinomial(reports, times / reports, size=size) @ rows
        for size in _batches(resamples, max(1, BATCH // len(rows)))
    ]
    return np.concatenate(drawn).reshape(resamples, classes, 3)


def _batches(total: int, size: int) -> Iterator[int]:
    for start in range(0, total, size):
        yield min(size, total - start)


def precision(counts: Counts) -> Values:
    """(..., classes, 3) to (..., classes): right of given."""
    return _ratio(counts[..., RIGHT], counts[..., GIVEN])


def recall(counts: Counts) -> Values:
    """(..., classes, 3) to (..., classes): right of gold."""
    return _ratio(counts[..., RIGHT], counts[..., GOLD])


def f1(counts: Counts) -> Values:
    """(..., classes, 3) to (..., classes): harmonic mean of precision and recall."""
    return _ratio(2 * counts[..., RIGHT], counts[..., GIVEN] + counts[..., GOLD])


def mean(values: Values) -> Values:
    """(..., classes) to (...): mean over the classes where it is defined."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def _ratio(part: Values, whole: npt.NDArray[Any]) -> Values:
    empty = np.full(np.shape(part), np.nan)
    return np.asarray(np.divide(part, whole, out=empty, where=whole != 0))


def figure(value: float, resampled: Values) -> Figure:
    """A figure with the 2.5th and 97.5th percentile of its resampled values, undefined ones left out."""
    defined = resampled[~np.isnan(resampled)]
    if not defined.size or np.isnan(value):
        return Figure(float(value), np.nan, np.nan)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Figure(float(value), float(low), float(high))
