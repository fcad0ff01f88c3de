"""What the embedding methods share: words and their counts, the corpus as numbers, settings, progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from reportnlp.errors import TrainingError as TrainingError

Ids = npt.NDArray[np.int32]
Matrix = npt.NDArray[np.float32]

BREAK = -1
"""Stands between two texts in an encoded corpus; no window reaches across it."""


@dataclass(frozen=True, slots=False)
class Vocabulary:
    """The words that get vectors, most frequent first (equal counts in order of the alphabet).

    Attributes:
        words: (n,) each once.
        counts: (n,) int64, how often each is in the corpus.
    """

    words: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Word to its place."""
        return {word: place for place, word in enumerate(self.words)}


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """The corpus as places in the vocabulary, on disk and mapped, so that no pass holds it in memory.

    Attributes:
        ids: (n,) int32, `BREAK` between texts; words outside the vocabulary are left out. A memory map.
        tokens: how many of them are words.
    """

    ids: Ids
    tokens: int


@dataclass(frozen=True, slots=True)
class Trained:
    """What an engine hands back.

    Attributes:
        matrix: (words, width) float32, the input vectors.
        buckets: (buckets, width) float32, the vectors of hashed character n-grams; None but for fastText.
    """

    matrix: Matrix
    buckets: Matrix | None = None


class Watcher(Protocol):
    """Hears of progress while vectors are trained."""

    def advance(self, words: int, loss: float) -> None:
        """So many words more were read; `loss`: the mean per example since the last call, nan if unknown."""


@runtime_checkable
class PhaseWatcher(Watcher, Protocol):
    """A watcher that also hears of work before the training, whose words are not those of the training."""

    def phase(self, name: str, words: int) -> None:
        """Work on so many words begins; it ends where the training advances."""

    def prepared(self, words: int) -> None:
        """So many words more of it are done."""


class Checkpoint(Protocol):
    """Keeps what a stopped training needs to go on; called between epochs."""

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Keep the state after so many whole epochs."""

    def load(self) -> tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None:
        """The last state that was kept, None where there is none."""
