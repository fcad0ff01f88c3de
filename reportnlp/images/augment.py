"""Chance changes of training images, by MONAI: small turns, shifts, contrast, noise.

Mirroring is off unless asked for: in a mirrored chest the heart is on the wrong side, and a finding's side
is part of many answers.
"""

from __future__ import annotations

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
    """Changes images; the same seed changes the same image the same way.

    Args:
        wanted: what may happen.
        size: of the images.

    Raises:
        MissingExtraError: MONAI is not installed.
    """

    def __init__(self, wanted: Augmentation, size: tuple[int, ...]) -> None:
        try:
            from monai.transforms import Compose
        except ImportError as error:
            raise MissingExtraError("Augmentation", "images") from error
        self._steps = Compose(list(_steps(wanted, size)))

    def __call__(self, pixels: Floats, *, seed: int) -> Floats:
        """`size` float32 in [0, 1] to the same."""
        import torch

        self._steps.set_random_state(seed=seed)
        changed: Any = self._steps(torch.from_numpy(pixels[None]))
        plain = torch.as_tensor(changed).as_subclass(torch.Tensor)
        return np.asarray(plain[0].clamp(0, 1).numpy(), dtype=np.float32)


def _steps(wanted: Augmentation, size: tuple[int, ...]) -> list[Any]:
    from monai.transforms import RandAdjustContrast, RandAffine, RandFlip, RandGaussianNoise

    steps: list[Any] = []
    if wanted.turn or wanted.shift or wanted.scale:
        steps.append(
            RandAffine(
                prob=1.0,
                rotate_range=_angles(wanted.turn, len(size)),
                translate_range=[wanted.shift * side for side in size],
                scale_range=[wanted.scale] * len(size),
                padding_mode="zeros",
                cache_grid=False,
            )
        )
    if wanted.flip:
        steps.append(RandFlip(prob=0.5, spatial_axis=len(size) - 1))
    if wanted.contrast:
        steps.append(RandAdjustContrast(prob=1.0, gamma=(1 - wanted.contrast, 1 + wanted.contrast)))
    if wanted.noise:
        steps.append(RandGaussianNoise(prob=1.0, std=wanted.noise))
    return steps


def _angles(degrees: float, axes: int) -> list[float]:
    """Radians about each axis: a volume turns in the plane of its slices alone."""
    turn = float(np.deg2rad(degrees))
    return [turn] if axes == 2 else [turn, 0.0, 0.0]
