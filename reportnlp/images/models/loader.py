"""From the name of a network, with its depth or without, to the network itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reportnlp.config import check
from reportnlp.errors import InputError, UnknownNameError, unknown_name
from reportnlp.registry import IMAGE_MODELS

if TYPE_CHECKING:
    from reportnlp.images.models.blocks import ImageClassifier


class Chosen(NamedTuple):
    """A network by name: the entry, and the settings that the name implies."""

    architecture: str
    settings: Mapping[str, Any]


def choose(name: str) -> Chosen:
    """The network called so: `densenet`, or with its depth `densenet121`.

    Raises:
        UnknownNameError: there is none.
    """
    entries = IMAGE_MODELS.names()
    if name in entries:
        return Chosen(name, {})
    begun = [entry for entry in entries if name.startswith(entry.partition("_")[0])]
    variants = {
        variant: Chosen(entry, settings)
        for entry in begun or entries
        for variant, settings in IMAGE_MODELS.get(entry).VARIANTS.items()
    }
    if name not in variants:
        raise _unknown(name, entries)
    return variants[name]


def _unknown(name: str, entries: Sequence[str]) -> UnknownNameError:
    """The error for a wrong name, with all names as a user types them."""
    typed = [variant for entry in entries for variant in (IMAGE_MODELS.get(entry).VARIANTS or (entry,))]
    return unknown_name("image model", name, typed)


def checked(name: str, settings: Mapping[str, Any], size: Sequence[int]) -> Chosen:
    """The network called so with all its settings, for images of a size; nothing is made yet.

    Raises:
        UnknownNameError, InvalidDefinitionError, InputError: see `new`.
    """
    architecture, implied = choose(name)
    entry = IMAGE_MODELS.get(architecture)
    if min(size) < entry.SMALLEST:
        raise InputError(
            f"Images of {' x '.join(map(str, size))} are too small for {name}: it takes {entry.SMALLEST} or "
            "more along each axis. Give a larger --size, or take small_cnn."
        )
    check(entry.Config, {**implied, **settings}, where="the image model's settings")
    return Chosen(architecture, {**implied, **settings})


def new(
    name: str,
    settings: Mapping[str, Any],
    *,
    size: Sequence[int],
    channels: int,
    findings: Sequence[str],
    answers: Sequence[str],
    seed: int,
) -> ImageClassifier:
    """A network with random first weights; the same seed gives the same.

    Args:
        name: see `choose`.
        settings: of the network, over those the name implies.
        size: voxels of an image along each axis: two or three numbers.
        channels: of an image.
        findings: what it answers.
        answers: `YES_OR_NO` or `THREE_WAY` of `blocks`.
        seed: of the weights.

    Raises:
        UnknownNameError: no such network or setting.
        InvalidDefinitionError: a setting that may not be.
        InputError: images too small for it.
    """
    import torch

    from reportnlp.images.models.blocks import ImageClassifier, ImageConfig

    architecture, whole = checked(name, settings, size)
    config = ImageConfig(architecture, dict(whole), len(size), channels, list(findings), list(answers))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ImageClassifier(config)
