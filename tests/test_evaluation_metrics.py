"""The figures agree with scikit-learn and with counts made by hand; intervals behave as intervals."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn

from reportnlp.errors import InputError, MissingExtraError, ReportNLPError, UnknownNameError
from reportnlp.evaluation import bootstrap
from reportnlp.evaluation.answers import NO_ANSWER, pair_up
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.scores import UncertainAs
from reportnlp.types import Label, LabelledReport, LabelTable, Presence, Question, Report

Table = dict[str, dict[str, str]]


def presence(*answers: str, question: str = "nodule") -> Table:
    return {f"r{i}": {question: answer} for i, answer in enumerate(answers)}


def drawn(reports: int, *, seed: int) -> tuple[Table, Table]:
    """Gold and noisy answers to three findings, one with an attribute."""
    generator = np.random.default_rng(seed)
    answers = [str(answer) for answer in Presence]
    places = ["saddle", "main", "segmental", "unspecified"]
    gold: Table = {}
    given: Table = {}
    for i in range(reports):
        truth = {f"f{q}": str(generator.choice(answers)) for q in range(3)}
        told = {
            q: a if generator.random() < 0.8 else str(generator.choice(answers)) for q, a in truth.items()
        }
        place = str(generator.choice(places))
        guess = place if generator.random() < 0.7 else str(generator.choice(places))
        truth["f0.location"] = place if truth["f0"] == "present" else "not_applicable"
        told["f0.location"] = guess if told["f0"] == "present" else "not_applicable"
        gold[f"r{i}"], given[f"r{i}"] = truth, told
    return given, gold


def test_presence_by_hand() -> None:
    gold = presence("present", "present", "absent", "absent", "uncertain", "not_mentioned")
    given = presence("present", "absent", "present", "absent", "present", "not_mentioned")
    [score] = evaluate(given, gold, seed=0).presence
    assert score.n == 6
    assert score.support == {"present": 2, "absent": 2, "uncertain": 1, "not_mentioned": 1}
    assert score.confusion["present"] == {"present": 1, "absent": 1}
    assert score.confusion["uncertain"] == {"present": 1}
    assert score.precision.value == pytest.approx(1 / 3)
    assert score.recall.value == pytest.approx(1 / 2)
    assert score.f1.value == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("policy", "n", "right", "given_present", "gold_present"),
    [("negative", 4, 1, 3, 1), ("positive", 4, 3, 4, 3), ("ignore", 2, 1, 2, 1)],
)
def test_uncertain_counts_as_the_policy_says(
    policy: UncertainAs, n: int, right: int, given_present: int, gold_present: int
) -> None:
    gold = presence("present", "uncertain", "uncertain", "absent")
    given = presence("present", "uncertain", "present", "present")
    [score] = evaluate(given, gold, seed=0, uncertain_as=policy).presence
    assert score.n == n
    assert score.precision.value == pytest.approx(right / given_present)
    assert score.recall.value == pytest.approx(right / gold_present)


def test_a_given_uncertain_is_no_way_out_of_a_score() -> None:
    gold, given = presence("present", "present"), presence("present", "uncertain")
    [score] = evaluate(given, gold, seed=0, uncertain_as="ignore").presence
    assert score.recall.value == pytest.approx(1 / 2)


def test_attribute_counts_only_where_gold_is_present_and_a_missed_finding_is_wrong() -> None:
    gold = {
        "a": {"pe": "present", "pe.location": "main"},
        "b": {"pe": "present", "pe.location": "lobar"},
        "c": {"pe": "absent", "pe.location": "not_applicable"},
        "d": {"pe": "present", "pe.location": "main"},
        "e": {"pe": "present", "pe.location": ""},
    }
    given = {
        "a": {"pe": "present", "pe.location": "main"},
        "b": {"pe": "absent", "pe.location": "not_applicable"},
        "c": {"pe": "present", "pe.location": "main"},
        "d": {"pe": "present", "pe.location": "main"},
        "e": {"pe": "present", "pe.location": "main"},
    }
    [score] = evaluate(given, gold, seed=0).attributes
    assert score.n == 3
    assert score.support == {"main": 2, "lobar": 1}
    assert score.confusion == {"lobar": {"not_applicable": 1}, "main": {"main": 2}}
    assert score.accuracy.value == pytest.approx(2 / 3)
    assert score.macro_f1.value == pytest.approx((1 + 0) / 2)
    assert score.micro_f1.value == pytest.approx(2 * 2 / (2 + 3))


def test_attribute_without_its_presence_in_gold_counts_where_it_applies() -> None:
    gold = {"a": {"pe.location": "main"}, "b": {"pe.location": "not_applicable"}}
    given = {"a": {"pe.location": "main"}, "b": {"pe.location": "main"}}
    [score] = evaluate(given, gold, seed=0).attributes
    assert (score.n, score.accuracy.value) == (1, 1.0)


def test_panel_micro_and_macro_are_scikit_learns() -> None:
    given, gold = drawn(200, seed=1)
    scores = evaluate(given, gold, seed=0)
    names = ["f0", "f1", "f2"]
    truth = np.array([[row[name] == "present" for name in names] for row in gold.values()])
    told = np.array([[row[name] == "present" for name in names] for row in given.values()])
    assert scores.panel is not None
    assert scores.panel.micro_f1.value == pytest.approx(sklearn.f1_score(truth, told, average="micro"))
    assert scores.panel.macro_f1.value == pytest.approx(sklearn.f1_score(truth, told, average="macro"))
    assert [score.f1.value for score in scores.presence] == pytest.approx(
        list(sklearn.f1_score(truth, told, average=None))
    )


def test_bootstrap_counts_give_scikit_learns_figures_on_what_was_observed() -> None:
    generator = np.random.default_rng(3)
    gold, given = generator.random((50, 4)) < 0.4, generator.random((50, 4)) < 0.5
    counts = np.stack([gold & given, given, gold], axis=-1).sum(axis=0).astype(np.float64)
    expected = sklearn.precision_recall_fscore_support(gold, given, average=None)
    for ours, theirs in zip((bootstrap.precision, bootstrap.recall, bootstrap.f1), expected, strict=False):
        assert ours(counts) == pytest.approx(theirs)
    pooled = sklearn.f1_score(gold, given, average="micro")
    assert bootstrap.f1(counts.sum(axis=0)) == pytest.approx(pooled)


def test_resampled_counts_are_those_of_drawing_reports() -> None:
    generator = np.random.default_rng(5)
    events = (generator.random((30, 2, 3)) < 0.5).astype(np.float64)
    samples = bootstrap.resample(events, seed=0, resamples=4000)
    assert samples.shape == (4000, 2, 3)
    mean, variance = events.mean(axis=0), events.var(axis=0)
    assert samples.mean(axis=0) == pytest.approx(30 * mean, abs=0.2)
    assert samples.var(axis=0) == pytest.approx(30 * variance, rel=0.15)


def test_resampling_in_batches_draws_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BATCH", 8)
    events = np.ones((5, 1, 3))
    assert bootstrap.resample(events, seed=0, resamples=7).tolist() == [[[5.0, 5.0, 5.0]]] * 7


def test_same_seed_same_scores_other_seed_other_intervals() -> None:
    given, gold = drawn(60, seed=2)
    first = evaluate(given, gold, seed=7)
    assert evaluate(given, gold, seed=7) == first
    other = evaluate(given, gold, seed=8)
    assert other.presence[0].f1.value == first.presence[0].f1.value
    assert other.presence[0].f1 != first.presence[0].f1


def test_interval_holds_the_figure_and_narrows_with_reports() -> None:
    few = evaluate(*drawn(60, seed=4), seed=0).presence[0].f1
    many = evaluate(*drawn(1500, seed=4), seed=0).presence[0].f1
    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low


def test_nothing_to_divide_by_is_undefined_not_zero() -> None:
    gold, given = presence("absent", "absent"), presence("absent", "not_mentioned")
    scores = evaluate(given, gold, seed=0)
    assert np.isnan(scores.presence[0].f1).all()
    assert scores.panel is not None
    assert np.isnan(scores.panel.macro_f1.value)


def test_reports_that_cannot_be_compared_are_counted() -> None:
    gold = presence("present", "absent", "absent")
    given = {"r0": {"nodule": "present"}, "x": {"nodule": "absent"}, "y": {"nodule": "absent"}}
    coverage = evaluate(given, gold, seed=0).coverage
    assert (coverage.scored, coverage.missing, coverage.extra) == (1, 2, 2)


def test_gold_columns_that_are_no_question_are_named() -> None:
    gold = {"a": {"nodule": "present", "reader": "someone"}}
    coverage = evaluate({"a": {"nodule": "present"}}, gold, seed=0).coverage
    assert coverage.unanswered == ("reader",)


def test_a_report_without_an_answer_is_scored_as_wrong() -> None:
    gold = {"a": {"nodule": "present"}, "b": {"nodule": "present"}}
    given: Table = {"a": {"nodule": "present"}, "b": {}}
    [score] = evaluate(given, gold, seed=0).presence
    assert score.confusion == {"present": {"present": 1, NO_ANSWER: 1}}
    assert score.recall.value == pytest.approx(1 / 2)


def test_a_label_table_is_scored_like_its_answers() -> None:
    questions = (Question("nodule", None, tuple(Presence)),)
    rows = tuple(
        LabelledReport(Report(f"r{i}", "text"), (Label("nodule", answer, 1.0),))
        for i, answer in enumerate(["present", "absent"])
    )
    table = LabelTable(questions, rows, "rules", "rules-test")
    gold = presence("present", "present")
    assert evaluate(table, gold, seed=0) == evaluate(presence("present", "absent"), gold, seed=0)


@pytest.mark.parametrize(
    ("given", "gold", "message"),
    [
        ({"a": {"nodule": "absent"}}, {"b": {"nodule": "absent"}}, "report_id"),
        ({"a": {"nodule": "absent"}}, {"a": {"mass": "absent"}}, "mass"),
        ({"a": {"nodule": "absent"}}, {"a": {"nodule": "yes"}}, "'a' to nodule"),
        (
            {"a": {"pe": "present", "pe.location": "main"}},
            {"a": {"pe": "present", "pe.location": "not_applicable"}},
            "unspecified",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(given: Table, gold: Table, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pair_up(given, gold)


def test_a_wrong_gold_value_is_not_repeated_in_the_message() -> None:
    with pytest.raises(InputError) as caught:
        pair_up({"a": {"nodule": "absent"}}, {"a": {"nodule": "Mr Example has a nodule"}})
    assert "Example" not in str(caught.value)


def test_wrong_settings_are_refused() -> None:
    table = presence("present")
    policy: Any = "negativ"
    with pytest.raises(UnknownNameError, match="'negative'"):
        evaluate(table, table, seed=0, uncertain_as=policy)
    with pytest.raises(ReportNLPError, match="at least 1"):
        evaluate(table, table, seed=0, resamples=0)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"reportnlp\[evaluate\]"):
        evaluate(presence("present"), presence("present"), seed=0)
