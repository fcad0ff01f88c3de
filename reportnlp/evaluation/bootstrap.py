"""Percentile bootstrap over reports, fast enough for a million of them.

A figure here is a function of four counts per class: right answers, given answers, gold answers and reports
asked. Drawing reports with replacement and counting anew equals one multinomial draw over the distinct rows
of counts (Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 6), of which there are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float64]
"""Whole numbers; as floats, which hold them exactly, they are multiplied many times faster."""

Mask = npt.NDArray[np.bool_]
Drawn = npt.NDArray[np.float32]

RIGHT, GIVEN, GOLD, ASKED = range(4)
BATCH = 2**22
"""Numbers drawn at once: 32 MiB."""

NEAR = 2**18
"""Numbers drawn at once where they are gone through again and again: 1 MiB stays in a processor's cache."""


class Figure(NamedTuple):
    """A figure and its 95 % bootstrap interval; NaN where it is undefined (nothing to divide by)."""

    value: float
    low: float
    high: float


UNDEFINED = Figure(np.nan, np.nan, np.nan)


def events(gold: Mask, given: Mask, asked: Mask | None = None) -> Counts:
    """(reports, classes) bool each to (reports, classes, 4): right, given, gold, asked (None: all)."""
    counted = np.ones_like(gold) if asked is None else asked
    return np.stack([gold & given, given, gold, counted], axis=-1).astype(np.float64)


def resample(events: Counts, *, seed: int, resamples: int) -> Counts:
    """Counts of each class in resampled sets of reports.

    Args:
        events: (reports, classes, counts) float64 of 0 and 1: right, given, gold, asked.
        seed: of a generator of this call's own.
        resamples: how many sets of as many reports to draw.

    Returns:
        (resamples, classes, counts) float64, whole numbers.
    """
    reports, classes, counts = events.shape
    rows, times = np.unique(events.reshape(reports, -1), axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    drawn = [
        generator.multinomial(reports, times / reports, size=size) @ rows
        for size in _batches(resamples, max(1, BATCH // len(rows)))
    ]
    return np.concatenate(drawn).reshape(resamples, classes, counts)


def draws(reports: int, *, seed: int, resamples: int) -> Iterator[Drawn]:
    """How often each report is drawn: (reports, some) float32, in batches that come to `resamples` columns.

    For figures that are no function of counts: areas under curves, calibration error. Whole numbers below
    2**24, which float32 holds exactly; a report's draws lie side by side, so that sorting moves whole rows.
    """
    generator = np.random.default_rng(seed)
    for size in _batches(resamples, max(1, NEAR // max(reports, 1))):
        drawn = generator.integers(0, reports, size=(size, reports)) + reports * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * reports).reshape(size, reports)
        yield np.ascontiguousarray(times.T, dtype=np.float32)


def _batches(total: int, size: int) -> Iterator[int]:
    for start in range(0, total, size):
        yield min(size, total - start)


def precision(counts: Counts) -> Values:
    """(..., classes, counts) to (..., classes): right of given."""
    return _ratio(counts[..., RIGHT], counts[..., GIVEN])


def recall(counts: Counts) -> Values:
    """(..., classes, counts) to (..., classes): right of gold."""
    return _ratio(counts[..., RIGHT], counts[..., GOLD])


def f1(counts: Counts) -> Values:
    """(..., classes, counts) to (..., classes): harmonic mean of precision and recall."""
    return _ratio(2 * counts[..., RIGHT], counts[..., GIVEN] + counts[..., GOLD])


def specificity(counts: Counts) -> Values:
    """(..., classes, 4) to (..., classes): of the reports without the class, those that were not given it."""
    without = counts[..., ASKED] - counts[..., GOLD]
    return _ratio(without - (counts[..., GIVEN] - counts[..., RIGHT]), without)


def prevalence(counts: Counts) -> Values:
    """(..., classes, 4) to (..., classes): gold of asked."""
    return _ratio(counts[..., GOLD], counts[..., ASKED])


def accuracy(counts: Counts) -> Values:
    """(..., classes, 4) to (...): right of gold over all classes, of which each report has one."""
    return recall(counts.sum(axis=-2))


def mean(values: Values) -> Values:
    """(..., classes) to (...): mean over the classes where it is defined."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def _ratio(part: Values, whole: npt.NDArray[Any]) -> Values:
    empty = np.full(np.shape(part), np.nan)
    return np.asarray(np.divide(part, whole, out=empty, where=whole != 0))


def figure(value: float, resampled: Values) -> Figure:
    """A figure with the 2.5th and 97.5th percentile of its resampled values, undefined ones left out."""
    if np.isnan(value):
        return UNDEFINED
    defined = resampled[~np.isnan(resampled)]
    if not defined.size:
        return Figure(float(value), np.nan, np.nan)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Figure(float(value), float(low), float(high))
