"""McNemar against sums made by hand, DeLong against its definition, intervals against what they promise."""

from __future__ import annotations

import math
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from reportnlp.errors import InputError, MissingExtraError
from reportnlp.evaluation.paired import McNemar, auroc_interval, delong, mcnemar

Values = npt.NDArray[np.float64]
Z = 1.959963984540054


def right(only_a: int, only_b: int, both: int = 0) -> tuple[list[int], list[int]]:
    return [1] * only_a + [0] * only_b + [1] * both, [0] * only_a + [1] * only_b + [1] * both


def slow_components(y: Values, score: Values) -> tuple[Values, Values]:
    """DeLong 1988, equations 4 and 5, pair by pair."""
    pairs = np.array([[(p > q) + 0.5 * (p == q) for q in score[y == 0]] for p in score[y == 1]])
    return pairs.mean(axis=1), pairs.mean(axis=0)


def slow_delong(y: Values, a: Values, b: Values) -> tuple[float, float]:
    """Difference and its standard error by the covariance matrices of the components."""
    (ones_a, zeros_a), (ones_b, zeros_b) = slow_components(y, a), slow_components(y, b)
    covariance = np.cov([ones_a, ones_b]) / len(ones_a) + np.cov([zeros_a, zeros_b]) / len(zeros_a)
    contrast = np.array([1, -1])
    return float(ones_a.mean() - ones_b.mean()), float(np.sqrt(contrast @ covariance @ contrast))


def scored(n: int, *, seed: int, levels: int = 0) -> tuple[Values, Values, Values]:
    """A truth and two scores of it, the second worse; with ties where levels are given."""
    generator = np.random.default_rng(seed)
    y = (np.arange(n) % 3 == 0).astype(np.float64)
    a, b = y + generator.normal(size=n), 0.4 * y + generator.normal(size=n)
    return (y, np.round(a * levels), np.round(b * levels)) if levels else (y, a, b)


def test_mcnemar_exact_by_hand() -> None:
    # of 6 discordant pairs 5 on one side: 2 (1 + 6) / 2^6
    found = mcnemar(*right(5, 1, both=9))
    assert (found.only_a, found.only_b) == (5, 1)
    assert found.p == pytest.approx(14 / 64)
    assert mcnemar(*right(1, 5)).p == mcnemar(*right(5, 1)).p
    assert mcnemar(*right(3, 3)).p == 1
    assert mcnemar(*right(0, 0, both=4)) == McNemar(0, 0, 1.0)


def test_mcnemar_chi_square_from_25_on() -> None:
    assert mcnemar(*right(17, 8)).p == pytest.approx(math.erfc(math.sqrt(8**2 / 25 / 2)))
    assert mcnemar(*right(17, 7)).p == pytest.approx(2 * sum(math.comb(24, k) for k in range(8)) / 2**24)
    assert mcnemar(*right(20, 20)).p == 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
@settings(deadline=None)
def test_mcnemar_is_even_handed(pairs: list[tuple[bool, bool]]) -> None:
    a, b = zip(*pairs, strict=True)
    one, other = mcnemar(a, b), mcnemar(b, a)
    assert (one.only_a, one.only_b) == (other.only_b, other.only_a)
    assert one.p == pytest.approx(other.p)
    assert 0 <= one.p <= 1


@pytest.mark.parametrize("levels", [0, 1, 3])
@pytest.mark.parametrize("n", [12, 90])
def test_delong_is_what_it_is_defined_as(n: int, levels: int) -> None:
    y, a, b = scored(n, seed=n, levels=levels)
    found = delong(y, a, b)
    difference, error = slow_delong(y, a, b)
    assert found.auc_a == pytest.approx(roc_auc_score(y, a))
    assert found.auc_b == pytest.approx(roc_auc_score(y, b))
    assert found.difference == pytest.approx(difference)
    assert (found.low, found.high) == pytest.approx((difference - Z * error, difference + Z * error))
    assert found.p == pytest.approx(math.erfc(abs(difference) / error / math.sqrt(2)))


def test_delong_by_hand() -> None:
    # components of a: ones 1, 1/2 and zeros 1/2, 1; of b: ones 1/2, 1/2 and zeros 1, 0
    found = delong([1, 1, 0, 0], [4, 2, 3, 1], [2, 2, 1, 3])
    assert (found.auc_a, found.auc_b) == (0.75, 0.5)
    # differences: ones 1/2, 0 (variance 1/8), zeros -1/2, 1 (variance 9/8)
    error = math.sqrt(1 / 16 + 9 / 16)
    assert found.high - found.difference == pytest.approx(Z * error)


def test_scores_that_rank_alike_do_not_differ() -> None:
    y, a, _ = scored(60, seed=1)
    for same in (a, 3 * a - 7, np.exp(a)):
        found = delong(y, a, same)
        assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_difference_without_variance_is_undefined() -> None:
    found = delong([0, 0, 1, 1], [1, 2, 3, 4], [5, 5, 5, 5])
    assert (found.auc_a, found.auc_b, found.difference) == (1, 0.5, 0.5)
    assert np.isnan([found.low, found.high, found.p]).all()


def test_delong_holds_its_level() -> None:
    """Of equally good models a difference is found in 1 of 20, and its interval covers 0 in the others."""
    generator = np.random.default_rng(8)
    y = np.arange(80) % 2
    found = [delong(y, y + generator.normal(size=80), y + generator.normal(size=80)) for _ in range(400)]
    assert 0.02 < np.mean([test.p < 0.05 for test in found]) < 0.09
    assert all((test.p < 0.05) == (not test.low < 0 < test.high) for test in found)


whole = st.integers(0, 6)


@given(st.lists(st.tuples(st.booleans(), whole, whole), min_size=4, max_size=30))
@settings(deadline=None)
def test_delong_properties(rows: list[tuple[bool, int, int]]) -> None:
    y, a, b = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    if min(y.sum(), (1 - y).sum()) < 2:
        with pytest.raises(InputError):
            delong(y, a, b)
        return
    one, other = delong(y, a, b), delong(y, b, a)
    difference, error = slow_delong(y, a, b)
    assert (
        one.difference == pytest.approx(difference, abs=1e-12) == pytest.approx(-other.difference, abs=1e-12)
    )
    assert one.p == pytest.approx(other.p, nan_ok=True)
    if not math.isnan(one.p):
        assert one.low <= one.difference <= one.high
        assert one.high - one.difference == pytest.approx(Z * error, abs=1e-9)
    area, low, high = auroc_interval(y, a)
    assert area == pytest.approx(roc_auc_score(y, a))
    assert math.isnan(low) == math.isnan(high) == (area in (0, 1))
    assert area in (0, 1) or 0 <= low <= area <= high <= 1
    turned = auroc_interval(y, -a)
    assert (1 - area, 1 - high, 1 - low) == pytest.approx(tuple(turned), abs=1e-9, nan_ok=True)


def test_auroc_interval_by_hand() -> None:
    # ones 1, 1/2 and zeros 1/2, 1: variance 1/8 each, over 2; logit of 3/4 is log 3
    area, low, high = auroc_interval([1, 1, 0, 0], [4, 2, 3, 1])
    reach = Z * math.sqrt(1 / 16 + 1 / 16) / (3 / 16)
    assert area == 0.75
    assert (low, high) == pytest.approx((1 / (1 + math.exp(reach) / 3), 1 / (1 + math.exp(-reach) / 3)))


def test_auroc_interval_of_a_perfect_score_is_undefined() -> None:
    area, low, high = auroc_interval([0, 0, 1, 1], [1, 2, 3, 4])
    assert area == 1 and math.isnan(low) and math.isnan(high)


def test_auroc_interval_covers_the_truth() -> None:
    generator = np.random.default_rng(4)
    y = np.arange(100) % 4 == 0
    truth = 0.5 * math.erfc(-1 / 2)  # of normals one apart: P(difference of variance 2 > -1)
    intervals = [auroc_interval(y, y + generator.normal(size=100)) for _ in range(400)]
    assert 0.92 < np.mean([low <= truth <= high for _, low, high in intervals]) < 0.98


def test_a_hundred_thousand_reports_take_no_matrix() -> None:
    y, a, b = scored(100_000, seed=2)
    assert delong(y, a, b).p < 1e-9


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="An AUROC needs reports of both classes; all 3 are 1"):
        delong([1, 1, 1], [1, 2, 3], [1, 2, 3])
    with pytest.raises(InputError, match="two or more reports of each class; of one there is 1"):
        auroc_interval([1, 0, 0], [1, 2, 3])
    with pytest.raises(InputError, match="The lengths differ: y 4, b 2"):
        delong([1, 1, 0, 0], [1, 2, 3, 4], [1, 2])
    with pytest.raises(InputError, match="The lengths differ: right_a 1, right_b 2"):
        mcnemar([1], [1, 0])
    with pytest.raises(InputError, match=r"right_b\[1\] is 2.0 \(1 such\); allowed are 0 and 1"):
        mcnemar([1, 0], [1, 2])
    with pytest.raises(InputError, match=r"score\[0\] is nan \(1 such\)"):
        auroc_interval([1, 1, 0, 0], [np.nan, 1, 2, 3])
    with pytest.raises(InputError, match=r"right_a has the shape \(0,\)"):
        mcnemar([], [])


def test_a_missing_scipy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'reportnlp\[evaluate\]'"):
        mcnemar([1], [0])
