from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportnlp.text.sections import find_sections
from reportnlp.text.sentences import split_sentences
from reportnlp.types import Section


def split(text: str) -> list[str]:
    whole = [Section("findings", 0, len(text))]
    return [text[sentence.start : sentence.end] for sentence in split_sentences(text, whole)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No PE. Lungs clear.", ["No PE.", "Lungs clear."]),
        ("Seen by Dr. Smith today. No PE.", ["Seen by Dr. Smith today.", "No PE."]),
        ("A mass of 5.2 cm is seen. No PE.", ["A mass of 5.2 cm is seen.", "No PE."]),
        ("Opacities, e.g. in the lingula. Clear.", ["Opacities, e.g. in the lingula.", "Clear."]),
        ("1. No PE.\n2. Small effusion.", ["No PE.", "Small effusion."]),
        ("- no PE\n- small effusion", ["no PE", "small effusion"]),
        ("No effusion.Heart normal.", ["No effusion.", "Heart normal."]),
        ("Lungs: clear\nPleura: normal", ["Lungs: clear", "Pleura: normal"]),
        ("no pe. small effusion. heart ok.", ["no pe.", "small effusion.", "heart ok."]),
        (
            "Mosaic pattern (small airways? vessels?) is seen. Clear.",
            ["Mosaic pattern (small airways? vessels?) is seen.", "Clear."],
        ),
        ("Nodule of 4 mm. Effusion.", ["Nodule of 4 mm.", "Effusion."]),
        ("", []),
        (" \n . \n", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_line_broken_by_a_margin_goes_on() -> None:
    text = (
        "There is no evidence of a filling defect in the main, lobar or\n"
        "segmental pulmonary arteries of either lung, and no evidence of right\n"
        "heart strain is seen.\n"
    )
    assert len(split(text)) == 1


def test_margin_in_capitals_goes_on() -> None:
    text = (
        "THERE IS NO EVIDENCE OF A FILLING DEFECT IN THE MAIN, LOBAR OR SEGMENTAL\n"
        "PULMONARY ARTERIES OF EITHER LUNG.\n"
    )
    assert len(split(text)) == 1


@given(st.text(alphabet="Ab .\n?!-1(),:", max_size=120))
def test_sentences_are_ordered_trimmed_and_lose_no_letter(text: str) -> None:
    sections = find_sections(text)
    sentences = split_sentences(text, sections)
    for one, other in pairwise(sentences):
        assert one.end <= other.start
    for sentence in sentences:
        piece = text[sentence.start : sentence.end]
        assert piece == piece.strip()
        assert any(character.isalnum() for character in piece)
