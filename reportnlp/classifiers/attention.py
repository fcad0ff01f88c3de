"""Attention over words, and over words and then sentences.

Flat: additive attention (Bahdanau 2015, arXiv:1409.0473), one for each question (Mullenbach 2018,
arXiv:1802.05695), over a recurrent or a convolutional layer. Hierarchical: words make sentences and sentences
make the report, each by attention of its own (Yang 2016, N16-1174; Banerjee 2019 for CT reports of pulmonary
embolism).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from reportnlp.classifiers._questions import Columns
from reportnlp.classifiers._recurrent import Cell, Recurrent
from reportnlp.classifiers.blocks import (
    FAR,
    AttentionHead,
    Batch,
    Classifier,
    ClassifierConfig,
    Read,
    WordSettings,
    WordVectors,
)

TITLE = "attention over words, or over words and then sentences"

SENTENCES = True
"""Words are told which sentence they stand in."""


class Config(WordSettings):
    """Settings of the network.

    Attributes:
        form: "flat" or "hierarchical".
        layer: what reads the words below the attention: "simple", "lstm", "gru" or "convolution".
        hidden: numbers per word and direction; the filters of a convolution are twice as many.
        span: words under a filter of the convolution.
        scorer: width of the layer that scores words or sentences.
    """

    form: Literal["flat", "hierarchical"] = "flat"
    layer: Cell | Literal["convolution"] = "gru"
    hidden: int = Field(default=64, ge=1)
    span: int = Field(default=5, ge=1)
    scorer: int = Field(default=64, ge=1)


class Model(Classifier):
    """The network."""

    Config = Config

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        settings: Config = self.settings
        self.vectors = WordVectors(config.vocabulary, len(config.sections), settings)
        self.layer = _layer(settings)
        features = 2 * settings.hidden
        kind = AttentionHead if settings.form == "flat" else HierarchicalHead
        self.head = kind(features, self.columns, settings.dropout, settings.scorer)
        self.ready()

    def read(self, batch: Batch, explain: bool) -> Read:
        """See `Classifier.read`."""
        vectors, mask = self.vectors(batch.input_ids, batch.section_ids)
        tokens = self.layer(vectors, mask)
        if self.settings.form == "flat":
            flat: Read = self.head(tokens, mask, explain)
            return flat
        read: Read = self.head(tokens, mask, batch, explain)
        return read


def _layer(settings: Config) -> nn.Module:
    if settings.layer == "convolution":
        return Convolution(settings.width, 2 * settings.hidden, settings.span)
    return Recurrent(settings.layer, settings.width, settings.hidden, both=True)


class Convolution(nn.Module):
    """One convolution over words.

    Args:
        width: numbers per token that come in.
        filters: numbers per token that come out.
        span: words under a filter.
    """

    def __init__(self, width: int, filters: int, span: int) -> None:
        super().__init__()
        self.span = span
        self.layer = nn.Conv1d(width, filters, span)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(reports, tokens, width) and (reports, tokens) to (reports, tokens, filters); filling is 0."""
        sides = (self.span // 2, self.span - 1 - self.span // 2)
        found = torch.tanh(self.layer(functional.pad(tokens.transpose(1, 2), sides)))
        return found.transpose(1, 2) * mask.unsqueeze(-1)


class HierarchicalHead(nn.Module):
    """Words to sentences by one attention, sentences to answers by one attention for each question.

    What a sentence adds to a logit is shared out among its words by their attention.

    Args:
        features: features per token.
        columns: the questions.
        dropout: share of features left out in training.
        hidden: width of the layers that score words and sentences.
    """

    def __init__(self, features: int, columns: Columns, dropout: float, hidden: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(features, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.sentences = Recurrent("gru", features, features // 2, both=True)
        self.report = AttentionHead(self.sentences.features, columns, dropout, hidden)

    def forward(self, tokens: Tensor, mask: Tensor, batch: Batch, explain: bool) -> Read:
        """Tokens (reports, tokens, features), mask (reports, tokens) and the batch, to `Read`."""
        scores = self.score(torch.tanh(self.hidden(self.dropout(tokens)))).squeeze(-1)
        member = batch.sentence_ids.unsqueeze(1) == batch.sentences.unsqueeze(-1)
        member = member & mask.unsqueeze(1)
        share = torch.softmax(scores.unsqueeze(1).masked_fill(~member, FAR), dim=-1) * member
        there = member.any(dim=-1)
        read: Read = self.report(self.sentences(share @ tokens, there), there, explain)
        if read.relevance is None:
            return read
        return Read(read.logits, share.transpose(1, 2) @ read.relevance)
