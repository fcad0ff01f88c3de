"""The numba engine: word2vec (Mikolov 2013) and fastText (Bojanowski 2016) on processors.

The corpus is cut into stretches, between texts where it can be. Threads take one after the other; the
interpreter is let go of meanwhile. A stretch's random numbers and learning rate depend on the seed, the epoch
and its place alone, so with one worker the same seed gives the same vectors, and a training that was stopped
between epochs goes on as if it had not been.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings import _numba_kernels as kernels
from reportnlp.embeddings._numba_simd import aligned
from reportnlp.embeddings._numba_tables import Ids, Long, output_rows, tables_of
from reportnlp.embeddings._settings import WindowSettings
from reportnlp.embeddings._subwords import subwords_of
from reportnlp.embeddings.blocks import (
    BREAK,
    Checkpoint,
    EncodedCorpus,
    Matrix,
    Trained,
    TrainingError,
    Vocabulary,
    Watcher,
)
from reportnlp.errors import ResumeError

if TYPE_CHECKING:
    from reportnlp.embeddings import fasttext, word2vec

STRETCH = 1 << 15
"""Ids that a thread takes at a time: some tens of milliseconds of work."""

Kernel = Callable[[Ids, float, float, npt.NDArray[np.uint64]], tuple[float, int]]
"""Trains on ids, from one learning rate to another, with a random state; gives summed loss and examples."""


@dataclass(frozen=True, slots=True)
class Model:
    """The matrices, their rows padded to whole vectors and begun on cache lines.

    Attributes:
        inputs: (rows, padded width) float32.
        outputs: (output rows, padded width) float32.
        width: numbers of a row that count; the rest are zeros.
    """

    inputs: Matrix
    outputs: Matrix
    width: int

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The state without padding, as a checkpoint keeps it."""
        return {"inputs": self.inputs[:, : self.width], "outputs": self.outputs[:, : self.width]}


def train_word2vec(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: word2vec.Config,
    *,
    seed: int,
    workers: int,
    watcher: Watcher,
    checkpoint: Checkpoint | None,
) -> Trained:
    """Train word2vec; see `word2vec.train`."""
    words = len(vocabulary)
    bound = 0.5 / config.width  # word2vec.c's
    model = _model(words, output_rows(words, config), config.width, bound, seed)
    kernel = _skipgram(vocabulary, config, model)
    if config.architecture == "cbow":
        own = np.arange(words + 1)
        kernel = _composed(vocabulary, config, model, own, own[:-1].astype(np.int32))
    _Run(corpus, config, model, kernel, seed, watcher).all(workers, checkpoint)
    return Trained(np.ascontiguousarray(model.inputs[:, : config.width]))


def train_fasttext(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: fasttext.Config,
    *,
    seed: int,
    workers: int,
    watcher: Watcher,
    checkpoint: Checkpoint | None,
) -> Trained:
    """Train fastText; see `fasttext.train`.

    While it runs, only the buckets that some word uses are in memory; the others keep their first values.
    """
    words, bound = len(vocabulary), 1.0 / config.width  # fastText's
    grams = subwords_of(vocabulary.words, config.min_n, config.max_n, config.buckets)
    used, places = np.unique(grams[1], return_inverse=True)
    offsets, members = _with_own(grams[0], places)
    model = _model(words + len(used), output_rows(words, config), config.width, bound, seed)
    kernel = _composed(vocabulary, config, model, offsets, members)
    _Run(corpus, config, model, kernel, seed, watcher).all(workers, checkpoint)
    buckets = _uniform(config.buckets, config.width, bound, [seed, 1])
    buckets[used] = model.inputs[words:, : config.width]
    return Trained(_means(model, offsets, members), buckets)


def _with_own(offsets: Long, places: Long) -> tuple[Long, Ids]:
    """Put every word's own row before those of its n-grams, which come after the words' rows."""
    words = len(offsets) - 1
    members = np.insert(places + words, offsets[:-1], np.arange(words))
    return offsets + np.arange(words + 1), members.astype(np.int32)


def _means(model: Model, offsets: Long, members: Ids) -> Matrix:
    """Each word's vector (words, width): the mean of its rows. Every word has its own row at least."""
    means = np.empty((len(offsets) - 1, model.width), np.float32)
    for word in range(len(means)):
        rows = members[offsets[word] : offsets[word + 1]]
        means[word] = model.inputs[rows, : model.width].mean(axis=0)
    return means


def _uniform(rows: int, width: int, bound: float, seed: list[int]) -> Matrix:
    matrix = np.random.default_rng(seed).random((rows, width), dtype=np.float32)
    matrix -= np.float32(0.5)
    matrix *= np.float32(2 * bound)
    return matrix


def _model(rows: int, outputs: int, width: int, bound: float, seed: int) -> Model:
    inputs = aligned(rows, width)
    inputs[:, :width] = _uniform(rows, width, bound, [seed, 0])
    return Model(inputs, aligned(outputs, width), width)


def _skipgram(vocabulary: Vocabulary, config: word2vec.Config, model: Model) -> Kernel:
    """Bind word2vec's skip-gram to the matrices and tables."""
    tables = tables_of(vocabulary.counts, config)
    inputs, outputs, window, negative = model.inputs, model.outputs, config.window, config.negative
    shared = config.shared_negatives
    return lambda ids, first, last, state: kernels.skipgram(
        ids, tables, inputs, outputs, window, negative, shared, first, last, state
    )


def _composed(
    vocabulary: Vocabulary, config: WindowSettings, model: Model, offsets: Long, members: Ids
) -> Kernel:
    """Bind a kernel whose words have the rows members[offsets[w] : offsets[w + 1]]."""
    tables = tables_of(vocabulary.counts, config)
    kernel = kernels.cbow if config.architecture == "cbow" else kernels.subword_skipgram
    inputs, outputs, window, negative = model.inputs, model.outputs, config.window, config.negative
    return lambda ids, first, last, state: kernel(
        ids, tables, offsets, members, inputs, outputs, window, negative, first, last, state
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One training, bound to its corpus and matrices."""

    corpus: EncodedCorpus
    config: WindowSettings
    model: Model
    kernel: Kernel
    seed: int
    watcher: Watcher

    def all(self, workers: int, checkpoint: Checkpoint | None) -> None:
        """Train from the last checkpoint to the end."""
        pool = ThreadPoolExecutor(max(1, workers))
        try:
            for epoch in range(self._resumed(checkpoint), self.config.epochs):
                self._epoch(epoch, pool, 2 * max(1, workers))
                if checkpoint is not None:
                    checkpoint.save(epoch + 1, self.model.arrays())
        finally:
            pool.shutdown(cancel_futures=True)
        if not np.isfinite(self.model.inputs).all():
            raise _diverged(self.config)

    def _resumed(self, checkpoint: Checkpoint | None) -> int:
        kept = checkpoint.load() if checkpoint is not None else None
        if kept is None:
            return 0
        epoch, arrays = kept
        for name, own in self.model.arrays().items():
            if name not in arrays or arrays[name].shape != own.shape:
                raise ResumeError(
                    "The checkpoint is of another vocabulary, width or architecture. Resume with the "
                    "settings it was made with, or start anew."
                )
            own[:] = arrays[name]
        return epoch

    def _epoch(self, epoch: int, pool: ThreadPoolExecutor, ahead: int) -> None:
        """Train on all stretches, some ahead of the one that is waited for."""
        waiting: deque[Future[tuple[int, float, int]]] = deque()
        for number, (start, stop) in enumerate(_stretches(self.corpus.ids)):
            waiting.append(pool.submit(self._stretch, epoch, number, start, stop))
            if len(waiting) >= ahead:
                self._tell(waiting.popleft())
        while waiting:
            self._tell(waiting.popleft())

    def _stretch(self, epoch: int, number: int, start: int, stop: int) -> tuple[int, float, int]:
        """Train on ids[start:stop]; returns words, summed loss, examples."""
        ids = np.array(self.corpus.ids[start:stop], dtype=np.int32, subok=False)
        state = (
            np.random.SeedSequence([self.seed, epoch, number]).generate_state(1, np.uint64).astype(np.uint64)
        )
        words = int(np.count_nonzero(ids >= 0))
        size = len(self.corpus.ids) * self.config.epochs
        before = len(self.corpus.ids) * epoch
        first, last = self.config.rate((before + start) / size), self.config.rate((before + stop) / size)
        loss, examples = self.kernel(ids, first, last, state)
        return words, loss, examples

    def _tell(self, waited: Future[tuple[int, float, int]]) -> None:
        words, loss, examples = waited.result()
        if isnan(loss):
            raise _diverged(self.config)
        self.watcher.advance(words, loss / examples if examples else nan)


def _stretches(ids: Ids) -> Iterator[tuple[int, int]]:
    """Cut an encoded corpus into stretches that end with a text or, where none ends for long, anywhere."""
    start = 0
    while start < len(ids):
        stop = start + STRETCH
        ends = np.flatnonzero(ids[stop : stop + STRETCH] == BREAK)
        stop = min(len(ids), stop + (int(ends[0]) + 1 if len(ends) else 0))
        yield start, stop
        start = stop


def _diverged(config: WindowSettings) -> TrainingError:
    return TrainingError(
        f"The vectors grew beyond all numbers (loss NaN) at learning_rate {config.learning_rate}. Lower it."
    )
