"""The torch engine: word2vec (Mikolov 2013) and fastText (Bojanowski 2016) on GPUs, and, slower, on the CPU.

The encoded corpus goes to the device in chunks; subsampling, windows and negatives are drawn there
(`_torch_batches`); a batch changes the tables in place, by torch operations (`_torch_update`) or, on CUDA
with triton, by one fused kernel (`_triton_update`); several devices share the corpus (`_torch_team`).
`_torch_roofline` says what bounds the speed. Weights are float32 throughout.

A seed gives the same vectors on a CPU with the same number of workers. On CUDA the order of atomic adds is
the hardware's: `torch.use_deterministic_algorithms(True)` makes torch's own operations repeat bitwise and
turns the fused kernel off. Every chunk's draws depend on the seed, the epoch and the chunk's number only, so
training that is stopped between epochs and resumed gives the vectors of training that was not.

Under torchrun each process returns the same vectors, and only the first reads and writes the checkpoint and
tells the watcher; a caller that writes files must leave it to the first too (`_processes`).

No part of this was run on a GPU: it was written and tested on a machine without one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from reportnlp.embeddings._numba_tables import output_rows
from reportnlp.embeddings._processes import processes
from reportnlp.embeddings._settings import refuse_hopeless
from reportnlp.embeddings._subwords import subwords_of
from reportnlp.embeddings._torch_batches import Chunk, cut
from reportnlp.embeddings._torch_replica import Replica, Task
from reportnlp.embeddings._torch_settings import Plan
from reportnlp.embeddings._torch_subwords import Composer, subword_rows
from reportnlp.embeddings._torch_team import Team, devices_for, threads
from reportnlp.embeddings.blocks import Checkpoint, EncodedCorpus, Trained, TrainingError, Vocabulary, Watcher
from reportnlp.errors import ResumeError

if TYPE_CHECKING:
    from reportnlp.embeddings import fasttext, word2vec

CHUNK_CPU, CHUNK_CUDA = 500_000, 4_000_000
"""Ids moved to the device at once: a second or so of work on either."""

LARGEST = 1e3
"""The largest number either table may hold. In trainings of fastText on 2 to 10 words at rates of .05 and .3
no word's vector held more than 1.6; at a rate of 1 the loss passes 1e4 on the way to no number."""


def train_word2vec(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: word2vec.Config,
    *,
    seed: int,
    workers: int,
    watcher: Watcher,
    checkpoint: Checkpoint | None = None,
    plan: Plan | None = None,
) -> Trained:
    """Train word2vec.

    Args:
        corpus: the corpus as numbers.
        vocabulary: its words, most frequent first.
        config: the papers' settings.
        seed: what every draw depends on.
        workers: GPUs at most, or, where there is none, CPU threads.
        watcher: hears of progress.
        checkpoint: keeps the state after each epoch and gives it back.
        plan: how the work is cut.

    Raises:
        TrainingError: there is nothing to learn from, the loss is no number, or vectors ran away.
        ResumeError: the checkpoint is of another vocabulary or width.
    """
    refuse_hopeless(corpus, vocabulary, config.min_count)
    task = Task(vocabulary, config, plan or Plan(), None)
    start = _start(task, seed)
    tables, _ = _train(corpus, task, start, seed, workers, watcher, checkpoint)
    return Trained(tables.inputs)


def train_fasttext(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: fasttext.Config,
    *,
    seed: int,
    workers: int,
    watcher: Watcher,
    checkpoint: Checkpoint | None = None,
    plan: Plan | None = None,
) -> Trained:
    """Train fastText. Arguments and errors are those of `train_word2vec`.

    Returns:
        The words' composed vectors, and the buckets' rows; those that no word uses keep their first values.
    """
    refuse_hopeless(corpus, vocabulary, config.min_count)
    layout = subword_rows(*subwords_of(vocabulary.words, config.min_n, config.max_n, config.buckets))
    task = Task(vocabulary, config, plan or Plan(), layout)
    start = _start(task, seed)
    tables, composed = _train(corpus, task, start, seed, workers, watcher, checkpoint)
    buckets = _uniform(config.buckets, config.width, 1.0 / config.width, [seed, 1]).numpy()
    buckets[layout.used] = tables.inputs[len(vocabulary) :]
    return Trained(composed, buckets)


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables in main memory, (rows, width) float32 each."""

    inputs: npt.NDArray[np.float32]
    outputs: npt.NDArray[np.float32]


def _start(task: Task, seed: int) -> Tables:
    """First values: uniform inputs to half of 1 / width (word2vec.c) or 1 / width (fastText); outputs 0."""
    words, width = len(task.vocabulary), task.settings.width
    rows, bound = (task.layout.size, 1.0) if task.layout else (words, 0.5)
    outputs = output_rows(words, task.settings)
    first = _uniform(rows, width, bound / width, [seed, 0])
    return Tables(first.numpy(), np.zeros((outputs, width), dtype=np.float32))


def _uniform(rows: int, width: int, bound: float, seed: list[int]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
    values: torch.Tensor = torch.empty(rows, width).uniform_(-bound, bound, generator=generator)
    return values


def _train(
    corpus: EncodedCorpus,
    task: Task,
    start: Tables,
    seed: int,
    workers: int,
    watcher: Watcher,
    checkpoint: Checkpoint | None,
) -> tuple[Tables, npt.NDArray[np.float32]]:
    """Train to the end; returns the tables and the words' vectors."""
    devices = devices_for(task.plan, workers)
    with torch.no_grad(), threads(workers), processes(devices[0]) as together:
        done, start = _resumed(checkpoint if together.first else None, start)
        first = [torch.from_numpy(table) for table in (start.inputs, start.outputs)]
        team = Team([Replica(task, device, *first) for device in devices], together)
        run = _Run(corpus, task, team, seed, watcher)
        for epoch in range(together.of_first(done), task.settings.epochs):
            run.epoch(epoch)
            if checkpoint is not None and together.first:
                checkpoint.save(epoch + 1, run.state())
        tables = Tables(**run.state())
        return tables, _word_vectors(tables, team.replicas[0].compose, len(task.vocabulary), devices[0])


def _word_vectors(
    tables: Tables, compose: Composer | None, words: int, device: torch.device, at_once: int = 10_000
) -> npt.NDArray[np.float32]:
    if compose is None:
        return tables.inputs
    rows = torch.from_numpy(tables.inputs).to(device)
    stretches = (torch.arange(at, min(at + at_once, words), device=device) for at in range(0, words, at_once))
    parts = [compose(rows, stretch).vectors.cpu() for stretch in stretches]
    vectors: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return vectors


def _resumed(checkpoint: Checkpoint | None, start: Tables) -> tuple[int, Tables]:
    kept = checkpoint.load() if checkpoint is not None else None
    if kept is None:
        return 0, start
    epoch, arrays = kept
    found = Tables(
        np.array(arrays["inputs"], dtype=np.float32), np.array(arrays["outputs"], dtype=np.float32)
    )
    if (found.inputs.shape, found.outputs.shape) != (start.inputs.shape, start.outputs.shape):
        raise ResumeError(
            f"The checkpoint holds vectors of shape {found.inputs.shape}, this training makes"
            f" {start.inputs.shape}: it belongs to another vocabulary or other settings. Start anew."
        )
    return epoch, found


class _Run:
    """One training: its corpus cut into rounds of one chunk per copy."""

    def __init__(
        self, corpus: EncodedCorpus, task: Task, team: Team[Replica], seed: int, watcher: Watcher
    ) -> None:
        self._ids = corpus.ids
        self._task = task
        self._team = team
        self._seed = seed
        self._watcher = watcher
        default = CHUNK_CUDA if team.replicas[0].inputs.is_cuda else CHUNK_CPU
        self._cuts = cut(corpus.ids, task.plan.chunk or default, team.size)

    def state(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Return copies of both tables, which further learning leaves alone; all replicas are alike now."""
        inputs, outputs = (table.to("cpu", copy=True) for table in self._team.replicas[0].tables)
        return {"inputs": inputs.numpy(), "outputs": outputs.numpy()}

    def epoch(self, epoch: int) -> None:
        """Pass once over the corpus."""
        for first in range(0, len(self._cuts), self._team.size):
            self._round(epoch, first)
        self._refuse_runaway(epoch)

    def _round(self, epoch: int, first: int) -> None:
        chunks = []
        for place, replica in enumerate(self._team.replicas):
            number = first + self._team.share(place)
            begin, end = self._cuts[number]
            chunks.append(replica.batcher.load(self._ids[begin:end], [self._seed, 2, epoch, number]))
        parts = self._task.plan.parts
        read = sum(chunk.read for chunk in chunks)
        for part in range(parts):
            losses = self._part(chunks, part, self._rates(epoch, first, part))
            self._team.bring_together()
            self._tell(epoch, read * (part + 1) // parts - read * part // parts, losses)

    def _rates(self, epoch: int, first: int, part: int) -> tuple[float, float]:
        """Return the learning rate at the start and the end of a part."""
        begin, end = self._cuts[first][0], self._cuts[first + self._team.size - 1][1]
        settings, parts = self._task.settings, self._task.plan.parts
        places = (begin + (end - begin) * (part + late) / parts for late in (0, 1))
        start, finish = (
            settings.rate((epoch + place / len(self._ids)) / settings.epochs) for place in places
        )
        return start, finish

    def _part(
        self, chunks: list[Chunk], part: int, rates: tuple[float, float]
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Learn a part of each chunk, batch by batch in turn, so that all devices work at once."""
        parts, found = self._task.plan.parts, []
        bounds = [(len(c.slices) * part // parts, len(c.slices) * (part + 1) // parts) for c in chunks]
        most = max(end - begin for begin, end in bounds)
        for step in range(most):
            rate = rates[0] + (rates[1] - rates[0]) * step / most
            for replica, chunk, (begin, end) in zip(self._team.replicas, chunks, bounds, strict=True):
                if begin + step < end:
                    found.append(replica.learn(chunk, chunk.slices[begin + step], rate))
        return found

    def _tell(self, epoch: int, words: int, losses: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Tell the watcher; stop where the loss is no number. Waits for all devices and processes."""
        total, number, read = self._team.together.add_up(
            [
                sum(loss.item() for loss, _ in losses),
                sum(examples.item() for _, examples in losses),
                words,
            ]
        )
        if number and not math.isfinite(total):
            raise TrainingError(f"The loss is no number in {self._mend(epoch)}")
        if self._team.together.first:
            self._watcher.advance(int(read), total / number if number else math.nan)

    def _refuse_runaway(self, epoch: int) -> None:
        """Stop before vectors that ran away are kept, which the loss may not have shown yet."""
        largest = max(
            float(table.abs().amax().nan_to_num(math.inf)) for table in self._team.replicas[0].tables
        )
        if largest > LARGEST:
            raise TrainingError(
                f"The vectors ran away: they hold {largest:.3g}, and more than {LARGEST:g} is refused, in"
                f" {self._mend(epoch)}"
            )

    def _mend(self, epoch: int) -> str:
        settings = self._task.settings
        return (
            f"epoch {epoch + 1} of {settings.epochs}."
            f" Lower learning_rate (it was {settings.learning_rate:g})."
        )


__all__ = ["Plan", "train_fasttext", "train_word2vec"]
