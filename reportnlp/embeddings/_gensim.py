"""The gensim engine: word2vec and fastText by gensim (Rehurek and Sojka 2010), on processors.

gensim wants words, so the numbers of the encoded corpus are turned back into them as they are read. It trains
epoch by epoch, each with its own seed and its part of the learning rate's fall, so that a training can be
stopped in between. It tells no loss that could be compared with the other engines' (it leaves saturated
examples out): the watcher hears NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings._settings import WindowSettings
from reportnlp.embeddings.blocks import Checkpoint, EncodedCorpus, Trained, TrainingError, Vocabulary, Watcher
from reportnlp.errors import ResumeError

if TYPE_CHECKING:
    from reportnlp.embeddings import fasttext, word2vec

LONGEST = 10_000
"""Words of a text that gensim reads; what is longer is cut, never dropped."""

CHUNK = 1 << 18
"""Ids read from the map at a time."""


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
    from gensim.models import Word2Vec

    model = Word2Vec(**_arguments(config, seed, workers))
    _train(model, corpus, vocabulary, config, seed, watcher, checkpoint)
    return Trained(np.ascontiguousarray(model.wv.vectors, np.float32))


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
    """Train fastText; see `fasttext.train`."""
    from gensim.models import FastText

    arguments = _arguments(config, seed, workers)
    model = FastText(**arguments, min_n=config.min_n, max_n=config.max_n, bucket=config.buckets)
    _train(model, corpus, vocabulary, config, seed, watcher, checkpoint)
    buckets = np.ascontiguousarray(model.wv.vectors_ngrams, np.float32)
    return Trained(np.ascontiguousarray(model.wv.vectors, np.float32), buckets)


def _arguments(config: WindowSettings, seed: int, workers: int) -> dict[str, Any]:
    return {
        "vector_size": config.width,
        "window": config.window,
        "sg": int(config.architecture == "skipgram"),
        "hs": int(config.hierarchical),
        "negative": config.negative,
        "ns_exponent": config.power,
        "sample": config.sample,
        "alpha": config.learning_rate,
        "min_alpha": config.rate(1.0),
        "seed": seed,
        "workers": max(1, workers),
        "min_count": 1,  # rarer words are not in the vocabulary that it is given
        "sorted_vocab": 0,
    }


@dataclass(frozen=True, slots=True)
class _Texts:
    """The corpus as lists of words; each pass reads it anew, and tells the watcher how far it is.

    gensim reads from a thread of its own, a few batches ahead of the training.
    """

    corpus: EncodedCorpus
    words: npt.NDArray[np.object_]
    watcher: Watcher

    def __iter__(self) -> Iterator[list[str]]:
        rest = np.zeros(0, np.int32)
        for start in range(0, len(self.corpus.ids), CHUNK):
            ids = np.concatenate([rest, self.corpus.ids[start : start + CHUNK]])
            ends = np.flatnonzero(ids < 0)
            for text in np.split(ids, ends)[:-1]:
                yield from self._pieces(text)
            rest = ids[ends[-1] :] if len(ends) else ids
        yield from self._pieces(rest)

    def _pieces(self, ids: npt.NDArray[np.int32]) -> Iterator[list[str]]:
        ids = ids[ids >= 0]
        for start in range(0, len(ids), LONGEST):
            piece = self.words[ids[start : start + LONGEST]].tolist()
            self.watcher.advance(len(piece), nan)
            yield piece


def _train(
    model: Any,
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: WindowSettings,
    seed: int,
    watcher: Watcher,
    checkpoint: Checkpoint | None,
) -> None:
    """Train epoch by epoch, from the last checkpoint on."""
    counts = vocabulary.counts.tolist()
    model.build_vocab_from_freq(dict(zip(vocabulary.words, counts, strict=True)))
    texts = _Texts(corpus, np.array(vocabulary.words, dtype=object), watcher)
    for epoch in range(_resumed(model, checkpoint), config.epochs):
        model.random = np.random.RandomState(np.random.SeedSequence([seed, epoch]).generate_state(4))
        first, last = config.rate(epoch / config.epochs), config.rate((epoch + 1) / config.epochs)
        model.train(texts, total_words=corpus.tokens, epochs=1, start_alpha=first, end_alpha=last)
        if checkpoint is not None:
            checkpoint.save(epoch + 1, _arrays(model))
    if not np.isfinite(model.wv.vectors).all():
        raise TrainingError(
            f"The vectors grew beyond all numbers at learning_rate {config.learning_rate}. Lower it."
        )


def _arrays(model: Any) -> dict[str, npt.NDArray[np.generic]]:
    """Every matrix that gensim trains or derives, by its name; they are gensim's own, not copies."""
    holders = {"vectors": model.wv, "vectors_vocab": model.wv, "vectors_ngrams": model.wv}
    holders |= {"syn1": model, "syn1neg": model}
    found = {name: getattr(holder, name, None) for name, holder in holders.items()}
    return {name: matrix for name, matrix in found.items() if matrix is not None}


def _resumed(model: Any, checkpoint: Checkpoint | None) -> int:
    kept = checkpoint.load() if checkpoint is not None else None
    if kept is None:
        return 0
    epoch, arrays = kept
    for name, own in _arrays(model).items():
        if name not in arrays or arrays[name].shape != own.shape:
            raise ResumeError(
                "The checkpoint is of another engine, vocabulary, width or architecture. Resume with the "
                "settings it was made with, or start anew."
            )
        own[:] = arrays[name]
    return epoch
