"""The numba kernel that counts pairs; it lets go of the interpreter, so that threads run side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from reportnlp.embeddings.blocks import Ids

Long = npt.NDArray[np.int64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio (Knuth, The Art of Computer Programming 3, section 6.4: Fibonacci hashing)."""


@njit(nogil=True)
def _shift(table: Long) -> np.uint64:
    """What leaves of 64 bits so many as number the slots."""
    bits = 0
    while (1 << bits) < len(table):
        bits += 1
    return np.uint64(64 - bits)


@njit(nogil=True)
def _add(table: Long, shift: np.uint64, key: np.int64, weight: np.int64) -> int:
    """Add to one key of an open hash table; 1 where the key is new, else 0."""
    mask = len(table) - 1
    slot = np.int64((np.uint64(key) * GOLDEN) >> shift)
    while table[slot, 0] != key and table[slot, 0] != 0:
        slot = (slot + 1) & mask
    fresh = table[slot, 0] == 0
    table[slot, 0] = key
    table[slot, 1] += weight
    return int(fresh)


@njit(nogil=True)
def count_pairs(
    ids: Ids,
    start: int,
    stop: int,
    weights: Long,
    words: int,
    symmetric: bool,
    dense: Long,
    table: Long,
    filled: int,
    limit: int,
) -> tuple[int, int]:
    """Count the pairs whose right word stands in ids[start:stop], until the table is full.

    Args:
        ids: (n,) int32, words; a negative number parts texts.
        start: where to begin; left words may stand before it.
        stop: where to end.
        weights: (window + 1,) int64, what a pair at each distance adds.
        words: how many words there are; key = row * words + column.
        symmetric: in the table, sum both orders of a pair under row <= column.
        dense: (d, d) int64, sums of the pairs of words below d: row the right word, column the left one, so
            that a window's cells lie in few pages (1.11 s became 0.46 s for 5 million words).
        table: (2^k, 2) int64, key + 1 and sum; zeros are empty slots.
        filled: slots that are filled already.
        limit: slots that may be filled.

    Returns:
        The place of the first word that was not counted, `stop` when all were; and the slots now filled.
    """
    shift = _shift(table)
    for place in range(start, stop):
        if filled > limit:
            return place, filled
        right = np.int64(ids[place])
        if right < 0:
            continue
        for distance in range(1, min(len(weights) - 1, place) + 1):
            left = np.int64(ids[place - distance])
            if left < 0:
                break
            if right < len(dense) and left < len(dense):
                dense[right, left] += weights[distance]
            elif symmetric and left > right:
                filled += _add(table, shift, right * words + left + 1, weights[distance])
            else:
                filled += _add(table, shift, left * words + right + 1, weights[distance])
    return stop, filled


@njit(nogil=True)
def move(table: Long, larger: Long) -> None:
    """Put what a table holds into an empty one with more slots."""
    shift = _shift(larger)
    for slot in range(len(table)):
        if table[slot, 0] != 0:
            _add(larger, shift, table[slot, 0], table[slot, 1])
