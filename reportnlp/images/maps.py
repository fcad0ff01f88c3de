"""Class-activation maps laid over their images, as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from reportnlp.errors import OutputError

Floats = npt.NDArray[np.float32]

STRONGEST = 0.6
"""How much of a pixel is colour where the map is highest: the image stays to be seen."""


def overlay(pixels: Floats, heat: Floats) -> npt.NDArray[np.uint8]:
    """An image with its map in red over it; of a volume the slice where the map is highest.

    Args:
        pixels: (height, width) or (depth, height, width) float32 in [0, 1].
        heat: (*grid) float32 at least 0, coarser than the image.

    Returns:
        (height, width, 3) uint8.
    """
    wide = _grown(heat, pixels.shape)
    if pixels.ndim == 3:
        at = int(wide.reshape(len(wide), -1).max(axis=1).argmax())
        pixels, wide = pixels[at], wide[at]
    strength = (STRONGEST * wide / wide.max() if wide.max() > 0 else wide)[..., None]
    red = np.array([1.0, 0.1, 0.0], dtype=np.float32)
    mixed = pixels[..., None] * (1 - strength) + red * strength
    return np.asarray(np.round(mixed * 255), dtype=np.uint8)


def write(path: Path, pixels: Floats, heat: Floats) -> None:
    """Write an overlay.

    Raises:
        OutputError: no room, no permission.
    """
    from PIL import Image

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(overlay(pixels, heat)).save(path, "PNG")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _grown(heat: Floats, shape: tuple[int, ...]) -> Floats:
    import torch
    from torch.nn import functional

    mode = "bilinear" if len(shape) == 2 else "trilinear"
    given = torch.from_numpy(np.ascontiguousarray(heat))[None, None]
    found: Floats = functional.interpolate(given, shape, mode=mode, align_corners=False)[0, 0].numpy()
    return found
