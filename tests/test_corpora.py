"""Corpus folders: every kind of problem is found; near-duplicates, agreement and floors are right."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reportnlp.corpora import problems, read_card, read_corpus
from reportnlp.corpora.agreement import disagreements, kappas
from reportnlp.corpora.check import counts_of
from reportnlp.corpora.floors import fallen, moved, read_floors, write_floors
from reportnlp.corpora.near import near_duplicates, runs_of
from reportnlp.errors import InputError, InvalidDefinitionError, UnknownNameError
from reportnlp.jobs.check import CheckSettings, run
from tests.conftest import Command

TEXTS = {
    "a": "Acute embolus in the right lower lobe pulmonary artery, extending into its segmental branches.",
    "b": "No pulmonary embolism. Small left pleural effusion with a little atelectasis next to it.",
    "c": "Clear lungs.",
}
GOLD = {
    "a": ("present", "acute", "lobar", "right"),
    "b": ("absent", "not_applicable", "not_applicable", "not_applicable"),
    "c": ("not_mentioned", "not_applicable", "not_applicable", "not_applicable"),
}
SHOWN = {"a": "Acute embolus in the right lower lobe pulmonary artery", "b": "No pulmonary embolism"}
QUESTIONS = (
    "pulmonary_embolism",
    "pulmonary_embolism.chronicity",
    "pulmonary_embolism.location",
    "pulmonary_embolism.laterality",
)
CARD = """
title = "Test"
role = "written"
panel = "pe"
origin = "Written for the tests."
licence = "Apache-2.0"
language = "en"
how = "By hand."
reports = { test = 3 }
"""
Rows = list[dict[str, Any]]
NO_CHANGES: Mapping[str, Rows] = {}


def write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def reports() -> Rows:
    days = {"a": "2021-03-04", "b": "2022-03-04", "c": "2023-03-04"}
    return [
        {
            "report_id": key,
            "patient_id": f"p{key}",
            "exam_date": days[key],
            "site": "one",
            "voice": "v",
            "set": "test",
        }
        | {"text": text}
        for key, text in TEXTS.items()
    ]


def gold() -> Rows:
    return [{"report_id": k, **dict(zip(QUESTIONS, answers, strict=True))} for k, answers in GOLD.items()]


def evidence() -> Rows:
    rows = []
    for key, text in SHOWN.items():
        start = TEXTS[key].index(text)
        rows.append(
            {
                "report_id": key,
                "finding": QUESTIONS[0],
                "start": start,
                "end": start + len(text),
                "text": text,
            }
        )
    return rows


def plant(folder: Path, changes: Mapping[str, Rows] = NO_CHANGES, *, card: str = CARD) -> Path:
    """A sound corpus of three reports, or one with something else in the place of a table."""
    folder.mkdir()
    (folder / "card.toml").write_text(card, encoding="utf-8")
    rows = changes.get("reports", reports())
    (folder / "reports.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    write_csv(folder / "gold.csv", changes.get("gold", gold()))
    write_csv(folder / "evidence.csv", changes.get("evidence", evidence()))
    for name in ("first_reader", "second_reader"):
        if name in changes:
            write_csv(folder / f"{name}.csv", changes[name])
    return folder


def found(folder: Path) -> str:
    return "\n".join(problems(read_corpus(folder)))


def test_a_sound_corpus_has_no_problem(tmp_path: Path) -> None:
    assert found(plant(tmp_path / "corpus")) == ""


def change(rows: Rows, place: int, **values: Any) -> Rows:
    rows[place] = {**rows[place], **values}
    return rows


BROKEN: dict[str, tuple[dict[str, Callable[[], Rows]], str]] = {
    "a repeated id": ({"reports": lambda: change(reports(), 1, report_id="a")}, "the id a is there 2 times"),
    "gold without a report": ({"reports": lambda: reports()[:2]}, "c has gold answers and no text"),
    "a report without gold": ({"gold": lambda: gold()[:2]}, "c has no gold answers"),
    "a repeated text": (
        {"reports": lambda: change(reports(), 2, text=TEXTS["b"].upper())},
        "c has the text of b",
    ),
    "a near-duplicate": (
        {"reports": lambda: change(reports(), 2, text=TEXTS["b"] + " Otherwise normal.")},
        "b and c are near-duplicates",
    ),
    "a voice at two sites": (
        {"reports": lambda: change(reports(), 1, site="two")},
        "the voice v is at 2 sites",
    ),
    "a date that is none": (
        {"reports": lambda: change(reports(), 1, exam_date="4.3.22")},
        "b has an exam_date",
    ),
    "an answer there is not": (
        {"gold": lambda: change(gold(), 1, pulmonary_embolism="no")},
        "b has an answer to",
    ),
    "an attribute of what is absent": (
        {"gold": lambda: change(gold(), 1, **{QUESTIONS[2]: "main"})},
        "pulmonary_embolism is absent and its location main",
    ),
    "evidence that is not there": (
        {"evidence": lambda: change(evidence(), 0, start=1)},
        "is not what stands there",
    ),
    "evidence of nobody": ({"evidence": lambda: change(evidence(), 0, report_id="z")}, "in z"),
    "an answer without evidence": (
        {"evidence": lambda: evidence()[:1]},
        "in b has no evidence, and is absent",
    ),
    "evidence of silence": (
        {"gold": lambda: change(gold(), 1, pulmonary_embolism="not_mentioned")},
        "in b has evidence",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_corpus_is_told(name: str, tmp_path: Path) -> None:
    changes, message = BROKEN[name]
    text = found(plant(tmp_path / "corpus", {key: make() for key, make in changes.items()}))
    assert message in text
    assert not any(report in text for report in TEXTS.values())


def test_a_card_that_is_wrong_is_told(tmp_path: Path) -> None:
    card = f'{CARD}voices = 7\ndigest = "00"\nsites = {{ one = 2 }}\n'
    text = found(plant(tmp_path / "corpus", card=card))
    assert "the card's voices is 7, and should be 1" in text
    assert "the card's digest is 00" in text
    assert "the card's sites is {'one': 2}, and should be {'one': 3}" in text


def test_readers_gold_and_card_must_agree(tmp_path: Path) -> None:
    second = change(gold(), 0, **{QUESTIONS[2]: "segmental"})
    readers = {"first_reader": gold(), "second_reader": second}
    text = found(plant(tmp_path / "open", readers))
    assert f"the card does not settle {QUESTIONS[2]} of a" in text
    assert "the card says kappa nan for pulmonary_embolism; the readers' answers give 1.0" in text
    settled = f"""{CARD}
[kappa]
"{QUESTIONS[0]}" = 1.0
"{QUESTIONS[1]}" = 1.0
"{QUESTIONS[2]}" = 0.0
"{QUESTIONS[3]}" = 1.0

[[disagreements]]
report = "a"
question = "{QUESTIONS[2]}"
first = "lobar"
second = "segmental"
settled = "lobar"
why = "The most proximal artery counts."
"""
    folder = plant(tmp_path / "settled", readers, card=settled)
    assert found(folder) == ""
    other = settled.replace('settled = "lobar"', 'settled = "segmental"')
    folder = plant(tmp_path / "other", readers, card=other)
    assert f"gold says lobar to {QUESTIONS[2]} of a; the readers segmental" in found(folder)


def test_counts_of_a_corpus(tmp_path: Path) -> None:
    counts = counts_of(read_corpus(plant(tmp_path / "corpus")))
    assert counts["reports"] == {"test": 3}
    assert counts["answers"] == {"pulmonary_embolism": {"present": 1, "absent": 1, "not_mentioned": 1}}
    assert (str(counts["first_exam"]), str(counts["last_exam"])) == ("2021-03-04", "2023-03-04")


def test_a_card_with_a_wrong_key_is_refused(tmp_path: Path) -> None:
    folder = plant(tmp_path / "corpus", card=f"{CARD}licens = 1\n")
    with pytest.raises(UnknownNameError, match="Did you mean 'licence'"):
        read_card(folder)


def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no card\.toml"):
        run(CheckSettings((tmp_path,)))


@pytest.mark.parametrize(
    ("first", "second", "similarity"),
    [
        ("one two three four five six", "one two three four five six", 1.0),
        ("one two three four five six", "one two three four five seven", 1 / 3),
        ("one two three", "one two three", 1.0),
        ("one two three", "one two four", 0.0),
    ],
)
def test_similarity_is_that_of_five_word_runs(first: str, second: str, similarity: float) -> None:
    pairs = list(near_duplicates({"a": first, "b": second}, limit=0.01))
    assert [pair.similarity for pair in pairs] == ([pytest.approx(similarity)] if similarity else [])
    assert runs_of("No PE.") == {("no", "pe")}


def test_every_near_duplicate_is_found_as_by_comparing_all() -> None:
    texts = {f"t{i}": " ".join(f"w{(i * 7 + j * (1 + i % 3)) % 23}" for j in range(20)) for i in range(40)}
    runs = {key: runs_of(text) for key, text in texts.items()}
    keys = list(texts)
    wanted = {
        (a, b)
        for place, b in enumerate(keys)
        for a in keys[:place]
        if len(runs[a] & runs[b]) / len(runs[a] | runs[b]) >= 0.3
    }
    assert {(pair.first, pair.second) for pair in near_duplicates(texts, limit=0.3)} == wanted
    assert wanted


def test_kappa_is_cohens_and_attributes_count_where_both_say_present() -> None:
    first = {str(i): {"x": "yes" if i < 25 else "no", "x.y": "left"} for i in range(50)}
    second = {str(i): {"x": "yes" if i < 20 or i >= 40 else "no", "x.y": "not_applicable"} for i in range(50)}
    values = kappas(first, second, ["x", "x.y"])
    assert values["x"] == pytest.approx(0.4)  # 35 of 50 alike; chance: 0.5 * 0.6 + 0.5 * 0.4 = 0.5
    assert values["x.y"] != values["x.y"]
    assert len(list(disagreements(first, second, ["x"]))) == 15


def test_floors_are_written_read_and_only_raised(tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    write_floors(path, {"c": "00"}, {"c": {"rules": {"x": 0.9, "x.y": 0.5}}})
    digests, floors = read_floors(path)
    assert (digests, floors) == ({"c": "00"}, {"c": {"rules": {"x": 0.9, "x.y": 0.5}}})
    assert list(fallen(floors["c"]["rules"], {"x": 0.9, "x.y": 0.49})) == [
        "x.y: F1 0.490 is below its floor 0.500"
    ]
    assert moved(floors["c"]["rules"], {"x": 0.95, "x.y": 0.4}, lower=False) == {"x": 0.95, "x.y": 0.5}
    assert moved(floors["c"]["rules"], {"x": 0.95, "x.y": 0.4}, lower=True) == {"x": 0.95, "x.y": 0.4}


def test_floors_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "floors.toml").write_text("[c]\nrules = 3\n", encoding="utf-8")
    with pytest.raises(InvalidDefinitionError, match="digest"):
        read_floors(tmp_path / "floors.toml")


def test_a_fall_is_told_and_lowering_takes_its_flag(tmp_path: Path, reportnlp: Command) -> None:
    folder, floors = plant(tmp_path / "corpus"), tmp_path / "floors.toml"
    arguments = ("corpora", "check", str(folder), "--floors", str(floors))
    assert reportnlp(*arguments, "--raise-floors").code == 0
    text = floors.read_text("utf-8")
    assert '"pulmonary_embolism" = 1.000' in text
    assert reportnlp(*arguments).code == 0
    floors.write_text(text.replace('location" = ', 'location" = 1.5 # '), encoding="utf-8")
    outcome = reportnlp(*arguments, "--raise-floors")
    assert outcome.code == 3
    assert "is below its floor 1.500" in outcome.err
    assert reportnlp(*arguments, "--lower-floors").code == 0
    write_csv(folder / "gold.csv", change(gold(), 0, **{QUESTIONS[2]: "main"}))
    assert "the floors are of another digest" in reportnlp(*arguments).err
