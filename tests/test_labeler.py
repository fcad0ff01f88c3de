"""The labeler on texts that try it: contexts, sections, broken characters, users' own definitions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import reportnlp
from reportnlp.errors import InputError, InvalidDefinitionError, UnknownNameError
from reportnlp.labeler import Labeler, load
from reportnlp.types import Report

PE = "pulmonary_embolism"


@pytest.fixture(scope="module")
def pe() -> Labeler:
    return load("pe")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("No pulmonary embolism, small effusion.", "absent"),
        ("There is know evidence of pulmonary embolist.", "absent"),
        (
            "No evidence of filling defect in the main, lobar or segmental arteries to suggest embolism.",
            "absent",
        ),
        ("Pulmonary embolism: none.", "absent"),
        ("PE - no.", "absent"),
        ("PE cannot be excluded.", "uncertain"),
        ("Possible subsegmental embolus.", "uncertain"),
        ("Non-diagnostic study.", "uncertain"),
        ("No central embolus; assessment of subsegmental arteries is limited.", "absent"),
        ("No PE other than the known left lower lobe segmental embolus.", "present"),
        ("History of PE.", "not_mentioned"),
        ("Mother had a pulmonary embolism.", "not_mentioned"),
        ("The previously seen pulmonary embolus has resolved.", "absent"),
        ("Unchanged chronic pulmonary embolism.", "present"),
        ("No increase in the pulmonary emboli.", "present"),
        ("Tumour emboli are seen in the right lung.", "not_mentioned"),
        (
            "FINDINGS: Embolus in the right main pulmonary artery. IMPRESSION: No pulmonary embolism.",
            "uncertain",
        ),
        ("IMPRESSION: No PE. ADDENDUM: There is a small embolus in the lingula.", "present"),
        ("INDICATION: ?PE", "not_mentioned"),
        ("No evidence of:\n - central pulmonary embolus\n - segmental pulmonary embolus", "absent"),
        ("Negative for\n1. dissection\n2. pulmonary embolism\nThere is a pneumonia.", "absent"),
        ("No evidence of\n - aortic dissection\nPositive for\n - pulmonary embolism", "present"),
        ("TECHNIQUE: PE protocol.", "not_mentioned"),
    ],
)
def test_presence(pe: Labeler, text: str, answer: str) -> None:
    assert pe(text).answers[PE] == answer


def test_same_text_same_labels_whatever_came_before(pe: Labeler) -> None:
    text = "Acute embolus in the left upper lobe artery."
    first = pe(text)
    pe("No PE.")
    assert pe(text).labels == first.labels
    assert load("pe")(text).labels == first.labels


SAYS_LABELS = """
import csv, sys
from reportnlp.labeler import load
with open("corpora/demo/reports.csv", encoding="utf-8", newline="") as file:
    texts = [row["text"] for row in csv.DictReader(file)]
for panel in ("pe", "chest_ct"):
    labeler = load(panel)
    sys.stdout.write("".join(repr(labeler(text).labels) for text in texts))
"""


def test_labels_do_not_depend_on_the_hash_seed() -> None:
    """Each worker process has its own; a resumed run must give the same bytes."""
    said = [
        subprocess.run(
            [sys.executable, "-c", SAYS_LABELS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert said[0]
    assert said[0] == said[1] == said[2]


def test_case_does_not_matter(pe: Labeler) -> None:
    text = "Small filling defect in the right lower lobe segmental artery. No right heart strain."
    assert pe(text.upper()).answers == pe(text).answers


def test_invisible_characters_change_nothing_but_offsets(pe: Labeler) -> None:
    text = "There is an acute pulmo\u200bnary em\u00adbolism\u202e."
    result = pe(text)
    assert result.answers[PE] == "present"
    assert result.evidence[PE].replace("\u200b", "").replace("\u00ad", "") == "pulmonary embolism"


def test_ten_megabytes_in_one_line(pe: Labeler) -> None:
    text = "word " * 2_000_000 + "There is an acute pulmonary embolism."
    assert pe(text).answers[PE] == "present"


@pytest.mark.parametrize("unit", ["PE ", "no PE, ", "PE or ", ". ", "1. ", "(", "FINDINGS: ", "? ", "a:"])
def test_a_text_that_repeats_itself_costs_no_more_than_its_length(pe: Labeler, unit: str) -> None:
    """Not timed: the squares and cubes these texts once cost would outlast the test run's patience."""
    assert len(pe(unit * 20_000).labels) == len(pe.questions)


def test_full_width_letters_are_read(pe: Labeler) -> None:
    assert pe("\uff21\uff43\uff55\uff54\uff45 \uff30\uff25.").answers[PE] == "present"


def test_labels_stand_in_the_order_of_the_questions(pe: Labeler) -> None:
    labels = pe.label(Report("1", "Acute PE."))
    assert [label.question for label in labels] == [question.name for question in pe.questions]
    for label, question in zip(labels, pe.questions, strict=True):
        assert label.answer in question.answers
        assert 0 < label.probability <= 1


def test_names_are_guessed() -> None:
    with pytest.raises(UnknownNameError, match="chest_xray"):
        load("chest_xry")
    with pytest.raises(UnknownNameError, match="rules"):
        load("pe", method="ruls")


FINDING = """
title = "Rib notching"
definition = "Notched ribs."
phrases = ["(rib|costal) notching", "notched rib"]

[[cases]]
text = "There is rib notching."
presence = "present"
"""


def test_a_finding_of_ones_own_is_a_panel_of_one(tmp_path: Path) -> None:
    path = tmp_path / "rib_notching.toml"
    path.write_text(FINDING)
    labeler = reportnlp.load(path)
    assert labeler("No rib notching.").answers == {"rib_notching": "absent"}


def test_a_panel_of_ones_own_mixes_shipped_findings_and_files(tmp_path: Path) -> None:
    (tmp_path / "rib_notching.toml").write_text(FINDING)
    panel = tmp_path / "mine.toml"
    panel.write_text(
        'title = "Mine"\ndefinition = "d"\nfindings = ["rib_notching.toml", "pulmonary_embolism"]\n'
        "[attributes]\npulmonary_embolism = []\n"
    )
    assert list(load(panel)("PE. Notched ribs.").answers) == ["rib_notching", PE]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('phrase = ["x"]\n', "phrases"),
        ('phrases = ["(x"]\n', "bracket"),
        ('phrases = ["{nothing}"]\n', "nothing"),
    ],
)
def test_a_broken_definition_says_what_is_wrong(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(change + FINDING.replace('phrases = ["(rib|costal) notching", "notched rib"]\n', ""))
    with pytest.raises((InvalidDefinitionError, UnknownNameError), match=message):
        load(path)


def test_a_panel_digest_depends_on_the_phrases_and_not_on_the_cases(tmp_path: Path) -> None:
    path = tmp_path / "rib_notching.toml"
    path.write_text(FINDING)
    before = load(path).panel_digest
    path.write_text(FINDING.replace("There is rib notching.", "Rib notching is there."))
    assert load(path).panel_digest == before
    path.write_text(FINDING.replace('"notched rib"', '"notched costae"'))
    assert load(path).panel_digest != before


def test_rules_run_on_no_other_device() -> None:
    with pytest.raises(InputError, match="Rules run on processors; the device 'cuda' was asked for"):
        load("pe", device="cuda")


@pytest.mark.parametrize("method", ["rules", "auto"])
def test_what_has_no_band_of_doubt_does_not_abstain_in_silence(method: str) -> None:
    with pytest.raises(InputError, match=f"The method {method} has no band of doubt .* --abstain-error"):
        load("pe", method=method, abstain=True)
    assert not reportnlp.Labeler.about("pe", method=method).can_abstain
