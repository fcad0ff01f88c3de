"""Phrases learned from how often words stand side by side (Mikolov et al. 2013, arXiv:1310.4546, section 4).

A pair scores (count(a b) - discount) / (count(a) * count(b)) * words; pairs above a threshold are joined,
from left to right, and further rounds join what was joined. As in the authors' program, `word2phrase`, the
discount is the least count, and the threshold falls from round to round (200, then 100, in their
demonstration).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InvalidDefinitionError
from reportnlp.text.words import JOINT, may_join

Ids = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]

GAP = -1
"""In a stream of ids: no pair reaches across."""

CHUNK = 1 << 22
"""Ids that are looked at together."""


@dataclass(frozen=True, slots=True)
class PhraseConfig:
    """How phrases are learned.

    Attributes:
        threshold: the score that a pair must pass in the last round; the round before it asks for twice that.
        min_count: how often a pair must occur; also the discount.
        rounds: how often pairs are joined: two make phrases of up to four words.
    """

    threshold: float = 100.0
    min_count: int = 5
    rounds: int = 2

    def __post_init__(self) -> None:
        if self.threshold <= 0 or self.min_count < 1 or self.rounds < 1:
            raise InvalidDefinitionError(
                "A phrase's threshold was given as "
                f"{self.threshold}, its least count as {self.min_count}, its rounds as {self.rounds}; "
                "the first must be above 0, the others at least 1."
            )


def learn(ids: Ids, words: Sequence[str], config: PhraseConfig) -> tuple[str, ...]:
    """The phrases of a corpus, each written as one word, in order of the alphabet.

    Args:
        ids: (n,) int32 places in `words`, `GAP` where no phrase reaches across. May be a memory map, and is
            used up: phrases are joined in place.
        words: the word of each place.
        config: how phrases are learned.
    """
    names = list(words)
    for left in reversed(range(config.rounds)):
        threshold = config.threshold * 2**left
        pairs = _scored(ids, names, threshold, config.min_count)
        if pairs.size == 0:
            continue
        first = len(names)
        size = first  # the base of a pair's key
        names.extend(f"{names[key // size]}{JOINT}{names[key % size]}" for key in pairs.tolist())
        ids = _joined(ids, pairs, size)
    return tuple(sorted(set(names[len(words) :])))


def _scored(ids: Ids, names: Sequence[str], threshold: float, min_count: int) -> Keys:
    """Keys of the pairs above the threshold, ascending; a pair (a, b) has the key a * words + b."""
    size = len(names)
    counts = np.zeros(size, np.int64)
    keys, pair_counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for chunk in _chunks(ids):
        counts += np.bincount(chunk[chunk != GAP], minlength=size)
        found = np.unique(_keys(chunk, size), return_counts=True)
        keys, pair_counts = _added(keys, pair_counts, *found)
    joinable = np.fromiter(map(may_join, names), dtype=bool, count=size)
    left, right = keys // size, keys % size
    score = (pair_counts - min_count) / (counts[left] * counts[right]) * counts.sum()
    chosen: Keys = keys[(score > threshold) & (pair_counts >= min_count) & joinable[left] & joinable[right]]
    return chosen


def _chunks(ids: Ids) -> Iterator[Ids]:
    """Pieces that end at a gap where there is one."""
    start = 0
    while start < len(ids):
        piece = ids[start : start + CHUNK]
        gaps = np.flatnonzero(piece == GAP)
        end = int(gaps[-1]) + 1 if len(gaps) and start + CHUNK < len(ids) else len(piece)
        yield np.array(piece[:end])
        start += end


def _keys(chunk: Ids, size: int) -> Keys:
    """The key of each pair of neighbours."""
    whole = (chunk[:-1] != GAP) & (chunk[1:] != GAP)
    keys: Keys = chunk[:-1][whole].astype(np.int64) * size + chunk[1:][whole]
    return keys


def _added(keys: Keys, counts: Keys, more: Keys, their_counts: Keys) -> tuple[Keys, Keys]:
    """The sum of two tables of counts, each with ascending keys."""
    union, places = np.unique(np.concatenate((keys, more)), return_inverse=True)
    total = np.bincount(places, np.concatenate((counts, their_counts)), len(union))
    return union, total.astype(np.int64)


def _joined(ids: Ids, pairs: Keys, size: int) -> Ids:
    """The stream with pairs joined, in place: a pair's new id is `size` and its place among the pairs."""
    end = 0
    for chunk in _chunks(ids):
        shorter = _joined_chunk(chunk, pairs, size)
        ids[end : end + len(shorter)] = shorter
        end += len(shorter)
    return ids[:end]


def _joined_chunk(chunk: Ids, pairs: Keys, size: int) -> Ids:
    keys = np.where(
        (chunk[:-1] != GAP) & (chunk[1:] != GAP), chunk[:-1].astype(np.int64) * size + chunk[1:], GAP
    )
    places = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
    hits = np.flatnonzero(pairs[places] == keys)
    # Of pairs that overlap ("a b c" with both a b and b c) the first is joined, then the third, and so on.
    begins = np.diff(hits, prepend=-2) > 1
    hits = hits[(hits - hits[begins][np.cumsum(begins) - 1]) % 2 == 0] if hits.size else hits
    chunk[hits] = size + places[hits]
    return np.delete(chunk, hits + 1)
