"""Counts of votes: against a plain loop over every vote, and on cases whose figures are known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binomtest

from reportnlp.functions._tally import (
    ATTRIBUTES,
    PRESENCE,
    Record,
    Share,
    gold_indices,
    never_gold,
    records,
    tally,
)
from reportnlp.types import ABSTAIN, Presence, Question, Votes

QUESTIONS = (
    Question("mass", None, tuple(Presence)),
    Question("mass", "side", ("left", "right", "unspecified", "not_applicable")),
    Question("nodule", None, tuple(Presence)),
)
FUNCTIONS = ("one", "two", "three")


def drawn(seed: int, reports: int = 200) -> tuple[Votes, np.ndarray]:
    """Random votes and gold answers, a third of them unknown."""
    draw = np.random.default_rng(seed)
    values = draw.integers(0, 4, (reports, 3, 3)).astype(np.int8)
    values[draw.random(values.shape) < 0.4] = ABSTAIN
    gold = draw.integers(0, 4, (reports, 3)).astype(np.int8)
    gold[draw.random(gold.shape) < 0.3] = ABSTAIN
    return Votes(values, tuple(map(str, range(reports))), FUNCTIONS, QUESTIONS), gold


def of(votes: Votes, gold: np.ndarray) -> dict[tuple[str, str], Record]:
    found = records(tally(votes, gold), votes.functions, votes.questions)
    return {(record.function, record.question): record for record in found}


def test_every_figure_is_that_of_a_plain_loop() -> None:
    votes, gold = drawn(1)
    counts: Counter[tuple[str, str]] = Counter()
    for row, told in zip(votes.values, gold, strict=True):
        for f in range(3):
            mine, others = row[f, 0], [row[g, 0] for g in range(3) if g != f and row[g, 0] != ABSTAIN]
            if mine == ABSTAIN:
                continue
            name = FUNCTIONS[f]
            counts[name, "coverage"] += 1
            counts[name, "overlap"] += bool(others)
            counts[name, "conflict"] += any(other != mine for other in others)
            counts[name, "known"] += told[0] != ABSTAIN
            counts[name, "accuracy"] += mine == told[0]
            counts[name, "two_way"] += told[0] != ABSTAIN and (mine == 0) == (told[0] == 0)
            counts[name, "found"] += mine == told[0] == 0
    for (name, figure), count in counts.items():
        if figure != "known":
            share: Share = getattr(of(votes, gold)[name, "mass"], figure)
            assert share.part == count
        else:
            assert of(votes, gold)[name, "mass"].accuracy.whole == count
    assert of(votes, gold)["one", "mass"].found.whole == (gold[:, 0] == 0).sum()
    assert of(votes, gold)["one", "mass"].coverage.whole == 200


def test_questions_of_a_kind_are_counted_together() -> None:
    votes, gold = drawn(2)
    found = of(votes, gold)
    mass, nodule, both = (found["two", name] for name in ("mass", "nodule", PRESENCE))
    for name in ("coverage", "overlap", "conflict", "accuracy", "two_way", "found"):
        one, other, whole = (getattr(record, name) for record in (mass, nodule, both))
        assert (whole.part, whole.whole) == (one.part + other.part, one.whole + other.whole)
    assert found["two", ATTRIBUTES].accuracy == found["two", "mass.side"].accuracy
    assert sum(share.whole for share in both.answers.values()) == both.accuracy.whole


def test_a_vote_for_what_gold_never_says_is_scored_as_not_present_only() -> None:
    values = np.array([[[0]], [[3]], [[3]], [[2]]], np.int8)  # present, not mentioned twice, uncertain
    gold = np.array([[0], [1], [0], [1]], np.int8)
    votes = Votes(values, tuple("abcd"), ("one",), QUESTIONS[:1])
    counted = tally(votes, gold)
    assert never_gold(counted, votes.questions) == ("uncertain", "not_mentioned")
    record = of(votes, gold)["one", "mass"]
    assert record.accuracy == Share(1, 1)
    assert record.two_way == Share(3, 4)
    assert record.answers["not_mentioned"] == Share(0, 0)
    assert never_gold(tally(votes, np.full_like(gold, ABSTAIN)), votes.questions) == ()


def test_counts_of_two_batches_add_up() -> None:
    votes, gold = drawn(3)
    halves = [
        tally(Votes(votes.values[part], votes.report_ids[part], FUNCTIONS, QUESTIONS), gold[part])
        for part in (slice(0, 77), slice(77, 200))
    ]
    whole, sum_of_both = tally(votes, gold), halves[0] + halves[1]
    assert (sum_of_both.reports, sum_of_both.known) == (whole.reports, whole.known)
    for name in ("overlap", "conflict", "matched", "asked", "both", "agreed"):
        assert (getattr(sum_of_both, name) == getattr(whole, name)).all()


def test_agreement_is_of_presence_where_both_vote() -> None:
    votes, gold = drawn(4)
    counted = tally(votes, gold)
    one, two = votes.values[:, 0, [0, 2]], votes.values[:, 1, [0, 2]]
    voted = (one != ABSTAIN) & (two != ABSTAIN)
    assert counted.both[0, 1] == counted.both[1, 0] == voted.sum()
    assert counted.agreed[0, 1] == (voted & (one == two)).sum()


def test_gold_answers_become_indices_and_what_does_not_apply_is_none() -> None:
    gold = {"a": {"mass": "absent", "mass.side": "not_applicable"}, "b": {"mass": "", "mass.side": "right"}}
    found = gold_indices(["a", "b", "c"], QUESTIONS, gold)
    assert found.tolist() == [[1, ABSTAIN, ABSTAIN], [ABSTAIN, 1, ABSTAIN], [ABSTAIN] * 3]


@pytest.mark.parametrize(("part", "whole"), [(0, 5), (5, 5), (17, 40), (1, 1000)])
def test_intervals_are_wilsons(part: int, whole: int) -> None:
    wanted = binomtest(part, whole).proportion_ci(method="wilson")
    assert Share(part, whole).interval == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_a_share_of_nothing_is_no_number() -> None:
    assert np.isnan([Share(0, 0).value, *Share(0, 0).interval]).all()
