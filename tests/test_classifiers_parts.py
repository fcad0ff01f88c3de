"""The parts of a model's labelling that need no network: encoding, deciding, evidence, weighing of rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from reportnlp.classifiers import _evidence
from reportnlp.classifiers._decide import NO_ANSWER, Decider, stacked, unspoken
from reportnlp.classifiers._encode import Encoder, Reading, alike, collate
from reportnlp.classifiers._folder import Decision, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InvalidDefinitionError, UnknownNameError
from reportnlp.findings import load_panel
from reportnlp.jobs._train_decide import Aim, decisions, stack
from reportnlp.text.words import Words
from reportnlp.types import Posteriors, Presence

WORDS = Words.build(["embolus", "no", ".", "acute", "main", "\u00b6"], signs=True)
ENCODER = Encoder(WORDS, Reading.usual(sentences=True))
PE, HEAD = load_panel("pe"), load_panel("head_ct")
COLUMNS = Columns(PE.questions)
TEXT = "INDICATION: Embolus?\r\nFINDINGS: No\u200b acute\u00a0 embolus. Main.\r\nIMPRESSION: No embolus."


def test_what_is_read_leads_back_into_the_report() -> None:
    [read] = ENCODER([TEXT])
    shown = [TEXT[start:end] for start, end in read.spans]
    assert shown == ["No", "acute", "embolus", ".", "Main", ".", "\n", "No", "embolus", "."]
    assert read.sections == ("findings", "impression")
    assert read.sentence_ids.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len(set(read.section_ids[:7])) == 1
    assert read.section_ids[7] != read.section_ids[0]


def test_a_report_that_only_asks_is_read_all_the_same() -> None:
    [read] = ENCODER(["TECHNIQUE: acute"])
    assert len(read) == 1
    [everything] = Encoder(WORDS, Reading.usual(sections="all"))([TEXT])
    assert everything.sections[0] == "indication"


@settings(max_examples=60, deadline=None)
@given(some.text(max_size=200))
def test_spans_lie_in_the_text_in_order(text: str) -> None:
    [read] = ENCODER([text])
    if len(read):
        assert (read.spans[:, 0] < read.spans[:, 1]).all()
        assert (np.diff(read.spans[:, 0]) >= 0).all()
        assert read.spans.min() >= 0
        assert read.spans.max() <= len(text)
        assert (read.section_ids > 0).all()


def test_filling_stands_in_no_section() -> None:
    read = ENCODER(["no", "no acute embolus", ""])
    batch = collate(read)
    assert batch["section_ids"].astype(bool).sum(axis=1).tolist() == [1, 3, 0]
    assert [list(b) for b in alike([3, 1, 9, 2], tokens=6)] == [[1, 3], [0], [2]]
    assert sorted(i for b in alike([5] * 7, tokens=10) for i in b) == list(range(7))


def test_answers_become_targets_and_a_blank_teaches_nothing() -> None:
    targets, weights = COLUMNS.targets(
        [
            {"pulmonary_embolism": "present", "pulmonary_embolism.location": "lobar"},
            {"pulmonary_embolism": "absent", "pulmonary_embolism.location": "not_applicable"},
            {},
        ]
    )
    assert weights.sum(axis=1).tolist() == [2, 1, 0]
    assert targets.sum(axis=1).tolist() == [2, 1, 0]


def test_probabilities_become_targets_given_that_the_finding_is_there() -> None:
    values = np.zeros((2, 1, 4), dtype=np.float32)
    values[0, 0] = [0.5, 0.3, 0.2, 0.0]
    values[1] = np.nan
    presence = PE.questions[:1]
    targets, weights = COLUMNS.soft_targets(Posteriors(values, ("a", "b"), presence))
    assert targets[0, :4].tolist() == pytest.approx([0.5, 0.3, 0.2, 0.0])
    assert weights[:, 0].tolist() == [1, 0]
    whole = np.zeros((1, 2, 8), dtype=np.float32)
    whole[0, 0, :4] = [0.8, 0.2, 0, 0]
    whole[0, 1, :5] = [0.4, 0.4, 0, 0, 0.2]
    targets, weights = COLUMNS.soft_targets(Posteriors(whole, ("a",), PE.questions[:2]))
    assert weights[0, 1] == pytest.approx(0.8)
    assert targets[0, COLUMNS.slices[1]].tolist() == pytest.approx([0.5, 0.5, 0, 0])


def logits(columns: Columns, **at: float) -> Floats:
    """One report's logits: `finding=` is that of present; the others are 0."""
    row = np.zeros((1, columns.width), dtype=np.float32)
    for name, value in at.items():
        number = next(i for i, q in enumerate(columns.questions) if q.name == name)
        row[0, columns.slices[number].start] = value
    return row


def test_posteriors_sum_to_one_and_an_attribute_to_its_finding() -> None:
    found = Decider(COLUMNS, PE, {}).posteriors(logits(COLUMNS, pulmonary_embolism=2), ["a"])
    np.testing.assert_allclose(found.values.sum(axis=2), 1, atol=1e-6)
    present = found.values[0, 0, 0]
    for number, question in enumerate(COLUMNS.questions[1:], start=1):
        last = found.values[0, number, len(question.answers) - 1]
        assert last == pytest.approx(1 - present, abs=1e-6)


def answers(columns: Columns, given: Decider, row: Floats) -> dict[str, str]:
    picks = given.answers(given.posteriors(row, ["a"])).picks[0]
    return {
        q.name: "" if pick == NO_ANSWER else str(q.answers[pick])
        for q, pick in zip(columns.questions, picks, strict=True)
    }


def test_a_kind_that_is_there_makes_its_parent_so_and_an_absent_parent_its_kinds() -> None:
    columns = Columns(HEAD.questions)
    decider = Decider(columns, HEAD, {})
    row = logits(columns, subdural_hemorrhage=5)
    row[0, columns.slices[0].start + 1] = 2  # the parent's own logits say absent
    found = answers(columns, decider, row)
    assert found["subdural_hemorrhage"] == found["intracranial_hemorrhage"] == Presence.PRESENT
    row = np.zeros((1, columns.width), dtype=np.float32)
    row[0, columns.slices[0].start + 1] = 5
    row[0, [part.start + 2 for part in columns.slices[2:7]]] = 4  # kinds uncertain
    found = answers(columns, decider, row)
    assert found["intracranial_hemorrhage"] == found["epidural_hemorrhage"] == Presence.ABSENT


def test_nothing_else_is_there_only_where_nothing_is() -> None:
    panel = load_panel("chest_xray")
    columns = Columns(panel.questions)
    decider = Decider(columns, panel, {})
    assert answers(columns, decider, logits(columns, no_finding=5, pneumonia=5))["no_finding"] == "absent"


def test_thresholds_and_the_band_of_doubt() -> None:
    row = logits(COLUMNS, pulmonary_embolism=1.2)  # present with about 0.53
    strict = Decider(COLUMNS, PE, {"pulmonary_embolism": Decision(threshold=0.6)})
    assert answers(COLUMNS, strict, row)["pulmonary_embolism"] != "present"
    keen = Decider(COLUMNS, PE, {"pulmonary_embolism": Decision(threshold=0.2)})
    assert answers(COLUMNS, keen, logits(COLUMNS))["pulmonary_embolism"] == "present"
    band = {"pulmonary_embolism": Decision(low=0.4, high=0.7)}
    assert set(answers(COLUMNS, Decider(COLUMNS, PE, band, abstain=True), row).values()) == {""}
    assert answers(COLUMNS, Decider(COLUMNS, PE, band), row)["pulmonary_embolism"] == "present"


def test_isotonic_knots_move_present_and_share_out_the_rest() -> None:
    decision = Decision(knots=((0.0, 1.0), (0.1, 0.2)))
    found = Decider(COLUMNS, PE, {"pulmonary_embolism": decision}).posteriors(
        logits(COLUMNS, pulmonary_embolism=9), ["a"]
    )
    assert found.values[0, 0, 0] == pytest.approx(0.2, abs=1e-3)
    assert found.values[0, 0].sum() == pytest.approx(1, abs=1e-6)


def test_the_rules_are_believed_as_far_as_they_are_right() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, size=300)
    gold = [{"pulmonary_embolism": ("present", "absent")[one]} for one in truth]
    targets, weights = COLUMNS.targets(gold)
    noise = generator.normal(size=(300, COLUMNS.width)).astype(np.float32)
    right = [{q.name: "not_applicable" for q in COLUMNS.questions} | row for row in gold]
    learned = stack(COLUMNS, noise, right, targets, weights)
    pooled = stacked(COLUMNS, noise, right, learned)
    assert (pooled[:, :2].argmax(axis=1) == truth).all()
    wrong = [right[i] for i in generator.permutation(300)]
    useless = stack(COLUMNS, targets * 4 - 2, wrong, targets, weights)["pulmonary_embolism"]
    assert np.abs(np.array(useless.rules)).max() < np.abs(np.array(learned["pulmonary_embolism"].rules)).max()


def test_where_the_rules_find_no_word_nothing_was_denied() -> None:
    decider = Decider(COLUMNS, PE, {})
    row = np.zeros((2, COLUMNS.width), dtype=np.float32)
    row[:, 1] = 9  # the network is sure of absent
    quiet = {q.name: "not_mentioned" for q in COLUMNS.questions}
    loud = quiet | {"pulmonary_embolism": "absent"}
    found = unspoken(decider.posteriors(row, ["a", "b"]), [quiet, loud])
    np.testing.assert_allclose(found.values.sum(axis=2), 1, atol=1e-5)
    picks = decider.answers(found).picks[:, 0]
    assert [str(PE.questions[0].answers[pick]) for pick in picks] == ["not_mentioned", "absent"]
    assert found.values[0, 0, 3] == pytest.approx(0.75, abs=0.01)
    row[:, 0] = 20  # or of present, which the rules do not know every word of
    found = unspoken(decider.posteriors(row, ["a", "b"]), [quiet, loud])
    assert decider.answers(found).picks[0, 0] == 0


def test_too_hot_logits_are_cooled() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 4, size=2000)
    own = generator.normal(size=(2000, 4)) + 1.5 * np.eye(4)[truth]
    rows = np.zeros((2000, COLUMNS.width), dtype=np.float32)
    rows[:, :4] = 3 * 1.5 * own
    gold = [{"pulmonary_embolism": list(Presence)[one].value} for one in truth]
    found = decisions(COLUMNS, rows, *COLUMNS.targets(gold), Aim())
    assert found["pulmonary_embolism"].temperature == pytest.approx(3, rel=0.1)


def test_an_aim_that_there_is_not() -> None:
    with pytest.raises(UnknownNameError, match="Allowed: argmax, f1"):
        Aim(threshold="f3")  # type: ignore[arg-type]
    with pytest.raises(InvalidDefinitionError, match="should be between 0 and 1"):
        Aim(threshold=1.5)
    with pytest.raises(ValueError, match="greater than 0"):
        Decision(temperature=0)
    assert Stack(trust=1, rules=((0.0,),)).trust == 1


def test_evidence_is_the_sentence_that_speaks_most_without_its_silent_rim() -> None:
    text = "No acute. Main main main embolus main main main main. No no."
    [read] = ENCODER([text])
    ends = np.zeros(16, dtype=np.bool_)
    ends[WORDS.tokenizer.token_to_id(".")] = True
    borders = _evidence.sentence_borders(read.input_ids, ends)
    assert borders.tolist() == [0, 3, 12, 15]
    weights = np.zeros(len(read), dtype=np.float32)
    assert _evidence.strongest(read, weights, borders) is None
    weights[[0, 6, 13]] = [0.4, 1.0, 0.3]
    span = _evidence.strongest(read, weights, borders)
    assert span is not None
    assert text[slice(*span)] == "Main main main embolus main main main"
    assert _evidence.strongest(read, np.ones(len(read), dtype=np.float32), borders) is not None
    single = np.arange(len(read) + 1)  # were every word a sentence, none would stand out
    assert _evidence.strongest(read, np.ones(len(read), dtype=np.float32), single) is None
    assert _evidence.section_of(read, span, Reading.usual().section_names) == "findings"
