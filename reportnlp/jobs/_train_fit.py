"""One training of one network, and the logits it gives to reports it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers._encode import Encoded, Encoder, Reading, alike, collate
from reportnlp.classifiers._folder import open_folder
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InputError, ResumeError, unknown_name
from reportnlp.jobs._train_data import LabelledReports
from reportnlp.registry import CLASSIFIERS
from reportnlp.text.words import Words, count_words
from reportnlp.training.history import Epoch, History
from reportnlp.training.loop import train
from reportnlp.training.progress import Progress
from reportnlp.training.settings import TrainSettings
from reportnlp.training.weights import class_weights

if TYPE_CHECKING:
    from reportnlp.classifiers.blocks import Classifier
    from reportnlp.embeddings import Vectors

PREDICTED = 16_384
"""Tokens in a batch of reports that are only read."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is made.

    Attributes:
        architecture: name of the file in `reportnlp/classifiers`.
        settings: the architecture's settings that are not their defaults.
        vectors: folder of word vectors to begin with, or a file in word2vec's format.
        extra_words: words that only the vectors know, the most frequent first, that get a place too.
        encoder: folder of a pre-trained encoder, for architecture `transformer`.
        start_from: model folder whose weights are learned on.
        min_count: how often a word must be in the reports to have an id of its own.
        sections: "read" or "all"; see `Reading`.
        class_weight: 0: every report counts alike; 1: every answer does.
        train: the training loop's settings.
    """

    architecture: str = "cnn"
    settings: Mapping[str, Any] = field(default_factory=dict)
    vectors: Path | None = None
    extra_words: int = 20_000
    encoder: Path | None = None
    start_from: Path | None = None
    min_count: int = 2
    sections: str = "read"
    class_weight: float = 0.0
    train: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        CLASSIFIERS.get(self.architecture)
        if self.sections not in ("read", "all"):
            raise unknown_name("choice of sections", self.sections, ("read", "all"))
        if (self.encoder is not None) != (self.architecture == "transformer"):
            raise InputError(
                "Architecture transformer needs --encoder, the folder of a pre-trained encoder, and no other "
                "architecture takes one."
            )


def is_solved(architecture: str) -> bool:
    """Whether a solver finds the weights at once, so that settings of the training loop say nothing."""
    return hasattr(CLASSIFIERS.get(architecture).Model, "fit")


def loop_settings(architecture: str, given: Mapping[str, Any]) -> TrainSettings:
    """Settings of the training loop, the learning rate the architecture's own where None is given."""
    own = getattr(CLASSIFIERS.get(architecture), "LEARNING_RATE", TrainSettings.learning_rate)
    rate = given.get("learning_rate")
    return TrainSettings(**{**given, "learning_rate": own if rate is None else rate})


@dataclass(slots=True)
class Fitted:
    """A trained network.

    Attributes:
        model: the network.
        words: its tokenizer.
        reading: what it reads.
        history: of its training; None where a solver found its weights.
        notes: what was taken over, for people.
    """

    model: Classifier
    words: Words
    reading: Reading
    history: History | None = None
    notes: list[str] = field(default_factory=list)

    def logits(self, texts: Sequence[str]) -> Floats:
        """(reports, columns) float32, of reports in any number."""
        return logits_of(self.model, Encoder(self.words, self.reading)(texts))

    def run(self, batch: Mapping[str, npt.NDArray[np.int64]]) -> tuple[Floats, Floats]:
        """See `reportnlp.classifiers._predict.Run`."""
        import torch

        device = next(self.model.parameters()).device
        self.model.train(False)
        with torch.no_grad():
            tensors = {name: torch.from_numpy(values).to(device) for name, values in batch.items()}
            found = self.model(**tensors, explain=True)
        return found.logits.float().cpu().numpy(), found.relevance.float().cpu().numpy()


def fit(
    recipe: Recipe,
    columns: Columns,
    data: LabelledReports,
    held: LabelledReports | None,
    *,
    seed: int,
    work: Path,
    progress: Progress,
    resume: bool = False,
    each: Callable[[int, Epoch], None] | None = None,
) -> Fitted:
    """Train a network.

    Args:
        recipe: how.
        columns: the panel's questions.
        data: what it learns from.
        held: what the best epoch is chosen by; None: the last one is taken.
        seed: of first weights, order and dropout.
        work: folder for checkpoints and the log.
        progress: hears of it.
        resume: go on with what is in `work`.
        each: hears of every epoch.
    """
    from reportnlp.classifiers._examples import examples, tensors

    fitted = begin(recipe, columns, [report.text for report in data.reports], seed=seed)
    encoder = Encoder(fitted.words, fitted.reading)
    read = encoder([report.text for report in data.reports])
    weights = data.weights * _rarity(columns, data, recipe.class_weight)
    solver = getattr(fitted.model, "fit", None)
    if solver is not None:
        if resume and work.is_dir():
            raise ResumeError(
                f"The work in {work} is of an architecture that learns in epochs; {recipe.architecture} is "
                "solved at once. Give the architecture that it was begun with, or leave --resume out."
            )
        progress.phase("solving", None, "reports")
        solver(read, data.targets, weights, seed=seed)
        return fitted
    learned = examples(read, data.targets, weights)
    seen = (
        [] if held is None else examples(encoder([r.text for r in held.reports]), held.targets, held.weights)
    )
    fitted.history = train(
        fitted.model,
        learned,
        seen,
        recipe.train,
        collate=tensors,
        seed=seed,
        work=work,
        progress=progress,
        resume=resume,
        each=each,
    )
    return fitted


def begin(recipe: Recipe, columns: Columns, texts: Sequence[str], *, seed: int) -> Fitted:
    """The network before its training.

    Raises:
        InputError: vectors, an encoder or a model to go on from that do not fit.
    """
    from reportnlp.classifiers import _start

    sentences = bool(getattr(CLASSIFIERS.get(recipe.architecture), "SENTENCES", False))
    reading = Reading.usual(sections="all" if recipe.sections == "all" else "read", sentences=sentences)
    if recipe.encoder is not None:
        settings = {**_start.encoder_settings(recipe.encoder), **recipe.settings}
        words = Words.read(recipe.encoder / "tokenizer.json")
        model = _start.new(recipe.architecture, settings, columns, words, reading, seed)
        load: Any = model.load
        load(str(recipe.encoder))
        return Fitted(model, words, reading, notes=[f"encoder {recipe.encoder.name}"])
    old = None if recipe.start_from is None else open_folder(recipe.start_from)
    first = [] if old is None else _start.vocabulary_of(Words.read(old.path / "tokenizer.json"))
    vectors = _vectors(recipe)
    words = Words.build(_vocabulary(texts, recipe, first, vectors), signs=True)
    settings = dict(recipe.settings)
    if vectors is not None:
        settings.setdefault("width", vectors.width)
    fitted = Fitted(_start.new(recipe.architecture, settings, columns, words, reading, seed), words, reading)
    if vectors is not None:
        fitted.notes.append(_give_vectors(fitted, vectors))
    if old is not None:
        _start.carry_over(fitted.model, _start.open_weights(old), len(first) + 2)
        fitted.notes.append(f"went on from {old.path.name} ({old.digest[:12]})")
    return fitted


def _vectors(recipe: Recipe) -> Vectors | None:
    if recipe.vectors is None:
        return None
    from reportnlp.embeddings import Vectors

    return Vectors.open(recipe.vectors)


def _vocabulary(
    texts: Sequence[str], recipe: Recipe, first: Sequence[str], vectors: Vectors | None
) -> list[str]:
    """The words that get an id: an older model's, then those of the reports, then some of the vectors'."""
    counted = count_words([list(texts)], min_count=recipe.min_count, lowercase=True, signs=True)
    known = dict.fromkeys([*first, *counted])
    if vectors is not None:
        known.update(dict.fromkeys(vectors.words[: recipe.extra_words]))
    return list(known)


def _give_vectors(fitted: Fitted, vectors: Vectors) -> str:
    from reportnlp.classifiers._start import take_vectors, vocabulary_of

    found = {word: vectors.find(word) for word in vocabulary_of(fitted.words)}
    known = {word: vector for word, vector in found.items() if vector is not None}
    matrix = np.array([*known.values(), np.zeros(vectors.width)], dtype=np.float32)[:-1]
    given = take_vectors(fitted.model, fitted.words, list(known), matrix)
    return f"{given} of {len(found)} words began with vectors ({vectors.digest[:12]})"


def _rarity(columns: Columns, data: LabelledReports, strength: float) -> Floats:
    """(reports, questions) weights by how rare the answers are."""
    rarity = np.ones_like(data.weights)
    if not strength:
        return rarity
    for number, part in enumerate(columns.slices):
        there = data.weights[:, number] > 0
        if there.any():
            each = class_weights(data.targets[:, part], there, strength=strength)
            rarity[:, number] = data.targets[:, part] @ each
    return rarity


def logits_of(model: Classifier, reports: Sequence[Encoded]) -> Floats:
    """(reports, columns) float32."""
    import torch

    device = next(model.parameters()).device
    logits = np.zeros((len(reports), model.columns.width), dtype=np.float32)
    model.train(False)
    with torch.no_grad():
        for batch in alike([len(report) for report in reports], tokens=PREDICTED):
            arrays = collate([reports[i] for i in batch])
            found = model(**{name: torch.from_numpy(a).to(device) for name, a in arrays.items()}).logits
            logits[batch] = found.float().cpu().numpy()
    return logits
