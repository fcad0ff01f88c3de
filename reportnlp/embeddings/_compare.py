"""How alike two sets of vectors are, over the words that both have.

Vectors of two trainings lie in spaces that are turned against each other, so what is compared is what does
not turn: cosines, and the neighbours that follow from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings._vectors import Vectors
from reportnlp.embeddings.blocks import Matrix
from reportnlp.errors import InputError

BLOCK = 512
"""Words whose neighbours are looked for together."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sets of vectors have in common.

    Attributes:
        words: how many words each has.
        shared: how many both have.
        compared: of how many of those neighbours were compared, the most frequent ones of the first set.
        neighbours: how many neighbours of each.
        overlap: the mean share of neighbours that are the same.
        by_chance: what it would be if the neighbours of one set were drawn at random.
        correlation: of the cosines of pairs of words (Pearson).
        least: words whose neighbours agree least, with the share that is the same.
    """

    words: tuple[int, int]
    shared: int
    compared: int
    neighbours: int
    overlap: float
    by_chance: float
    correlation: float
    least: tuple[tuple[str, float], ...]


def compare(
    first: Vectors, second: Vectors, *, seed: int, words: int = 5000, neighbours: int = 10, shown: int = 10
) -> Comparison:
    """Compare two sets of vectors; neighbours are looked for among the compared words.

    Args:
        first: vectors.
        second: others; their width may differ.
        seed: of the pairs whose cosines are correlated.
        words: the most shared words that are compared.
        neighbours: how many neighbours of each word.
        shown: how many words with the least agreement are named.

    Raises:
        InputError: they share too few words.
    """
    shared = [word for word in first.words if word in second]
    common = shared[:words]
    if len(common) <= neighbours + 1:
        raise InputError(
            f"The two have {len(shared)} words in common, too few to compare {neighbours} neighbours of each."
        )
    left, right = _rows(first, common), _rows(second, common)
    overlaps = _overlaps(left, right, neighbours)
    order = np.argsort(overlaps, kind="stable")[:shown].tolist()
    return Comparison(
        words=(len(first), len(second)),
        shared=len(shared),
        compared=len(common),
        neighbours=neighbours,
        overlap=float(overlaps.mean()),
        by_chance=neighbours / (len(common) - 1),
        correlation=_correlation(left, right, seed),
        least=tuple((common[place], float(overlaps[place])) for place in order),
    )


def _rows(vectors: Vectors, words: list[str]) -> Matrix:
    return vectors.directions[[vectors.vocabulary.index[word] for word in words]]


def _overlaps(left: Matrix, right: Matrix, count: int) -> npt.NDArray[np.float64]:
    """(words,) the share of each word's neighbours that are the same in both."""
    parts = []
    for start in range(0, len(left), BLOCK):
        ours = _nearest(left, start, count)
        theirs = _nearest(right, start, count)
        same = (ours[:, :, None] == theirs[:, None, :]).any(axis=2)
        parts.append(same.mean(axis=1))
    return np.concatenate(parts)


def _nearest(unit: Matrix, start: int, count: int) -> npt.NDArray[np.intp]:
    """(block, count) the nearest words of a block of words, themselves left out."""
    similarities = unit[start : start + BLOCK] @ unit.T
    rows = np.arange(len(similarities))
    similarities[rows, start + rows] = -np.inf
    return np.argpartition(-similarities, count - 1, axis=1)[:, :count]


def _correlation(left: Matrix, right: Matrix, seed: int, pairs: int = 100_000) -> float:
    one, other = np.random.default_rng(seed).integers(0, len(left), (2, pairs))
    apart = one != other
    one, other = one[apart], other[apart]
    cosines = [np.einsum("ij,ij->i", unit[one], unit[other]) for unit in (left, right)]
    if any(np.ptp(values) == 0 for values in cosines):
        return float("nan")
    return float(np.corrcoef(*cosines)[0, 1])
