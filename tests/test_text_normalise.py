from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reportnlp.text.normalise import normalise


def test_ascii_is_unchanged() -> None:
    normalised = normalise("No PE.\nLungs clear.")
    assert normalised.text == "No PE.\nLungs clear."
    assert normalised.cuts == ()


def test_repeated_white_space_goes_and_line_ends_stay() -> None:
    text = "No  PE. \r\n\r\n   Lungs\t clear."
    normalised = normalise(text)
    assert normalised.text == "No PE.\n\nLungs\tclear."
    start = normalised.text.index("Lungs")
    assert text[slice(*normalised.to_original(start, start + 5))] == "Lungs"


def test_look_alikes_fold_one_for_one() -> None:
    normalised = normalise("non\u2011diagnostic \u2013 \u201cPE\u201d\u00a0study")
    assert normalised.text == 'non-diagnostic - "PE" study'
    assert normalised.cuts == ()


def test_invisible_characters_go_and_offsets_lead_back() -> None:
    text = "No pulmo\u200bnary embolus\u202e."
    normalised = normalise(text)
    assert normalised.text == "No pulmonary embolus."
    start = normalised.text.index("pulmonary")
    assert text[slice(*normalised.to_original(start, start + len("pulmonary")))] == "pulmo\u200bnary"


def test_nul_is_white_space() -> None:
    assert normalise("No\x00PE").text == "No PE"


@given(st.text())
def test_every_range_leads_back_into_the_original(text: str) -> None:
    normalised = normalise(text)
    ends = [normalised.to_original(i, i + 1) for i in range(len(normalised.text))]
    assert all(0 <= start < end <= len(text) for start, end in ends)
    assert ends == sorted(set(ends))
    assert normalised.to_original(0, 0)[0] <= len(text)
