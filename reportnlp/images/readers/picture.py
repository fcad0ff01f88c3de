"""PNG and JPEG: 8 and 16 bits, colour to grey, transparent on black, turned as its EXIF says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import ImageError
from reportnlp.images.pixels import Image, Window, of_type
from reportnlp.images.readers.blocks import chosen, finite, needs, told

if TYPE_CHECKING:
    from PIL import Image as Pillow

TITLE = "PNG and JPEG"
SUFFIXES = (".png", ".jpg", ".jpeg")


def read(path: Path, frame: int | None = None, window: Window | None = None) -> Image:
    """Read one picture; only frame 0 can be asked for.

    Raises:
        ImageError: it is no such picture, moves, is cut short, or claims to be too large to be one.
    """
    with needs("Reading PNG and JPEG"):
        from PIL import Image as Pillow
        from PIL import ImageOps
    try:
        with told(path), Pillow.open(path) as picture:
            _refuse_animation(path, picture)
            values = _values(ImageOps.exif_transpose(picture))
    except ImageError as error:
        raise _plainer(path, error) from error.__cause__
    return Image(of_type(chosen(path, finite(path, values), frame), window))


def _refuse_animation(path: Path, picture: Pillow.Image) -> None:
    """A PNG of several pictures is refused; a JPEG may hold smaller ones of itself, which do not count."""
    count = getattr(picture, "n_frames", 1)
    if picture.format == "PNG" and count > 1:
        raise ImageError(path, "it is an animation", f"It has {count} pictures; save each by itself.")


def _plainer(path: Path, error: ImageError) -> ImageError:
    """The same, with a reason of its own for what Pillow has an error of its own."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if isinstance(error.__cause__, UnidentifiedImageError):
        return ImageError(path, "it is no PNG or JPEG, whatever its name says")
    if isinstance(error.__cause__, Pillow.DecompressionBombError | Pillow.DecompressionBombWarning):
        return ImageError(path, "it claims more pixels than a radiograph has", "Read it in parts.")
    return error


def _values(picture: Pillow.Image) -> npt.NDArray[Any]:
    """(height, width) uint8, or uint16 of a picture of 16 bits."""
    if picture.mode.startswith("I"):
        return np.asarray(picture).astype(np.uint16)
    if picture.has_transparency_data:
        from PIL import Image as Pillow

        whole = picture.convert("RGBA")
        picture = Pillow.alpha_composite(Pillow.new("RGBA", whole.size, (0, 0, 0, 255)), whole)
    return np.asarray(picture.convert("L"))


def plant(folder: Path) -> Path:
    """Lay out a picture of 16 bits."""
    from PIL import Image as Pillow

    path = folder / "planted.png"
    Pillow.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21).save(path)
    return path
