"""Options of how a classifier is made, which `train` and `evaluate` share, and what they mean together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reportnlp.errors import InputError

if TYPE_CHECKING:
    from reportnlp.jobs._train_data import Source
    from reportnlp.jobs._train_decide import Aim
    from reportnlp.jobs._train_fit import Recipe

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the architecture; repeat."),
]
Vectors = Annotated[
    Path | None, typer.Option(help="Word vectors to begin with: a folder, or a word2vec file.")
]
Encoder = Annotated[
    Path | None, typer.Option(help="Pre-trained encoder to fine-tune (architecture transformer).")
]
More = Annotated[
    list[str] | None,
    typer.Option("--more", help="Further reports, only learned from: never held out or scored on; repeat."),
]
MoreLabels = Annotated[list[Path] | None, typer.Option("--more-labels", help="Labels of those; repeat.")]
MoreWeight = Annotated[float, typer.Option(min=0, help="How much one of those counts.")]
Folds = Annotated[
    int, typer.Option(min=0, help="Cross-fit in so many folds; 0 holds one part out (--held-out).")
]
HeldOut = Annotated[float, typer.Option(help="Share of reports held out to calibrate.")]
Rules = Annotated[bool, typer.Option("--with-rules", help="Weigh in the rules' answers (stacking).")]
Calibration = Annotated[str, typer.Option(help="temperature or isotonic.")]
Threshold = Annotated[
    str, typer.Option(help="argmax, f1, or the sensitivity to keep (0.95), for every finding.")
]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the reports.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Reports a device sees at once.")]
LearningRate = Annotated[
    float | None, typer.Option(help="The largest step; else 1e-3, or what the architecture names.")
]
Patience = Annotated[int, typer.Option(min=0, help="Epochs without a better one; 0 runs to the end.")]
Schedule = Annotated[
    str, typer.Option(help="The learning rate after the warm-up: linear, cosine or constant.")
]
WeightDecay = Annotated[float, typer.Option(min=0, help="How strongly weights are drawn to 0.")]
Average = Annotated[
    float, typer.Option(min=0, help="Take a running mean of the weights over so many epochs; 0: none.")
]
Precision = Annotated[str, typer.Option(help="auto, bf16, fp16 or float32.")]
ClassWeight = Annotated[
    float, typer.Option(min=0, max=1, help="How much rare answers weigh: 0 as they come, 1 all alike.")
]
Sections = Annotated[str, typer.Option(help="read: what states findings; all: the request too.")]

ARCHITECTURE = "cnn"
"""The one where none is named."""

LOOP = ("epochs", "batch_size", "learning_rate", "patience", "precision")
"""Parameters that are settings of the training loop."""


def recipe(
    architecture: str, settings: Sequence[str] | None, *, training: dict[str, Any], **others: Any
) -> Recipe:
    """How a network is made.

    Args:
        architecture: its name.
        settings: of it, as NAME=VALUE.
        training: settings of the training loop.
        others: the rest of the recipe.
    """
    from reportnlp.jobs._train_fit import Recipe, loop_settings

    given = settings_of(settings or ())
    return Recipe(
        architecture=architecture, settings=given, train=loop_settings(architecture, training), **others
    )


def further(more: Sequence[str] | None, labels: Sequence[Path] | None, weight: float) -> tuple[Source, ...]:
    """Reports that are only learned from."""
    from reportnlp.jobs._train_data import Source

    if bool(more) != bool(labels):
        raise InputError("--more needs --more-labels, and the other way round. Give both, or neither.")
    return (Source(tuple(more), tuple(labels), weight=weight),) if more and labels else ()


def aim(calibration: str, threshold: str, abstain_error: float | None = None) -> Aim:
    """What probabilities and thresholds are for."""
    from reportnlp.jobs._train_decide import Aim

    return Aim(calibration, _number(threshold), abstain_error)  # type: ignore[arg-type]


def settings_of(given: Sequence[str]) -> dict[str, Any]:
    """`filters=64` as a name and a value: a word, a number, or numbers with commas between them."""
    found: dict[str, Any] = {}
    for setting in given:
        name, equals, value = setting.partition("=")
        if not (name and equals and value):
            raise InputError(f"--set was given as '{setting}'. Write NAME=VALUE, as in --set filters=64.")
        try:
            found[name] = json.loads(f"[{value}]" if "," in value else value)
        except ValueError:
            found[name] = value
    return found


def whole_numbers(option: str, given: str) -> tuple[int, ...]:
    """`50,100,200` as numbers, each at least 1."""
    parts = [part.strip() for part in given.split(",")] if given else []
    if not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(f"{option} was given as '{given}'. Write whole numbers, as in {option} 50,100,200.")
    return tuple(map(int, parts))


def refuse_unheard(context: typer.Context, architecture: str) -> None:
    """Refuse settings of the training loop where there is none."""
    from reportnlp.jobs._train_fit import is_solved

    given = named(context, LOOP)
    if given and is_solved(architecture):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"{options}: architecture {architecture} is solved at once. Leave that out.")


def named(context: typer.Context, names: Sequence[str]) -> list[str]:
    """Those of some options that stand in the call itself."""
    found = ((name, context.get_parameter_source(name)) for name in names)
    return [name for name, source in found if source is not None and source.name == "COMMANDLINE"]


def _number(given: str) -> str | float:
    try:
        return float(given)
    except ValueError:
        return given
