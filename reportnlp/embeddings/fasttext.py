"""fastText: word2vec whose words are sums of character n-grams, so that words never seen get vectors too.

Bojanowski et al. 2016, arXiv:1607.04606. The engines follow the original program, facebookresearch/fastText.
"""

from __future__ import annotations

from dataclasses import dataclass

from reportnlp.embeddings import _choose
from reportnlp.embeddings._settings import WindowSettings, refuse_hopeless
from reportnlp.embeddings.blocks import Checkpoint, EncodedCorpus, Trained, Vocabulary, Watcher
from reportnlp.errors import InputError

ENGINES = ("torch", "numba", "gensim")


@dataclass(frozen=True)
class Config(WindowSettings):
    """Settings of fastText; `learning_rate` and `power` are its program's, the rest word2vec's.

    Attributes:
        min_n: characters in the shortest n-gram, the word's boundaries counted.
        max_n: characters in the longest.
        buckets: how many rows the n-grams are hashed to.
    """

    learning_rate: float = 0.05
    power: float = 0.5
    min_n: int = 3
    max_n: int = 6
    buckets: int = 2_000_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.min_n <= self.max_n:
            raise InputError(
                f"min_n is {self.min_n} and max_n {self.max_n}. "
                "Give min_n of 1 or more, and max_n not below it."
            )
        if self.buckets < 1:
            raise InputError(f"buckets is {self.buckets}. Give 1 or more.")


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
    """Train vectors; the returned matrix holds each word's mean over itself and its n-grams.

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
    name = _choose.engine(engine, method="fasttext", config=config, allowed=ENGINES)
    refuse_hopeless(corpus, vocabulary, config.min_count)
    trained: Trained = _choose.trainer(name).train_fasttext(
        corpus, vocabulary, config, seed=seed, workers=workers, watcher=watcher, checkpoint=checkpoint
    )
    return trained
