"""Recurrent networks over words: simple (Elman 1990), LSTM (Hochreiter 1997) and GRU (Cho 2014)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reportnlp.classifiers._recurrent import Cell, Recurrent
from reportnlp.classifiers.blocks import (
    Batch,
    Classifier,
    ClassifierConfig,
    Read,
    WordSettings,
    WordVectors,
    head,
)

TITLE = "a simple, LSTM or GRU network over word vectors, in one or both directions"


class Config(WordSettings):
    """Settings of the network.

    Attributes:
        cell: "simple", "lstm" or "gru".
        hidden: numbers per word and direction.
        directions: 1: from the first word to the last; 2: both ways.
        pooling: "max": the largest value of each feature; "attention": each question attends to its places.
    """

    cell: Cell = "lstm"
    hidden: int = Field(default=100, ge=1)
    directions: Literal[1, 2] = 2
    pooling: Literal["max", "attention"] = "max"


class Model(Classifier):
    """The network."""

    Config = Config

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        settings: Config = self.settings
        self.vectors = WordVectors(config.vocabulary, len(config.sections), settings)
        self.layer = Recurrent(settings.cell, settings.width, settings.hidden, both=settings.directions == 2)
        self.head = head(settings.pooling, self.layer.features, self.columns, dropout=settings.dropout)
        self.ready()

    def read(self, batch: Batch, explain: bool) -> Read:
        """See `Classifier.read`."""
        vectors, mask = self.vectors(batch.input_ids, batch.section_ids)
        read: Read = self.head(self.layer(vectors, mask), mask, explain)
        return read
