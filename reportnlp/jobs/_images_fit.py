"""One image network trained, over the same loop as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, MissingExtraError, unknown_name
from reportnlp.images.augment import STRENGTHS, Augmentation, strength
from reportnlp.images.dataset import ImageExamples, collate
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.store import Store
from reportnlp.images.table import ANSWERS
from reportnlp.jobs._images_data import Places, Sides, Wanted, rarity
from reportnlp.jobs._images_decide import mean_auroc
from reportnlp.training.history import History
from reportnlp.training.loop import train
from reportnlp.training.progress import Progress
from reportnlp.training.settings import TrainSettings

if TYPE_CHECKING:
    from reportnlp.images.models.blocks import ImageClassifier

BEST_BY = ("loss", "auroc", "last")


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """How an image network is made.

    Attributes:
        model: its name, with the depth or without: `densenet121`.
        settings: of the network, that are not its defaults.
        start_from: safetensors file or model folder whose weights are learned on.
        augmentation: none, light or strong.
        flip: mirror left and right too.
        class_weight: 0: every image counts alike; 1: each answer does.
        best_by: the epoch to keep is that of the lowest validation loss, of the highest mean AUROC, or the
            last one.
        train: the training loop's settings.
    """

    model: str = "densenet121"
    settings: Mapping[str, Any] = field(default_factory=dict)
    start_from: Path | None = None
    augmentation: str = "light"
    flip: bool = False
    class_weight: float = 0.0
    best_by: str = "loss"
    train: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        for kind, given, allowed in (
            ("augmentation", self.augmentation, tuple(STRENGTHS)),
            ("way to choose the best epoch", self.best_by, BEST_BY),
        ):
            if given not in allowed:
                raise unknown_name(kind, given, allowed)

    @property
    def changes(self) -> Augmentation:
        """What chance may do to a training image."""
        return strength(self.augmentation, flip=self.flip)


@dataclass(slots=True)
class FittedImages:
    """A trained image network.

    Attributes:
        model: the network.
        history: of its training.
        notes: what was taken over, for people.
    """

    model: ImageClassifier
    history: History
    notes: list[str]


def need_extras() -> None:
    """Refuse early where libraries are not installed.

    Raises:
        MissingExtraError: some are not.
    """
    for library, purpose, extra in (
        ("monai", "An image model", "images"),
        ("transformers", "Training", "train"),
    ):
        # Looked for, not imported: what is wrong with names and files is told before many seconds of that.
        if find_spec(library) is None:
            raise MissingExtraError(purpose, extra)


def begin(
    recipe: ImageRecipe, preprocessing: Preprocessing, findings: tuple[str, ...], *, three: bool, seed: int
) -> tuple[ImageClassifier, list[str]]:
    """The network before its training, and what it took over.

    Raises:
        UnknownNameError: no such network or setting.
        InputError: images too small for it, or weights that do not fit.
    """
    from reportnlp.images.models import loader
    from reportnlp.images.transfer import load_weights

    model = loader.new(
        recipe.model,
        recipe.settings,
        size=preprocessing.size,
        channels=1,
        findings=findings,
        answers=ANSWERS if three else ANSWERS[1:2],
        seed=seed,
    )
    if recipe.start_from is None:
        return model, []
    return model, [load_weights(model, recipe.start_from).said(recipe.start_from)]


def fit(
    recipe: ImageRecipe,
    findings: tuple[str, ...],
    goal: Wanted,
    sides: Sides,
    store: Store,
    preprocessing: Preprocessing,
    *,
    seed: int,
    work: Path,
    progress: Progress,
    resume: bool,
) -> FittedImages:
    """Train a network.

    Args:
        recipe: how.
        findings: what it answers.
        goal: targets and weights of all images.
        sides: which images teach and which choose the epoch.
        store: the images.
        preprocessing: size, mean and spread.
        seed: of first weights, order, dropout and augmentation.
        work: folder for checkpoints and the log.
        progress: hears of it.
        resume: go on with what is in `work`.
    """
    model, notes = begin(recipe, preprocessing, findings, three=goal.targets.ndim == 3, seed=seed)
    factors = rarity(goal, sides.train, recipe.class_weight)

    def examples(at: Places, weights: npt.NDArray[np.float32], changes: Augmentation) -> ImageExamples:
        return ImageExamples(
            store, at, goal.targets[at], weights[at], preprocessing, augmentation=changes, seed=seed
        )

    held = examples(sides.valid, goal.weights, Augmentation())
    history = train(
        model,
        examples(sides.train, (goal.weights * factors).astype(np.float32), recipe.changes),
        held,
        replace(recipe.train, keep="last") if recipe.best_by == "last" else recipe.train,
        collate=collate,
        seed=seed,
        work=work,
        progress=progress,
        resume=resume,
        prefer=_auroc(held) if recipe.best_by == "auroc" else None,
    )
    return FittedImages(model, history, notes)


def _auroc(held: ImageExamples) -> Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]:
    """Mean over the findings of the area under the curve on the held-out images.

    Raises:
        InputError: no finding is both present and absent there.
    """
    goal = Wanted(held.labels, held.weights)
    if np.isnan(mean_auroc(np.zeros_like(held.labels), goal)):
        raise InputError(
            "No finding is both present and absent among the held-out images, so they show no AUROC to "
            "choose an epoch by. Take --best-by loss, or hold more out."
        )
    return lambda logits, labels: mean_auroc(logits, goal)
