"""GloVe: vectors whose products fit the logarithms of co-occurrence counts.

Pennington, Socher and Manning 2014, https://aclanthology.org/D14-1162. Counts, first values, accumulators and
clipping are those of the original program: its version of 2024, where the rate of the biases is 1.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings import _choose
from reportnlp.embeddings._glove_model import Learner, Model, first_model, resumed
from reportnlp.embeddings._processes import Processes
from reportnlp.embeddings._settings import refuse_hopeless
from reportnlp.embeddings.blocks import (
    Checkpoint,
    EncodedCorpus,
    PhaseWatcher,
    Trained,
    TrainingError,
    Vocabulary,
    Watcher,
)
from reportnlp.errors import InputError, MissingExtraError, unknown_name

ENGINES = ("torch", "numba")

VECTORS = ("sum", "word")

CHUNK = 1 << 16
"""Cells that are learnt in one go: some tens of milliseconds of work. Each epoch has its own order."""

AT_LEAST = {"width": 1, "window": 1, "epochs": 1, "min_count": 1, "memory": 1}
"""The least value of each whole number."""

ABOVE_ZERO = ("learning_rate", "x_max", "alpha")


@dataclass(frozen=True)
class Config:
    """Settings of GloVe, by the paper's names and with its defaults where it has one.

    Attributes:
        width: numbers per vector.
        window: the widest distance that counts, in words (section 4.2: 10).
        epochs: passes over the counts. The paper made 50 and more; the program makes 25.
        min_count: how often a word must be in the corpus to get a vector.
        learning_rate: AdaGrad's first step size.
        x_max: counts from here on weigh 1 (equation 9). 100 is for billions of words; the program's own
            example takes 10 for 17 million.
        alpha: the exponent of the weight below `x_max`.
        symmetric: count both sides; otherwise a word's row counts the words to its right.
        vectors: "sum", each word's vector and context vector added, as the paper does; or "word" alone.
        memory: MiB that counting may use; beyond it, sorted runs go to disk.
    """

    width: int = 300
    window: int = 10
    epochs: int = 25
    min_count: int = 5
    learning_rate: float = 0.05
    x_max: float = 100.0
    alpha: float = 0.75
    symmetric: bool = True
    vectors: str = "sum"
    memory: int = 2048

    def __post_init__(self) -> None:
        if self.vectors not in VECTORS:
            raise unknown_name("choice of vectors", self.vectors, VECTORS)
        for name, least in AT_LEAST.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}. Give {least} or more.")
        for name in ABOVE_ZERO:
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}. Give a number above 0.")


def train(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: Config,
    *,
    seed: int,
    engine: str,
    workers: int,
    watcher: Watcher,
    checkpoint: Checkpoint | None,
) -> Trained:
    """Train vectors.

    The counts go to files without a name in the folder of the corpus's file, or in the system's for temporary
    files where it has none.

    Args:
        corpus: the corpus as numbers.
        vocabulary: the words that get vectors, most frequent first.
        config: the settings.
        seed: same seed, one worker, same engine: same vectors.
        engine: one of `ENGINES`, or "auto".
        workers: threads; on GPUs, devices.
        watcher: hears of progress; a pass over the counts stands for one over the corpus's words.
        checkpoint: keeps the state between epochs; None: nothing is kept.

    Raises:
        TrainingError: nothing to learn from, or numbers that are none.
        MissingExtraError: the engine's library is not installed.
        UnknownNameError: no engine has that name.
        ResumeError: the checkpoint is another training's.
    """
    name = _choose.engine(engine, method="glove", config=config, allowed=ENGINES)
    refuse_hopeless(corpus, vocabulary, config.min_count)
    workers = max(1, workers)
    with _joined(name, workers) as together:
        heard = watcher if together.first else None
        cells = _cells(corpus, len(vocabulary), config, seed, workers, heard)
        kept = checkpoint if together.first else None
        done, model = resumed(kept, first_model(len(vocabulary), config.width, seed))
        learner = _learner(name, cells, model, config, workers, together)
        del model
        training = _Training(corpus, len(cells), config, seed, heard)
        for epoch in range(together.of_first(done), config.epochs):
            training.epoch(learner, epoch)
            if kept is not None:
                kept.save(epoch + 1, _copies(learner.model()))
        return Trained(learner.model().matrix(config.vectors == "sum"))


@dataclass(frozen=True, slots=True)
class _Training:
    """What the epochs of one training share."""

    corpus: EncodedCorpus
    cells: int
    config: Config
    seed: int
    watcher: Watcher | None

    def epoch(self, learner: Learner, epoch: int) -> None:
        """Pass over all cells once."""
        done = words = 0
        for cells, loss in learner.learn(self._chunks(epoch)):
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The loss is no number in epoch {epoch + 1} of {self.config.epochs}. Lower "
                    f"learning_rate (it was {self.config.learning_rate:g})."
                )
            done += cells
            read = self.corpus.tokens * done // self.cells
            if self.watcher is not None:
                self.watcher.advance(read - words, loss / cells)
            words = read

    def _chunks(self, epoch: int) -> Sequence[slice]:
        """The chunks of cells, in an order that depends on the seed and the epoch alone."""
        order = np.random.default_rng((self.seed, 2, epoch)).permutation(-(-self.cells // CHUNK))
        return [slice(place * CHUNK, min((place + 1) * CHUNK, self.cells)) for place in order.tolist()]


def _beside(corpus: EncodedCorpus) -> Path | None:
    """The folder of the corpus's file, which has room for what does not fit in memory."""
    name = getattr(corpus.ids, "filename", None)
    folder = Path(name).parent if name else None
    return folder if folder and os.access(folder, os.W_OK) else None


def _cells(
    corpus: EncodedCorpus, words: int, config: Config, seed: int, workers: int, watcher: Watcher | None
) -> npt.NDArray[np.void]:
    """Count, merge, weigh and shuffle; see `_cooccurrence.ENTRY`."""
    try:
        from reportnlp.embeddings import _cooccurrence as counts
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise MissingExtraError("Counting words that stand near one another", "train") from error
    counting = counts.Counting(words, config.window, config.symmetric, config.memory << 20, workers)
    folder, seen = _beside(corpus), None
    if isinstance(watcher, PhaseWatcher):
        watcher.phase("counting pairs of words", corpus.tokens)
        seen = watcher.prepared
    runs = counts.count(corpus.ids, counting, folder=folder, seen=seen)
    cells = counts.shuffled(runs, counting, x_max=config.x_max, alpha=config.alpha, seed=seed, folder=folder)
    if not len(cells):
        raise TrainingError(
            "No two words of the vocabulary stand in one text, so nothing can be counted. Give longer "
            "texts, or lower min_count."
        )
    return cells


def _joined(engine: str, workers: int) -> AbstractContextManager[Processes]:
    """Join the processes that torchrun started; only the torch engine can share its work with them."""
    if engine != "torch":
        return nullcontext(Processes())
    from reportnlp.embeddings import _torch_glove

    return _torch_glove.joined(workers)


def _learner(
    engine: str,
    cells: npt.NDArray[np.void],
    model: Model,
    config: Config,
    workers: int,
    together: Processes,
) -> Learner:
    if engine == "torch":
        from reportnlp.embeddings import _torch_glove

        return _torch_glove.learner(cells, model, config.learning_rate, workers, together)
    from reportnlp.embeddings import _numba_glove

    return _numba_glove.learner(cells, model, config.learning_rate, workers)


def _copies(model: Model) -> dict[str, npt.NDArray[np.generic]]:
    """The state as it is now: an engine's own may be a view that goes on changing."""
    return {name: array.copy() for name, array in model.arrays().items()}
