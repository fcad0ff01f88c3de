"""Any encoder folder that transformers' `AutoModel` opens, fine-tuned (Devlin 2019, arXiv:1810.04805).

A report longer than the encoder's window is read in windows that overlap, and each question attends over the
words of all of them: nothing is cut off. A word in two windows is answered for by the one in which it stands
farther from the border.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from reportnlp.classifiers.blocks import (
    AttentionHead,
    Batch,
    Classifier,
    ClassifierConfig,
    Read,
    Settings,
    with_dropped,
)
from reportnlp.training.hub import no_bars

TITLE = "a pre-trained transformer encoder, fine-tuned, with attention over its words for each question"

LEARNING_RATE = 5e-5
"""The largest that Devlin 2019 (appendix A.3) fine-tunes with; more undoes what was learned."""


class Config(Settings):
    """Settings of the network.

    Attributes:
        encoder: the encoder's own configuration, as its `config.json` has it; filled in from the folder.
        window: tokens the encoder reads at once, its own marks not counted.
        overlap: tokens that two windows share.
        start, end: ids of the marks around a window ([CLS] and [SEP]).
        word_dropout: share of tokens that training replaces by `unknown`.
        unknown: id of the unknown token.
        dropout: share of features that training leaves out before the head.
        scorer: width of the layer that scores words.
    """

    encoder: dict[str, Any]
    window: int = Field(default=254, ge=4)
    overlap: int = Field(default=32, ge=0)
    start: int
    end: int
    unknown: int = 0
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    scorer: int = Field(default=64, ge=1)


class Model(Classifier):
    """The network."""

    Config = Config

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        from transformers import AutoConfig, AutoModel

        settings: Config = self.settings
        own = dict(settings.encoder)
        self.encoder = AutoModel.from_config(AutoConfig.for_model(own.pop("model_type"), **own))
        width = self.encoder.config.hidden_size
        self.section = nn.Embedding(len(config.sections) + 1, width)
        nn.init.zeros_(self.section.weight)
        self.head = AttentionHead(width, self.columns, settings.dropout, settings.scorer)
        self.ready()

    def load(self, folder: str) -> None:
        """Take the encoder's weights from its folder."""
        from transformers import AutoModel

        with no_bars():
            self.encoder.load_state_dict(AutoModel.from_pretrained(folder).state_dict(), strict=False)

    def read(self, batch: Batch, explain: bool) -> Read:
        """See `Classifier.read`."""
        mask = batch.section_ids > 0
        share = self.settings.word_dropout if self.training else 0
        ids = with_dropped(batch.input_ids, share, self.settings.unknown)
        vectors = self.encoder.get_input_embeddings()(ids) + self.section(batch.section_ids)
        states = self._windows(vectors, mask)
        read: Read = self.head(states, mask, explain)
        return read

    def _windows(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """(reports, tokens, width) to the encoder's states of the same shape, read in windows."""
        reports, tokens, width = vectors.shape
        size = torch.sym_min(self.settings.window, tokens)  # type: ignore[no-untyped-call]
        step = self.settings.window - self.settings.overlap
        beyond = torch.sym_max(tokens - self.settings.window, 0)  # type: ignore[no-untyped-call]
        count = 1 + (beyond + step - 1) // step
        starts = torch.arange(count, device=mask.device) * step
        places = starts.unsqueeze(1) + torch.arange(size, device=mask.device)
        inside = places.clamp(max=tokens - 1)
        real = mask[:, inside] & (places < tokens)
        pieces = vectors[:, inside] * real.unsqueeze(-1)
        states = self._encode(pieces.flatten(0, 1), real.flatten(0, 1))
        return self._joined(states.view(reports, count, size, width), mask, step)

    def _encode(self, pieces: Tensor, real: Tensor) -> Tensor:
        """The encoder's states of windows, with its marks put around each and taken off again.

        The end mark stands right behind the last real token, where it would stand without filling.
        """
        marks = self.encoder.get_input_embeddings().weight
        start = marks[self.settings.start].expand(pieces.shape[0], 1, -1)
        places = torch.arange(pieces.shape[1] + 2, device=pieces.device)
        behind = real.sum(dim=1, keepdim=True) + 1
        framed = functional.pad(torch.cat([start, pieces], dim=1), (0, 0, 0, 1))
        framed = torch.where((places == behind).unsqueeze(-1), marks[self.settings.end], framed)
        states = self.encoder(inputs_embeds=framed, attention_mask=(places <= behind).long())
        kept: Tensor = states.last_hidden_state[:, 1:-1]
        return kept

    def _joined(self, states: Tensor, mask: Tensor, step: int) -> Tensor:
        """(reports, windows, size, width) to (reports, tokens, width): each word from its best window.

        A report has as many windows as it would have alone, however long the others of its batch are.
        """
        reports, count, size, width = states.shape
        places = torch.arange(mask.shape[1], device=states.device).unsqueeze(0)
        lengths = mask.sum(dim=1, keepdim=True)
        last = torch.div(lengths - size + step - 1, step, rounding_mode="floor").clamp(min=0)
        nearest = torch.div(places - (size - step) // 2, step, rounding_mode="floor").clamp(min=0)
        window = torch.minimum(nearest, last)
        flat = (window * size + places - window * step).clamp(0, count * size - 1)
        joined = states.reshape(reports, count * size, width)
        return torch.gather(joined, 1, flat.unsqueeze(-1).expand(-1, -1, width))
