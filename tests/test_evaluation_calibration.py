"""Calibration against sums made by hand, planted truth, and every threshold and band tried one by one."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import f1_score, recall_score

from reportnlp.errors import InputError, InvalidDefinitionError, MissingExtraError, UnknownNameError
from reportnlp.evaluation.calibration import (
    Isotonic,
    abstain_band,
    expected_calibration_error,
    fit_isotonic,
    fit_temperature,
    reliability,
    threshold_for,
)

Values = npt.NDArray[np.float64]

coarse = st.lists(st.tuples(st.integers(0, 8).map(lambda p: p / 8), st.booleans()), min_size=1, max_size=25)
fine = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=25)
answers = st.one_of(coarse, fine)


def columns(rows: list[tuple[float, bool]]) -> tuple[Values, npt.NDArray[np.bool_]]:
    return np.array([p for p, _ in rows]), np.array([y for _, y in rows])


def softmax(z: Values) -> Values:
    raised = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


# expected calibration error and reliability


def test_calibration_error_by_hand() -> None:
    # bins of 0.5: {0.2, 0.4} half right, mean 0.3; {0.6, 1.0} both right, mean 0.8
    p, right = [0.2, 0.6, 0.4, 1.0], [1, 1, 0, 1]
    assert expected_calibration_error(p, right, bins=2) == pytest.approx(0.5 * 0.2 + 0.5 * 0.2)
    assert expected_calibration_error(p, right, bins=1) == pytest.approx(0.75 - 0.55)
    assert expected_calibration_error([1, 1, 0], [1, 1, 0]) == 0
    assert expected_calibration_error([1.0], [0]) == 1


def test_bins_are_open_below() -> None:
    """As in Guo 2017: 0.5 belongs to (0, 0.5]; 0 to the first."""
    first, second = reliability([0, 0.5, 0.51], [0, 1, 1], bins=2)
    assert (first.n, second.n) == (2, 1)


def test_adaptive_bins_hold_as_many() -> None:
    p = np.concatenate([np.linspace(0.9, 1, 75), np.linspace(0, 0.5, 25)])
    found = reliability(p, p > 0.95, bins=5, adaptive=True)
    assert [bin.n for bin in found] == [20] * 5
    assert len(reliability(p, p > 0.95, bins=5)) == 4


def test_equal_probabilities_share_an_adaptive_bin() -> None:
    found = reliability([0.1, 0.7, 0.7, 0.7, 0.7, 0.9], [0, 1, 1, 0, 1, 1], bins=3, adaptive=True)
    assert [bin.n for bin in found] == [5, 1]
    assert found[0].probability == pytest.approx((0.1 + 4 * 0.7) / 5)


@given(answers, st.integers(1, 20), st.booleans())
@settings(deadline=None)
def test_reliability_adds_up_to_the_error(rows: list[tuple[float, bool]], bins: int, adaptive: bool) -> None:
    p, right = columns(rows)
    found = reliability(p, right, bins=bins, adaptive=adaptive)
    error = expected_calibration_error(p, right, bins=bins, adaptive=adaptive)
    assert sum(bin.n for bin in found) == len(rows)
    assert error == pytest.approx(sum(bin.n * abs(bin.right - bin.probability) for bin in found) / len(rows))
    assert 0 <= error <= 1
    assert len(found) <= bins
    assert all(bin.low <= bin.right + 1e-12 and bin.right - 1e-12 <= bin.high for bin in found)
    assert [bin.probability for bin in found] == sorted(bin.probability for bin in found)


def test_wilson_by_hand() -> None:
    """8 of 10 right, z = 1.96."""
    [found] = reliability([0.5] * 10, [1] * 8 + [0] * 2)
    z = 1.959963984540054
    middle, reach = 0.8 + z**2 / 20, z * math.sqrt(0.8 * 0.2 / 10 + z**2 / 400)
    expected = ((middle - reach) / (1 + z**2 / 10), (middle + reach) / (1 + z**2 / 10))
    assert (found.right, found.n) == (0.8, 10)
    assert (found.low, found.high) == pytest.approx(expected)


def test_row_order_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    p, right = np.round(generator.random(200), 1), generator.random(200) < 0.5
    order = generator.permutation(200)
    for adaptive in (False, True):
        one = expected_calibration_error(p, right, adaptive=adaptive)
        assert one == pytest.approx(expected_calibration_error(p[order], right[order], adaptive=adaptive))


# temperature


def planted(n: int, k: int, *, seed: int) -> tuple[Values, Values]:
    """Calibrated logits, and answers drawn from them."""
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(n, k)) * 1.5
    drawn = (softmax(z).cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    return z, np.eye(k)[drawn]


@pytest.mark.parametrize("factor", [3, 1, 0.4])
def test_a_planted_temperature_is_found(factor: float) -> None:
    z, targets = planted(4000, 4, seed=1)
    assert fit_temperature(factor * z, targets, np.ones(4000)) == pytest.approx(factor, rel=0.06)
    # soft targets are the truth itself
    assert fit_temperature(factor * z, softmax(z), np.ones(4000)) == pytest.approx(factor, rel=1e-3)


def test_temperature_weighs_rows() -> None:
    z, targets = planted(600, 3, seed=2)
    twice = fit_temperature(np.vstack([z, z[:200]]), np.vstack([targets, targets[:200]]), np.ones(800))
    weights = np.where(np.arange(600) < 200, 2.0, 1.0)
    assert fit_temperature(z, targets, weights) == pytest.approx(twice, rel=1e-4)
    some = fit_temperature(z[:200], targets[:200], np.ones(200))
    assert fit_temperature(z, targets, np.arange(600) < 200) == pytest.approx(some, rel=1e-4)


def test_answers_a_question_does_not_have_change_nothing() -> None:
    z, targets = planted(300, 3, seed=3)
    wide = np.hstack([2 * z, np.full((300, 2), -np.inf)])
    padded = np.hstack([targets, np.zeros((300, 2))])
    assert fit_temperature(wide, padded, np.ones(300)) == fit_temperature(2 * z, targets, np.ones(300))


def test_a_temperature_that_nothing_tells() -> None:
    z, targets = planted(5, 3, seed=4)
    assert fit_temperature(z[:1], targets[:1], np.ones(1)) == 1
    assert fit_temperature(z[:0], targets[:0], np.ones(0)) == 1
    assert fit_temperature(z, targets, [1, 0, 0, 0, 0]) == 1
    assert fit_temperature(np.full((5, 3), 3.3), targets, np.ones(5)) == 1


def test_temperatures_are_bounded() -> None:
    right = np.array([[0.1, -0.1], [-0.1, 0.1]])
    assert fit_temperature(right, np.eye(2), np.ones(2)) == pytest.approx(math.exp(-3), rel=1e-3)
    assert fit_temperature(right, 1 - np.eye(2), np.ones(2)) == pytest.approx(math.exp(3), rel=1e-3)


def test_logits_that_cannot_be() -> None:
    with pytest.raises(InputError, match=r"shapes \(2, 2\), \(2, 3\) and \(2,\)"):
        fit_temperature(np.ones((2, 2)), np.ones((2, 3)), np.ones(2))
    with pytest.raises(InputError, match="weights has values below 0"):
        fit_temperature(np.eye(2), np.eye(2), [1, -1])
    for z, t in ((np.nan, 0), (np.inf, 0), (0, 1.5), (0, -0.5), (-np.inf, 0.5)):
        logits, targets = np.zeros((2, 2)), np.eye(2)
        logits[1, 0], targets[1, 0] = z, t
        with pytest.raises(InputError, match="1 of 2 rows have a logit"):
            fit_temperature(logits, targets, np.ones(2))


# isotonic


def test_isotonic_by_hand() -> None:
    # the two in the middle fall, and are pooled to 1/2; the ends are held at 1/6 and 5/6
    curve = fit_isotonic([0.1, 0.3, 0.6, 0.9], [0, 1, 0, 1])
    assert curve.x == (0.1, 0.3, 0.6, 0.9)
    assert curve.y == pytest.approx((1 / 6, 0.5, 0.5, 5 / 6))
    assert curve([0, 0.2, 0.45, 1]) == pytest.approx([1 / 6, 1 / 3, 0.5, 5 / 6])
    assert curve(0.45).shape == () and curve([[0.45]]).shape == (1, 1)


def test_isotonic_recovers_a_planted_curve() -> None:
    generator = np.random.default_rng(7)
    p = generator.random(20_000)
    curve = fit_isotonic(p, generator.random(20_000) < p**2)
    grid = np.linspace(0.05, 0.95, 50)
    assert np.abs(curve(grid) - grid**2).max() < 0.06
    assert len(curve.x) < 400


@given(answers)
@settings(deadline=None)
def test_isotonic_properties(rows: list[tuple[float, bool]]) -> None:
    p, y = columns(rows)
    curve = fit_isotonic(p, y)
    least = 1 / (len(rows) + 2)
    told = curve(np.linspace(0, 1, 101))
    assert (np.diff(told) >= -1e-15).all()
    assert least <= told.min() and told.max() <= 1 - least
    theirs = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(p, y.astype(float))
    assert curve(p) == pytest.approx(theirs.predict(p))
    assert Isotonic(curve.x, curve.y) == curve


@pytest.mark.parametrize(
    ("x", "y"),
    [((), ()), ((0.1,), (0.1, 0.2)), ((0.2, 0.2), (0.1, 0.2)), ((0.1, 0.2), (0.2, 0.1)), ((0.1,), (1.5,))],
)
def test_knots_that_are_no_curve(x: tuple[float, ...], y: tuple[float, ...]) -> None:
    with pytest.raises(InvalidDefinitionError, match="no calibration curve"):
        Isotonic(x, y)


# thresholds


def test_threshold_by_hand() -> None:
    assert threshold_for([0.1, 0.4, 0.6, 0.8], [0, 0, 1, 1], aim="f1") == pytest.approx(0.5)
    assert threshold_for([0.1, 0.4, 0.6, 0.8], [0, 0, 1, 1], aim=1.0) == 0.6
    assert threshold_for([0.1, 0.4, 0.6, 0.8], [0, 0, 1, 1], aim=0.5) == 0.8
    # all called present is best: the middle of (0, 0.2]
    assert threshold_for([0.2, 0.3, 0.9], [1, 0, 1], aim="f1") == pytest.approx(0.1)


def test_ties_go_to_the_middle_of_the_widest_best_range() -> None:
    # F1 is 2/3 in (0, 0.2], where all are called, and in the wider (0.5, 0.9], where the last is
    assert threshold_for([0.2, 0.3, 0.5, 0.9], [1, 0, 0, 1], aim="f1") == pytest.approx(0.7)
    # 2/3 both in (0.1, 0.5] (2 of 4) and in (0.5, 0.8] (1 of 1): neighbours that tie are one range
    assert threshold_for([0.1, 0.5, 0.5, 0.5, 0.8], [0, 1, 0, 0, 1], aim="f1") == pytest.approx(0.45)


def test_a_threshold_lies_between_neighbours_in_floating_point() -> None:
    low, high = 0.5, float(np.nextafter(0.5, 1))
    assert threshold_for([low, high], [0, 1], aim="f1") == high


def called(p: Values, threshold: float) -> npt.NDArray[np.bool_]:
    return np.asarray(p >= threshold)


@given(answers, st.floats(0.01, 1))
@settings(deadline=None)
def test_thresholds_are_the_best_there_are(rows: list[tuple[float, bool]], floor: float) -> None:
    p, y = columns(rows)
    if y.all() or not y.any():
        for aim in ("f1", floor):
            with pytest.raises(InputError, match="A threshold needs reports of both classes"):
                threshold_for(p, y, aim=aim)
        return
    best = threshold_for(p, y, aim="f1")
    every = max(f1_score(y, called(p, score), zero_division=0) for score in p)
    assert 0 <= best <= 1
    assert f1_score(y, called(p, best), zero_division=0) == pytest.approx(every)
    sensitive = threshold_for(p, y, aim=floor)
    assert recall_score(y, called(p, sensitive)) >= floor
    assert all(recall_score(y, called(p, higher)) < floor for higher in p[p > sensitive])


def test_an_aim_that_is_none() -> None:
    with pytest.raises(UnknownNameError, match="No aim is called 'F1'"):
        threshold_for([0.1, 0.9], [0, 1], aim="F1")  # type: ignore[arg-type]
    for aim in (0.0, 1.5, math.nan):
        with pytest.raises(InputError, match="must be above 0 and at most 1"):
            threshold_for([0.1, 0.9], [0, 1], aim=aim)


# the band


def outside(p: Values, y: npt.NDArray[np.bool_], low: float, high: float) -> tuple[int, int]:
    """Answers outside a band, and wrong ones among them."""
    absent, present = p < low, p >= high
    return int((absent | present).sum()), int((absent & y).sum() + (present & ~y).sum())


def test_band_by_hand() -> None:
    p = [0.1, 0.2, 0.3, 0.45, 0.55, 0.7, 0.8, 0.9]
    y = [0, 0, 0, 1, 0, 1, 1, 1]
    assert abstain_band(p, y, threshold=0.5, error=0.25) == (0.5, 0.5)
    # 2 of 8 are wrong; without 0.55, 1 of 7
    assert abstain_band(p, y, threshold=0.5, error=1 / 7) == (0.45, 0.5)
    low, high = abstain_band(p, y, threshold=0.5, error=0)
    assert low == 0.45 and 0.55 < high < 0.55 + 1e-15
    # nothing helps: all is left to a reader
    assert outside(
        np.array([0.2, 0.9]),
        np.array([True, False]),
        *abstain_band([0.2, 0.9], [1, 0], threshold=0.5, error=0),
    ) == (0, 0)


@given(answers, st.floats(0, 1), st.floats(0, 0.5))
@settings(deadline=None)
def test_the_band_is_the_narrowest_there_is(
    rows: list[tuple[float, bool]], threshold: float, error: float
) -> None:
    p, y = columns(rows)
    low, high = abstain_band(p, y, threshold=threshold, error=error)
    assert low <= threshold <= high
    answered, wrong = outside(p, y, low, high)
    assert wrong <= error * answered + 1e-6
    lows = [threshold, *(score for score in p if score < threshold)]
    highs = [threshold, *(float(np.nextafter(score, 2)) for score in p if score >= threshold)]
    tried = [(outside(p, y, one, other), other - one) for one, other in product(lows, highs)]
    able = [(n, -width) for (n, bad), width in tried if bad <= error * n]
    assert (answered, low - high) >= max(able)
    if able and max(able)[0] == len(p):
        assert (low, high) == (threshold, threshold)


def test_a_band_over_many_reports_is_quick() -> None:
    generator = np.random.default_rng(3)
    p = generator.random(200_000)
    low, high = abstain_band(p, generator.random(200_000) < p, threshold=0.5, error=0.1)
    assert low == pytest.approx(0.2, abs=0.02) and high == pytest.approx(0.8, abs=0.02)


def test_a_band_that_cannot_be() -> None:
    with pytest.raises(InputError, match=r"The threshold is 1\.5"):
        abstain_band([0.5], [1], threshold=1.5, error=0.1)
    with pytest.raises(InputError, match="The error allowed is 1"):
        abstain_band([0.5], [1], threshold=0.5, error=1)


# what all of them refuse


@pytest.mark.parametrize(
    "use",
    [
        expected_calibration_error,
        reliability,
        lambda p, y: threshold_for(p, y, aim="f1"),
        lambda p, y: abstain_band(p, y, threshold=0.5, error=0.1),
        fit_isotonic,
    ],
)
def test_columns_that_cannot_be(use: Callable[[npt.ArrayLike, npt.ArrayLike], object]) -> None:
    with pytest.raises(InputError, match=r"The lengths differ: (p|probability) 2, (y|right) 1"):
        use([0.1, 0.2], [1])
    with pytest.raises(InputError, match=r"\[1\] is 1.2 \(1 such\); allowed are finite numbers from 0 to 1"):
        use([0.1, 1.2], [1, 0])
    with pytest.raises(InputError, match=r"\[0\] is nan"):
        use([math.nan, 0.2], [1, 0])
    with pytest.raises(InputError, match=r"\[1\] is 2.0 \(1 such\); allowed are"):
        use([0.1, 0.2], [1, 2])
    with pytest.raises(InputError, match=r"has the shape \(0,\); it must be \(n,\)"):
        use([], [])


def test_bins_that_cannot_be() -> None:
    with pytest.raises(InputError, match="0 bins were asked for"):
        expected_calibration_error([0.5], [1], bins=0)


def test_missing_libraries_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "sklearn.isotonic", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'reportnlp\[evaluate\]'"):
        fit_isotonic([0.5], [1])
    with pytest.raises(MissingExtraError, match=r"pip install 'reportnlp\[evaluate\]'"):
        fit_temperature(np.eye(2), np.eye(2), np.ones(2))
