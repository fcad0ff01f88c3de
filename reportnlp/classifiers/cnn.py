"""Convolution over words, pooled over the report (Kim 2014, arXiv:1408.5882; Chen et al. 2017).

One layer of filters of several widths over word vectors, the largest value of each filter, one linear layer:
`vectors` chooses Kim's static, tuned ("non-static") or two-channel form.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from reportnlp.classifiers.blocks import (
    Batch,
    Classifier,
    ClassifierConfig,
    Read,
    WordSettings,
    WordVectors,
    head,
)

TITLE = "one layer of convolutions over word vectors, the strongest match of each filter"


class Config(WordSettings):
    """Settings of the network.

    Attributes:
        filters: filters of each width.
        spans: words under a filter, one group of filters for each.
        pooling: "max": the strongest match of a filter (Kim 2014); "attention": each question attends to the
            places it needs (Mullenbach 2018).
    """

    filters: int = Field(default=100, ge=1)
    spans: tuple[int, ...] = (3, 4, 5)
    pooling: Literal["max", "attention"] = "max"


class Model(Classifier):
    """The network."""

    Config = Config

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        settings: Config = self.settings
        self.vectors = WordVectors(config.vocabulary, len(config.sections), settings)
        self.filters = nn.ModuleList(
            nn.Conv1d(settings.width, settings.filters, span) for span in settings.spans
        )
        features = settings.filters * len(settings.spans)
        self.head = head(settings.pooling, features, self.columns, dropout=settings.dropout)
        self.ready()

    def read(self, batch: Batch, explain: bool) -> Read:
        """See `Classifier.read`."""
        vectors, mask = self.vectors(batch.input_ids, batch.section_ids)
        channels = vectors.transpose(1, 2)
        found = [
            functional.relu(layer(functional.pad(channels, (span // 2, span - 1 - span // 2))))
            for layer, span in zip(self.filters, self.settings.spans, strict=True)
        ]
        features = torch.cat(found, dim=1).transpose(1, 2)
        read: Read = self.head(features, mask, explain)
        return read
