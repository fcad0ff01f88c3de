"""What stands beside the figures: sites and years, another method, the training side, the learning curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.audit import AuditRow, audit, trend_of
from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.compare import PANEL, compare, holm
from reportnlp.evaluation.labelled import Labelled, posteriors_from, questions_of
from reportnlp.evaluation.learning import PANEL as ALL
from reportnlp.evaluation.learning import learning_curve
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.strata import UNKNOWN, sites_and_years, stratify
from reportnlp.types import Report

Table = dict[str, dict[str, str]]


def column(answers: Sequence[str], question: str = "nodule") -> Table:
    return {f"r{i}": {question: answer} for i, answer in enumerate(answers)}


def noisy(gold: Answers, share: float, *, seed: int) -> Table:
    generator = np.random.default_rng(seed)
    other = {"present": "absent", "absent": "present"}
    return {
        report: {q: other[a] if generator.random() < share else a for q, a in row.items()}
        for report, row in gold.items()
    }


def truth(reports: int, *, seed: int = 0) -> Table:
    generator = np.random.default_rng(seed)
    return {
        f"r{i}": {q: str(generator.choice(["present", "absent"])) for q in ("nodule", "mass")}
        for i in range(reports)
    }


def test_sites_are_scored_by_themselves() -> None:
    gold = column(["present", "present", "absent", "present"])
    given = column(["present", "absent", "absent", "present"])
    groups = {"site": {"r0": "a", "r1": "a", "r2": "b", "r3": "b"}}
    strata = stratify(given, gold, groups, seed=0)
    assert [(one.by, one.value, one.n) for one in strata] == [("site", "a", 2), ("site", "b", 2)]
    assert [one.presence[0].recall.value for one in strata] == [0.5, 1.0]


def test_a_site_without_labels_or_gold_is_left_out() -> None:
    gold = {"r0": {"nodule": "present"}, "r1": {"nodule": "present"}, "r2": {"nodule": ""}}
    given = column(["present", "present", "present"])
    del given["r1"]
    groups = {"site": {"r0": "a", "r1": "b", "r2": "c"}}
    assert [one.value for one in stratify(given, gold, groups, seed=0)] == ["a"]


def test_sites_and_years_come_from_the_reports() -> None:
    reports = [
        Report("r0", "x", exam_date=date(2020, 1, 1), site="a"),
        Report("r1", "x", exam_date=date(2021, 1, 1), site="a"),
        Report("r2", "x", site="a"),
    ]
    assert sites_and_years(reports) == {"year": {"r0": "2020", "r1": "2021", "r2": UNKNOWN}}


def test_a_method_does_not_differ_from_itself() -> None:
    gold = truth(60)
    labelled = Labelled(noisy(gold, 0.2, seed=1), method="rules")
    found = compare(labelled, labelled, gold, seed=0, resamples=100)
    assert {one.difference for one in found.differences} == {Figure(0.0, 0.0, 0.0)}
    assert [(test.mcnemar.only_a, test.mcnemar.only_b, test.holm) for test in found.tests] == [(0, 0, 1)] * 2


def test_differences_are_those_of_the_scores() -> None:
    gold = truth(200)
    better, worse = noisy(gold, 0.05, seed=1), noisy(gold, 0.3, seed=2)
    found = compare(Labelled(better), Labelled(worse), gold, seed=0, resamples=200)
    first, second = (evaluate(given, gold, seed=0, resamples=1) for given in (better, worse))
    assert first.panel is not None and second.panel is not None
    by = {(one.question, one.figure): one for one in found.differences}
    micro = by[PANEL, "micro_f1"]
    assert micro.first == pytest.approx(first.panel.micro_f1.value)
    assert micro.second == pytest.approx(second.panel.micro_f1.value)
    assert 0 < micro.difference.low < micro.difference.value < micro.difference.high
    assert by["mass", "recall"].first == pytest.approx(first.presence[1].recall.value)
    assert by[PANEL, "macro_f1"].second == pytest.approx(second.panel.macro_f1.value)
    assert all(test.holm >= test.mcnemar.p for test in found.tests)


def test_mcnemar_counts_by_hand() -> None:
    gold = column(["present", "present", "absent", "absent"])
    first = Labelled(column(["present", "present", "absent", "present"]))
    second = Labelled(column(["absent", "absent", "not_mentioned", "absent"]))
    [test] = compare(first, second, gold, seed=0, resamples=10).tests
    assert (test.n, test.mcnemar.only_a, test.mcnemar.only_b) == (4, 2, 1)


def test_attributes_are_compared_where_gold_is_present() -> None:
    gold = {
        "a": {"pe": "present", "pe.location": "main"},
        "b": {"pe": "present", "pe.location": "lobar"},
        "c": {"pe": "absent", "pe.location": "not_applicable"},
    }
    second: Table = {**gold, "b": {"pe": "present", "pe.location": "main"}}
    found = compare(Labelled(gold), Labelled(second), gold, seed=0, resamples=50)
    by = {one.figure: one for one in found.differences if one.question == "pe.location"}
    assert (by["accuracy"].first, by["accuracy"].second) == (1.0, 0.5)
    assert by["macro_f1"].second == pytest.approx((2 / 3 + 0) / 2)
    [_, test] = found.tests
    assert (test.n, test.mcnemar.only_a) == (2, 1)


def sure(answers: Answers, *, seed: int) -> Labelled:
    generator = np.random.default_rng(seed)
    p = {report: {q: 0.5 + generator.random() / 2 for q in row} for report, row in answers.items()}
    return Labelled(answers, posteriors_from(answers, p, questions_of(answers)))


def test_rankings_are_compared_on_the_same_reports() -> None:
    gold = truth(120)
    first, second = (sure(noisy(gold, share, seed=s), seed=s) for share, s in ((0.05, 1), (0.35, 2)))
    found = compare(first, second, gold, seed=0, resamples=200)
    by = {one.question: one for one in found.differences if one.figure == "auroc"}
    for test in found.tests:
        assert test.delong is not None and test.delong_holm is not None
        one = by[test.question]
        assert one.first == pytest.approx(test.delong.auc_a)
        assert one.second == pytest.approx(test.delong.auc_b)
        expected = (test.delong.low, test.delong.high)
        assert (one.difference.low, one.difference.high) == pytest.approx(expected, abs=0.03)


def test_only_reports_of_both_are_compared() -> None:
    gold = column(["present", "present", "absent"])
    first, second = column(["present", "present", "absent"]), column(["present", "absent"])
    assert compare(Labelled(first), Labelled(second), gold, seed=0, resamples=5).n == 2
    with pytest.raises(InputError, match="No report"):
        compare(Labelled(first), Labelled({"x": {"nodule": "absent"}}), gold, seed=0)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, math.nan, 0.03])[:2] == pytest.approx([0.03, 0.06])
    assert holm([0.01, 0.04, math.nan, 0.03])[3] == pytest.approx(0.06)
    assert math.isnan(holm([0.01, math.nan])[1])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def row(n: int, sensitivity: float) -> AuditRow:
    return AuditRow("pe.location", "main", n, 10, Figure(sensitivity, sensitivity, sensitivity))


def test_audit_counts_the_training_side_and_takes_recall_from_the_test_side() -> None:
    train = {f"t{i}": {"nodule": answer} for i, answer in enumerate(["present"] * 3 + ["absent"] * 5)}
    scores = evaluate(
        column(["present", "absent", "absent"]), column(["present", "present", "absent"]), seed=0
    )
    found = audit(train, scores)
    assert found.reports == 8
    assert [(r.answer, r.n, r.tested, r.sensitivity.value) for r in found.rows] == [
        ("present", 3, 2, 0.5),
        ("absent", 5, 1, 1.0),
    ]
    assert found.trend is None


def test_the_trend_is_a_line_over_the_logarithm() -> None:
    trend = trend_of([row(1, 0.2), row(10, 0.5), row(100, 0.8), row(0, 0.9), row(50, math.nan)])
    assert trend is not None
    assert (trend.slope, trend.intercept, trend.answers) == pytest.approx((0.3, 0.2, 3))
    assert trend.correlation == pytest.approx(1)
    assert trend.at(10) == pytest.approx(0.5)
    assert (trend.at(1e9), trend.at(1e-9)) == (1, 0)


def test_a_level_trend_has_no_correlation() -> None:
    trend = trend_of([row(1, 0.5), row(10, 0.5), row(100, 0.5)])
    assert trend is not None
    assert math.isnan(trend.correlation)


def test_a_learning_curve_trains_on_growing_sets() -> None:
    gold = truth(50, seed=1)
    seen: list[tuple[str, ...]] = []

    def train(ids: Sequence[str]) -> Labelled:
        seen.append(tuple(ids))
        return Labelled(noisy(gold, 1 / len(ids), seed=0))

    ids = [f"t{i}" for i in range(40)]
    found = learning_curve(ids, gold, train, sizes=[20, 4, 4, 400], seed=3, resamples=20)
    assert found.sizes == (4, 20, 40)
    assert [len(set(one)) for one in seen] == [4, 20, 40]
    assert set(seen[0]) < set(seen[1]) < set(seen[2])
    assert [(line.question, line.figure) for line in found.lines] == [
        (ALL, "micro_f1"),
        ("nodule", "f1"),
        ("mass", "f1"),
    ]
    values = [figure.value for figure in found.lines[0].figures]
    assert values == sorted(values)
    before, seen[:] = list(seen), []
    assert learning_curve(ids, gold, train, sizes=[4, 20, 40], seed=3, resamples=20) == found
    assert seen == before


@pytest.mark.parametrize(("ids", "sizes"), [([], [1]), (["a"], []), (["a"], [0])])
def test_a_learning_curve_of_nothing_is_refused(ids: list[str], sizes: list[int]) -> None:
    with pytest.raises(InputError, match="sizes of 1 or more"):
        learning_curve(ids, {}, lambda _: Labelled({}), sizes=sizes, seed=0)
