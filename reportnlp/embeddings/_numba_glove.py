"""The numba engine of GloVe: one cell after the other, as the original program, on threads without locks.

Niu et al. 2011, arXiv:1106.5730, for why threads may write over one another where updates are sparse. Each
row lies beside its accumulators, so that a cell touches two stretches of memory. float32 throughout.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from numba import njit

from reportnlp.embeddings._glove_model import CLIP, Model
from reportnlp.embeddings._numba_simd import aligned

Packed = npt.NDArray[np.float32]

FLAGS = {"nsz", "arcp", "contract", "afn", "reassoc"}
"""What the compiler may do for speed. It must not assume away NaN: that is how divergence shows."""


@njit(nogil=True, fastmath=FLAGS, error_model="numpy")
def learn_cells(
    cells: npt.NDArray[np.void], packed: Packed, width: int, rate: np.float32, clip: np.float32
) -> float:
    """Take one AdaGrad step for each cell.

    Args:
        cells: (n,) of `_cooccurrence.ENTRY`.
        packed: (2 * words, 2, >= width + 1) float32, each row and its accumulators less 1; changed.
        width: numbers per vector; the bias comes after them.
        rate: AdaGrad's first step size for vectors; it is 1 for biases, as in the original program.
        clip: the largest gradient of a number.

    Returns:
        The summed loss before each step, f(X) (w . w' + b + b' - log X)^2 / 2.
    """
    loss, one, contexts = 0.0, np.float32(1), len(packed) // 2
    for place in range(len(cells)):
        cell = cells[place]
        word, context = packed[cell.word, 0], packed[contexts + cell.context, 0]
        word_squares, context_squares = packed[cell.word, 1], packed[contexts + cell.context, 1]
        error = word[width] + context[width] - cell.log_count
        for k in range(width):
            error += word[k] * context[k]
        slope = cell.weight * error
        loss += slope * error
        for k in range(width):
            w, c = word[k], context[k]
            word_step = min(max(slope * c, -clip), clip) * rate
            context_step = min(max(slope * w, -clip), clip) * rate
            word[k] = w - word_step / np.sqrt(one + word_squares[k])
            context[k] = c - context_step / np.sqrt(one + context_squares[k])
            word_squares[k] += word_step * word_step
            context_squares[k] += context_step * context_step
        word[width] -= slope / np.sqrt(one + word_squares[width])
        context[width] -= slope / np.sqrt(one + context_squares[width])
        word_squares[width] += slope * slope
        context_squares[width] += slope * slope
    return loss / 2


class NumbaLearner:
    """See `_glove_model.Learner`."""

    def __init__(self, cells: npt.NDArray[np.void], model: Model, learning_rate: float, workers: int) -> None:
        self._cells = np.asarray(cells)
        self._width = model.rows.shape[1] - 1
        self._packed = aligned(2 * len(model.rows), self._width + 1).reshape(len(model.rows), 2, -1)
        self._packed[:, 0, : self._width + 1] = model.rows
        self._packed[:, 1, : self._width + 1] = model.squares
        self._rate = np.float32(learning_rate)
        self._workers = workers

    def learn(self, chunks: Sequence[slice]) -> Iterator[tuple[int, float]]:
        """Learn chunks, several side by side; yields cells and summed loss of each in turn."""
        if self._workers == 1:
            yield from map(self._chunk, chunks)
            return
        pool = ThreadPoolExecutor(self._workers)
        try:
            yield from _in_turn(pool, self._chunk, chunks, 2 * self._workers)
        finally:
            pool.shutdown(cancel_futures=True)

    def model(self) -> Model:
        """A view of the state."""
        return Model(self._packed[:, 0, : self._width + 1], self._packed[:, 1, : self._width + 1])

    def _chunk(self, chunk: slice) -> tuple[int, float]:
        cells = self._cells[chunk]
        return len(cells), learn_cells(cells, self._packed, self._width, self._rate, np.float32(CLIP))


def learner(cells: npt.NDArray[np.void], model: Model, learning_rate: float, workers: int) -> NumbaLearner:
    """Bind the engine to the cells."""
    return NumbaLearner(cells, model, learning_rate, workers)


def _in_turn(
    pool: ThreadPoolExecutor,
    work: Callable[[slice], tuple[int, float]],
    chunks: Sequence[slice],
    ahead: int,
) -> Iterator[tuple[int, float]]:
    """Results in the order of the chunks, so many of which are waiting or under way at any time."""
    waiting: deque[Future[tuple[int, float]]] = deque()
    for chunk in chunks:
        waiting.append(pool.submit(work, chunk))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
