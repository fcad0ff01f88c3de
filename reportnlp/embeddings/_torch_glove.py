"""The torch engine of GloVe: batches of cells on the device, in operations that run on CUDA and on the CPU.

Every cell of a batch takes its step from the rows as they were before the batch. AdaGrad's accumulators first
get all the batch's squared steps, as if they had come one after the other; and a row that a batch holds many
times goes only so far as single steps, each seeing the last, would have gone (`_damping`). Measured on a
million cells of report text at width 100, mean loss in the first four epochs: one cell after the other .0580
.0450 .0425 .0413; batches of 8,192 .0520 .0438 .0421 .0411; of 131,072 .0702 .0439 .0419 .0410. With neither
of the two, batches of 32,768 diverge (73.0 in the first epoch).

One device. On CUDA the order of atomic adds is the hardware's; `torch.use_deterministic_algorithms(True)`
makes them repeat. No part of this was run on a GPU: it was written and tested on a machine without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from reportnlp.embeddings._glove_model import CLIP, Model
from reportnlp.embeddings._torch_team import threads

BATCH_CPU, BATCH_CUDA = 8_192, 65_536
"""Cells per step."""

CHUNKS_CUDA = 64
"""Chunks that go to a GPU in one copy, which 1 MB each would not keep busy."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells on the device.

    Attributes:
        places: (2 * cells,) int64, the rows of the words, then those of the contexts.
        logs: (cells,) float32, log X.
        weights: (cells,) float32, f(X).
    """

    places: torch.Tensor
    logs: torch.Tensor
    weights: torch.Tensor


class TorchLearner:
    """See `_glove_model.Learner`.

    Args:
        cells: (n,) of `_cooccurrence.ENTRY`.
        model: the state to begin with; it is copied.
        learning_rate: AdaGrad's first step size for vectors; it is 1 for biases.
        workers: CPU threads.
        device: where to; None: the first GPU, or the CPU where there is none.
        batch: cells per step; None: as suits the device.
    """

    def __init__(
        self,
        cells: npt.NDArray[np.void],
        model: Model,
        learning_rate: float,
        workers: int,
        *,
        device: str | None = None,
        batch: int | None = None,
    ) -> None:
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        cuda = self._device.type == "cuda"
        self._batch = batch or (BATCH_CUDA if cuda else BATCH_CPU)
        self._together = CHUNKS_CUDA if cuda else 1
        self._cells, self._workers = np.asarray(cells), workers
        self._rows = torch.tensor(model.rows, device=self._device)
        self._squares = torch.tensor(model.squares, device=self._device)
        self._rates = torch.full((model.rows.shape[1],), learning_rate, device=self._device)
        self._rates[-1] = 1.0
        self._sums = torch.zeros(len(model.rows), device=self._device)

    def learn(self, chunks: Sequence[slice]) -> Iterator[tuple[int, float]]:
        """Learn chunks; yields cells and summed loss, for several chunks at once on a GPU."""
        for group in _batched(chunks, self._together):
            with torch.no_grad(), threads(self._workers):
                cells = np.concatenate([self._cells[chunk] for chunk in group])
                loss = self._learn(torch.from_numpy(cells.view(np.int32).reshape(-1, 4)))
            yield len(cells), loss

    def model(self) -> Model:
        """The state, copied to main memory where it is not there."""
        return Model(self._rows.cpu().numpy(), self._squares.cpu().numpy())

    def _learn(self, cells: torch.Tensor) -> float:
        """Learn cells (n, 4) int32 batch by batch; the summed loss. Waits for the device once."""
        moved = cells.to(self._device)
        places = moved[:, :2].long()
        places[:, 1] += len(self._rows) // 2
        numbers = moved[:, 2:].contiguous().view(torch.float32)
        total = torch.zeros((), dtype=torch.float64, device=self._device)
        for start in range(0, len(moved), self._batch):
            some, both = places[start : start + self._batch], numbers[start : start + self._batch]
            total += self._step(Batch(some.t().reshape(-1), both[:, 0], both[:, 1]))
        return float(total)

    def _step(self, batch: Batch) -> torch.Tensor:
        """Take one step for all cells of a batch; () float32, the summed loss before it."""
        found = self._rows.index_select(0, batch.places)
        others = found.roll(len(batch.logs), 0)  # beside each word its context, beside each context its word
        words, contexts = found.chunk(2)
        products = (words[:, :-1] * contexts[:, :-1]).sum(dim=1)
        errors = products + words[:, -1] + contexts[:, -1] - batch.logs
        others[:, -1] = 1.0  # the bias's own gradient is the slope
        slopes = batch.weights * errors
        steps = (others * slopes.repeat(2)[:, None]).clamp_(-CLIP, CLIP).mul_(self._rates)
        _add(self._squares, batch.places, steps.square())
        scales = self._squares.index_select(0, batch.places).add_(1.0).rsqrt_()
        damping = self._damping(batch, others, scales)
        _add(self._rows, batch.places, steps.mul_(scales).mul_(-damping[:, None]))
        loss: torch.Tensor = (slopes * errors).sum() / 2
        return loss

    def _damping(self, batch: Batch, others: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """The factor that keeps the summed steps of a row that the batch holds often from overshooting.

        A step on one cell takes the share s = f(X) sum_k rate_k other_k^2 / sqrt(squares_k) off its error.
        Steps of shares s_1, s_2, ... one after the other leave about exp(-sum s) of an error that they have
        in common, so they go 1 - exp(-sum s) of the way where their plain sum goes sum s.

        Returns:
            (2 * cells,) float32, at most 1.
        """
        shares = (others.square() * scales).mv(self._rates) * batch.weights.repeat(2)
        _add(self._sums, batch.places, shares)
        sums = self._sums.index_select(0, batch.places)
        self._sums.index_fill_(0, batch.places, 0.0)
        damping: torch.Tensor = -torch.expm1(-sums) / sums.clamp_min(1e-12)
        damping[sums <= 1e-6] = 1.0
        return damping


def learner(cells: npt.NDArray[np.void], model: Model, learning_rate: float, workers: int) -> TorchLearner:
    """Bind the engine to the cells."""
    return TorchLearner(cells, model, learning_rate, workers)


def _batched(chunks: Sequence[slice], size: int) -> Iterator[Sequence[slice]]:
    for start in range(0, len(chunks), size):
        yield chunks[start : start + size]


def _add(table: torch.Tensor, places: torch.Tensor, values: torch.Tensor) -> None:
    """Add to rows of a table, some of them several times.

    `index_add_` is one kernel of atomic adds on CUDA; on the CPU it walks row by row, and `index_put_` took
    8.6 ms of processor time where it took 73 (8,192 rows of 101 numbers, torch 2.13).
    """
    if table.is_cuda:
        table.index_add_(0, places, values)
    else:
        table.index_put_((places,), values, accumulate=True)
