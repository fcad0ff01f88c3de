"""How well vectors know the words of radiology: the test of `corpora/embedding_tests`.

An item offers an answer among distractors, and the one nearest to the question's word is taken (cosine).
For an analogy a : b :: c : ? the question is b - a + c of vectors of length 1 (3CosAdd: Mikolov et al. 2013,
NAACL, section 4; Levy and Goldberg 2014, CoNLL), and it is asked over the whole vocabulary as well. The odd
one out is the word least like the others. A tie is decided against the vectors.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError

FILE = "items.csv"
COLUMNS = ("kind", "question", "answer", "distractors")

CHOICE, ANALOGY, ODD = 1, 3, 0
KINDS = {
    "synonym": CHOICE,
    "abbreviation": CHOICE,
    "misspelling": CHOICE,
    "spelling_variant": CHOICE,
    "laterality": ANALOGY,
    "severity": ANALOGY,
    "odd_one_out": ODD,
}
"""Each kind of item with the number of words in its question; the odd one out has none."""

OR = "|"
"""Stands between the forms of one word in the file: embolism|pulmonary_embolism."""

TIE = 1e-6
"""Cosines this near are equal: float32 does not tell them apart."""

BLOCK = 4096
"""Words of the vocabulary that are compared together."""

Rows: TypeAlias = npt.NDArray[np.float64]
Term: TypeAlias = tuple[str, ...]
"""A word's forms; the first that has a vector stands for it."""


class Lookup(Protocol):
    """Words with vectors; `_vectors.Vectors` is one."""

    @property
    def words(self) -> Sequence[str]:
        """All words; an analogy is looked for among them."""

    def find(self, word: str, /) -> npt.NDArray[Any] | None:
        """(width,) a word's vector, also of a word that is not among `words`; None where there is none."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item.

    Attributes:
        kind: one of `KINDS`.
        question: the words asked about: one, or three of an analogy, or none.
        answer: the right word.
        distractors: words beside it; of `odd_one_out` those that belong together.
    """

    kind: str
    question: tuple[Term, ...]
    answer: Term
    distractors: tuple[Term, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        """All words: the question's, the answer, the distractors."""
        return (*self.question, self.answer, *self.distractors)

    @property
    def chance(self) -> float:
        """How often a guess among its own candidates is right."""
        return 1 / (1 + len(self.distractors))

    @property
    def key(self) -> tuple[str, frozenset[str]]:
        """Equal for items that ask the same of the same words, in whatever order."""
        asked = (*self.question, self.answer) if self.question else self.terms
        return self.kind, frozenset(term[0] for term in asked)


@dataclass(frozen=True, slots=True)
class Tally:
    """How items went.

    Attributes:
        items: how many there are.
        answered: how many have a vector for each of their words.
        right: how many were answered rightly.
        chance: the share of the answered that guessing gets right; of a whole vocabulary next to nothing.
    """

    items: int
    answered: int
    right: int
    chance: float

    @property
    def missing(self) -> int:
        """Items with a word that has no vector."""
        return self.items - self.answered

    @property
    def accuracy(self) -> float:
        """Of those that were answered; nan where none was."""
        return self.right / self.answered if self.answered else float("nan")

    @property
    def strict_accuracy(self) -> float:
        """Of all, where what is missing is wrong; nan where there is none."""
        return self.right / self.items if self.items else float("nan")


@dataclass(frozen=True, slots=True)
class Score:
    """What vectors came to.

    Attributes:
        kinds: kind to its tally, each item over its own candidates.
        overall: of all kinds.
        open_kinds: kinds of analogies, each item over the whole vocabulary but for the question's words.
        open_overall: of all analogies, over the whole vocabulary.
    """

    kinds: Mapping[str, Tally]
    overall: Tally
    open_kinds: Mapping[str, Tally]
    open_overall: Tally


def read_items(path: Path) -> tuple[Item, ...]:
    """Read a file of items.

    Raises:
        InputError: it cannot be read, a line is no item, or two items ask the same; the message has the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path} is no CSV file in UTF-8.") from None
    if not lines or tuple(lines[0]) != COLUMNS:
        raise InputError(f"{path} should begin with the line {','.join(COLUMNS)}.")
    return tuple(_items(path, lines))


def _items(path: Path, lines: Sequence[Sequence[str]]) -> Iterator[Item]:
    seen: dict[tuple[str, frozenset[str]], int] = {}
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) != len(COLUMNS):
            raise InputError(f"{path}, line {number}: {len(cells)} cells; there should be {len(COLUMNS)}.")
        item = Item(cells[0], _terms(cells[1]), tuple(cells[2].split(OR)), _terms(cells[3]))
        for problem in _problems(item):
            raise InputError(f"{path}, line {number}: {problem}.")
        first = seen.setdefault(item.key, number)
        if first != number:
            raise InputError(f"{path}, line {number} asks the same as line {first}. Remove one of them.")
        yield item


def _terms(cell: str) -> tuple[Term, ...]:
    return tuple(tuple(word.split(OR)) for word in cell.split())


def _problems(item: Item) -> Iterator[str]:
    forms = [form for term in item.terms for form in term]
    if item.kind not in KINDS:
        yield f"'{item.kind}' is no kind of item; the kinds are {', '.join(KINDS)}"
    elif len(item.question) != KINDS[item.kind]:
        yield f"the question of {item.kind} has {KINDS[item.kind]} words, and this one {len(item.question)}"
    elif len(item.distractors) < (1 if item.question else 3):
        yield "there are too few distractors"
    elif not all(form.replace("_", "").isalnum() and form == form.lower() for form in forms):
        yield "words are letters and digits, in small letters, with _ within a phrase"
    elif len(set(forms)) != len(forms):
        yield "a word is there twice"


def score(vectors: Lookup, items: Iterable[Item]) -> Score:
    """Put the items to vectors.

    Args:
        vectors: words and their vectors.
        items: as read by `read_items`.
    """
    asked = [(item, _rows(vectors, item)) for item in items]
    analogies = [(item, rows) for item, rows in asked if KINDS[item.kind] == ANALOGY]
    verdicts = [(item, None if rows is None else _right(item, rows)) for item, rows in asked]
    opened = _open_verdicts(vectors, analogies)
    return Score(
        kinds=_by_kind(verdicts, _guessed),
        overall=_tally(verdicts, _guessed),
        open_kinds=_by_kind(opened, _never),
        open_overall=_tally(opened, _never),
    )


Verdicts: TypeAlias = Sequence[tuple[Item, bool | None]]
"""Items and whether they were answered rightly; None: a word has no vector."""


def _guessed(item: Item) -> float:
    return item.chance


def _never(item: Item) -> float:
    return 0.0


def _by_kind(verdicts: Verdicts, chance: Callable[[Item], float]) -> dict[str, Tally]:
    present = {item.kind for item, _ in verdicts}
    return {
        kind: _tally([verdict for verdict in verdicts if verdict[0].kind == kind], chance)
        for kind in KINDS
        if kind in present
    }


def _tally(verdicts: Verdicts, chance: Callable[[Item], float]) -> Tally:
    answered = [(item, right) for item, right in verdicts if right is not None]
    guessed = sum(chance(item) for item, _ in answered) / len(answered) if answered else float("nan")
    return Tally(len(verdicts), len(answered), sum(right for _, right in answered), guessed)


def _rows(vectors: Lookup, item: Item) -> Rows | None:
    """(words of the item, width) of length 1, in the order of `terms`; None where one has no vector."""
    found = [_first(vectors, term) for term in item.terms]
    present = [vector for vector in found if vector is not None]
    return _unit(np.stack(present)) if len(present) == len(found) else None


def _first(vectors: Lookup, term: Term) -> npt.NDArray[Any] | None:
    found = (vectors.find(form) for form in term)
    return next((vector for vector in found if vector is not None), None)


def _unit(rows: npt.NDArray[Any]) -> Rows:
    """Rows of length 1 in float64; a row of zeros stays one."""
    wide: Rows = rows.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: Rows = wide / np.where(lengths == 0, 1, lengths)
    return unit


def _right(item: Item, rows: Rows) -> bool:
    """Does the answer stand out among the item's own candidates?"""
    asked = len(item.question)
    candidates = rows[asked:]
    if asked:
        merits = candidates @ _target(rows[:asked])
    else:
        # Least like the others: the mean cosine with them is row (sum of rows - row) / (rows - 1).
        merits = -(candidates @ candidates.sum(axis=0) - (candidates**2).sum(axis=1)) / (len(candidates) - 1)
    return bool(merits[0] > merits[1:].max() + TIE)


def _target(question: Rows) -> Rows:
    """(width,) where the answer is looked for, of length 1."""
    if len(question) == ANALOGY:
        a, b, c = question
        question = _unit((b - a + c)[None])
    target: Rows = question[0]
    return target


def _open_verdicts(vectors: Lookup, asked: Sequence[tuple[Item, Rows | None]]) -> Verdicts:
    """Analogies over the whole vocabulary, a block of its words at a time."""
    targets = {item: _target(rows[: len(item.question)]) for item, rows in asked if rows is not None}
    if not targets:
        return [(item, None) for item, _ in asked]
    answers, others = np.full((2, len(targets)), -np.inf)
    matrix = np.stack(list(targets.values()))
    for words, block in _blocks(vectors):
        cosines = matrix @ block.T
        places = {word: place for place, word in enumerate(words)}
        for row, item in enumerate(targets):
            own = [places[form] for form in item.answer if form in places]
            answers[row] = max([answers[row], *cosines[row, own]])
            gone = [places[form] for term in item.question for form in term if form in places]
            cosines[row, own + gone] = -np.inf
        others = np.maximum(others, cosines.max(axis=1))
    right = dict(zip(targets, (answers > others + TIE).tolist(), strict=True))
    return [(item, right.get(item)) for item, _ in asked]


def _blocks(vectors: Lookup) -> Iterator[tuple[list[str], Rows]]:
    """The vocabulary's words with their vectors of length 1."""
    words = iter(vectors.words)
    while block := list(islice(words, BLOCK)):
        found = [(word, vector) for word in block if (vector := vectors.find(word)) is not None]
        if found:
            yield [word for word, _ in found], _unit(np.stack([vector for _, vector in found]))
