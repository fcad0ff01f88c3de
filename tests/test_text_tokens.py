from __future__ import annotations

import pytest

from reportnlp.text.tokens import Speller, blank_english, canonical

SPELLER = Speller(["pneumothorax", "atelectasis", "consolidation", "contusion", "embolus", "effusion"])


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("Haemorrhage", "hemorrhage"),
        ("emboli", "embolus"),
        ("embolist", "embolus"),
        ("arteries", "artery"),
        ("effusions", "effusion"),
        ("masses", "mass"),
        ("pus", "pus"),
        ("OEDEMA", "edema"),
        ("Lt", "left"),
        ("T12", "t11"),
    ],
)
def test_canonical_forms(word: str, form: str) -> None:
    assert canonical(word) == form


@pytest.mark.parametrize("form", ["embolus", "pus", "diagnosis", "artery", "mass", "atelectasis"])
def test_a_canonical_form_is_its_own(form: str) -> None:
    assert canonical(form) == form


@pytest.mark.parametrize("typed", ["consolidtion", "consoldiation", "consollidation", "consolidatoin"])
def test_one_slip_in_a_long_word_is_mended(typed: str) -> None:
    assert SPELLER(typed) == "consolidation"


@pytest.mark.parametrize(
    "word", ["confusion", "infusion", "diffusion", "emboli1", "solidation", "unknownword"]
)
def test_real_and_short_words_are_left_alone(word: str) -> None:
    assert SPELLER(word) == canonical(word)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("?PE/DVT", ["?", "PE", "/", "DVT"]),
        ("non-diagnostic study.", ["non-diagnostic", "study", "."]),
        ("(PE)", ["(", "PE", ")"]),
        ("effusion:none", ["effusion", ":", "none"]),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    nlp = blank_english(SPELLER)
    assert [token.text for token in nlp.make_doc(text)] == words
