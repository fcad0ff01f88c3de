"""How an image of any size becomes what a network reads; kept with the model, and the same ever after."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from reportnlp.errors import ImageError
from reportnlp.images.pixels import Image, Window

Floats = npt.NDArray[np.float32]


class Preprocessing(BaseModel):
    """How an image is made ready.

    Attributes:
        size: voxels along each axis: (height, width) or (depth, height, width).
        fit: "stretch" to that size, or "pad" with black to its proportions first.
        window: centre and width in the file's units, over what the file says; None leaves it to the file.
        mean, std: of the training images' grey values, which become 0 and 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[int, ...]
    fit: Literal["stretch", "pad"] = "stretch"
    window: tuple[float, float] | None = None
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)

    @field_validator("size")
    @classmethod
    def _two_or_three(cls, size: tuple[int, ...]) -> tuple[int, ...]:
        if len(size) not in (2, 3) or min(size) < 1:
            raise ValueError("Input should be two or three numbers of at least 1: height,width or depth,...")
        return size

    @property
    def shown(self) -> Window | None:
        """The window, as the readers take it."""
        return None if self.window is None else Window(*self.window)

    def sized(self, image: Image, name: str) -> Floats:
        """An image at the network's size, its grey values as they are.

        Flat images shrink with anti-aliasing (each value is a weighted mean of what it covers); a voxel of a
        volume is the plain mean of what it covers.

        Args:
            image: as a reader gives it.
            name: what it is called in messages.

        Returns:
            `size` float32 in [0, 1].

        Raises:
            ImageError: it has another number of axes.
        """
        pixels = image.pixels
        if pixels.ndim == 3 and len(self.size) == 2 and len(pixels) == 1:
            pixels = pixels[0]
        if pixels.ndim != len(self.size):
            raise ImageError(
                name,
                f"it has {pixels.ndim} axes, and the model reads {len(self.size)}",
                "Name a frame in the manifest, list slices as volumes (images manifest --series), or give a "
                "--size of as many numbers.",
            )
        return _resized(np.pad(pixels, self.gaps(pixels.shape)), self.size)

    def gaps(self, shape: tuple[int, ...]) -> list[tuple[int, int]]:
        """Voxels of black that are put before and after an image of a shape, along each axis."""
        return _gaps(shape, self.size) if self.fit == "pad" else [(0, 0)] * len(shape)

    def normalised(self, pixels: Floats) -> Floats:
        """Grey values with the training images' mean and spread taken out; any shape."""
        return (pixels - np.float32(self.mean)) / np.float32(self.std)


def _resized(pixels: Floats, size: tuple[int, ...]) -> Floats:
    import torch
    from torch.nn import functional

    if pixels.shape == size:
        return pixels
    given = torch.from_numpy(np.ascontiguousarray(pixels))[None, None]
    if len(size) == 2:
        found = functional.interpolate(given, size, mode="bilinear", antialias=True)
    else:
        found = functional.interpolate(given, size, mode="area")
    return found[0, 0].clamp(0, 1).numpy()


def _gaps(shape: tuple[int, ...], size: tuple[int, ...]) -> list[tuple[int, int]]:
    """Voxels before and after an image, as few as give it the proportions of `size`."""
    scale = max(have / want for have, want in zip(shape, size, strict=True))
    missing = [max(round(want * scale) - have, 0) for have, want in zip(shape, size, strict=True)]
    return [(gap // 2, gap - gap // 2) for gap in missing]
