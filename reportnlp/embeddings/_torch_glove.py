"""The torch engine of GloVe: batches of cells on the device, in operations that run on CUDA and on the CPU.

Every cell of a batch takes its step from the rows as they were before the batch. AdaGrad's accumulators first
get all the batch's squared steps, as if they had come one after the other; and a row that a batch holds many
times goes only so far as single steps, each seeing the last, would have gone (`_damping`). Measured on a
million cells of report text at width 100, mean loss in the first four epochs: one cell after the other .0580
.0450 .0425 .0413; batches of 8,192 .0520 .0438 .0421 .0411; of 131,072 .0702 .0439 .0419 .0410. With neither
of the two, batches of 32,768 diverge (73.0 in the first epoch).

Several devices never touch the same row at once (Gemulla et al. 2011, "Large-scale matrix factorization with
distributed stochastic gradient descent", KDD, section 4). Words are dealt out in as many blocks as there are
devices, so are contexts. Each device keeps to the words of one block; in a turn it learns its cells whose
context is in one block, no two devices in the same; then rows and accumulators are brought together
(`_torch_team`), and the next turn goes to the next block. So every step is a whole step from rows that hold
all that was learned before, as on one device in another order of cells. Each process counts the corpus for
itself, to the same cells. 600 words of planted vectors, batches of 512 cells, mean loss in epochs 1 to 5: one
device .0574 .0427 .0056 .0000 .0000; four .0588 .0464 .0112 .0001 .0000, as one with batches of 2,048 (.0591
.0465 .0114 .0001 .0000); four whose copies are averaged instead .0674 .0514 .0502 .0495 .0486.

On CUDA the order of atomic adds is the hardware's; `torch.use_deterministic_algorithms(True)` makes them
repeat. On the CPU, too, `index_add_` is what adds to rows: on one thread `index_put_` took twice its time
(torch 2.13; 16,384 rows of 101 and of 300 numbers), and a whole epoch a quarter more.

No part of this was run on a GPU: it was written and tested on a machine without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from reportnlp.embeddings._glove_model import CLIP, Model
from reportnlp.embeddings._processes import Processes, processes
from reportnlp.embeddings._torch_settings import Plan
from reportnlp.embeddings._torch_team import Team, devices_for, threads

BATCH_CPU, BATCH_CUDA = 8_192, 65_536
"""Cells per step."""

CHUNKS_CUDA = 64
"""Chunks per device that go to GPUs in one copy, which 1 MB each would not keep busy."""


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


class Replica:
    """One device's copy of the model, and how a batch changes it.

    Attributes:
        device: where it is.
        tables: rows and accumulators, see `Model`.
    """

    def __init__(self, model: Model, learning_rate: float, device: torch.device, batch: int | None) -> None:
        self.device = device
        self._batch = batch or (BATCH_CUDA if device.type == "cuda" else BATCH_CPU)
        self._rows = torch.tensor(model.rows, device=device)
        self._squares = torch.tensor(model.squares, device=device)
        self.tables = (self._rows, self._squares)
        self._rates = torch.full((model.rows.shape[1],), learning_rate, device=device)
        self._rates[-1] = 1.0
        self._sums = torch.zeros(len(model.rows), device=device)

    def learn(self, cells: torch.Tensor) -> torch.Tensor:
        """Learn cells (n, 4) int32 batch by batch; () float64, the summed loss. Does not wait for a GPU."""
        places = cells[:, :2].long()
        places[:, 1] += len(self._rows) // 2
        numbers = cells[:, 2:].contiguous().view(torch.float32)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for start in range(0, len(cells), self._batch):
            some, both = places[start : start + self._batch], numbers[start : start + self._batch]
            total += self._step(Batch(some.t().reshape(-1), both[:, 0], both[:, 1]))
        return total

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
        self._squares.index_add_(0, batch.places, steps.square())
        scales = self._squares.index_select(0, batch.places).add_(1.0).rsqrt_()
        damping = self._damping(batch, others, scales)
        self._rows.index_add_(0, batch.places, steps.mul_(scales).mul_(-damping[:, None]))
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
        self._sums.index_add_(0, batch.places, shares)
        sums = self._sums.index_select(0, batch.places)
        self._sums.index_fill_(0, batch.places, 0.0)
        damping: torch.Tensor = -torch.expm1(-sums) / sums.clamp_min(1e-12)
        damping[sums <= 1e-6] = 1.0
        return damping


class TorchLearner:
    """See `_glove_model.Learner`.

    Args:
        cells: (n,) of `_cooccurrence.ENTRY`.
        model: the state to begin with; it is copied.
        learning_rate: AdaGrad's first step size for vectors; it is 1 for biases.
        workers: GPUs at most, or, where there is none, CPU threads.
        together: this process among those that learn together.
        devices: torch devices, one copy of the model on each; empty to choose by what is there.
        batch: cells per step; None: as suits the device.
    """

    def __init__(
        self,
        cells: npt.NDArray[np.void],
        model: Model,
        learning_rate: float,
        workers: int,
        *,
        together: Processes | None = None,
        devices: Sequence[str] = (),
        batch: int | None = None,
    ) -> None:
        places = devices_for(Plan(devices=tuple(devices)), workers)
        replicas = [Replica(model, learning_rate, device, batch) for device in places]
        self._team = Team(replicas, together or Processes())
        self._at_once = self._team.size * (CHUNKS_CUDA if places[0].type == "cuda" else 1)
        self._cells, self._workers = np.asarray(cells), workers

    def learn(self, chunks: Sequence[slice]) -> Iterator[tuple[int, float]]:
        """Learn chunks; yields cells and summed loss, for several chunks at once on GPUs."""
        for start in range(0, len(chunks), self._at_once):
            with torch.no_grad(), threads(self._workers):
                cells = np.concatenate(
                    [self._cells[chunk] for chunk in chunks[start : start + self._at_once]]
                )
                loss = self._round(torch.from_numpy(cells.view(np.int32).reshape(-1, 4)))
            yield len(cells), loss

    def model(self) -> Model:
        """The state, copied to main memory where it is not there."""
        rows, squares = (table.cpu().numpy() for table in self._team.replicas[0].tables)
        return Model(rows, squares)

    def _round(self, cells: torch.Tensor) -> float:
        """Learn cells (n, 4) int32 in turns, see above; the summed loss. Waits for the devices once."""
        size, replicas = self._team.size, self._team.replicas
        own = [
            _of_block(cells, 0, self._team.share(place), size).to(replica.device)
            for place, replica in enumerate(replicas)
        ]
        losses = []
        for turn in range(size):
            for place, replica in enumerate(replicas):
                contexts = (self._team.share(place) + turn) % size
                losses.append(replica.learn(_of_block(own[place], 1, contexts, size)))
            self._team.bring_together()
        return self._team.together.add_up([sum(float(loss) for loss in losses)])[0]


def learner(
    cells: npt.NDArray[np.void], model: Model, learning_rate: float, workers: int, together: Processes
) -> TorchLearner:
    """Bind the engine to the cells."""
    return TorchLearner(cells, model, learning_rate, workers, together=together)


def joined(workers: int) -> AbstractContextManager[Processes]:
    """Join the processes that torchrun started."""
    return processes(devices_for(Plan(), workers)[0])


def _of_block(cells: torch.Tensor, column: int, block: int, blocks: int) -> torch.Tensor:
    """Those cells whose word (column 0) or context (1) is in a block; a block takes every so many-th word."""
    return cells if blocks == 1 else cells[cells[:, column] % blocks == block]
