"""Convolution over words, pooled over the report (Kim 2014, arXiv:1408.5882; Chen et al. 2017).

One layer of filters of several widths over word vectors, the largest value of each filter, one linear layer:
`vectors` chooses Kim's static, tuned ("non-static") or two-channel form.

A filter is a sum over the words under it, so its part for each word of the vocabulary can be known
beforehand: labelling then looks words up and adds, and multiplies nothing.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from reportnlp.classifiers.blocks import (
    FAR,
    Batch,
    Classifier,
    ClassifierConfig,
    MaxHead,
    Read,
    WordSettings,
    WordVectors,
    head,
)

TITLE = "one layer of convolutions over word vectors, the strongest match of each filter"

LARGEST_TABLES = 50_000_000
"""Numbers in all tables of filters' parts at most, 200 MB of memory; beyond that, filters multiply."""


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

    def read_fast(self, batch: Batch) -> Read:
        """See `Classifier.read_fast`: each filter's part for a word, and for a section, is looked up."""
        entries = self.vectors.words.num_embeddings * self.settings.filters * sum(self.settings.spans)
        if not isinstance(self.head, MaxHead) or entries > LARGEST_TABLES:
            return self.read(batch, explain=True)
        ids = batch.input_ids * (batch.section_ids > 0), batch.section_ids
        strongest = [self._strongest(layer, *ids) for layer in self.filters if isinstance(layer, nn.Conv1d)]
        best = torch.cat([values for values, _ in strongest], dim=1)
        where = torch.cat([places for _, places in strongest], dim=1)
        return self.head.conclude(best, where, batch.input_ids.shape[1])

    def _strongest(self, layer: nn.Conv1d, words: Tensor, sections: Tensor) -> tuple[Tensor, Tensor]:
        """Largest value of each filter of one width, and its token, both (reports, filters).

        Args:
            layer: the filters.
            words: (reports, tokens) int64, ids, 0 for filling.
            sections: (reports, tokens) int64, 0 for filling.
        """
        (span,), tokens = layer.kernel_size, words.shape[1]
        before = span // 2
        around = (before, span - 1 - before)
        words, sections = functional.pad(words, around), functional.pad(sections, around)
        added = []
        for place, part in enumerate(layer.weight.unbind(dim=2)):
            seen = slice(place, place + tokens)
            # Filling adds nothing to its neighbours, and never is the strongest itself.
            filling = FAR if place == before else 0.0
            added.append(functional.embedding(words[:, seen], _parts(self.vectors.table, part, 0.0)))
            own = _parts(self.vectors.section.weight, part, filling)
            added.append(functional.embedding(sections[:, seen], own))
        values, places = sum(added[1:], added[0]).max(dim=1)
        return functional.relu(values if layer.bias is None else values + layer.bias), places


def _parts(vectors: Tensor, part: Tensor, filling: float) -> Tensor:
    """(ids, filters), what each id adds to each filter at one place; id 0 is filling."""
    return torch.cat([part.new_full((1, part.shape[0]), filling), vectors[1:] @ part.T])
