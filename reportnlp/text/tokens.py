"""Tokens for the rules: spaCy's, with one canonical form (NORM) for each word.

The canonical form is computed once for each distinct word, when spaCy first sees it, and matched in C from
then on. It folds case, British spelling, regular plurals, known dictation slips and, for long words that
phrases use, one typing error (Damerau 1964: one insertion, deletion, substitution or transposition).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import spacy
from spacy.language import Language
from spacy.symbols import NORM
from spacy.tokenizer import Tokenizer

from reportnlp.config import package_toml

_PREFIX = re.compile(r"""^[?~<>=+*#&@$%^|\\/:;,.!()\[\]{}"'_-]""")
_SUFFIX = re.compile(r"""(?:[?~<>=+*#&@$%^|\\/:;,.!()\[\]{}"'_-]|'s)$""")
_INFIX = re.compile(r"""[/:;,()\[\]?+=<>|~]|(?<=[a-zA-Z]{2})\.(?=[a-zA-Z]{2})|--+""")

SHORTEST_REPAIRED = 9
"""Words shorter than this are never repaired: too many real words lie one letter apart."""

_SIGNS = str.maketrans("23456789()\n\r\t", "11111111[]   ")
"""Digits fold to 1, line ends to spaces, round brackets (which group in phrases) to square ones."""


@cache
def _spelling() -> tuple[dict[str, str], frozenset[str]]:
    table = package_toml("text", "spelling.toml")
    same = {variant: word for word, variants in table["same"].items() for variant in variants}
    return same, frozenset(table["keep"]["words"])


def fold(text: str) -> str:
    """Text with case and digits folded, as long as before: texts that fold alike are read alike."""
    return text.lower().translate(_SIGNS)


def canonical(word: str) -> str:
    """The canonical form of one token: lower case, American, singular, known slips mended."""
    same, keep = _spelling()
    word = fold(word)
    if word in same:
        return same[word]
    if word in keep or len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    singular = _singular(word)
    return same.get(singular, singular)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1]


class Speller:
    """Canonical forms, with typing errors mended towards the words that phrases use.

    Args:
        known: canonical words that occur in phrases; only the long ones attract repairs.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._by_deletion: dict[str, str] = {}
        for word in sorted(self._known):
            if len(word) >= SHORTEST_REPAIRED and word.isalpha():
                for shape in _deletions(word):
                    self._by_deletion.setdefault(shape, word)

    def __call__(self, word: str) -> str:
        """Canonical form of `word`, repaired when that leads to exactly one edit from a known word."""
        form = canonical(word)
        if form in self._known or len(form) < SHORTEST_REPAIRED - 1 or not form.isalpha():
            return form
        if form in _spelling()[1]:
            return form
        for shape in _deletions(form):
            target = self._by_deletion.get(shape)
            if target and target[0] == form[0] and _one_edit_apart(form, target):
                return target
        return form


def _deletions(word: str) -> list[str]:
    return [word, *(word[:i] + word[i + 1 :] for i in range(1, len(word)))]


def _one_edit_apart(given: str, target: str) -> bool:
    """One slip apart in the middle of a word; endings that make another word (-al, -ed, -ic) are no slip."""
    if given.endswith(("able", "ally", "ed", "ing", "ic", "ive", "ary")) and given[-3:] != target[-3:]:
        return False
    if abs(len(given) - len(target)) == 1:
        shorter, longer = sorted((given, target), key=len)
        return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer) - 1))
    if len(given) != len(target):
        return False
    differing = [i for i, (a, b) in enumerate(zip(given, target, strict=True)) if a != b]
    if len(differing) == 1:
        return differing[0] < len(target) - 1
    return (
        len(differing) == 2
        and differing[1] == differing[0] + 1
        and given[differing[0]] == target[differing[1]]
        and given[differing[1]] == target[differing[0]]
    )


def blank_english(speller: Speller) -> Language:
    """A spaCy pipeline that only tokenizes, with `speller` giving each word's NORM.

    Slashes, colons, question and plus marks always stand alone ("?PE", "PE/DVT"); hyphens inside words
    do not split ("non-diagnostic" is one token).
    """
    nlp = spacy.blank("en")
    getters = nlp.vocab.lex_attr_getters  # type: ignore[attr-defined]
    getters.clear()  # shape, like_num and the rest are computed for each new word, and nobody here reads them
    getters[NORM] = speller
    for lexeme in list(nlp.vocab):
        lexeme.norm_ = speller(lexeme.text)
    nlp.tokenizer = Tokenizer(
        nlp.vocab,
        prefix_search=_PREFIX.search,
        suffix_search=_SUFFIX.search,
        infix_finditer=_INFIX.finditer,
    )
    return nlp
