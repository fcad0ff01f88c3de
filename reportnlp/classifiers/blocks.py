"""What the architectures share: the model's outside, word vectors, and heads whose answers can be traced.

Every head is additive: a column's logit is its bias plus what each token adds to it, and those amounts are
the model's own account of which words moved the answer (`relevance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from reportnlp.classifiers._questions import Columns
from reportnlp.config import check
from reportnlp.types import Question

UNKNOWN = 1
"""The id of words that the tokenizer has none of their own for."""

FAR = -1e4
"""What a masked score is set to: below any real one, and finite in half precision too."""


class Settings(BaseModel):
    """An architecture's settings, kept in `config.json`; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WordSettings(Settings):
    """Settings of every architecture that begins with word vectors.

    Attributes:
        width: numbers per word vector.
        vectors: "tuned": vectors are learned on; "frozen": they stay; "both": a frozen and a tuned copy side
            by side (Kim 2014's two channels).
        word_dropout: share of words that training replaces by the unknown word.
        dropout: share of features that training leaves out.
    """

    width: int = Field(default=100, ge=1)
    vectors: Literal["tuned", "frozen", "both"] = "tuned"
    word_dropout: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.4, ge=0, lt=1)


class ClassifierConfig(PretrainedConfig):
    """`config.json` of a text model; what labelling needs beside the network rides along in it.

    Args:
        architecture: name of the file in `reportnlp/classifiers`.
        settings: that architecture's settings.
        questions: rows of finding, attribute ("" for presence) and answers.
        vocabulary: ids of the tokenizer.
        sections: section names by id, from 1.
    """

    model_type = "reportnlp"

    def __init__(
        self,
        architecture: str = "",
        settings: dict[str, Any] | None = None,
        questions: Sequence[dict[str, Any]] = (),
        vocabulary: int = 0,
        sections: Sequence[str] = (),
        **others: Any,
    ) -> None:
        self.architecture = architecture
        self.settings = settings or {}
        self.questions = list(questions)
        self.vocabulary = vocabulary
        self.sections = list(sections)
        super().__init__(**others)

    @property
    def columns(self) -> Columns:
        """The questions as columns of the logits."""
        rows = self.questions
        return Columns(
            tuple(Question(r["finding"], r["attribute"] or None, tuple(r["answers"])) for r in rows)
        )


@dataclass
class Output(ModelOutput):
    """What a classifier returns.

    Attributes:
        loss: (), mean cross-entropy of the questions that count; None without labels.
        logits: (reports, columns).
        relevance: (reports, tokens, columns), what each token adds to each logit; None unless asked for.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    relevance: Tensor | None = None


class Batch(NamedTuple):
    """Reports in numbers, filled up to the longest; see `_encode.collate`.

    Attributes:
        input_ids: (reports, tokens) int64.
        section_ids: (reports, tokens) int64; 0 is filling.
        sentence_ids: (reports, tokens) int64.
        sentences: (reports, sentences) int64, the sentences' numbers.
    """

    input_ids: Tensor
    section_ids: Tensor
    sentence_ids: Tensor
    sentences: Tensor


class Read(NamedTuple):
    """What a head makes of a batch: logits (reports, columns) and, when asked for, relevance."""

    logits: Tensor
    relevance: Tensor | None


class Classifier(PreTrainedModel):
    """A model that answers every question of a panel at once. Entries subclass it as `Model`.

    Args:
        config: with the architecture's settings in it.
    """

    config_class = ClassifierConfig
    main_input_name = "input_ids"
    Config: ClassVar[type[Settings]]

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        self.columns = config.columns
        self.settings: Any = check(type(self).Config, config.settings, where="the model's settings")

    def ready(self) -> None:
        """Tell transformers that all layers are there; the last line of an entry's `__init__`."""
        self.post_init()  # type: ignore[no-untyped-call]

    def read(self, batch: Batch, explain: bool) -> Read:
        """Logits, and what each token adds to them.

        Args:
            batch: the reports.
            explain: whether relevance is wanted.
        """
        raise NotImplementedError

    def read_fast(self, batch: Batch) -> Read:
        """What `read` gives, relevance too, in the form that a processor labels with fastest."""
        return self.read(batch, explain=True)

    def forward(
        self,
        input_ids: Tensor,
        section_ids: Tensor,
        sentence_ids: Tensor,
        sentences: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        explain: bool = False,
    ) -> Output:
        """Answer a batch.

        Args:
            input_ids: (reports, tokens) int64.
            section_ids: (reports, tokens) int64; 0 is filling.
            sentence_ids: (reports, tokens) int64.
            sentences: (reports, sentences) int64.
            labels: (reports, columns) float, a distribution over each question's answers.
            weights: (reports, questions) float; 0 leaves a question out.
            explain: whether relevance is returned.
        """
        logits, relevance = self.read(Batch(input_ids, section_ids, sentence_ids, sentences), explain)
        loss = None
        if labels is not None:
            loss = loss_of(self.columns, logits, labels, weights)
        return Output(loss=loss, logits=logits, relevance=relevance)

    def _init_weights(self, module: nn.Module) -> None:
        """Layers are initialised by torch where they are made."""


def loss_of(columns: Columns, logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Mean cross-entropy with soft targets, over the questions that count.

    Args:
        columns: the questions.
        logits: (reports, columns) float.
        labels: (reports, columns) float.
        weights: (reports, questions) float, or None: all count alike.
    """
    terms = [
        -(labels[:, part] * functional.log_softmax(logits[:, part].float(), dim=-1)).sum(-1)
        for part in columns.slices
    ]
    each = torch.stack(terms, dim=1)
    if weights is None:
        return each.mean()
    return (each * weights).sum() / (weights > 0).sum().clamp(min=1)


class WordVectors(nn.Module):
    """Word vectors, each with its section's vector added; filling is 0.

    Args:
        vocabulary: ids there are.
        sections: section names there are.
        settings: width, channels and word dropout.
    """

    def __init__(self, vocabulary: int, sections: int, settings: WordSettings) -> None:
        super().__init__()
        self.settings = settings
        self.words = nn.Embedding(vocabulary, settings.width)
        nn.init.normal_(self.words.weight, std=0.1)
        self.section = nn.Embedding(sections + 1, settings.width)
        nn.init.normal_(self.section.weight, std=0.02)
        self.still: nn.Embedding | None = None
        if settings.vectors == "both":
            self.still = nn.Embedding(vocabulary, settings.width)
            self.still.weight.data.copy_(self.words.weight.data)
            self.still.weight.requires_grad_(False)
        self.words.weight.requires_grad_(settings.vectors != "frozen")

    def load(self, rows: Sequence[int], matrix: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        """Take pre-trained vectors, scaled to the spread that untrained ones have.

        Args:
            rows: the ids that get a vector.
            matrix: (rows, width) float32.
        """
        values = torch.from_numpy(np.ascontiguousarray(matrix))
        values = values * (0.1 / values.std().clamp(min=1e-6))
        for table in (self.words, self.still):
            if table is not None:
                table.weight.data[list(rows)] = values

    @property
    def table(self) -> Tensor:
        """(vocabulary, width), every word's vector without that of its section."""
        return self.words.weight if self.still is None else self.words.weight + self.still.weight

    def forward(self, input_ids: Tensor, section_ids: Tensor) -> tuple[Tensor, Tensor]:
        """(reports, tokens) twice to (reports, tokens, width), and the mask (reports, tokens) bool."""
        mask = section_ids > 0
        ids = with_dropped(input_ids, self.settings.word_dropout if self.training else 0, UNKNOWN)
        vectors = self.words(ids)
        if self.still is not None:
            vectors = vectors + self.still(ids)
        vectors = vectors + self.section(section_ids)
        return vectors * mask.unsqueeze(-1), mask


def with_dropped(ids: Tensor, share: float, unknown: int) -> Tensor:
    """Ids with a random share of them replaced by the unknown word's."""
    if not share:
        return ids
    return ids.masked_fill(torch.rand(ids.shape, device=ids.device) < share, unknown)


class MaxHead(nn.Module):
    """Each feature's largest value over the report, then one linear layer (Kim 2014; Collobert 2011).

    Args:
        features: features per token.
        columns: the questions.
        dropout: share of features left out in training.
    """

    def __init__(self, features: int, columns: Columns, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features, columns.width)

    def forward(self, tokens: Tensor, mask: Tensor, explain: bool) -> Read:
        """(reports, tokens, features) and (reports, tokens) to logits and relevance."""
        shown = tokens.masked_fill(~mask.unsqueeze(-1), FAR)
        best, where = shown.max(dim=1)
        best = best * mask.any(dim=1, keepdim=True)
        return self.conclude(best, where, tokens.shape[1] if explain else None)

    def conclude(self, best: Tensor, where: Tensor, tokens: int | None) -> Read:
        """Logits and relevance of the largest values.

        Args:
            best: (reports, features) float, each feature's largest value.
            where: (reports, features) int64, the token that has it.
            tokens: how many tokens a report has, filling counted; None: relevance is not wanted.
        """
        logits = self.linear(self.dropout(best))
        if tokens is None:
            return Read(logits, None)
        place = torch.arange(tokens, device=best.device).view(1, -1, 1)
        picked = (place == where.unsqueeze(1)) * best.unsqueeze(1)
        return Read(logits, picked @ self.linear.weight.T)


class AttentionHead(nn.Module):
    """Additive attention of its own for every question (Bahdanau 2015; Mullenbach 2018, one head a label).

    Args:
        features: features per token.
        columns: the questions.
        dropout: share of features left out in training.
        hidden: width of the layer that scores the tokens.
    """

    def __init__(self, features: int, columns: Columns, dropout: float, hidden: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(features, hidden)
        self.score = nn.Linear(hidden, len(columns.questions), bias=False)
        self.value = nn.Linear(features, columns.width, bias=False)
        self.bias = nn.Parameter(torch.zeros(columns.width))
        self._question_of = columns.question_of.tolist()

    def forward(self, tokens: Tensor, mask: Tensor, explain: bool) -> Read:
        """(reports, tokens, features) and (reports, tokens) to logits and relevance."""
        tokens = self.dropout(tokens)
        scores = self.score(torch.tanh(self.hidden(tokens)))
        scores = scores.masked_fill(~mask.unsqueeze(-1), FAR)
        attention = torch.softmax(scores, dim=1) * mask.unsqueeze(-1)
        added = attention[..., self._question_of] * self.value(tokens)
        return Read(added.sum(dim=1) + self.bias, added if explain else None)


def head(kind: str, features: int, columns: Columns, *, dropout: float, hidden: int = 64) -> nn.Module:
    """The head of that name: "max" or "attention"."""
    if kind == "max":
        return MaxHead(features, columns, dropout)
    return AttentionHead(features, columns, dropout, hidden)
