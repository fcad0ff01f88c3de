"""Every finding file runs its own worked cases, every panel file compiles: a new file needs no new test."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from reportnlp.findings import Case, Finding, finding_names, load_finding, panel_names
from reportnlp.labeler import Labeler, load
from reportnlp.types import Presence

FEWEST_CASES = 3
HOME_PANELS = ("pe", "head_ct", "chest_xray", "chest_ct")


@cache
def home_labeler(name: str) -> Labeler:
    """The labeler of the first shipped panel that asks for a finding; a panel of its own where none does."""
    for panel in HOME_PANELS:
        labeler = panel_labeler(panel)
        if any(finding.name == name for finding in labeler.panel.findings):
            return labeler
    return load(f"reportnlp/findings/{name}.toml")


@cache
def panel_labeler(name: str) -> Labeler:
    return load(name)


CASES = [
    pytest.param(name, case, id=f"{name}-{number}")
    for name in finding_names()
    for number, case in enumerate(load_finding(name).cases)
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_case_gets_its_answers(name: str, case: Case) -> None:
    result = home_labeler(name)(case.text)
    expected = {name: case.presence.value, **{f"{name}.{key}": a for key, a in case.attributes.items()}}
    given = {question: result.answers[question] for question in expected}
    assert given == expected, f"{case.text!r} (evidence: {result.evidence.get(name)!r})"


@pytest.mark.parametrize("name", finding_names())
def test_every_answer_has_cases(name: str) -> None:
    finding = load_finding(name)
    counts = count_answers(finding)
    wanted = {(name, answer.value) for answer in Presence}
    wanted |= {(f"{name}.{k}", answer) for k, a in finding.attributes.items() for answer in a.answers}
    missing = {key: counts[key] for key in wanted if counts[key] < FEWEST_CASES}
    assert not missing


def count_answers(finding: Finding) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for case in finding.cases:
        counts[finding.name, case.presence.value] += 1
        counts.update((f"{finding.name}.{key}", answer) for key, answer in case.attributes.items())
    return counts


@pytest.mark.parametrize("name", finding_names())
def test_cases_differ(name: str) -> None:
    texts = [" ".join(case.text.lower().split()) for case in load_finding(name).cases]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", finding_names())
def test_evidence_lies_in_the_text(name: str) -> None:
    labeler = home_labeler(name)
    for case in load_finding(name).cases:
        for label in labeler(case.text).labels:
            if label.evidence is not None:
                start, end = label.evidence
                assert 0 <= start < end <= len(case.text)
                assert case.text[start:end].strip() == case.text[start:end]


@pytest.mark.parametrize("name", panel_names())
def test_panel_answers_every_question_of_an_empty_report(name: str) -> None:
    labeler = panel_labeler(name)
    labels = labeler("").labels
    assert [label.question for label in labels] == [question.name for question in labeler.questions]
    assert {label.answer for label in labels} == {"not_mentioned", "not_applicable"}


def test_pulmonary_embolism_is_covered_in_depth() -> None:
    assert len(load_finding("pulmonary_embolism").cases) >= 60
