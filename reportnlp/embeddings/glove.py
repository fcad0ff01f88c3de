"""GloVe: vectors whose products fit the logarithms of co-occurrence counts.

Pennington, Socher and Manning 2014, https://aclanthology.org/D14-1162. Counts, first values, accumulators and
clipping are those of the original program: its version of 2024, where the rate of the biases is 1.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings import _choose
from reportnlp.embeddings._glove_model import Learner, Model, first_model, resumed
from reportnlp.embeddings._settings import refuse_hopeless
from reportnlp.embeddings.blocks import Checkpoint, EncodedCorpus, Trained, TrainingError, Vocabulary, Watcher
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

    The counts go to a temporary folder beside the corpus's file, or to the system's where it has none.

    Args:
        corpus: the corpus as numbers.
        vocabulary: the words that get vectors, most frequent first.
        config: the settings.
        seed: same seed, one worker, same engine: same vectors.
        engine: one of `ENGINES`, or "auto".
        workers: threads.
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
    with TemporaryDirectory(prefix="cooccurrence-", dir=_beside(corpus)) as folder:
        cells = _cells(corpus, len(vocabulary), config, seed, max(1, workers), Path(folder))
        done, model = resumed(checkpoint, first_model(len(vocabulary), config.width, seed))
        learner = _learner(name, cells, model, config, max(1, workers))
        del model
        training = _Training(corpus, len(cells), config, seed, watcher)
        for epoch in range(done, config.epochs):
            training.epoch(learner, epoch)
            if checkpoint is not None:
                checkpoint.save(epoch + 1, learner.model().arrays())
        return Trained(learner.model().matrix(config.vectors == "sum"))


@dataclass(frozen=True, slots=True)
class _Training:
    """What the epochs of one training share."""

    corpus: EncodedCorpus
    cells: int
    config: Config
    seed: int
    watcher: Watcher

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
    corpus: EncodedCorpus, words: int, config: Config, seed: int, workers: int, folder: Path
) -> npt.NDArray[np.void]:
    """Count, merge, weigh and shuffle; see `_cooccurrence.ENTRY`."""
    try:
        from reportnlp.embeddings import _cooccurrence as counts
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise MissingExtraError("Counting words that stand near one another", "train") from error
    counting = counts.Counting(words, config.window, config.symmetric, config.memory << 20, workers)
    runs = counts.count(corpus.ids, counting, folder=folder)
    cells = counts.shuffled(runs, counting, x_max=config.x_max, alpha=config.alpha, seed=seed, folder=folder)
    if not len(cells):
        raise TrainingError(
            "No two words of the vocabulary stand in one text, so nothing can be counted. Give longer "
            "texts, or lower min_count."
        )
    return cells


def _learner(engine: str, cells: npt.NDArray[np.void], model: Model, config: Config, workers: int) -> Learner:
    module = import_module(f"reportnlp.embeddings._{engine}_glove")
    learner: Learner = module.learner(cells, model, config.learning_rate, workers)
    return learner
