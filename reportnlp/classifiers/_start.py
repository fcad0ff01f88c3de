"""A network before training: its vocabulary, its first weights, and what it takes over from another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportnlp.classifiers._encode import Reading
from reportnlp.classifiers._folder import Folder
from reportnlp.classifiers._questions import Columns
from reportnlp.classifiers.blocks import Classifier, ClassifierConfig, WordVectors
from reportnlp.errors import InputError
from reportnlp.registry import CLASSIFIERS
from reportnlp.text.words import SPECIALS, Words
from reportnlp.training.hub import no_bars

LAYERS_OF_ANSWERS = ("head.linear.weight", "head.linear.bias", "head.value.weight", "head.bias", "bias")
"""Parameters with a row per answer; `report.` may stand before the last part."""


class Start(NamedTuple):
    """What a training begins with.

    Attributes:
        model: the network.
        words: its tokenizer.
        reading: what it reads of a report.
    """

    model: Classifier
    words: Words
    reading: Reading


def new(
    architecture: str,
    settings: Mapping[str, Any],
    columns: Columns,
    words: Words,
    reading: Reading,
    seed: int,
) -> Classifier:
    """A network with random first weights; the same seed gives the same.

    Raises:
        UnknownNameError: no such architecture or setting.
        InvalidDefinitionError: a setting that may not be.
    """
    entry = CLASSIFIERS.get(architecture)
    config = ClassifierConfig(
        architecture=architecture,
        settings=dict(settings),
        questions=[
            {"finding": q.finding, "attribute": q.attribute or "", "answers": [str(a) for a in q.answers]}
            for q in columns.questions
        ],
        vocabulary=len(words.tokenizer.get_vocab()),
        sections=reading.section_names,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Classifier = entry.Model(config)
    config.settings = model.settings.model_dump(mode="json")
    return model


def take_vectors(
    model: Classifier, words: Words, vocabulary: Sequence[str], matrix: npt.NDArray[np.float32]
) -> int:
    """Give the network's words their pre-trained vectors.

    Args:
        model: a network that begins with word vectors.
        words: its tokenizer.
        vocabulary: the words that have vectors.
        matrix: (words, width) float32.

    Returns:
        How many of the network's words got one.

    Raises:
        InputError: the network has no place for them, or for others of that width.
    """
    table: Any = getattr(model, "vectors", None)
    if table is None:
        raise InputError("This architecture reads no word vectors. Leave --vectors out, or take another.")
    width = table.settings.width if isinstance(table, WordVectors) else table.embedding_dim
    if matrix.shape[1] != width:
        raise InputError(
            f"The vectors have {matrix.shape[1]} numbers each, and the network takes {width}. "
            f"Set width={matrix.shape[1]}, or give other vectors."
        )
    ids = words.tokenizer.get_vocab()
    pairs = [(ids[word], row) for row, word in enumerate(vocabulary) if word in ids]
    if not pairs:
        raise InputError("None of the reports' words has a vector. Were they trained in another language?")
    places, rows = zip(*pairs, strict=True)
    values = matrix[list(rows)]
    if isinstance(table, WordVectors):
        table.load(places, values)
    else:
        table.weight.data[list(places)] = torch.from_numpy(values)
    return len(pairs)


def vocabulary_of(words: Words) -> list[str]:
    """A tokenizer's words by id, specials left out."""
    by_id = sorted((place, word) for word, place in words.tokenizer.get_vocab().items())
    return [word.replace(" ", "_") for _, word in by_id if word not in SPECIALS]


def open_weights(folder: Folder) -> Classifier:
    """The network of a model folder.

    Raises:
        InputError: the weights are no network of that configuration.
    """
    try:
        entry = CLASSIFIERS.get(folder.file.architecture)
        with no_bars():
            model: Classifier = entry.Model.from_pretrained(folder.path)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"The weights in {folder.path} cannot be opened. Train the model again.") from error
    return model


def carry_over(model: Classifier, old: Classifier, shared_words: int) -> int:
    """Take over another network's weights, as far as both have them (transfer learning).

    Tables of words are taken over for the words both know, which come first in both; layers with a row per
    answer or per question, for the answers and questions both have; all others where they have one shape.

    Args:
        model: the network that takes.
        old: the one that gives.
        shared_words: ids that mean the same in both.

    Returns:
        How many parameters were taken over, in whole or in part.

    Raises:
        InputError: none could be.
    """
    theirs, taken = dict(old.state_dict()), 0
    rows = {
        model.columns.width: _same(_answers(model.columns), _answers(old.columns)),
        len(model.columns.questions): _same(_names(model.columns), _names(old.columns)),
    }
    for name, ours in model.state_dict().items():
        their = theirs.get(name)
        if their is None or their.shape[1:] != ours.shape[1:]:
            continue
        taken += _take(name, ours, their, shared_words, rows)
    if not taken:
        raise InputError(
            "The model to go on from shares no layer with this one. Take the same architecture and settings."
        )
    return taken


def _take(
    name: str,
    ours: Tensor,
    theirs: Tensor,
    shared_words: int,
    rows: Mapping[int, tuple[list[int], list[int]]],
) -> int:
    answers = any(name.replace("report.", "").endswith(end) for end in (*LAYERS_OF_ANSWERS, "score.weight"))
    if answers and len(ours) in rows:
        here, there = rows[len(ours)]
        if not here:
            return 0
        ours[here] = theirs[there]
    elif ours.shape == theirs.shape:
        ours.copy_(theirs)
    elif len(ours) >= shared_words <= len(theirs):
        ours[:shared_words] = theirs[:shared_words]
    else:
        return 0
    return 1


def _answers(columns: Columns) -> list[tuple[str, str]]:
    return [
        (q.name, a) for q, answers in zip(columns.questions, columns.answers, strict=True) for a in answers
    ]


def _names(columns: Columns) -> list[tuple[str, str]]:
    return [(q.name, "") for q in columns.questions]


def _same(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    both = [key for key in ours if key in set(theirs)]
    return [ours.index(key) for key in both], [theirs.index(key) for key in both]


def encoder_settings(folder: Path) -> dict[str, Any]:
    """The settings of architecture `transformer` that an encoder's own folder gives.

    Raises:
        InputError: it is no folder of an encoder that transformers opens.
    """
    try:
        own = json.loads((folder / "config.json").read_text("utf-8"))
        words = Words.read(folder / "tokenizer.json")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} is no encoder folder: it needs config.json, tokenizer.json and model.safetensors."
        ) from error
    ids = words.tokenizer.get_vocab()
    marks = {name: _first(ids, names) for name, names in _MARKS.items()}
    if "model_type" not in own or None in marks.values():
        raise InputError(
            f"{folder} has a configuration or a tokenizer that is not known here: a BERT or RoBERTa."
        )
    most = int(own.get("max_position_embeddings", 512))
    room = most - 2 - (2 if own["model_type"] in ("roberta", "camembert", "xlm-roberta") else 0)
    own.pop("_name_or_path", None)
    return {"encoder": own, "window": min(254, room), **marks}


_MARKS = {"start": ("[CLS]", "<s>"), "end": ("[SEP]", "</s>"), "unknown": ("[UNK]", "<unk>")}


def _first(ids: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((ids[name] for name in names if name in ids), None)
