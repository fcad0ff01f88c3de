"""fastText's input vectors: the mean of a word's row and its character n-grams' rows (Bojanowski 2016).

A batch composes each word it holds once, trains on the composed vectors as if they were rows, and hands each
word's summed step to all of its rows: every row gets it whole, as in the original program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True, slots=True)
class SubwordRows:
    """Which rows of the input table make each word, as compressed rows.

    The table holds the words' own rows, then one for each bucket that some word uses: with two million
    buckets and a clinical vocabulary most are never touched, and stay out of the device's memory.

    Attributes:
        offsets: (words + 1,) int64.
        rows: (offsets[-1],) int64.
        used: (used,) int64, the buckets that have a row, in the order of the rows.
    """

    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    used: npt.NDArray[np.int64]

    @property
    def size(self) -> int:
        """Rows of the table."""
        return len(self.offsets) - 1 + len(self.used)


def subword_rows(offsets: npt.NDArray[np.int64], buckets: npt.NDArray[np.int32]) -> SubwordRows:
    """Put every word's own row before those of its buckets.

    Args:
        offsets: (words + 1,) int64, where each word's buckets start.
        buckets: (offsets[-1],) int32.
    """
    words = len(offsets) - 1
    used, rows = np.unique(buckets, return_inverse=True)
    joined = np.insert(rows.astype(np.int64) + words, offsets[:-1], np.arange(words))
    return SubwordRows(offsets + np.arange(words + 1), joined, used.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Composed:
    """Some words' vectors and how they came about.

    Attributes:
        vectors: (n, width) float32, the means.
        sizes: (n,) float32, rows in each mean.
        rows: (m,) int64, all those rows, word by word.
        owners: (m,) int64, the word 0 .. n-1 that each serves.
    """

    vectors: torch.Tensor
    sizes: torch.Tensor
    rows: torch.Tensor
    owners: torch.Tensor


class Composer:
    """Composes words on one device."""

    def __init__(self, layout: SubwordRows, device: torch.device) -> None:
        self._offsets = torch.from_numpy(layout.offsets).to(device)
        self._rows = torch.from_numpy(layout.rows).to(device)

    def __call__(self, table: torch.Tensor, words: torch.Tensor) -> Composed:
        """Compose each of `words`, (n,) int64."""
        starts = self._offsets[words]
        sizes = self._offsets[words + 1] - starts
        firsts = torch.cumsum(sizes, dim=0) - sizes  # where each word starts among all rows
        owners = torch.repeat_interleave(torch.arange(len(words), device=words.device), sizes)
        rows = self._rows[torch.arange(len(owners), device=words.device) + (starts - firsts)[owners]]
        vectors = torch.nn.functional.embedding_bag(rows, table, firsts, mode="mean")
        return Composed(vectors, sizes.float(), rows, owners)
