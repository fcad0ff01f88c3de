"""Chance changes of training images: small turns, shifts, contrast, noise. MONAI moves them, a batch at once.

Its own chance transforms take an image at a time, which for small images costs more than the network does.

Mirroring is off unless asked for: in a mirrored chest the heart is on the wrong side, and a finding's side
is part of many answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from reportnlp.errors import MissingExtraError, unknown_name

Floats = npt.NDArray[np.float32]


class Augmentation(BaseModel):
    """What may happen to a training image; each is drawn from 0 to the number, both ways.

    Attributes:
        turn: degrees (in the plane of the last two axes).
        shift: share of each side.
        scale: share of the size.
        contrast: exponent of the grey values, away from 1.
        noise: standard deviation of what is added.
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


class Augmenter:
    """Changes images, a batch at once; the same seed changes the same image the same way, in any batch.

    Args:
        wanted: what may happen.
        size: of the images.

    Raises:
        MissingExtraError: MONAI is not installed.
    """

    def __init__(self, wanted: Augmentation, size: tuple[int, ...]) -> None:
        try:
            from monai.networks.layers import AffineTransform
        except ImportError as error:
            raise MissingExtraError("Augmentation", "images") from error
        self._wanted, self._size = wanted, size
        self._moves = bool(wanted.turn or wanted.shift or wanted.scale)
        # Matrices lead from each voxel of the outcome to where it comes from, in voxels from the middle.
        self._move = AffineTransform(size, zero_centered=True)

    def __call__(self, pixels: Floats, *, seeds: Sequence[int]) -> Floats:
        """Change images, each by its own seed.

        Args:
            pixels: (images, *size) float32 in [0, 1].
            seeds: one per image.

        Returns:
            (images, *size) float32 in [0, 1].
        """
        import torch

        chances = [np.random.default_rng(seed) for seed in seeds]
        axes = len(self._size)
        # Turn, contrast and flip, then a shift and a scale along each axis.
        draws = np.stack([chance.uniform(-1, 1, 3 + 2 * axes) for chance in chances])
        changed = pixels
        if self._moves:
            matrices = torch.from_numpy(self._matrices(draws).astype(np.float32))
            changed = self._move(torch.from_numpy(pixels)[:, None], matrices)[:, 0].numpy()
        if self._wanted.flip:
            mirrored = draws[:, 2] < 0
            changed = np.where(_each(mirrored, axes), changed[..., ::-1], changed)
        if self._wanted.contrast:
            exponents = 1 + self._wanted.contrast * draws[:, 1]
            changed = np.clip(changed, 0, 1) ** _each(exponents.astype(np.float32), axes)
        if self._wanted.noise:
            noise = [chance.standard_normal(self._size, dtype=np.float32) for chance in chances]
            changed = changed + np.float32(self._wanted.noise) * np.stack(noise)
        return np.clip(changed, 0, 1).astype(np.float32)

    def _matrices(self, draws: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(images, axes + 1, axes + 1); a volume turns in the plane of its slices alone."""
        axes = len(self._size)
        angles = np.deg2rad(self._wanted.turn) * draws[:, 0]
        matrices = np.tile(np.eye(axes + 1), (len(draws), 1, 1))
        matrices[:, axes - 2, axes - 2] = matrices[:, axes - 1, axes - 1] = np.cos(angles)
        matrices[:, axes - 2, axes - 1] = -np.sin(angles)
        matrices[:, axes - 1, axes - 2] = np.sin(angles)
        matrices[:, :axes, :axes] *= 1 + self._wanted.scale * draws[:, None, 3 + axes :]
        matrices[:, :axes, axes] = self._wanted.shift * np.asarray(self._size) * draws[:, 3 : 3 + axes]
        return matrices


def _each(values: npt.NDArray[Any], axes: int) -> npt.NDArray[Any]:
    """A value per image, to go with all of its voxels."""
    return values.reshape(-1, *[1] * axes)
