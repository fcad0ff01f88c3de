"""The job behind `reportnlp corpora gold`: a table that `evaluate` reads, whole or not there."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from reportnlp.errors import InputError, OutputError
from reportnlp.evaluation.read import read_answers
from reportnlp.findings import load_panel
from reportnlp.formats.openi import write_terms
from reportnlp.golds import negbio, openi_mesh
from reportnlp.golds.blocks import NotCoded
from reportnlp.jobs.gold import GoldSettings, run

TERMS = {
    "CXR1": ("Pulmonary Atelectasis/base/left/mild", "Density/lung"),
    "CXR2": ("normal",),
    "CXR3": ("No Indexing",),
}


@pytest.fixture
def settings(tmp_path: Path) -> GoldSettings:
    return GoldSettings(write_terms(tmp_path / "in.tgz", TERMS), tmp_path / "gold.csv", "openi_mesh")


def test_the_table_has_a_column_per_question_in_the_panels_order(settings: GoldSettings) -> None:
    counts = run(settings)
    assert (counts.reports, counts.present, counts.uncoded, counts.quarantined) == (2, 2, 1, [])
    with settings.out.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["report_id", *(question.name for question in load_panel("chest_xray").questions)]
    assert [row[0] for row in rows] == ["CXR1", "CXR2"]


def test_evaluate_reads_it(settings: GoldSettings) -> None:
    run(settings)
    answers = read_answers(settings.out)
    first, second = answers["CXR1"], answers["CXR2"]
    assert (first["atelectasis"], first["atelectasis.severity"]) == ("present", "mild")
    assert (first["lung_opacity"], first["mass"], first["mass.location"]) == ("", "absent", "not_applicable")
    assert (second["no_finding"], second["atelectasis"]) == ("present", "absent")


@pytest.mark.parametrize(
    ("not_coded", "mass"), [("not_mentioned", ["not_mentioned", "not_applicable"]), ("blank", ["", ""])]
)
def test_what_stands_for_silence_is_chosen(
    not_coded: NotCoded, mass: list[str], settings: GoldSettings
) -> None:
    run(replace(settings, not_coded=not_coded))
    first = read_answers(settings.out)["CXR1"]
    assert [first["mass"], first["mass.location"]] == mass


def test_a_source_without_attributes_leaves_them_blank(tmp_path: Path) -> None:
    run(GoldSettings(negbio.plant(tmp_path).source, tmp_path / "gold.csv", "negbio"))
    row = read_answers(tmp_path / "gold.csv")["CXR7002"]
    assert (row["pneumonia"], row["pneumonia.location"], row["fracture"]) == ("present", "", "")


def test_a_report_that_was_there_before_is_left_out(tmp_path: Path) -> None:
    source = negbio.plant(tmp_path).source
    lines = source.read_text("utf-8").splitlines()
    source.write_text("\n".join([*lines, lines[1]]), "utf-8")
    counts = run(GoldSettings(source, tmp_path / "gold.csv", "negbio"))
    assert (counts.reports, dict(counts.left_out)) == (3, {"the report id was there before": 1})
    [line] = (tmp_path / "gold.csv.quarantine.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["report_id"] == "CXR7001" and json.loads(line)["offset"] == 4


def test_nothing_is_overwritten_unless_asked_for(settings: GoldSettings) -> None:
    settings.out.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="--overwrite"):
        run(settings)
    assert settings.out.read_text("utf-8") == "mine"
    assert run(replace(settings, overwrite=True)).reports == 2


@pytest.mark.parametrize(
    ("out", "message"), [("gold.json", "ends in .csv"), ("", "is a folder"), ("none/gold.csv", "no folder")]
)
def test_a_place_that_cannot_be_is_refused(out: str, message: str, settings: GoldSettings) -> None:
    with pytest.raises(OutputError, match=message):
        run(replace(settings, out=settings.out.parent / out))


def test_a_source_without_gold_answers_leaves_no_file(tmp_path: Path) -> None:
    source = write_terms(tmp_path / "in.tgz", {"CXR1": ("No Indexing",)})
    with pytest.raises(InputError, match=r"holds no gold answers.*1 reports have no codes"):
        run(GoldSettings(source, tmp_path / "gold.csv", "openi_mesh"))
    assert [path.name for path in tmp_path.iterdir()] == ["in.tgz"]


def test_a_planted_example_can_be_read_by_the_job(tmp_path: Path) -> None:
    planted = openi_mesh.plant(tmp_path)
    assert run(GoldSettings(planted.source, tmp_path / "gold.csv", "openi_mesh")).reports == len(planted.rows)
