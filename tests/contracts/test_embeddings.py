"""Every embedding method, by every engine: planted topics come apart, seeds hold, stopped trainings go on."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reportnlp.embeddings._choose import LIBRARIES
from reportnlp.embeddings.blocks import BREAK, EncodedCorpus, Matrix, TrainingError, Vocabulary
from reportnlp.errors import MissingExtraError, UnknownNameError
from reportnlp.registry import EMBEDDINGS

TOPICS = (
    "embolus thrombus artery segmental saddle lobar perfusion infarct",
    "hemorrhage subdural midline ventricle cortex skull herniation sulci",
)
WORDS = tuple(" ".join(TOPICS).split())
SMALL = {
    "width": 20,
    "window": 4,
    "epochs": 12,
    "min_count": 1,
    "sample": 0.0,
    "buckets": 500,
    "x_max": 10.0,
}
ENGINES = [
    pytest.param(method, engine, id=f"{method}-{engine}")
    for method in EMBEDDINGS.names()
    for engine in EMBEDDINGS.get(method).ENGINES
]


class Silent:
    """Hears of progress and keeps it."""

    def __init__(self) -> None:
        self.words = 0

    def advance(self, words: int, loss: float) -> None:
        self.words += words


class Kept:
    """A checkpoint in memory, that can stop the training after an epoch."""

    def __init__(self, stop_after: int = 0) -> None:
        self.stop_after = stop_after
        self.state: tuple[int, dict[str, npt.NDArray[np.generic]]] | None = None

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self.state = epoch, {name: array.copy() for name, array in arrays.items()}
        if epoch == self.stop_after:
            raise KeyboardInterrupt

    def load(self) -> tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None:
        return self.state


def encoded(texts: npt.NDArray[np.int32]) -> EncodedCorpus:
    """A corpus of the rows of a matrix of word numbers."""
    ends = np.full((len(texts), 1), BREAK, np.int32)
    return EncodedCorpus(np.hstack([texts, ends]).ravel(), texts.size)


@cache
def planted() -> tuple[EncodedCorpus, Vocabulary]:
    """500 texts of 12 words, each text about one of the topics, with one word in ten of the other."""
    rng = np.random.default_rng(5)
    size = len(WORDS) // len(TOPICS)
    about = rng.integers(len(TOPICS), size=(500, 1)) ^ (rng.random((500, 12)) < 0.1)
    texts = rng.integers(size, size=(500, 12)) + size * about
    counts = np.bincount(texts.ravel(), minlength=len(WORDS))
    order = np.argsort(-counts, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    words = tuple(WORDS[word] for word in order)
    return encoded(places[texts].astype(np.int32)), Vocabulary(words, counts[order].astype(np.int64))


def config_of(module: ModuleType, **more: Any) -> Any:
    """Small settings, of those that the method has."""
    known = {field.name for field in fields(module.Config)}
    return module.Config(**{name: value for name, value in {**SMALL, **more}.items() if name in known})


def train(method: str, engine: str, seed: int = 1, workers: int = 1, **more: Any) -> Matrix:
    pytest.importorskip(LIBRARIES[engine])
    module = EMBEDDINGS.get(method)
    corpus, vocabulary = planted()
    checkpoint = more.pop("checkpoint", None)
    trained = module.train(
        corpus,
        vocabulary,
        config_of(module, **more),
        seed=seed,
        engine=engine,
        workers=workers,
        watcher=Silent(),
        checkpoint=checkpoint,
    )
    matrix: Matrix = trained.matrix
    return matrix


@cache
def trained(method: str, engine: str, seed: int) -> Matrix:
    return train(method, engine, seed)


def apart(matrix: Matrix) -> tuple[float, float]:
    """The mean cosine of two words of one topic, and of two topics."""
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    topic = np.array([word in TOPICS[0].split() for word in planted()[1].words])
    same = topic[:, None] == topic
    cosines = units @ units.T
    return float(cosines[same & ~np.eye(len(topic), dtype=bool)].mean()), float(cosines[~same].mean())


@pytest.mark.parametrize(("method", "engine"), ENGINES)
def test_words_of_one_topic_are_nearer_to_one_another(method: str, engine: str) -> None:
    matrix = trained(method, engine, 1)
    assert matrix.shape == (len(WORDS), SMALL["width"])
    assert matrix.dtype == np.float32
    within, across = apart(matrix)
    assert within > across + 0.3, (within, across)


@pytest.mark.parametrize(("method", "engine"), [row for row in ENGINES if row.values[1] != "torch"])
def test_more_workers_learn_the_same_topics(method: str, engine: str) -> None:
    # torch's workers on a processor share single operations: nothing is learned otherwise, only slower here
    within, across = apart(train(method, engine, workers=2))
    assert within > across + 0.3, (within, across)


@pytest.mark.parametrize(("method", "engine"), ENGINES)
def test_the_seed_makes_the_matrix(method: str, engine: str) -> None:
    assert np.array_equal(train(method, engine, 1), trained(method, engine, 1))
    assert not np.array_equal(train(method, engine, 2), trained(method, engine, 1))


@pytest.mark.parametrize(("method", "engine"), ENGINES)
def test_a_stopped_training_goes_on_as_if_it_had_not_been(method: str, engine: str) -> None:
    kept = Kept(stop_after=5)
    with pytest.raises(KeyboardInterrupt):
        train(method, engine, checkpoint=kept)
    kept.stop_after = 0
    assert np.array_equal(train(method, engine, checkpoint=kept), trained(method, engine, 1))


@pytest.mark.parametrize(("method", "engine"), ENGINES)
def test_an_engine_without_its_library_names_the_extra(
    method: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(LIBRARIES[engine])
    monkeypatch.setitem(sys.modules, LIBRARIES[engine], None)
    with pytest.raises(MissingExtraError, match=r"reportnlp\[train\]"):
        train_missing(method, engine)


def train_missing(method: str, engine: str) -> None:
    module = EMBEDDINGS.get(method)
    corpus, vocabulary = planted()
    module.train(
        corpus,
        vocabulary,
        config_of(module),
        seed=1,
        engine=engine,
        workers=1,
        watcher=Silent(),
        checkpoint=None,
    )


@pytest.mark.parametrize("method", EMBEDDINGS.names())
def test_an_unknown_engine_gets_a_guess(method: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'numba'"):
        train_missing(method, "numbar")


@pytest.mark.parametrize(("method", "engine"), ENGINES)
@pytest.mark.parametrize("words", [0, 1])
def test_too_few_words_are_refused(method: str, engine: str, words: int) -> None:
    pytest.importorskip(LIBRARIES[engine])
    module = EMBEDDINGS.get(method)
    vocabulary = Vocabulary(WORDS[:words], np.full(words, 4, np.int64))
    corpus = EncodedCorpus(np.zeros(4 * words, np.int32), 4 * words)
    with pytest.raises(TrainingError, match="min_count"):
        module.train(
            corpus,
            vocabulary,
            config_of(module),
            seed=1,
            engine=engine,
            workers=1,
            watcher=Silent(),
            checkpoint=None,
        )


@pytest.mark.parametrize("method", EMBEDDINGS.names())
def test_settings_have_defaults(method: str) -> None:
    config = EMBEDDINGS.get(method).Config()
    assert config.width == 300
    assert config.min_count == 5
