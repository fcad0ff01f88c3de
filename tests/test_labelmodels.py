"""What label models are for: rates recovered, copies counted once, rare answers kept, EM that only rises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reportnlp.errors import InputError
from reportnlp.labelmodels._anchor import anchor, named_right
from reportnlp.labelmodels._dependence import believed, dependence, worth
from reportnlp.labelmodels._em import Learned, counted, posterior, rates_of, worth_of
from reportnlp.labelmodels._problem import problem
from reportnlp.labelmodels._structure import Structure, completed, settled, ties
from reportnlp.labelmodels.loader import load, make, save
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, Presence, Question
from tests.planted import PRESENCE, Plan, f1, overconfident, plant, right, table, votes_of

LEARNED = ("dawid_skene", "data_programming")
UNEVEN = Plan([0.4, 0.6], [0.9, 0.8, 0.75, 0.7, 0.65], coverage=0.9)


@pytest.mark.parametrize("name", LEARNED)
def test_accuracies_are_recovered(name: str) -> None:
    _, cells = plant(UNEVEN, reports=8000)
    learned = make(name).fit(votes_of(cells), seed=0).learned[0]
    right_when_voting = learned.rates[:, (0, 1), (0, 1)] / learned.rates[:, :, :2].sum(axis=2)
    wanted = np.array(UNEVEN.accuracy)[:, None]
    assert np.abs(right_when_voting - wanted).max() < 0.06
    assert np.abs(right_when_voting - wanted).mean() < 0.025
    assert np.abs(learned.balance - UNEVEN.balance).max() < 0.03
    assert np.abs(learned.rates[:, :, 2] - 0.1).max() < 0.03


@pytest.mark.parametrize("name", LEARNED)
def test_uneven_functions_are_weighed_better_than_by_majority(name: str) -> None:
    truth, cells = plant(replace(UNEVEN, accuracy=[0.95, 0.65, 0.65, 0.6, 0.6]))
    votes = votes_of(cells)
    model, majority = (make(one).fit(votes, seed=0).predict(votes) for one in (name, "majority"))
    assert right(model, truth) > right(majority, truth) + 0.03


@pytest.mark.parametrize("name", LEARNED)
def test_rare_answers_among_four_are_found_better_than_by_majority(name: str) -> None:
    plan = Plan([0.01, 0.05, 0.02, 0.92], [0.95, 0.9, 0.92, 0.9, 0.85], coverage=0.9, silence=0.9)
    truth, cells = plant(plan, reports=6000)
    votes = votes_of(cells, PRESENCE)
    model, majority = (make(one).fit(votes, seed=0).predict(votes) for one in (name, "majority"))
    assert f1(model, truth, 0) > f1(majority, truth, 0) + 0.1
    assert f1(model, truth, 0) > 0.9
    assert abs(overconfident(model, truth)) < 0.01


def test_copies_of_a_poor_function_do_not_outvote_the_others() -> None:
    truth, cells = plant(Plan([0.5, 0.5], [0.85, 0.8, 0.85, 0.65], copies=[(3, 1.0)] * 4))
    votes = votes_of(cells)
    model = make("data_programming").fit(votes, seed=0)
    weighed, fooled = (one.predict(votes) for one in (model, make("dawid_skene").fit(votes, seed=0)))
    assert right(weighed, truth) > 0.9
    assert right(fooled, truth) < 0.7
    assert np.allclose(model.learned[0].weights, [1, 1, 1, 0.2, 0.2, 0.2, 0.2, 0.2], atol=0.02)
    assert abs(overconfident(weighed, truth)) < 0.02


def test_a_good_function_is_not_thinned_by_the_silence_of_its_copies() -> None:
    truth, cells = plant(Plan([0.5, 0.5], [0.92, 0.75, 0.75]))
    repeated = np.random.default_rng(1).random((4000, 3)) < 0.3
    copies = np.where(repeated, cells[:, [0]], ABSTAIN).astype(np.int8)
    one = problem(Question("finding", None, ("yes", "no")), np.hstack([cells, copies]), None, {})
    exact = np.stack([np.bincount(one.rows, truth == answer) for answer in (0, 1)], axis=1)
    rates = rates_of(counted(one, exact / exact.sum(axis=1, keepdims=True)))
    group = np.isin(np.arange(6), (0, 3, 4, 5))
    repeats = np.where(np.outer(group, group), 1.0, np.eye(6))
    learned = Learned(one.balance, rates, repeats, np.ones(6))
    whole, thin = (
        float((posterior(one, learned, worth)[0].argmax(axis=1)[one.rows] == truth).mean())
        for worth in (worth_of(one, repeats), np.tile(learned.weights, (len(one.cells), 1)))
    )
    assert whole > (cells[:, 0] == truth).mean() - 0.002
    assert whole > thin + 0.01


def test_a_vote_counts_less_only_where_its_copies_say_the_same() -> None:
    cells = np.array([[0, 0, 1], [0, ABSTAIN, 0], [1, 0, 0]], dtype=np.int8)
    one = problem(Question("finding", None, ("yes", "no")), cells, None, {})
    repeats = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])
    found = worth_of(one, repeats)[one.rows]
    assert found == pytest.approx(np.array([[2 / 3, 2 / 3, 1], [1, 1, 1], [1, 1, 1]]))


def test_silence_does_not_settle_what_one_voice_doubts_and_another_states() -> None:
    generator = np.random.default_rng(0)
    truth = generator.choice(4, size=4000, p=[0.25, 0.1, 0.05, 0.6])
    stated, doubted = truth == 0, truth == 2
    first = stated & (generator.random(4000) < 0.6)
    second = stated & ~(first & (generator.random(4000) < 0.5))
    doubt = doubted | (stated & (generator.random(4000) < 0.05))
    said = [(first, 0), (second, 0), (doubt, 2), (truth == 1, 1)]
    cells = np.stack([np.where(voice, answer, ABSTAIN) for voice, answer in said], axis=1).astype(np.int8)
    votes = votes_of(cells, PRESENCE)
    hushed, loud = (
        make("dawid_skene", {"silence": silence}).fit(votes, seed=0).predict(votes) for silence in (0.5, 1.0)
    )
    assert f1(hushed, truth, 0) > 0.99 > f1(loud, truth, 0)


@pytest.mark.parametrize("often", [0.8, 0.9])
def test_functions_that_often_repeat_one_are_weighed_down(often: float) -> None:
    truth, cells = plant(Plan([0.5, 0.5], [0.85, 0.8, 0.85, 0.75, 0.65], copies=[(4, often)] * 2))
    votes = votes_of(cells)
    model = make("data_programming").fit(votes, seed=0)
    majority = make("majority").fit(votes, seed=0).predict(votes)
    weights = model.learned[0].weights
    assert weights[:4].min() > 0.95 and weights[4:].max() < 0.6
    assert right(model.predict(votes), truth) > right(majority, truth) + 0.05


def test_copies_that_cry_wolf_about_a_rare_finding_are_not_taken_for_it() -> None:
    plan = Plan([0.02, 0.98], [0.97, 0.96, 0.98, 0.96, 0.93], copies=[(4, 0.8)] * 2)
    truth, cells = plant(plan, reports=5000)
    votes = votes_of(cells)
    assert f1(make("data_programming").fit(votes, seed=0).predict(votes), truth, 0) > 0.95
    assert f1(make("majority").fit(votes, seed=0).predict(votes), truth, 0) < 0.95


def test_independent_functions_are_left_their_weight() -> None:
    truth, cells = plant(UNEVEN)
    one = problem(Question("finding", None, ("yes", "no")), cells, None, {})
    exact = np.zeros((len(one.cells), 2))
    for row, answer in zip(one.rows.tolist(), truth.tolist(), strict=True):
        exact[row, answer] += 1
    exact /= exact.sum(axis=1, keepdims=True)
    found = dependence([one], [exact])
    assert np.allclose(np.diag(found), 1)
    assert np.allclose(worth(believed(found)), 1)


@pytest.mark.parametrize("name", LEARNED)
def test_the_likelihood_never_falls(name: str) -> None:
    _, cells = plant(Plan([0.1, 0.3, 0.1, 0.5], [0.9, 0.7, 0.8, 0.6], coverage=0.7, silence=0.5))
    model = make(name).fit(votes_of(cells, PRESENCE), seed=0)
    assert model.traces
    for trace in model.traces.values():
        assert len(trace) > 1
        assert (np.diff(trace) > -1e-6).all()


def test_restarts_never_end_in_swapped_answers() -> None:
    _, cells = plant(UNEVEN, reports=500)
    for seed in range(4):
        model = make("dawid_skene", {"restarts": 6}).fit(votes_of(cells), seed=seed)
        one = problem(model.questions[0], cells, None, {})
        assert named_right(one, model.learned[0])
        swapped = replace(model.learned[0], rates=model.learned[0].rates[:, ::-1])
        assert not named_right(one, swapped)


def test_an_answer_that_nobody_votes_for_is_not_made_up() -> None:
    truth, cells = plant(Plan([0.2, 0.8], [0.8, 0.75, 0.7, 0.7]))
    asked = Question("finding", None, ("yes", "no", "perhaps"))
    for name in LEARNED:
        found = (
            make(name)
            .fit(table(cells[:, :, None], [asked]), seed=0)
            .predict(table(cells[:, :, None], [asked]))
        )
        assert found.values[:, 0, 2].max() < 1e-9
        assert right(found, truth) > 0.8


def test_questions_with_few_votes_borrow_from_the_others() -> None:
    common, rare = (
        plant(Plan([share, 1 - share], [0.95, 0.7, 0.7, 0.7], coverage=0.9), reports=1500, seed=seed)
        for share, seed in ((0.4, 0), (0.02, 1))
    )
    asked = [Question("often", None, ("yes", "no")), Question("seldom", None, ("yes", "no"))]
    votes = table(np.stack([common[1], rare[1]], axis=2), asked)
    model = make("data_programming").fit(votes, seed=0)
    alone = make("data_programming").fit(votes_of(rare[1]), seed=0)
    wanted = 0.9 * 0.95
    together, by_itself = model.learned[1].rates[0, 0, 0], alone.learned[0].rates[0, 0, 0]
    assert abs(together - wanted) < abs(by_itself - wanted)


def test_votes_are_completed_by_what_they_imply() -> None:
    asked = [
        Question("bleed", None, PRESENCE),
        Question("subdural", None, PRESENCE),
        Question("subdural", "side", ("left", "right", NOT_APPLICABLE)),
    ]
    tied = ties(Structure(kin=(("subdural", "bleed"),)), asked)
    given = np.array([[[ABSTAIN, ABSTAIN, 0]], [[1, ABSTAIN, 2]], [[1, 0, ABSTAIN]]], dtype=np.int8)
    found = completed(given, asked, tied)
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[1, 0].tolist() == [1, 1, int(ABSTAIN)]
    assert found[2, 0].tolist() == [1, 0, int(ABSTAIN)]
    assert given[0, 0, 0] == ABSTAIN


def test_probabilities_are_settled_between_parent_and_kind() -> None:
    asked = [Question("bleed", None, PRESENCE), Question("subdural", None, PRESENCE)]
    tied = ties(Structure(kin=(("subdural", "bleed"),)), asked)
    values = np.array([[[0.2, 0.6, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1]]])
    found = settled(values, tied)
    assert found[0, 0].tolist() == pytest.approx([0.7, 0.225, 0.0375, 0.0375])
    assert found[0, 1, 1] == pytest.approx(0.225)
    assert np.allclose(found.sum(axis=2), 1)
    assert np.allclose(settled(found, tied), found)


def test_silence_means_not_mentioned_and_votes_break_it() -> None:
    cells = np.array([[ABSTAIN, ABSTAIN], [0, ABSTAIN], [0, 1]], dtype=np.int8)
    one = problem(Question("finding", None, PRESENCE), cells, None, {})
    shares = one.shares[one.rows]
    silent = PRESENCE.index(Presence.NOT_MENTIONED)
    assert shares[0, silent] == 1
    assert shares[1, 0] == 1
    assert shares[2].tolist() == [0.5, 0.5, 0, 0]
    assert one.possible.tolist() == [True, True, False, True]


def test_with_two_functions_the_anchor_stands() -> None:
    _, cells = plant(Plan([0.3, 0.7], [0.9, 0.8]))
    one = problem(Question("finding", None, ("yes", "no")), cells, None, {})
    config = make("dawid_skene").config
    assert anchor([one], [one.trusting(config.trust, np.ones(2))], config).hold
    _, more = plant(Plan([0.3, 0.7], [0.9, 0.8, 0.8]))
    another = problem(Question("finding", None, ("yes", "no")), more, None, {})
    assert not anchor([another], [another.trusting(config.trust, np.ones(3))], config).hold


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    _, cells = plant(UNEVEN, reports=50)
    save(make("majority").fit(votes_of(cells), seed=0), tmp_path)
    (tmp_path / "rates.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="holds no label model that can be read"):
        load(tmp_path)
    told = json.loads((tmp_path / "label_model.json").read_text("utf-8"))
    (tmp_path / "label_model.json").write_text(json.dumps({**told, "format": 9}), "utf-8")
    with pytest.raises(InputError, match="layout 9"):
        load(tmp_path)
    with pytest.raises(InputError, match="holds no label model"):
        load(tmp_path / "nowhere")
