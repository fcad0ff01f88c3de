"""Every labelling function answers every question, with evidence inside the text, the same each time."""

from __future__ import annotations

import pytest

from reportnlp.findings import load_panel
from reportnlp.registry import FUNCTIONS
from reportnlp.types import Report

TEXTS = (
    "",
    "No acute disease.",
    "There is a large clot in the left main pulmonary artery.",
    "\u202e?PE\n\n" * 3,
)


@pytest.mark.parametrize("name", FUNCTIONS.names())
def test_answers_every_question(name: str) -> None:
    panel = load_panel("pe")
    function = FUNCTIONS.get(name).Function(panel)
    for text in TEXTS:
        labels = function(Report("id", text))
        assert [label.question for label in labels] == [question.name for question in panel.questions]
        for label, question in zip(labels, panel.questions, strict=True):
            assert label.answer in question.answers
            assert 0 <= label.probability <= 1
            assert label.evidence is None or 0 <= label.evidence.start < label.evidence.end <= len(text)
        assert function(Report("other id", text)) == labels


@pytest.mark.parametrize("name", FUNCTIONS.names())
def test_has_a_title(name: str) -> None:
    assert FUNCTIONS.get(name).TITLE
