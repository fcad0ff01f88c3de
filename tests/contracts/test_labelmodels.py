"""Every label model recovers planted truth, keeps to its types, and says what is wrong with its input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reportnlp.errors import InputError, UnknownNameError
from reportnlp.findings import load_panel
from reportnlp.labelmodels.loader import load, make, save
from reportnlp.registry import LABELMODELS
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, UNSPECIFIED, Presence, Question, Votes
from tests.planted import PRESENCE, Plan, f1, overconfident, picks, plant, right, table, votes_of

NAMES = LABELMODELS.names()
PLAIN = Plan([0.4, 0.6], [0.9, 0.8, 0.8, 0.75, 0.7], coverage=0.9)
VOICES = Plan(
    [0.05, 0.25, 0.05, 0.65],
    [0.95, 0.9, 0.9, 0.9, 0.92, 0.93, 0.88],
    coverage=0.9,
    unipolar={0: 0, 1: 0, 2: 1, 3: 2, 5: 1, 6: 2},
    silence=0.9,
)


def panel_votes(seed: int = 0) -> Votes:
    """Random votes on a panel with kinds, parents and attributes."""
    questions = load_panel("head_ct").questions
    generator = np.random.default_rng(seed)
    values = np.full((200, 4, len(questions)), ABSTAIN)
    for number, question in enumerate(questions):
        drawn = generator.integers(0, len(question.answers), (200, 4))
        values[:, :, number] = np.where(generator.random((200, 4)) < 0.5, drawn, ABSTAIN)
    return table(values, questions)


@pytest.mark.parametrize("name", NAMES)
def test_has_its_parts(name: str) -> None:
    module = LABELMODELS.get(name)
    assert module.TITLE and module.Model.Config is module.Config
    with pytest.raises(UnknownNameError, match="trsut"):
        make(name, {"trsut": 0.5})


@pytest.mark.parametrize("name", NAMES)
def test_planted_truth_is_recovered(name: str) -> None:
    truth, cells = plant(PLAIN)
    found = make(name).fit(votes_of(cells), seed=0).predict(votes_of(cells))
    alone = max(float((cells[:, f] == truth).mean()) for f in range(cells.shape[1]))
    assert right(found, truth) > alone
    assert found.values.dtype == np.float32
    assert np.allclose(found.values.sum(axis=2), 1, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_rare_answer_is_neither_lost_nor_blown_up(name: str) -> None:
    truth, cells = plant(Plan([0.01, 0.99], [0.97, 0.95, 0.96, 0.94, 0.93]), reports=8000)
    found = make(name).fit(votes_of(cells), seed=0).predict(votes_of(cells))
    assert f1(found, truth, 0) > 0.85
    assert 0.5 * truth.size / 100 < (picks(found) == 0).sum() < 2 * truth.size / 100


@pytest.mark.parametrize("name", NAMES)
def test_functions_of_one_answer_and_silence_are_understood(name: str) -> None:
    truth, cells = plant(VOICES)
    votes = votes_of(cells, PRESENCE)
    found = make(name).fit(votes, seed=0).predict(votes)
    assert min(f1(found, truth, answer) for answer in range(4)) > 0.85
    silent = (cells == ABSTAIN).all(axis=1)
    assert silent.any()
    assert set(picks(found)[silent]) == {PRESENCE.index(Presence.NOT_MENTIONED)}


@pytest.mark.parametrize("name", NAMES)
def test_same_votes_and_seed_give_the_same(name: str) -> None:
    votes = panel_votes()
    panel = load_panel("head_ct")
    once, again = (make(name, panel=panel).fit(votes, seed=3).predict(votes) for _ in range(2))
    assert np.array_equal(once.values, again.values)


@pytest.mark.parametrize("name", NAMES)
def test_answers_keep_to_the_panel(name: str) -> None:
    votes, panel = panel_votes(), load_panel("head_ct")
    found = make(name, panel=panel).fit(votes, seed=0).predict(votes)
    at = {question.name: number for number, question in enumerate(found.questions)}
    present, absent = 0, 1
    for finding in panel.findings:
        for parent in finding.parents:
            kind, above = found.values[:, at[finding.name]], found.values[:, at[parent]]
            assert (kind[:, present] <= above[:, present] + 1e-5).all()
            assert (kind[:, absent] >= above[:, absent] - 1e-5).all()
        for key in finding.attributes:
            question = found.questions[at[f"{finding.name}.{key}"]]
            apart = found.values[:, at[question.name], question.answers.index(NOT_APPLICABLE)]
            assert np.allclose(apart, 1 - found.values[:, at[finding.name], present], atol=1e-5)
    assert np.allclose(found.values.sum(axis=2), 1, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_only_where_nothing_is_found(name: str) -> None:
    panel = load_panel("chest_xray")
    generator = np.random.default_rng(0)
    questions = [question for question in panel.questions if question.attribute is None]
    values = generator.integers(0, 4, (150, 3, len(questions))).astype(np.int8)
    found = make(name, panel=panel).fit(table(values, questions), seed=0).predict(table(values, questions))
    at = {question.name: number for number, question in enumerate(questions)}
    exempt = next(finding.exempt for finding in panel.findings if finding.name == "no_finding")
    others = [n for name, n in at.items() if name != "no_finding" and name not in exempt]
    likeliest = found.values[:, others, 0].max(axis=1)
    assert (found.values[:, at["no_finding"], 0] <= 1 - likeliest + 1e-5).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_balance_that_is_given_is_kept(name: str) -> None:
    _, cells = plant(replace(PLAIN, accuracy=[0.7, 0.65, 0.6]))
    votes = votes_of(cells)
    model = make(name).fit(votes, seed=0, balance={"finding": {"yes": 0.05, "no": 0.95}})
    assert np.allclose(model.learned[0].balance, [0.05, 0.95])
    part = make(name).fit(votes, seed=0, balance={"finding": {"yes": 0.05}})
    assert np.allclose(part.learned[0].balance, [0.05, 0.95])
    free = make(name).fit(votes, seed=0)
    assert picks(model.predict(votes)).sum() >= picks(free.predict(votes)).sum()


@pytest.mark.parametrize("name", NAMES)
def test_a_fitted_model_is_kept_and_labels_new_votes(name: str, tmp_path: Path) -> None:
    votes, panel = panel_votes(), load_panel("head_ct")
    model = make(name, panel=panel).fit(votes, seed=0)
    save(model, tmp_path / "model")
    kept = load(tmp_path / "model")
    fresh = panel_votes(seed=1)
    turned = replace(fresh, values=fresh.values[:, ::-1], functions=fresh.functions[::-1])
    assert np.array_equal(kept.predict(turned).values, model.predict(fresh).values)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["label_model.json", "rates.npz"]


@pytest.mark.parametrize("name", NAMES)
def test_one_function_is_believed_as_far_as_trust_goes(name: str) -> None:
    _, cells = plant(replace(PLAIN, accuracy=[0.8]))
    votes = votes_of(cells)
    found = make(name).fit(votes, seed=0).predict(votes)
    said = cells[:, 0] != ABSTAIN
    assert (picks(found)[said] == cells[said, 0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_functions_that_always_disagree_leave_doubt(name: str) -> None:
    ones = np.tile(np.array([[0, 1]], dtype=np.int8), (50, 1))
    found = make(name).fit(votes_of(ones), seed=0).predict(votes_of(ones))
    assert found.values.max() < 0.7


@pytest.mark.parametrize("name", NAMES)
def test_a_question_without_a_vote_is_left_open(name: str) -> None:
    _, cells = plant(PLAIN, reports=100)
    silent = np.full_like(cells, ABSTAIN)
    asked = [Question("finding", None, ("yes", "no")), Question("other", None, ("yes", "no"))]
    votes = table(np.stack([cells, silent], axis=2), asked)
    found = make(name).fit(votes, seed=0).predict(votes)
    assert np.allclose(found.values[:, 1], 0.5)
    given = make(name).fit(votes, seed=0, balance={"other": {"yes": 0.1, "no": 0.9}}).predict(votes)
    assert np.allclose(given.values[:, 1], [0.1, 0.9], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_learned_from_is_refused(name: str) -> None:
    _, cells = plant(PLAIN, reports=20)
    votes = votes_of(cells)
    with pytest.raises(InputError, match="abstains on every report"):
        make(name).fit(votes_of(np.full_like(cells, ABSTAIN)), seed=0)
    with pytest.raises(InputError, match="There are 0 reports"):
        make(name).fit(votes_of(cells[:0]), seed=0)
    with pytest.raises(InputError, match="no number of an answer"):
        make(name).fit(votes_of(np.full_like(cells, 2)), seed=0)
    with pytest.raises(InputError, match="sum to 0"):
        make(name).fit(votes, seed=0, balance={"finding": {"yes": 0.5, "no": 0.4}})
    with pytest.raises(UnknownNameError, match="Did you mean 'finding'"):
        make(name).fit(votes, seed=0, balance={"fnding": {"yes": 0.5}})
    with pytest.raises(InputError, match="learned nothing yet"):
        make(name).predict(votes)
    fitted = make(name).fit(votes, seed=0)
    with pytest.raises(UnknownNameError, match="labelling function of the votes"):
        fitted.predict(votes_of(cells[:, :2]))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "majority"])
def test_probabilities_are_to_be_believed(name: str) -> None:
    truth, cells = plant(PLAIN, reports=6000)
    found = make(name).fit(votes_of(cells), seed=0).predict(votes_of(cells))
    assert abs(overconfident(found, truth)) < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_is_learned_where_its_finding_is_present(name: str) -> None:
    generator = np.random.default_rng(0)
    there = generator.random(3000) < 0.1
    side = generator.integers(0, 2, 3000)
    asked = [
        Question("clot", None, PRESENCE),
        Question("clot", "side", ("left", "right", UNSPECIFIED, NOT_APPLICABLE)),
    ]
    values = np.full((3000, 4, 2), ABSTAIN)
    for function in range(4):
        seen = there & (generator.random(3000) < 0.9)
        values[:, function, 0] = np.where(seen, 0, np.where(generator.random(3000) < 0.3, 1, ABSTAIN))
        told = np.where(generator.random(3000) < 0.85, side, 1 - side)
        values[:, function, 1] = np.where(seen, told, 3)
    votes = table(values, asked)
    found = make(name).fit(votes, seed=0).predict(votes)
    assert (picks(found, 1)[~there] == 3).mean() > 0.99
    assert (picks(found, 1)[there] == side[there]).mean() > 0.88
