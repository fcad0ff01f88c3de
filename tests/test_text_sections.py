from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportnlp.text.sections import BODY, find_sections, load_headings


def cut(text: str) -> list[tuple[str, str]]:
    return [(section.name, text[section.start : section.end].strip()) for section in find_sections(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "INDICATION: ?PE\nFINDINGS: Clot.\nIMPRESSION: PE.",
            [("indication", "?PE"), ("findings", "Clot."), ("impression", "PE.")],
        ),
        (
            "Clinical details: cough. Findings: Lungs clear. Conclusion: Normal.",
            [("indication", "cough."), ("findings", "Lungs clear."), ("impression", "Normal.")],
        ),
        (
            "FINDINGS\nLungs clear.\n\nOPINION\nNormal.",
            [("findings", "Lungs clear."), ("impression", "Normal.")],
        ),
        ("1. IMPRESSION: PE.", [("impression", "PE.")]),
        ("**Findings:** clear", [("findings", "** clear")]),
        ("No headings at all.", [("findings", "No headings at all.")]),
        ("", [("findings", "")]),
        (
            "Comment: no PE.\nADDENDUM 12/03/2021: Small clot.",
            [("impression", "no PE."), ("addendum", "Small clot.")],
        ),
        (
            "Preliminary report: No PE.\nFinal report: PE.",
            [("preliminary", "No PE."), ("addendum", "PE.")],
        ),
        (
            "Findings. Lungs clear.\nConclusion. Normal.",
            [("findings", "Lungs clear."), ("impression", "Normal.")],
        ),
    ],
)
def test_headings_in_many_hands(text: str, expected: list[tuple[str, str]]) -> None:
    assert cut(text) == expected


def test_exam_name_above_the_headings_is_a_title() -> None:
    assert cut("CT CHEST PE PROTOCOL\n\nFINDINGS: Clear.") == [
        ("title", "CT CHEST PE PROTOCOL"),
        ("findings", "Clear."),
    ]


def test_statement_above_the_headings_is_no_title() -> None:
    assert cut("There is a large clot.\nCONCLUSION: PE.")[0] == ("findings", "There is a large clot.")


def test_request_ends_with_its_paragraph_where_no_findings_heading_follows() -> None:
    text = "Clinical history: cough.\n\nThere is a small effusion."
    assert cut(text) == [("indication", "cough."), ("findings", "There is a small effusion.")]


def test_request_of_two_paragraphs_goes_on_to_the_findings_heading() -> None:
    text = "INDICATION: cough.\n\nPrevious PE.\n\nFINDINGS: Clear."
    assert [name for name, _ in cut(text)] == ["indication", "findings"]


def test_word_inside_a_sentence_is_no_heading() -> None:
    assert [name for name, _ in cut("The history of cough was noted, comparison was made.")] == [BODY]


@pytest.mark.parametrize("heading", sorted(load_headings().canonical))
def test_every_heading_of_the_table_is_found(heading: str) -> None:
    text = f"{heading.upper()}: something here."
    assert cut(text)[0][0] == load_headings().canonical[heading]


@given(st.text(alphabet="FINDGSimpreso:. \n*1-a", max_size=80))
def test_sections_are_ordered_and_never_overlap(text: str) -> None:
    sections = find_sections(text)
    assert sections
    for one, other in pairwise(sections):
        assert one.start <= one.end <= other.start <= other.end <= len(text)
