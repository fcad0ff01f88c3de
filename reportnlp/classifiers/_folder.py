"""A text model on disk: an ordinary Hugging Face folder, checked before it is believed. Needs no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reportnlp.classifiers._questions import Columns
from reportnlp.config import read_toml
from reportnlp.errors import InputError
from reportnlp.findings import Panel
from reportnlp.sums import CONFIG, MEND, check_sums
from reportnlp.types import Question

WEIGHTS, ONNX = "model.safetensors", "model.onnx"
TOKENIZER, PANEL, CARD = "tokenizer.json", "panel.toml", "README.md"
NEEDED = (CONFIG, TOKENIZER, PANEL, ONNX)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AskedQuestion(_Part):
    """A question as `config.json` holds it; `attribute` is empty for presence."""

    finding: str
    attribute: str
    answers: tuple[str, ...]

    @property
    def question(self) -> Question:
        """The question itself."""
        return Question(self.finding, self.attribute or None, self.answers)


class Decision(_Part):
    """How one question's logits become an answer.

    Attributes:
        temperature: logits are divided by it (Guo 2017, arXiv:1706.04599).
        knots: of the isotonic map from probability of `present` to that share of right ones; empty: none.
        threshold: `present` is answered from this probability on; None: where it is the likeliest answer.
        low, high: between these probabilities of `present` no answer is given, when that is asked for.
    """

    temperature: float = Field(default=1.0, gt=0)
    knots: tuple[tuple[float, ...], tuple[float, ...]] | tuple[()] = ()
    threshold: float | None = Field(default=None, ge=0, le=1)
    low: float | None = None
    high: float | None = None


class Stack(_Part):
    """How the rules' answer to one question is weighed beside the network's.

    New logits are `trust` times the network's log-probabilities, plus the row of `rules` that belongs to the
    rules' answer: a logarithmic pool of opinions (Genest and Zidek 1986), fitted on reports that the network
    did not learn from.

    Attributes:
        trust: weight of the network's log-probabilities.
        rules: a row per answer the rules may give, a number per answer that has a column.
    """

    trust: float
    rules: tuple[tuple[float, ...], ...]


class ModelFile(BaseModel):
    """What labelling needs of `config.json`; what else stands there is transformers' own.

    Attributes:
        architecture: name of the file in `reportnlp/classifiers`.
        panel: the panel's name.
        questions: in the order of the logits.
        sections: section names by id, from 1.
        reads: which sections are read.
        sentences: whether words are told their sentence.
        int8: whether the network for ONNX Runtime is in eight bits, and so reads one report at a time.
        decisions: by question.
        stack: by question; empty: the network alone.
        trained: what it was trained on and how, for people.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    architecture: str
    panel: str
    questions: tuple[AskedQuestion, ...] = Field(min_length=1)
    sections: tuple[str, ...] = Field(min_length=1)
    reads: Literal["read", "all"] = "read"
    sentences: bool = False
    int8: bool = False
    decisions: dict[str, Decision] = {}
    stack: dict[str, Stack] = {}
    trained: dict[str, Any] = {}

    @property
    def has_band(self) -> bool:
        """Whether it was trained with a band of doubt, in which it may withhold an answer."""
        return any(d.low is not None and d.high is not None for d in self.decisions.values())

    @property
    def columns(self) -> Columns:
        """The questions as columns of the logits."""
        return Columns(tuple(asked.question for asked in self.questions))


@dataclass(frozen=True, slots=True)
class Folder:
    """A model folder whose files are those it was saved with.

    Attributes:
        path: the folder.
        file: its `config.json`.
        digest: sha256 (hex) of `SHA256SUMS`, and so of everything in the folder.
    """

    path: Path
    file: ModelFile
    digest: str

    def panel(self) -> Panel:
        """The panel as it was when the model was trained.

        Raises:
            InputError: `panel.toml` is none.
        """
        try:
            return Panel.model_validate(read_toml(self.path / PANEL))
        except ValidationError as error:
            raise InputError(f"{self.path / PANEL} is no panel of a model. {MEND}") from error


def open_folder(path: Path) -> Folder:
    """Open a model folder and check it.

    Raises:
        InputError: it is not there, lacks a file, or a file is not what was saved.
    """
    if not path.is_dir():
        raise InputError(f"There is no model folder {path}. Give one that `reportnlp train` made.")
    digest = check_sums(path, NEEDED)
    return Folder(path, _read_config(path / CONFIG), digest)


def _read_config(path: Path) -> ModelFile:
    try:
        return ModelFile.model_validate(json.loads(path.read_text("utf-8")))
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no configuration of a reportnlp model. {MEND}") from error
