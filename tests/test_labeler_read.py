"""What a labeler says of itself, and of what it read."""

from __future__ import annotations

import pytest

import reportnlp
from reportnlp.errors import UnknownNameError
from reportnlp.findings import finding_names, load_finding, load_panel, panel_names
from reportnlp.text.extent import read_by_rules

TEXT = "TECHNIQUE: CTPA.\nFINDINGS: No PE.\nIMPRESSION: Normal, as before!"


def test_panels_and_findings_are_found_through_their_classes() -> None:
    assert reportnlp.Panel.names() == panel_names()
    assert reportnlp.Finding.names() == finding_names()
    assert reportnlp.Panel.load("pe") == load_panel("pe")
    assert reportnlp.Finding.load("nodule") == load_finding("nodule")


@pytest.mark.parametrize("method", ["rules", "auto"])
@pytest.mark.parametrize("panel", ["pe", "chest_xray"])
def test_about_is_what_the_loaded_labeler_says(panel: str, method: str) -> None:
    about = reportnlp.Labeler.about(panel, method=method)
    labeler = reportnlp.load(panel, method=method)
    assert (about.method, about.panel, about.digest) == (labeler.method, labeler.panel, labeler.digest)
    assert about.is_model is (labeler.digest != labeler.panel_digest)


def test_about_refuses_what_load_refuses() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'rules'"):
        reportnlp.Labeler.about("pe", method="ruls")
    with pytest.raises(UnknownNameError, match="panel"):
        reportnlp.Labeler.about("pee")


@pytest.mark.parametrize("method", ["rules", "auto"])
def test_labels_come_with_what_was_read(method: str) -> None:
    labeler = reportnlp.load("pe", method=method)
    reports = [reportnlp.Report("a", TEXT), reportnlp.Report("b", "Acute PE.")]
    found = labeler.label_and_read(reports)
    assert [labels for labels, _ in found] == labeler.label_batch(reports)
    assert [read.sections for _, read in found] == [("findings", "impression"), ("findings",)]


def test_the_rules_read_every_word_and_sign_of_the_sections_that_state_findings() -> None:
    assert read_by_rules(TEXT) == (8, ("findings", "impression"))
    more = read_by_rules(TEXT + " word" * 5000)
    assert more.tokens == 5008
