"""The package's one report tokenizer for vectors and networks: Hugging Face `tokenizers`, word by word.

Characters are folded (NFKC, lower case, invisible ones dropped, a hyphen within a word is a space), and words
are runs of letters and digits, numbers, abbreviations of two letters ("s/p") and the question mark, which in
reports is doubt ("?PE"). Other punctuation and a possessive 's are left out. Phrases ("pulmonary_embolism")
are found before words are cut, by the tokenizer itself, the longest first; so `tokenizer.json` holds all
there is to say about the way from a text to words, and offsets lead back into the report's own text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN = "[PAD]", "[UNK]"
SPECIALS = (PAD, UNKNOWN)
"""What stands at the first ids: 0 fills up, 1 is any word without an id of its own."""

BREAK = "\u00b6"
"""Stands for a line break that begins a paragraph, an item or a sentence."""

JOINT = "_"
"""Stands between the words of a phrase where it is written as one word."""

_WORD = (
    r"(?<!\p{L}['\x{2019}])\p{L}[\p{L}\p{M}\p{N}]*"  # a run that begins with a letter, and is no possessive s
    r"(?:/\p{L}(?![\p{L}\p{N}/])(?<![\p{L}\p{N}/]\p{L}/\p{L}))?"  # the second half of s/p
    r"(?:['\x{2019}](?!s(?!\p{L}))\p{L}+)*"  # o'brien
    r"|\p{N}+(?:[.,]\p{N}+)*|\?"
)
_SIGN = r"|[^\s\p{L}\p{N}]"
_BREAK = r"\n(?=\s*(?:\n|[-*\x{2022}>]|\d{1,2}[.)]|\p{Lu}))"
_SPACES = r" {2,}|(?<=[\p{L}\p{N}])[-\x{2010}-\x{2013}](?=[\p{L}\p{N}])"
_PHRASE = re.compile(rf"[^\W_]+(?:{JOINT}[^\W_]+)+")


class Word(NamedTuple):
    """A word of a text.

    Attributes:
        text: as the vocabulary has it, or `[UNK]`.
        id: its id; 1 when it has none of its own.
        start, end: where it stands in the text that was given.
    """

    text: str
    id: int
    start: int
    end: int


class Words:
    """From texts to words and their ids: the words' places in the vocabulary, behind those of the specials.

    Args:
        tokenizer: made by `build` or `read`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @classmethod
    def build(cls, vocabulary: Sequence[str], *, lowercase: bool = True, signs: bool = False) -> Words:
        """Make the tokenizer of a vocabulary; words with `_` between their parts are phrases.

        Args:
            vocabulary: words by place. One that no text can bring forth keeps its id, and is never met.
            lowercase: whether case is folded.
            signs: keep punctuation, and the line breaks that begin something new, as words of their own.

        Raises:
            MissingExtraError: `tokenizers` is not installed.
        """
        ids = {special: place for place, special in enumerate(SPECIALS)}
        for place, word in enumerate(vocabulary):
            ids.setdefault(_spaced(word), place + len(SPECIALS))
        tokenizer = cutter(ids, lowercase=lowercase, signs=signs)
        phrases = [_spaced(word) for word in vocabulary if _PHRASE.fullmatch(word)]
        if phrases:
            added = _library().AddedToken
            tokenizer.add_tokens([added(phrase, single_word=True, normalized=True) for phrase in phrases])
        return cls(tokenizer)

    @classmethod
    def read(cls, path: Path) -> Words:
        """Read a `tokenizer.json`; what it says of cutting texts off or filling them up is not followed.

        Raises:
            InputError: it is not there, or is none.
            MissingExtraError: `tokenizers` is not installed.
        """
        library = _library()
        try:
            tokenizer = library.Tokenizer.from_str(path.read_text("utf-8"))
        except OSError as error:
            raise InputError(f"Cannot read {path}: {error.strerror}.") from error
        except Exception as error:  # the library raises no other kind
            raise InputError(f"{path} is no tokenizer of the library 'tokenizers'.") from error
        # Many a published encoder's file cuts texts off at 128 tokens; windows read the whole of them.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(tokenizer)

    def save(self, path: Path) -> None:
        """Write it as `tokenizer.json`."""
        path.write_text(self.tokenizer.to_str(), encoding="utf-8")

    @cached_property
    def names(self) -> dict[int, str]:
        """Each id's word, phrases written with `_`."""
        return {place: word.replace(" ", JOINT) for word, place in self.tokenizer.get_vocab().items()}

    def __call__(self, text: str) -> list[Word]:
        """The words of a text in order, those without an id of their own among them."""
        found = self.tokenizer.encode(text, add_special_tokens=False)
        spans = zip(found.ids, found.offsets, strict=True)
        return [Word(self.names[place], place, start, end) for place, (start, end) in spans]

    def ids(self, texts: Sequence[str]) -> Iterator[npt.NDArray[np.int32]]:
        """The ids of many texts, on all cores: (words,) int32 for each."""
        for found in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False):
            yield np.array(found.ids, dtype=np.int32)

    def split(self, text: str) -> list[str]:
        """The words of a text as strings, whether they have an id or not; phrases written with `_`."""
        words = self(text)
        return [self._folded(text[w.start : w.end]) if w.text == UNKNOWN else w.text for w in words]

    def _folded(self, word: str) -> str:
        normaliser = self.tokenizer.normalizer
        return str(normaliser.normalize_str(word)) if normaliser else word


def cutter(ids: dict[str, int], *, lowercase: bool, signs: bool = False) -> Tokenizer:
    """A tokenizer that folds characters and cuts words.

    Args:
        ids: words and specials with their ids.
        lowercase: whether case is folded.
        signs: keep punctuation marks as words of their own, and `BREAK` for line breaks that begin something.

    Raises:
        MissingExtraError: `tokenizers` is not installed.
    """
    library = _library()
    from tokenizers import models, normalizers, pre_tokenizers

    tokenizer: Tokenizer = library.Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    breaks = [normalizers.Replace(library.Regex(_BREAK), f" {BREAK} ")] if signs else []
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            *breaks,
            normalizers.BertNormalizer(
                clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=lowercase
            ),
            normalizers.Replace(library.Regex(_SPACES), " "),
        ]
    )
    pattern = library.Regex(_WORD + _SIGN if signs else _WORD)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, "removed", invert=True)
    return tokenizer


def count_words(
    batches: Iterable[list[str]], *, min_count: int, lowercase: bool, signs: bool = False
) -> tuple[str, ...]:
    """The words that occur at least so often, specials left out; one pass, streamed.

    Args:
        batches: lists of texts.
        min_count: how often a word must occur.
        lowercase: whether case is folded.
        signs: count punctuation marks too.
    """
    tokenizer = cutter({UNKNOWN: 0}, lowercase=lowercase, signs=signs)
    from tokenizers import trainers

    trainer = trainers.WordLevelTrainer(
        vocab_size=2**31, min_frequency=min_count, show_progress=False, special_tokens=list(SPECIALS)
    )
    tokenizer.train_from_iterator(batches, trainer)
    vocabulary = tokenizer.get_vocab()
    return tuple(sorted(word for word in vocabulary if word not in SPECIALS))


def may_join(word: str) -> bool:
    """May the word be part of a phrase? Measures and abbreviations with a slash may not."""
    return word[:1].isalpha() and all(part.isalnum() for part in word.split(JOINT))


def _spaced(word: str) -> str:
    return word.replace(JOINT, " ") if _PHRASE.fullmatch(word) else word


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError("The report tokenizer", "train") from error
    return tokenizers
