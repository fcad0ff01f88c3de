"""word2vec: skip-gram and CBOW, negative sampling and hierarchical softmax.

Mikolov et al. 2013, arXiv:1301.3781 and arXiv:1310.4546. The engines follow the original program, word2vec.c.
"""

from __future__ import annotations

from dataclasses import dataclass

from reportnlp.embeddings import _choose
from reportnlp.embeddings._settings import WindowSettings, refuse_hopeless
from reportnlp.embeddings.blocks import Checkpoint, EncodedCorpus, Trained, Vocabulary, Watcher

ENGINES = ("torch", "numba", "gensim")


@dataclass(frozen=True)
class Config(WindowSettings):
    """Settings of word2vec; the defaults are its papers'.

    Attributes:
        shared_negatives: engine numba, skip-gram: the pairs of one window share their negatives (Ji et al.
            2016, arXiv:1604.04661). No pair's expected step is another, and it is faster. Of the other
            engines torch always shares them, and gensim never does: there it changes nothing.
    """

    shared_negatives: bool = False


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

    Args:
        corpus: the corpus as numbers.
        vocabulary: the words that get vectors, most frequent first.
        config: the settings.
        seed: same seed, one worker, same engine: same vectors.
        engine: one of `ENGINES`, or "auto".
        workers: threads; on GPUs, devices.
        watcher: hears of progress.
        checkpoint: keeps the state between epochs; None: nothing is kept.

    Raises:
        TrainingError: nothing to learn from, or numbers that are none.
        MissingExtraError: the engine's library is not installed.
        UnknownNameError: no engine has that name.
        ResumeError: the checkpoint is another training's.
    """
    name = _choose.engine(engine, method="word2vec", config=config, allowed=ENGINES)
    refuse_hopeless(corpus, vocabulary, config.min_count)
    trained: Trained = _choose.trainer(name).train_word2vec(
        corpus, vocabulary, config, seed=seed, workers=workers, watcher=watcher, checkpoint=checkpoint
    )
    return trained
