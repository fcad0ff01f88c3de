"""One training by this package, in a process of its own; `embeddings.py` reads the last line it prints."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings import fasttext, glove, word2vec
from reportnlp.embeddings._corpus import read_vocabulary
from reportnlp.embeddings._vectors import Subwords
from reportnlp.embeddings.blocks import EncodedCorpus, Trained, Vocabulary

WARM_IDS = 4000
"""What is trained on first, so that compiling is in no rate."""


class Clock:
    """When words were read."""

    def __init__(self) -> None:
        self.first = self.last = nan
        self.words = 0

    def advance(self, words: int, loss: float) -> None:
        """See `blocks.Watcher`."""
        self.last = perf_counter()
        self.words += words
        if isnan(self.first):
            self.first = self.last


def config_of(job: dict[str, Any]) -> Any:
    """The settings, in the words of the method."""
    if job["kind"] == "glove":
        return glove.Config(**job["config"])
    return (fasttext if job["kind"] == "fasttext" else word2vec).Config(**job["config"])


def train(
    job: dict[str, Any], corpus: EncodedCorpus, vocabulary: Vocabulary, config: Any, watcher: Clock
) -> Trained:
    """Train as the job says."""
    engine = job["engine"].partition("-")[0]
    method: Any = {"glove": glove, "fasttext": fasttext}.get(job["kind"], word2vec)
    trained: Trained = method.train(
        corpus,
        vocabulary,
        config,
        seed=job["seed"],
        engine=engine,
        workers=job["workers"],
        watcher=watcher,
        checkpoint=None,
    )
    return trained


def warm_up(job: dict[str, Any], ids: npt.NDArray[np.int32], vocabulary: Vocabulary, config: Any) -> None:
    """Compile; what is trained is thrown away."""
    few = np.array(ids[:WARM_IDS])
    small = replace(config, epochs=1, **({"buckets": 1000} if job["kind"] == "fasttext" else {}))
    train(job, EncodedCorpus(few, int((few >= 0).sum())), vocabulary, small, Clock())


def save(job: dict[str, Any], trained: Trained, config: Any) -> None:
    """Write the vectors, for fastText those of words never seen too; zeros where a word has no n-gram."""
    out = Path(job["out"])
    np.save(out / "vectors.npy", trained.matrix)
    if trained.buckets is not None:
        subwords = Subwords(trained.buckets, config.min_n, config.max_n)
        composed = [subwords.compose(word) for word in job["unseen"]]
        rows = [np.zeros(config.width, np.float32) if row is None else row for row in composed]
        np.save(out / "unseen.npy", np.array(rows, np.float32).reshape(-1, config.width))


def main() -> None:
    """Do the job whose file is named."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if job["engine"] != "torch-cuda":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is loaded
    vocabulary = read_vocabulary(Path(job["vocabulary"]))
    ids = np.memmap(job["ids"], np.int32, "r")
    config, clock = config_of(job), Clock()
    warm_up(job, ids, vocabulary, config)
    start = perf_counter()
    trained = train(job, EncodedCorpus(ids, int(vocabulary.counts.sum())), vocabulary, config, clock)
    end = perf_counter()
    save(job, trained, config)
    # gensim is told of words as they are read, ahead of their training, the others when they are learnt, some
    # at a time: their first values are in their time, and not in gensim's.
    seconds = end - clock.first if job["engine"] == "gensim" else clock.last - start
    parts = {"counting": clock.first - start, "learning": clock.last - clock.first}
    print(json.dumps({"words": clock.words, "seconds": seconds, **parts}))


if __name__ == "__main__":
    main()
