"""GloVe's parameters, how they begin, and what an engine that changes them must offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings.blocks import Checkpoint, Matrix
from reportnlp.errors import ResumeError

CLIP = 100.0
"""No gradient of a vector's number is taken as larger: the original program's limit."""


@dataclass(frozen=True, slots=True)
class Model:
    """Rows of words, then rows of the same words as contexts; the last column is the bias.

    Attributes:
        rows: (2 * words, width + 1) float32.
        squares: (2 * words, width + 1) float32, AdaGrad's sums of squared steps, less the 1 that each begins
            with in the original program, which is added where they are used: beside 1, float32 would lose
            the first steps, whose squares are below 1e-7.
    """

    rows: Matrix
    squares: Matrix

    def arrays(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """The state, as a checkpoint keeps it."""
        return {"rows": self.rows, "squares": self.squares}

    def matrix(self, both: bool) -> Matrix:
        """The vectors without biases, (words, width) float32: word and context added, or of words alone."""
        words, width = len(self.rows) // 2, self.rows.shape[1] - 1
        own = self.rows[:words, :width]
        return own + self.rows[words:, :width] if both else np.ascontiguousarray(own)


class Learner(Protocol):
    """An engine, bound to the cells, with a model of its own."""

    def learn(self, chunks: Sequence[slice]) -> Iterator[tuple[int, float]]:
        """Learn chunks of cells in this order; yields cells and summed loss, piece by piece."""

    def model(self) -> Model:
        """The state in main memory; it may be a view that later learning changes."""


def first_model(words: int, width: int, seed: int) -> Model:
    """First values as in the original program: all uniform within half of 1 / width, biases too."""
    rows = np.random.default_rng((seed, 0)).random((2 * words, width + 1), dtype=np.float32)
    rows -= np.float32(0.5)
    rows /= np.float32(width)
    return Model(rows, np.zeros_like(rows))


def resumed(checkpoint: Checkpoint | None, first: Model) -> tuple[int, Model]:
    """The epochs that are done and the state after them; none and `first` where nothing was kept.

    Raises:
        ResumeError: the checkpoint is another training's.
    """
    kept = checkpoint.load() if checkpoint is not None else None
    if kept is None:
        return 0, first
    epoch, arrays = kept
    found = [arrays[name] for name in ("rows", "squares") if name in arrays]
    if [array.shape for array in found] != [first.rows.shape] * 2:
        raise ResumeError(
            "The checkpoint is of another vocabulary, width or method. Resume with the settings it was made "
            "with, or start anew."
        )
    rows, squares = (np.asarray(array, dtype=np.float32) for array in found)
    return epoch, Model(rows, squares)
