"""The numba kernels' look-up tables: which words are kept, negatives, tree paths, the logistic function."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings._settings import WindowSettings

Long = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

HALF = 2**32
SPAN = 6.0
"""Where the logistic function is taken for 0 or 1, as in word2vec.c."""

STEPS = 4096
"""Entries of its table; word2vec.c has 1000."""


class Tables(NamedTuple):
    """Look-ups that do not change while a training runs.

    Attributes:
        keep: (words,) uint64, an occurrence is kept where 32 random bits are at most this.
        alias: (words,) uint64, Walker's table of negatives: in the upper half the chance of the slot's own
            word in parts of 2^32, in the lower half the other word.
        tree_offsets: (words + 1,) int64, where each word's path begins; all 0 without hierarchical softmax.
        tree_rows: (sum of path lengths,) int32, rows of the output matrix.
        tree_labels: the same shape, float32: 1 where the path takes branch 0, else 0.
    """

    keep: Bits
    alias: Bits
    tree_offsets: Long
    tree_rows: Ids
    tree_labels: Floats


def tables_of(counts: Long, settings: WindowSettings) -> Tables:
    """Build the tables for words with these counts, (words,) int64, most frequent first."""
    chances = kept_share(counts, settings.sample)
    keep = np.minimum(chances * HALF, HALF - 1).astype(np.uint64)
    alias = alias_table(counts.astype(np.float64) ** settings.power)
    return Tables(keep, alias, *_tree(counts, settings))


def output_rows(words: int, settings: WindowSettings) -> int:
    """Rows of the output matrix: one per word for negative sampling, then one per inner node of the tree."""
    return (words if settings.negative else 0) + (words - 1 if settings.hierarchical else 0)


def kept_share(counts: Long, sample: float) -> Numbers:
    """The chance (words,) that an occurrence of each word is kept, as word2vec.c has it.

    The paper's formula (arXiv:1310.4546, equation 5) is sqrt(t / f); the program adds t / f.
    """
    if sample == 0:
        return np.ones(len(counts))
    share = sample * counts.sum() / counts
    kept: Numbers = np.minimum(1.0, np.sqrt(share) + share)
    return kept


def alias_table(weights: Numbers) -> Bits:
    """Make draws from a distribution cost one look-up (Walker 1977, built as in Vose 1991, IEEE TSE 17:972).

    Args:
        weights: (n,) at least 0, not all 0.
    """
    size = len(weights)
    part = (weights * (size / weights.sum())).tolist()
    chance, other = [1.0] * size, list(range(size))
    small = [slot for slot in range(size) if part[slot] < 1]
    large = [slot for slot in range(size) if part[slot] >= 1]
    while small and large:
        slot, donor = small.pop(), large[-1]
        chance[slot], other[slot] = part[slot], donor
        part[donor] -= 1 - part[slot]
        if part[donor] < 1:
            small.append(large.pop())
    upper = np.minimum(np.array(chance) * HALF, HALF - 1).astype(np.uint64)
    packed: Bits = (upper << np.uint64(32)) | np.array(other, np.uint64)
    return packed


def _tree(counts: Long, settings: WindowSettings) -> tuple[Long, Ids, Floats]:
    words = len(counts)
    if not settings.hierarchical:
        return np.zeros(words + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
    from reportnlp.embeddings._torch_tree import huffman_paths

    paths = huffman_paths(counts)
    there = paths.nodes >= 0
    first = words if settings.negative else 0
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(there.sum(axis=1))])
    return offsets, paths.nodes[there] + np.int32(first), (1 - paths.codes[there]).astype(np.float32)


def logistic_table() -> tuple[Floats, Floats]:
    """The logistic function amid each of `STEPS` steps from -`SPAN` to `SPAN`, and minus its logarithm."""
    middles = (np.arange(STEPS) + 0.5) * (2 * SPAN / STEPS) - SPAN
    chance = 1 / (1 + np.exp(-middles))
    return chance.astype(np.float32), (-np.log(chance)).astype(np.float32)
