"""Chance changes of training images, a batch at a time: small turns, shifts, scales, contrast, noise.

MONAI's transforms take one image after the other, which for small images costs more than the network does;
torch turns a batch at once.

Mirroring is off unless asked for: in a mirrored chest the heart is on the wrong side, and a finding's side
is part of many answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from reportnlp.errors import unknown_name

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]


class Augmentation(BaseModel):
    """What may happen to a training image; each is drawn from 0 to the number, both ways.

    Attributes:
        turn: degrees (in the plane of the last two axes).
        shift: share of each side.
        scale: share of the size.
        contrast: exponent of the grey values, away from 1.
        noise: standard deviation of what is added (never below 0).
        flip: mirror left and right, every second time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    turn: float = Field(default=0.0, ge=0, le=180)
    shift: float = Field(default=0.0, ge=0, lt=1)
    scale: float = Field(default=0.0, ge=0, lt=1)
    contrast: float = Field(default=0.0, ge=0, lt=1)
    noise: float = Field(default=0.0, ge=0)
    flip: bool = False


STRENGTHS = {
    "none": Augmentation(),
    "light": Augmentation(turn=7, shift=0.05, scale=0.05, contrast=0.1, noise=0.01),
    "strong": Augmentation(turn=15, shift=0.1, scale=0.15, contrast=0.25, noise=0.03),
}


def strength(name: str, *, flip: bool = False) -> Augmentation:
    """The augmentation called so: none, light or strong.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in STRENGTHS:
        raise unknown_name("augmentation", name, STRENGTHS)
    return STRENGTHS[name].model_copy(update={"flip": flip})


class Draws(NamedTuple):
    """What chance does to the images of a batch.

    Attributes:
        angle: (images,) radians.
        scale, shift: (images, axes), shares of each side; axes as in the images.
        gamma: (images,) exponents.
        noise: (images, *size), what is added; None: nothing.
        mirrored: (images,) bool.
    """

    angle: Floats
    scale: Floats
    shift: Floats
    gamma: Floats
    noise: Floats | None
    mirrored: npt.NDArray[np.bool_]


class Augmenter:
    """Changes images; the same seed changes the same image the same way, whatever else is in its batch.

    Args:
        wanted: what may happen.
        size: of the images.
    """

    def __init__(self, wanted: Augmentation, size: tuple[int, ...]) -> None:
        self._wanted, self._size = wanted, size

    def __call__(self, pixels: Floats, seeds: Sequence[int]) -> Floats:
        """Change a batch.

        Args:
            pixels: (images, *size) float32 in [0, 1].
            seeds: one an image.

        Returns:
            The same shape and range.
        """
        import torch

        draws = self._draws(seeds)
        changed = torch.from_numpy(pixels)[:, None]
        if self._wanted.turn or self._wanted.shift or self._wanted.scale:
            changed = _moved(changed, draws)
        values = changed[:, 0].numpy()
        mirrored = draws.mirrored.reshape(-1, *[1] * len(self._size))
        values = np.where(mirrored, values[..., ::-1], values).clip(0, 1)
        if self._wanted.contrast:
            values = values ** draws.gamma.reshape(mirrored.shape)
        if draws.noise is not None:
            values = (values + draws.noise).clip(0, 1)
        return np.asarray(values, dtype=np.float32)

    def _draws(self, seeds: Sequence[int]) -> Draws:
        """Each image's own; what is not wanted is drawn too, so that the rest stays as it is without it."""
        axes, wanted = len(self._size), self._wanted
        chances = [np.random.default_rng(seed) for seed in seeds]
        drawn = np.array([chance.uniform(-1, 1, 4 + 2 * axes) for chance in chances], dtype=np.float32)
        noise = None
        if wanted.noise:
            grains = [chance.standard_normal(self._size, dtype=np.float32) for chance in chances]
            strengths = np.float32(wanted.noise) * np.abs(drawn[:, 2]).reshape(-1, *[1] * axes)
            noise = (np.stack(grains) * strengths).astype(np.float32)
        return Draws(
            angle=drawn[:, 0] * np.float32(np.deg2rad(wanted.turn)),
            scale=1 + drawn[:, 4 : 4 + axes] * np.float32(wanted.scale),
            shift=drawn[:, 4 + axes :] * np.float32(wanted.shift),
            gamma=1 + drawn[:, 1] * np.float32(wanted.contrast),
            noise=noise,
            mirrored=(drawn[:, 3] > 0) & wanted.flip,
        )


def _moved(pixels: Tensor, draws: Draws) -> Tensor:
    """(images, 1, *size) turned, scaled and shifted; black comes in at the edges.

    A volume turns in the plane of its last two axes, its slices.
    """
    import torch
    from torch.nn import functional

    height, width = pixels.shape[-2:]
    axes = draws.scale.shape[1]
    # torch counts the last axis first, and each from -1 to 1.
    scale, shift = draws.scale[:, ::-1], 2 * draws.shift[:, ::-1]
    place = np.zeros((len(draws.angle), axes, axes + 1), dtype=np.float32)
    place[:, range(axes), range(axes)] = scale
    cosine, sine = np.cos(draws.angle), np.sin(draws.angle)
    place[:, 0, 0], place[:, 0, 1] = cosine * scale[:, 0], -sine * scale[:, 1] * (height / width)
    place[:, 1, 0], place[:, 1, 1] = sine * scale[:, 0] * (width / height), cosine * scale[:, 1]
    place[:, :, axes] = shift
    grid = functional.affine_grid(torch.from_numpy(place), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
