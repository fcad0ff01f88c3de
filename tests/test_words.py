"""The report tokenizer: what a word is, offsets into the report, phrases, and its file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tokenizers import Tokenizer

from reportnlp.errors import InputError, InvalidDefinitionError, MissingExtraError
from reportnlp.text import phrases
from reportnlp.text.phrases import GAP, PhraseConfig, learn
from reportnlp.text.words import SPECIALS, Words, count_words

VOCABULARY = (
    "acute",
    "pulmonary_embolism",
    "embolism",
    "?",
    "s/p",
    "ground_glass",
    "deep_vein_thrombosis",
    "no",
)


@pytest.fixture(scope="module")
def words() -> Words:
    return Words.build(VOCABULARY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Acute  Pulmonary\nEmbolism.", ["acute", "pulmonary_embolism"]),
        ("?PE", ["?", "pe"]),
        ("s/p CABG, c/w that; and/or a/b/c", ["s/p", "cabg", "c/w", "that", "and", "or", "a", "b", "c"]),
        ("3.5 cm x 10mm, T12 at 1,000 HU", ["3.5", "cm", "x", "10", "mm", "t12", "at", "1,000", "hu"]),
        ("The patient's Hodgkin\u2019s lymphoma", ["the", "patient", "hodgkin", "lymphoma"]),
        ("O'Brien didn\u2019t", ["o'brien", "didn\u2019t"]),
        ("ground-glass Ground\u2013glass ground glass", ["ground_glass"] * 3),
        ("deep-vein thrombosis", ["deep_vein_thrombosis"]),
        ("subpulmonary embolism", ["subpulmonary", "embolism"]),
        ("pulmonary, embolism", ["pulmonary", "embolism"]),
        ("pulmonary embolisms", ["pulmonary", "embolisms"]),
        ("ﬁne \uff23\uff34 caf\u00e9 gr\u00adound\u200b glass", ["fine", "ct", "café", "ground_glass"]),
        ("___ [**2019**] ...", ["2019"]),
        ("[UNK] [PAD]", ["unk", "pad"]),
        ("", []),
        (" \n--- ", []),
    ],
)
def test_words_of_a_text(words: Words, text: str, expected: list[str]) -> None:
    assert words.split(text) == expected


def test_offsets_lead_into_the_text_as_it_was_given(words: Words) -> None:
    text = "\ufeff  Acute\u200b  Pulmonary\r\n  Embolism; ground\u2013glass. ﬁ NO"
    found = [(word.text, text[word.start : word.end]) for word in words(text)]
    assert found == [
        ("acute", "Acute"),
        ("pulmonary_embolism", "Pulmonary\r\n  Embolism"),
        ("ground_glass", "ground\u2013glass"),
        ("[UNK]", "ﬁ"),
        ("no", "NO"),
    ]


def test_ids_are_places_behind_the_specials(words: Words) -> None:
    assert [word.id for word in words("acute pulmonary embolism xyz ?")] == [2, 3, 1, 5]
    [several] = words.ids(["acute pulmonary embolism xyz ?"])
    assert several.dtype == np.int32
    assert several.tolist() == [2, 3, 1, 5]
    assert words.tokenizer.token_to_id("[PAD]") == 0
    assert words.tokenizer.get_vocab_size() == len(VOCABULARY) + len(SPECIALS)


def test_many_texts_are_each_as_alone(words: Words) -> None:
    texts = ["No acute pulmonary embolism.", "", "?embolism", "ground glass " * 50]
    alone = [[word.id for word in words(text)] for text in texts]
    assert [ids.tolist() for ids in words.ids(texts)] == alone


def test_case_is_kept_when_asked_for() -> None:
    words = Words.build(("PE", "New_York"), lowercase=False)
    assert [word.text for word in words("PE pe New York new york")] == [
        "PE",
        "[UNK]",
        "New_York",
        "[UNK]",
        "[UNK]",
    ]


def test_words_that_no_text_brings_forth_keep_their_ids() -> None:
    words = Words.build(("</s>", "[UNK]", "a", "_", "x_", "b_c", "b c", "d"))
    assert [word.id for word in words("a b c d")] == [4, 7, 9]
    assert words("zzz")[0].id == 1


def test_the_file_holds_all(words: Words, tmp_path: Path) -> None:
    words.save(tmp_path / "tokenizer.json")
    again = Words.read(tmp_path / "tokenizer.json")
    text = "Acute pulmonary embolism? s/p ground-glass"
    assert again(text) == words(text)
    # Hugging Face's own reader makes the same of it, with nothing of this package at hand.
    plain = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert plain.encode(text).ids == [word.id for word in words(text)]


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_file_that_is_none_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        Words.read(path)


def test_counting_keeps_what_is_frequent_enough() -> None:
    batches = [["a b c, A", "b"], ["c ' c?"]]
    assert count_words(iter(batches), min_count=2, lowercase=True) == ("a", "b", "c")
    assert count_words(iter([]), min_count=1, lowercase=True) == ()


def test_an_error_of_the_reader_comes_through() -> None:
    def broken() -> Iterator[list[str]]:
        yield ["a b"]
        raise InputError("the disk is gone")

    with pytest.raises(InputError, match="the disk is gone"):
        count_words(broken(), min_count=1, lowercase=True)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"reportnlp\[train\]"):
        Words.build(("a",))


NAMES = ("pulmonary", "embolism", "acute", "5", "of", "the")


def planted(seed: int = 1) -> npt.NDArray[np.int32]:
    """200 texts of random words, in each of which "acute pulmonary embolism" stands once."""
    draw = np.random.default_rng(seed)
    texts = [[*draw.integers(3, 6, 30), 2, 0, 1, *draw.integers(3, 6, 30), GAP] for _ in range(200)]
    return np.array(texts, np.int32).ravel()


def test_a_planted_phrase_is_learned_in_two_rounds() -> None:
    config = PhraseConfig(threshold=20)
    assert learn(planted(), NAMES, config) == (
        "acute_pulmonary",
        "acute_pulmonary_embolism",
        "pulmonary_embolism",
    )
    one_round = learn(planted(), NAMES, PhraseConfig(threshold=20, rounds=1))
    assert one_round == ("acute_pulmonary", "pulmonary_embolism")


@pytest.mark.parametrize("chunk", [64, 1000])
def test_pieces_make_no_difference(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = learn(planted(), NAMES, PhraseConfig(threshold=20))
    monkeypatch.setattr(phrases, "CHUNK", chunk)
    assert learn(planted(), NAMES, PhraseConfig(threshold=20)) == whole


def test_the_score_is_that_of_the_paper() -> None:
    # "a b" 10 times, a 12, b 11, of 1,000 words: (10 - 5) / (12 * 11) * 1000 = 37.9
    stream = [0, 1, GAP] * 10 + [0, GAP] * 2 + [1, GAP] + [2, GAP] * (1000 - 23)
    ids, names = np.array(stream, np.int32), ("a", "b", "c")
    assert learn(ids.copy(), names, PhraseConfig(threshold=37.8, rounds=1)) == ("a_b",)
    assert learn(ids.copy(), names, PhraseConfig(threshold=37.9, rounds=1)) == ()


def test_no_phrase_across_a_gap_or_with_a_number() -> None:
    apart = np.array([0, GAP, 1, GAP] * 50 + [4, GAP] * 900, np.int32)
    assert learn(apart, NAMES, PhraseConfig(threshold=1)) == ()
    number = np.array([3, 1, GAP] * 50 + [4, GAP] * 900, np.int32)
    assert learn(number, NAMES, PhraseConfig(threshold=1)) == ()


def test_overlapping_pairs_are_joined_from_the_left() -> None:
    stream = np.array([0, 0, 0, GAP] * 50 + [4, GAP] * 5000, np.int32)
    joined = phrases._joined(stream, np.array([0], np.int64), len(NAMES))
    assert joined[:8].tolist() == [6, 0, GAP] * 2 + [6, 0]


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"min_count": 0}, {"rounds": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidDefinitionError):
        PhraseConfig(**wrong)
