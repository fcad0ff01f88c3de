"""Do probabilities mean what they say, how to make them, and where to cut them.

A probability of 0.8 is calibrated when 80 % of the answers given with it are right. A report is called
present when its probability is at or above the threshold, and is left to a reader when it is in the abstain
band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, InvalidDefinitionError, MissingExtraError, unknown_name
from reportnlp.evaluation.arrays import Mask, Values, both_classes, load_scipy, numbers, same_length, truths

Aim = Literal["f1"] | float
"""What a threshold is chosen for: the best F1, or a floor on sensitivity above 0 and up to 1."""

LOG_TEMPERATURES = (-3.0, 3.0)
"""Temperatures from 1/20 to 20: beyond, probabilities are all 0 and 1, or all alike."""
ROUNDING = 1e-9
"""Differences below this are of floating point."""


class Bin(NamedTuple):
    """Answers given with about the same probability.

    Attributes:
        probability: their mean probability.
        right: the share of them that is right.
        n: how many they are.
        low, high: 95 % interval of `right` (Wilson 1927).
    """

    probability: float
    right: float
    n: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising curve from a raw probability to a calibrated one: straight between knots, flat beyond them.

    Attributes:
        x: raw probabilities at the knots, rising.
        y: calibrated ones, never falling, within [0, 1].

    Raises:
        InvalidDefinitionError: the knots are none, or do not rise.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = len(self.x) == len(self.y) > 0 and (np.diff(self.x) > 0).all()
        if not (rising and (np.diff(self.y) >= 0).all() and 0 <= self.y[0] <= self.y[-1] <= 1):
            raise InvalidDefinitionError(
                f"The {len(self.x)} and {len(self.y)} knots given are no calibration curve. It takes as many "
                "x as y, x rising, y from 0 to 1 and never falling. Fit it anew."
            )

    def __call__(self, p: npt.ArrayLike) -> Values:
        """Calibrate: any shape of raw probabilities to the same shape, float64."""
        return np.asarray(np.interp(np.asarray(p, dtype=np.float64), self.x, self.y), dtype=np.float64)


def expected_calibration_error(
    probability: npt.ArrayLike, right: npt.ArrayLike, *, bins: int = 15, adaptive: bool = False
) -> float:
    """How far probability is from the share of right answers, as a mean over bins weighted by answers.

    Guo et al. 2017 (arXiv:1706.04599), section 2, equation 3, with its half-open bins (a, b].

    Args:
        probability: (n,) of the answer given, in [0, 1].
        right: (n,) bool or 0 and 1, whether it is right.
        bins: at most how many.
        adaptive: bins of as many answers each instead of as wide ones; equal probabilities share a bin.

    Raises:
        InputError: nothing, unequal lengths, or values that cannot be.
    """
    given, share, n = _binned(probability, right, bins, adaptive)
    return float(np.average(np.abs(share - given), weights=n))


def reliability(
    probability: npt.ArrayLike, right: npt.ArrayLike, *, bins: int = 15, adaptive: bool = False
) -> list[Bin]:
    """The points of a reliability diagram, in rising order; a bin without answers is left out.

    Arguments and errors are those of `expected_calibration_error`.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    columns = _binned(probability, right, bins, adaptive)
    return [
        Bin(float(given), float(share), int(n), *_wilson(round(share * n), int(n)))
        for given, share, n in zip(*columns, strict=True)
    ]


def fit_temperature(logits: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike) -> float:
    """The number to divide logits by so that their softmax is calibrated.

    Minimises the weighted negative log likelihood (Guo et al. 2017, section 4.2) between 1/20 and 20.

    Args:
        logits: (n, k); -inf for an answer that the question does not have.
        targets: (n, k), the wanted probabilities of the answers, soft or 0 and 1.
        weights: (n,), at least 0; a row of weight 0 does not count.

    Returns:
        The temperature; 1.0 where fewer than two rows count, or no temperature is better than another.

    Raises:
        InputError: shapes that do not go together, or values that cannot be.
        MissingExtraError: scipy is not installed.
    """
    z, t, w = _logits(logits, targets, weights)
    if len(w) < 2:
        return 1.0
    scipy = load_scipy()

    def loss(log_temperature: float) -> float:
        told = scipy.special.log_softmax(z / np.exp(log_temperature), axis=1)
        return float(-(w @ np.where(t > 0, t * np.where(t > 0, told, 0), 0).sum(axis=1)) / w.sum())

    best = scipy.optimize.minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded")
    return float(np.exp(best.x)) if loss(0.0) - best.fun > ROUNDING else 1.0


def fit_isotonic(p: npt.ArrayLike, y: npt.ArrayLike) -> Isotonic:
    """The rising curve nearest to the truth (Zadrozny and Elkan 2002), kept off 0 and 1.

    What is said lies within [1 / (n + 2), 1 - 1 / (n + 2)]: n answers show no more than that.

    Args:
        p: (n,) raw probabilities, in [0, 1].
        y: (n,) the truth, in [0, 1].

    Raises:
        InputError: nothing, unequal lengths, or values that cannot be.
        MissingExtraError: scikit-learn is not installed.
    """
    raw, truth = numbers("p", p, low=0, high=1), numbers("y", y, low=0, high=1)
    same_length(p=raw, y=truth)
    least = 1 / (len(raw) + 2)
    curve = _isotonic()(y_min=least, y_max=1 - least).fit(raw, truth)
    return Isotonic(tuple(curve.X_thresholds_.tolist()), tuple(curve.y_thresholds_.tolist()))


def threshold_for(p: npt.ArrayLike, y: npt.ArrayLike, *, aim: Aim) -> float:
    """Where to cut probabilities: present is what is at or above it.

    Args:
        p: (n,) probability of present, in [0, 1].
        y: (n,) bool or 0 and 1, whether it is present.
        aim: `f1`: the middle of the range of thresholds with the best F1 (of the widest, where there are
            several). A number: the highest threshold that finds at least that share of what is present.

    Raises:
        InputError: nothing, unequal lengths, values that cannot be, only one class, or a number that is no
            share.
        UnknownNameError: an aim that is neither.
    """
    given, truth = _scored(p=p, y=y)
    both_classes(truth, "A threshold")
    scores, caught, called = _cuts(given, truth)
    if isinstance(aim, str):
        if aim != "f1":
            raise unknown_name("aim", aim, ["f1"])
        return _middle_of_best(scores, 2 * caught / (called + caught[0]))
    if not 0 < aim <= 1:
        raise InputError(
            f"A sensitivity of {aim} was asked for; it must be above 0 and at most 1, as 0.95. For the best "
            "F1 say 'f1'."
        )
    return float(scores[np.flatnonzero(caught / caught[0] >= aim)[-1]])


def abstain_band(
    p: npt.ArrayLike, y: npt.ArrayLike, *, threshold: float, error: float
) -> tuple[float, float]:
    """The narrowest band around the threshold outside of which at most a share of the answers is wrong.

    Narrowest is: with the fewest reports in it, then the least wide. Answered is what is below `low` (not
    present) and what is at or above `high` (present); what is between is left to a reader. Where nothing less
    helps, everything is (selective classification, Geifman and El-Yaniv 2017, arXiv:1705.08500).

    Args:
        p: (n,) probability of present, in [0, 1].
        y: (n,) bool or 0 and 1, whether it is present.
        threshold: where present begins, in [0, 1].
        error: the share of wrong answers allowed, from 0 to below 1.

    Returns:
        `low` and `high`; both are the threshold when no band is needed.

    Raises:
        InputError: nothing, unequal lengths, or values that cannot be.
    """
    given, truth = _scored(p=p, y=y)
    _check_band(threshold, error)
    scores = np.unique(given)
    low = np.append(threshold, scores[scores < threshold][::-1])
    high = np.append(threshold, np.nextafter(scores[scores >= threshold], np.inf))
    below, missed = _below(given, low), _below(given[truth], low)
    above, false = len(given) - _below(given, high), (~truth).sum() - _below(given[~truth], high)
    # of each lower edge, the first upper edge that makes up for what it has wrong beyond the allowed
    made_up = -np.minimum.accumulate(false - error * above)
    i = np.arange(len(low))
    j = np.searchsorted(made_up, missed - error * below - ROUNDING)
    i, j = i[j < len(high)], j[j < len(high)]
    best = np.lexsort((high[j] - low[i], -(below[i] + above[j])))[0]
    return float(low[i[best]]), float(high[j[best]])


def _isotonic() -> Any:
    try:
        from sklearn.isotonic import IsotonicRegression
    except ImportError as error:
        raise MissingExtraError("Calibration", "evaluate") from error
    return IsotonicRegression


def _scored(**columns: npt.ArrayLike) -> tuple[Values, Mask]:
    """Two named columns: probabilities, and what is true."""
    (name, p), (other, y) = columns.items()
    given, truth = numbers(name, p, low=0, high=1), truths(other, y)
    same_length(**{name: given, other: truth})
    return given, truth


def _binned(
    probability: npt.ArrayLike, right: npt.ArrayLike, bins: int, adaptive: bool
) -> tuple[Values, Values, Values]:
    """Mean probability, share of right answers and number of answers of each bin that has any."""
    given, truth = _scored(probability=probability, right=right)
    if bins < 1:
        raise InputError(f"{bins} bins were asked for; at least 1 is needed, 15 is usual.")
    edges = _equal_mass(given, bins) if adaptive else np.linspace(0, 1, bins + 1)[1:-1]
    which = np.searchsorted(edges, given)
    n = np.bincount(which).astype(np.float64)
    used = n > 0
    sums = [np.bincount(which, weights=values)[used] for values in (given, truth)]
    return sums[0] / n[used], sums[1] / n[used], n[used]


def _equal_mass(given: Values, bins: int) -> Values:
    """The last value of each of as large bins, but of the last one; in whole numbers, which do not round."""
    last = -(-np.arange(1, bins) * len(given) // bins) - 1
    return np.asarray(np.sort(given)[last])


def _wilson(right: int, n: int) -> tuple[float, float]:
    interval = load_scipy().stats.binomtest(right, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _logits(
    logits: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike
) -> tuple[Values, Values, Values]:
    """The rows that count: (m, k), (m, k), (m,), m maybe 0."""
    z, t, w = (np.asarray(values, dtype=np.float64) for values in (logits, targets, weights))
    if z.ndim != 2 or z.shape != t.shape or w.shape != z.shape[:1]:
        raise InputError(
            f"logits, targets and weights have the shapes {z.shape}, {t.shape} and {w.shape}; they must be "
            "(n, k), (n, k) and (n,). Give one row per report."
        )
    if not (np.isfinite(w) & (w >= 0)).all():
        raise InputError("weights has values below 0, or not finite. Weigh a row that does not count 0.")
    z, t, w = z[w > 0], t[w > 0], w[w > 0]
    wrong = np.isnan(z) | (z == np.inf) | ~((t >= 0) & (t <= 1)) | ((t > 0) & (z == -np.inf))
    if wrong.any():
        raise InputError(
            f"{wrong.any(axis=1).sum()} of {len(z)} rows have a logit that is no number, a target outside "
            "[0, 1], or a target on an answer whose logit is -inf. Mend those, or weigh them 0."
        )
    return z, t, w


def _cuts(given: Values, truth: Mask) -> tuple[Values, Values, Values]:
    """Distinct scores, rising, and what a threshold at each finds: of what is present, and in all."""
    scores, which = np.unique(given, return_inverse=True)
    caught = np.bincount(which, weights=truth)[::-1].cumsum()[::-1]
    called = np.bincount(which).astype(np.float64)[::-1].cumsum()[::-1]
    return scores, caught, called


def _middle_of_best(scores: Values, merit: Values) -> float:
    """The middle of the widest range of thresholds with the highest merit.

    A threshold above `scores[i - 1]` (or 0) and up to `scores[i]` has `merit[i]`.
    """
    edges = np.append(0, scores)
    best = np.concatenate([[False], merit == merit.max(), [False]])
    starts, ends = np.flatnonzero(best[1:] & ~best[:-1]), np.flatnonzero(best[:-1] & ~best[1:])
    widest = (edges[ends] - edges[starts]).argmax()
    low, high = edges[starts[widest]], edges[ends[widest]]
    middle = (low + high) / 2
    return float(middle if middle > low else high)  # neighbours in floating point have no middle


def _check_band(threshold: float, error: float) -> None:
    if not 0 <= threshold <= 1:
        raise InputError(f"The threshold is {threshold}; it must be from 0 to 1. See `threshold_for`.")
    if not 0 <= error < 1:
        raise InputError(f"The error allowed is {error}; it must be from 0 to below 1, as 0.05.")


def _below(values: Values, edges: Values) -> npt.NDArray[np.int64]:
    """How many of the values are below each edge."""
    return np.searchsorted(np.sort(values), edges).astype(np.int64)
