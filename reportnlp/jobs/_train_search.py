"""`train --search`: which recipe learns these reports best, judged on a part that is learned from by none.

The judging part is taken out of what the last training learns from: the reports that calibrate that one, and
are scored, have no say in the choice (without folds; cross-fitting scores all reports, these among them).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np

from reportnlp.classifiers._decide import Decider, softmax
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InputError, unknown_name
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.splits import random_split
from reportnlp.findings import Panel
from reportnlp.jobs import _train_data
from reportnlp.jobs._train_data import LabelledReports
from reportnlp.jobs._train_decide import answers_of
from reportnlp.jobs._train_fit import Fitted, Recipe, fit
from reportnlp.jobs._train_learn import Learning, holding_out
from reportnlp.registry import CLASSIFIERS
from reportnlp.training import search as searching
from reportnlp.training.history import Epoch
from reportnlp.training.progress import Progress, Silent

TABLE = "search.json"
"""The table of trials, in the model folder."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, whole ones where both are; `log`: small ones as often as large ones."""

    low: float
    high: float
    log: bool = False


Values = Range | tuple[Any, ...]

LOOP: Mapping[str, Values] = {
    "epochs": Range(5, 30),
    "learning_rate": Range(3e-4, 1e-2, log=True),
    "class_weight": Range(0.0, 0.6),
}
"""Of every network: settings of the recipe and of the training loop."""

WORDS: Mapping[str, Values] = {
    "width": (50, 100, 200),
    "dropout": Range(0.1, 0.6),
    "word_dropout": Range(0.0, 0.3),
}
"""Of every network that begins with word vectors."""

SPACE: Mapping[str, Mapping[str, Values]] = {
    "linear": {
        "penalty": Range(1e-3, 0.3, log=True),
        "longest": (1, 2, 3),
        "class_weight": LOOP["class_weight"],
    },
    "cnn": {**LOOP, **WORDS, "filters": Range(32, 256, log=True), "pooling": ("max", "attention")},
    "rnn": {
        **LOOP,
        **WORDS,
        "cell": ("lstm", "gru"),
        "hidden": Range(32, 160, log=True),
        "pooling": ("max", "attention"),
    },
    "attention": {
        **LOOP,
        **WORDS,
        "layer": ("gru", "convolution"),
        "hidden": Range(32, 128, log=True),
        "form": ("flat", "hierarchical"),
    },
    "transformer": {
        "epochs": Range(3, 10),
        "learning_rate": Range(1e-5, 2e-4, log=True),
        "class_weight": LOOP["class_weight"],
        "dropout": Range(0.0, 0.4),
        "word_dropout": Range(0.0, 0.2),
    },
}
"""What is drawn, by architecture. What the user settles is not drawn."""

USUAL = ("linear", "cnn", "rnn", "attention")
"""The architectures that are tried where none is named."""

OF_LOOP = ("epochs", "learning_rate")


@dataclass(frozen=True, slots=True)
class Search:
    """How to search.

    Attributes:
        trials: how many recipes are tried.
        objective: "loss": mean cross-entropy on the judging reports; "f1": the mean of presence micro F1 and
            of the attributes' accuracy, for which many judging reports are needed.
        architectures: those that are tried.
        settled: names in `SPACE` that the user gave: they stay as the recipe has them.
        judged: share of the reports to learn from that judges.
    """

    trials: int
    objective: Literal["loss", "f1"] = "loss"
    architectures: tuple[str, ...] = USUAL
    settled: frozenset[str] = frozenset()
    judged: float = 0.2

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise InputError(f"{self.trials} trials were asked for. Give 1 or more.")
        if self.objective not in ("loss", "f1"):
            raise unknown_name("objective of a search", self.objective, ("loss", "f1"))
        for architecture in self.architectures:
            if architecture not in SPACE:
                raise unknown_name("architecture with a search space", architecture, SPACE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search found.

    Attributes:
        recipe: the best.
        said: of it and of the search, for people.
        table: all trials, for `TABLE`.
    """

    recipe: Recipe
    said: str
    table: Mapping[str, Any] = field(default_factory=dict)


def find(
    how: Learning,
    search: Search,
    panel: Panel,
    columns: Columns,
    data: LabelledReports,
    more: LabelledReports | None,
    *,
    work: Path,
    progress: Progress,
    resume: bool = False,
) -> Outcome:
    """Try recipes.

    Args:
        how: what the last training will do; its recipe is what every trial begins with.
        search: how to search.
        panel: whose questions are answered.
        columns: those questions.
        data: the reports of the last training, from which its calibrating ones are left out here.
        more: further reports that are only learned from.
        work: folder for the journal of trials.
        progress: hears of it.
        resume: go on with the trials in `work`.

    Raises:
        InputError: settings that no tried architecture has, or options that do not go together.
        TrainingError: no trial was completed.
        ResumeError: the trials in `work` are of another search.
    """
    _refuse(how, search)
    if not how.folds:
        data = data.taken(holding_out(how, columns, data).train)
    strata = _train_data.strata(data, columns)
    split = random_split(data.reports, seed=how.seed, test_share=search.judged, strata=strata)
    judges = data.taken(split.test)
    kept = None if more is None else _train_data.apart(more, judges.reports)
    learned = data.taken(split.train).with_more(kept)
    judge = _Judge(how, search, panel, columns, learned, judges, work / "trial")
    best = searching.search(
        judge,
        trials=search.trials,
        seed=how.seed,
        work=work,
        progress=progress,
        resume=resume,
        maximise=search.objective == "f1",
        made_of=_made_of(how, search, learned, judges),
    )
    return _outcome(how, search, best, judges)


def _refuse(how: Learning, search: Search) -> None:
    recipe = how.recipe
    if recipe.start_from is not None:
        raise InputError(
            "A search draws sizes, and --from keeps those of an older model. Leave one of them away."
        )
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("A search runs in one process. Start it without torchrun.")
    known = {name for architecture in search.architectures for name in _fields(architecture)}
    for name in recipe.settings:
        if name not in known:
            raise unknown_name(f"setting of {', '.join(search.architectures)}", name, known)


def _fields(architecture: str) -> set[str]:
    return set(CLASSIFIERS.get(architecture).Config.model_fields)


def _drawn(how: Learning, search: Search, trial: searching.Trial) -> Recipe:
    """The recipe of a trial."""
    recipe = how.recipe
    architectures = _tried(recipe, search)
    architecture = architectures[0]
    if len(architectures) > 1:
        architecture = trial.suggest_categorical("architecture", architectures)
    settled = search.settled | set(recipe.settings) | ({"width"} if recipe.vectors else set())
    found = {
        name: _one(trial, f"{architecture}.{name}", values)
        for name, values in SPACE[architecture].items()
        if name not in settled
    }
    return _recipe(recipe, architecture, found)


def _tried(recipe: Recipe, search: Search) -> tuple[str, ...]:
    """The architectures; a bag of words has no place for word vectors."""
    if recipe.vectors is None or recipe.settings.get("features") == "vectors":
        return search.architectures
    return tuple(name for name in search.architectures if name != "linear") or search.architectures


def _one(trial: searching.Trial, name: str, values: Values) -> Any:
    if not isinstance(values, Range):
        return trial.suggest_categorical(name, values)
    if isinstance(values.low, int) and isinstance(values.high, int):
        return trial.suggest_int(name, values.low, values.high, log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _recipe(recipe: Recipe, architecture: str, drawn: Mapping[str, Any]) -> Recipe:
    """A recipe with what was drawn in it, each value in its place."""
    own = _fields(architecture)
    given = {name: value for name, value in recipe.settings.items() if name in own}
    loop = {name: value for name, value in drawn.items() if name in OF_LOOP}
    return replace(
        recipe,
        architecture=architecture,
        settings={**given, **{name: value for name, value in drawn.items() if name in own}},
        class_weight=drawn.get("class_weight", recipe.class_weight),
        train=replace(recipe.train, **loop),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """The objective: trains a recipe and says how well the judging reports are answered."""

    how: Learning
    search: Search
    panel: Panel
    columns: Columns
    learned: LabelledReports
    judges: LabelledReports
    work: Path

    def __call__(self, trial: searching.Trial) -> float:
        def each(number: int, epoch: Epoch) -> None:
            if epoch.validation_loss is not None:
                sign = -1 if self.search.objective == "f1" else 1
                trial.report(sign * epoch.validation_loss, number)
                if trial.should_prune():
                    raise searching.Pruned

        recipe = _drawn(self.how, self.search, trial)
        try:
            fitted = fit(
                recipe,
                self.columns,
                self.learned,
                self.judges,
                seed=self.how.seed,
                work=self.work,
                progress=Silent(),
                each=each,
            )
            return self._score(fitted)
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def _score(self, fitted: Fitted) -> float:
        logits = fitted.logits([report.text for report in self.judges.reports])
        if self.search.objective == "loss":
            return loss(self.columns, logits, self.judges)
        return right(self.panel, self.columns, logits, self.judges, seed=self.how.seed)


def loss(columns: Columns, logits: Floats, data: LabelledReports) -> float:
    """Mean cross-entropy over the questions that count, as the networks' own."""
    total = 0.0
    for number, part in enumerate(columns.slices):
        shares = np.log(np.maximum(softmax(logits[:, part]), 1e-12))
        total -= float((data.weights[:, number] * (data.targets[:, part] * shares).sum(axis=1)).sum())
    return total / max(1, int((data.weights > 0).sum()))


def right(panel: Panel, columns: Columns, logits: Floats, data: LabelledReports, *, seed: int) -> float:
    """Mean of presence micro F1 and of the attributes' accuracy, whichever are defined."""
    decider = Decider(columns, panel, {})
    answers = answers_of(decider, decider.posteriors(logits, [report.id for report in data.reports]))
    gold = {report.id: dict(row) for report, row in zip(data.reports, data.answers, strict=True)}
    scores = evaluate(answers, gold, seed=seed, resamples=1)
    accuracy = [attribute.accuracy.value for attribute in scores.attributes if attribute.n]
    found = [float(np.mean(accuracy))] if accuracy else []
    if scores.panel is not None:
        found.append(scores.panel.micro_f1.value)
    return float(np.nanmean(found)) if np.isfinite(found).any() else 0.0


def _made_of(
    how: Learning, search: Search, learned: LabelledReports, judges: LabelledReports
) -> dict[str, Any]:
    """What a resumed search must share with the one it goes on with."""
    recipe = how.recipe
    return {
        "search": "reportnlp train",
        "objective": search.objective,
        "architectures": list(search.architectures),
        "settled": sorted(search.settled),
        "recipe": repr(recipe),
        "space": sha256(repr([SPACE[name] for name in search.architectures]).encode()).hexdigest(),
        "training examples": learned.digest,
        "validation examples": judges.digest,
    }


def _outcome(how: Learning, search: Search, best: searching.Best, judges: LabelledReports) -> Outcome:
    rows = [_row(how, search, tried) for tried in best.trials]
    chosen = next(row for row in rows if row["number"] == best.number)
    shown = ", ".join(f"{name}={_short(value)}" for name, value in chosen["settings"].items())
    states = ", ".join(_counts(best))
    among = " (the last network's folds hold these too)" if how.folds else ""
    said = (
        f"searched {len(rows)} recipes ({states}), judged by {_OBJECTIVES[search.objective]} on "
        f"{len(judges):,} reports that none of them learned from{among}; the best is trial {best.number}: "
        f"{chosen['architecture']} with {shown or 'nothing drawn'} ({search.objective} {best.value:.4f})"
    )
    table = {
        "objective": search.objective,
        "judged on reports": len(judges),
        "seed": how.seed,
        "best": best.number,
        "trials": rows,
    }
    drawn = chosen["settings"]
    return Outcome(_recipe(how.recipe, chosen["architecture"], drawn), said, table)


_OBJECTIVES = {"loss": "loss", "f1": "presence F1 and accuracy of attributes"}


def _row(how: Learning, search: Search, tried: searching.Tried) -> dict[str, Any]:
    """A trial as the table has it; what a pruned one reported last is no score."""
    parameters = dict(tried.parameters)
    architecture = parameters.pop("architecture", _tried(how.recipe, search)[0])
    return {
        "number": tried.number,
        "state": tried.state,
        "score": tried.value if tried.state == "complete" else None,
        "architecture": architecture,
        "settings": {name.partition(".")[2]: value for name, value in parameters.items()},
    }


def _counts(best: searching.Best) -> Iterator[str]:
    words = {"complete": "completed", "pruned": "given up early", "fail": "failed"}
    for state, word in words.items():
        count = sum(tried.state == state for tried in best.trials)
        if count:
            yield f"{count} {word}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write(outcome: Outcome, folder: Path) -> None:
    """Put the table of trials into a model folder."""
    (folder / TABLE).write_text(json.dumps(outcome.table, indent=1) + "\n", encoding="utf-8")
