"""Arrays of numpy: `file.npz#train_images/17` is the eighteenth image of the array `train_images`.

Without a number the whole array is one image, or one volume; without a name the file must hold one array.
Nothing pickled is read.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import ImageError
from reportnlp.images.pixels import Image, Window, of_type
from reportnlp.images.readers.blocks import chosen, finite, grey, told

TITLE = "numpy's npz: arrays of images, each by its number"
SUFFIXES = (".npz",)


def read(path: Path, frame: int | None = None, window: Window | None = None) -> Image:
    """Read one image of an array; `frame` is a slice of a volume.

    Raises:
        ImageError: there is no such array or number, it is pickled, damaged, or has the wrong axes.
    """
    place, name, number = parts(path)
    with told(path):
        state = place.stat()
        values = _array(place, name, state.st_mtime_ns, state.st_size)
    if number is not None:
        if not 0 <= number < len(values):
            raise ImageError(
                path, "there is no image of that number", f"The array has 0 to {len(values) - 1}."
            )
        values = values[number]
    if values.ndim in (3, 4) and values.shape[-1] == 3:
        values = grey(values)
    if values.ndim not in (2, 3) or values.dtype.kind not in "biuf":
        raise ImageError(path, f"it is no image: {values.ndim} axes of {values.dtype}")
    return Image(of_type(chosen(path, finite(path, values), frame), window))


def arrays(path: Path) -> list[tuple[str, int]]:
    """Name of each array of images, and how many it has; arrays of fewer than three axes are labels.

    Raises:
        ImageError: the file is damaged.
    """
    with told(path), path.open("rb") as file, np.load(file, allow_pickle=False) as found:
        shapes = {name: found[name].shape for name in found.files}
    return [(name, shape[0]) for name, shape in shapes.items() if len(shape) > 2]


def parts(path: Path) -> tuple[Path, str, int | None]:
    """File, name of the array ("" for the only one), and number of the image."""
    text, _, fragment = str(path).partition("#")
    name, _, number = fragment.rpartition("/")
    if fragment and not number.isdigit():
        return Path(text), fragment, None
    return Path(text), name, int(number) if number else None


@lru_cache(maxsize=2)
def _array(path: Path, name: str, changed: int, size: int) -> npt.NDArray[Any]:
    """One array, unpacked once for all of its images; another time or size of change is another file."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        found = list(arrays.files)
        if not name and len(found) == 1:
            name = found[0]
        if name not in found:
            raise ImageError(path, "it has no array of that name", f"It has: {', '.join(found)}.")
        try:
            values: npt.NDArray[Any] = arrays[name]
        except ValueError as error:
            if "pickle" in str(error):
                raise ImageError(path, "its array is pickled, which is never read") from error
            raise
    if not values.ndim:
        raise ImageError(path, "it is no image: a single number")
    values.flags.writeable = False
    return values


def plant(folder: Path) -> Path:
    """Lay out three images, of which one is named."""
    images = np.arange(3 * 48 * 64, dtype=np.uint16).reshape(3, 48, 64)
    np.savez_compressed(folder / "planted.npz", images=images)
    return folder / "planted.npz#images/1"
