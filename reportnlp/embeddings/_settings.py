"""What word2vec and fastText are told, in the papers' terms, and what neither can be told."""

from __future__ import annotations

from dataclasses import dataclass

from reportnlp.embeddings.blocks import EncodedCorpus, TrainingError, Vocabulary
from reportnlp.errors import InputError, unknown_name

ARCHITECTURES = ("skipgram", "cbow")

LEAST_RATE = 1e-4
"""The learning rate falls linearly to this part of itself, as in the original programs."""

AT_LEAST = {"width": 1, "window": 1, "epochs": 1, "negative": 0, "min_count": 1}
"""The least value of each whole number."""


@dataclass(frozen=True)
class WindowSettings:
    """Settings of a model that predicts words from the words around them (Mikolov 2013, arXiv:1301.3781).

    Attributes:
        architecture: "skipgram" or "cbow".
        width: numbers per vector.
        window: the widest window, in words to each side; each word draws its own from 1 to it.
        epochs: passes over the corpus.
        negative: negatives per example (arXiv:1310.4546, section 2.2); 0 for none.
        hierarchical: also, or with `negative` 0 instead, hierarchical softmax (section 2.1).
        sample: subsampling threshold (section 2.3); 0 keeps every word.
        min_count: how often a word must be in the corpus to get a vector.
        learning_rate: at the start; word2vec.c takes 0.025 for skip-gram and 0.05 for CBOW.
        power: negatives are drawn from counts to this power.
    """

    architecture: str = "skipgram"
    width: int = 300
    window: int = 5
    epochs: int = 5
    negative: int = 5
    hierarchical: bool = False
    sample: float = 1e-3
    min_count: int = 5
    learning_rate: float = 0.025
    power: float = 0.75

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise unknown_name("architecture", self.architecture, ARCHITECTURES)
        for name, least in AT_LEAST.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}. Give {least} or more.")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate is {self.learning_rate}. Give a number above 0.")
        if not self.sample >= 0:
            raise InputError(f"sample is {self.sample}. Give 0 to keep every word, or for example 0.001.")
        if not (self.negative or self.hierarchical):
            raise InputError("negative is 0 and hierarchical is off, so nothing is learned. Set one of them.")

    def rate(self, done: float) -> float:
        """The learning rate after a share of the training, 0 to 1."""
        return self.learning_rate * max(1 - done, LEAST_RATE)


def refuse_hopeless(corpus: EncodedCorpus, vocabulary: Vocabulary, min_count: int) -> None:
    """Stop before a training that cannot learn anything.

    Raises:
        TrainingError: there is no word, or only one.
    """
    if len(vocabulary) == 0 or corpus.tokens == 0:
        raise TrainingError(
            f"The corpus has no word that is in it {min_count} times or more. "
            "Give more text, or lower min_count."
        )
    if len(vocabulary) == 1:
        raise TrainingError(
            "The vocabulary is one word, with nothing to be told apart from. "
            "Give more text, or lower min_count."
        )
