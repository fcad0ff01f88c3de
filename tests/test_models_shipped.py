"""The models in the package: whole, small, of the panels that are shipped, and better than nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from reportnlp.classifiers._folder import open_folder
from reportnlp.corpora import read_corpus
from reportnlp.findings import load_panel, panel_names
from reportnlp.labeler import load, shipped
from tests.conftest import ROOT

MODELS = ROOT / "reportnlp" / "models"
NAMES = sorted(path.name for path in MODELS.iterdir())
LARGEST = 10_000_000
"""Bytes that all of them may have."""


def test_there_is_one_for_each_panel_of_ct() -> None:
    assert {"pe", "head_ct"} <= set(NAMES) <= set(panel_names())


def test_all_of_them_are_small() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_whole_and_of_the_panel_as_it_is_now(name: str) -> None:
    folder = open_folder(MODELS / name)
    panel = load_panel(name)
    assert folder.file.columns.questions == panel.questions
    assert folder.panel().digest == panel.digest, "the panel has changed: train the shipped model again"
    assert folder.file.stack
    assert folder.file.decisions
    assert "shipped_models.py" in (folder.path / "README.md").read_text("utf-8")


def test_auto_is_the_model_where_there_is_one_and_else_the_rules() -> None:
    assert shipped("pe") == MODELS / "pe"
    assert load(method="auto").method == load("pe", method="auto").method == "pe"
    assert load("chest_xray", method="auto").method == "rules"


@pytest.mark.parametrize(("panel", "corpus"), [("pe", "demo")])
def test_the_demonstration_is_labelled_right(panel: str, corpus: str) -> None:
    folder = ROOT / "corpora" / corpus
    with (folder / "gold.csv").open(encoding="utf-8", newline="") as file:
        gold = {row["report_id"]: row for row in csv.DictReader(file)}
    with (folder / "reports.csv").open(encoding="utf-8", newline="") as file:
        texts = {row["report_id"]: row["text"] for row in csv.DictReader(file)}
    labeler = load(panel, method="auto")
    asked = [report for report in texts if gold.get(report, {}).get("pulmonary_embolism")]
    right = [
        labeler(texts[report]).answers["pulmonary_embolism"] == gold[report]["pulmonary_embolism"]
        for report in asked
    ]
    assert right
    assert sum(right) >= 0.9 * len(right)


@pytest.mark.parametrize("name", NAMES)
def test_long_reports_odd_ones_and_none_are_all_answered(name: str) -> None:
    labeler = load(name, method="auto")
    long = " ".join(["The ventricles and the pulmonary arteries are normal."] * 2000)
    for text in (long, "?", "a" * 5000, "NO PE", "\n\n\n.", "Ünlü 肺 \u200b", "IMPRESSION:"):
        found = labeler(text)
        assert len(found.labels) == len(labeler.questions)
        assert all(0 <= label.probability <= 1 for label in found.labels)


@pytest.mark.parametrize(("panel", "corpus"), [("pe", "ctpa_rules"), ("head_ct", "head_ct_rules")])
def test_no_answer_contradicts_another(panel: str, corpus: str) -> None:
    from reportnlp.findings.together import clashes

    labeler = load(panel, method="auto")
    for row in list(read_corpus(Path(ROOT / "corpora" / corpus)).rows)[:100]:
        answers = labeler(str(row["text"])).answers
        for finding in load_panel(panel).findings:
            assert list(clashes(finding, answers)) == []
