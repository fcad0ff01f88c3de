"""Class-activation maps laid over their images, as PNG: the image, the map over it, and a colour bar.

A map's value is evidence in log-odds: were all of the image like that place, the network's odds would be e to
that power (the bias aside, after the finding's temperature). Colour follows it on one scale for all images,
full from `FULL` on, and is not stretched to each map's own maximum: a faint map is weak evidence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import OutputError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw

Floats = npt.NDArray[np.float32]
Gaps = list[tuple[int, int]]

STRONGEST = 0.6
"""How much of a pixel is colour at full evidence: the image stays to be seen."""

FULL = 6.0
"""Log-odds of full colour: a probability of 0.9975."""

LONGEST, SHORTEST = 1024, 256
"""An image's longer side in a picture, in pixels: larger ones shrink, smaller ones grow by whole numbers."""

MARGIN, LINE, BAR = 10, 22, 18
"""Room around and between, height of a line of words, width of the colour bar; in pixels."""


class Seen(NamedTuple):
    """An image and its map, at the size of the picture.

    Attributes:
        pixels: (height, width) float32 in [0, 1].
        evidence: (height, width) float32, at least 0, in log-odds.
        at: the slice of a volume, from 0; None of a flat image.
        slices: how many the volume has.
    """

    pixels: Floats
    evidence: Floats
    at: int | None = None
    slices: int = 0


def seen(pixels: Floats, heat: Floats, gaps: Gaps) -> Seen:
    """An image with its map at one size; of a volume the slice where the evidence is highest.

    Args:
        pixels: (height, width) or (depth, height, width) float32 in [0, 1], as the file has them.
        heat: (*grid) float32 at least 0, coarser than the image.
        gaps: black that the network saw before and after the image, along each axis of `pixels`.
    """
    if pixels.ndim == 2:
        return _flat(pixels, heat, gaps)
    depth = len(pixels) + sum(gaps[0])
    along = _grown(heat, (depth, *heat.shape[1:]))[gaps[0][0] : depth - gaps[0][1]]
    at = int(along.reshape(len(along), -1).max(axis=1).argmax())
    return _flat(pixels[at], along[at], gaps[1:])._replace(at=at, slices=len(pixels))


def _flat(pixels: Floats, heat: Floats, gaps: Gaps) -> Seen:
    longer = max(pixels.shape)
    times = max(1, SHORTEST // longer)
    scale = LONGEST / longer if longer > LONGEST else times
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    shown = [round((side + sum(gap)) * scale) for side, gap in zip(pixels.shape, gaps, strict=True)]
    top, left = (round(before * scale) for before, _ in gaps)
    wide = _grown(heat, (max(shown[0], top + height), max(shown[1], left + width)))
    image = _shrunk(pixels, (height, width)) if scale < 1 else pixels.repeat(times, 0).repeat(times, 1)
    return Seen(image, wide[top : top + height, left : left + width])


def overlay(pixels: Floats, evidence: Floats) -> npt.NDArray[np.uint8]:
    """An image with its evidence in red over it.

    Args:
        pixels: (height, width) float32 in [0, 1].
        evidence: (height, width) float32, at least 0, in log-odds.

    Returns:
        (height, width, 3) uint8.
    """
    strength = (STRONGEST * np.clip(evidence / FULL, 0, 1))[..., None]
    red = np.array([1.0, 0.1, 0.0], dtype=np.float32)
    return np.asarray(np.round((pixels[..., None] * (1 - strength) + red * strength) * 255), dtype=np.uint8)


def drawn(found: Seen, finding: str, chance: float) -> Picture:
    """The picture: image and overlay side by side, a bar of colours, and above what it is of.

    Args:
        found: image and map.
        finding: what was seen.
        chance: its probability in this image.
    """
    from PIL import Image, ImageDraw

    height, width = found.pixels.shape
    left, right = MARGIN, 2 * MARGIN + width
    size = (right + width + MARGIN + BAR + 8 * MARGIN, height + 2 * MARGIN + 2 * LINE)
    picture = Image.new("RGB", size, "black")
    top = MARGIN + LINE
    picture.paste(Image.fromarray(overlay(found.pixels, np.zeros_like(found.evidence))), (left, top))
    picture.paste(Image.fromarray(overlay(found.pixels, found.evidence)), (right, top))
    draw = ImageDraw.Draw(picture)
    where = "" if found.at is None else f", slice {found.at + 1} of {found.slices}, of highest evidence"
    _say(draw, (left, MARGIN // 2), f"{finding}: probability {chance:.2f}{where}", 15)
    _say(draw, (left, top + height + 3), "image", 12)
    _say(draw, (right, top + height + 3), f"evidence, at most {found.evidence.max():.1f}", 12)
    _bar(picture, draw, right + width + MARGIN, top, height)
    return picture


def _bar(picture: Picture, draw: ImageDraw, left: int, top: int, height: int) -> None:
    """Colours of evidence over grey, with their numbers."""
    from PIL import Image

    column = np.linspace(FULL, 0, height, dtype=np.float32)[:, None].repeat(BAR, axis=1)
    picture.paste(Image.fromarray(overlay(np.full_like(column, 0.5), column)), (left, top))
    for part in range(3):
        value = FULL * (1 - part / 2)
        name = f"{value:g}{' or more' if part == 0 else ''}"
        _say(draw, (left + BAR + 4, top + round(part / 2 * (height - 12))), name, 11)
    _say(draw, (left, top + height + 3), "log-odds", 11)


def _say(draw: ImageDraw, at: tuple[int, int], words: str, size: int) -> None:
    from PIL import ImageFont

    draw.text(at, words, fill="white", font=ImageFont.load_default(size))


def write(path: Path, picture: Picture) -> None:
    """Write a picture as PNG.

    Raises:
        OutputError: no room, no permission.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, "PNG")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _shrunk(pixels: Floats, shape: tuple[int, int]) -> Floats:
    import torch
    from torch.nn import functional

    given = torch.from_numpy(np.ascontiguousarray(pixels))[None, None]
    found = functional.interpolate(given, shape, mode="bilinear", antialias=True)
    return np.asarray(found[0, 0].clamp(0, 1).numpy(), dtype=np.float32)


def _grown(heat: Floats, shape: tuple[int, ...]) -> Floats:
    import torch
    from torch.nn import functional

    mode = "bilinear" if len(shape) == 2 else "trilinear"
    given = torch.from_numpy(np.ascontiguousarray(heat))[None, None]
    found: Floats = functional.interpolate(given, shape, mode=mode, align_corners=False)[0, 0].numpy()
    return found
