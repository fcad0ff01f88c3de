"""The Huffman tree of hierarchical softmax (Mikolov 2013, arXiv:1310.4546, section 2.1), as padded paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Paths:
    """The way from each word up to the root.

    Attributes:
        nodes: (words, depth) int32, inner nodes 0 .. words-2, -1 past the root.
        codes: (words, depth) int8, the branch taken at each node, 0 or 1.
    """

    nodes: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int8]


def huffman_paths(counts: npt.NDArray[np.int64]) -> Paths:
    """Build the tree over words sorted by falling count.

    Args:
        counts: (words,) int64, most frequent first; at least two words.
    """
    parents, branches = _join(counts)
    root = 2 * len(counts) - 2
    at = np.arange(len(counts))
    nodes, codes = [], []
    while (climbing := at != root).any():
        codes.append(np.where(climbing, branches[at], 0).astype(np.int8))
        at = np.where(climbing, parents[at], root)
        nodes.append(np.where(climbing, at - len(counts), -1).astype(np.int32))
    return Paths(np.stack(nodes, axis=1), np.stack(codes, axis=1))


def _join(counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """Join the two rarest nodes until one is left, with two queues that are sorted already.

    Returns:
        Parents (2 words - 1,) and branches (2 words - 1,); words come first, then inner nodes as they are
        made.
    """
    words = len(counts)
    weights = [*counts.tolist(), *([0] * (words - 1))]
    parents = np.zeros(2 * words - 1, dtype=np.int64)
    branches = np.zeros(2 * words - 1, dtype=np.int8)
    leaf, inner = words - 1, words
    for made in range(words, 2 * words - 1):
        for branch in (0, 1):
            if leaf >= 0 and (inner >= made or weights[leaf] < weights[inner]):
                taken, leaf = leaf, leaf - 1
            else:
                taken, inner = inner, inner + 1
            parents[taken], branches[taken] = made, branch
            weights[made] += weights[taken]
    return parents, branches
