"""From an image's address to its pixels."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import ModuleType

from reportnlp.errors import ImageError
from reportnlp.images.manifest import ImageRow
from reportnlp.images.pixels import Image, Window
from reportnlp.registry import IMAGE_READERS

FALLBACK = "dicom"
"""What reads a file whose name has no suffix, or one of numbers, as archives export DICOM."""


def read_image(image: str | Path, *, frame: int | None = None, window: Window | None = None) -> Image:
    """Read one image with the reader that its suffix names.

    Args:
        image: path, `file.npz#array/7`, or `folder#UID`: a DICOM series with a file a slice, as a volume.
        frame: which frame or slice of a file with several, from 0; None is the whole.
        window: the values to show; None leaves it to the file (see `reportnlp.images.pixels`).

    Raises:
        ImageError: it is not there, of no known kind, broken, encrypted, without pixels, not finite, ...
        InvalidDefinitionError: the window is none.
        MissingExtraError: the extra `images` is not installed.
    """
    path = Path(image)
    place = file_of(path)
    if place.is_dir():
        stack: Image = IMAGE_READERS.get(FALLBACK).read(path, frame, window)
        return stack
    if not place.is_file():
        raise ImageError(image, "there is no such file", "Mend its path in the manifest.")
    if not place.stat().st_size:
        raise ImageError(image, "it is empty: a file of no bytes", "Copy it again.")
    read: Image = reader_of(place).read(path, frame, window)
    return read


def read_row(row: ImageRow, root: Path, *, window: Window | None = None) -> Image:
    """Read the image of a manifest's row, whose path leads from `root`.

    Raises:
        ImageError: as `read_image`; it names the image as the manifest does.
    """
    try:
        return read_image(root / row.image, frame=row.frame, window=window)
    except ImageError as error:
        raise ImageError(row.image, error.reason, error.mend) from error.__cause__


def file_of(image: Path) -> Path:
    """The file or folder of an address: `a/file.npz#array/7` lies in `a/file.npz`."""
    text, fragment, _ = str(image).partition("#")
    return Path(text) if fragment and not image.exists() else image


def reader_of(path: Path) -> ModuleType:
    """The reader of a file, by its suffix.

    Raises:
        ImageError: no reader has that suffix.
    """
    suffixes = _suffixes()
    name = path.name.lower()
    found = max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default="")
    if not found and path.suffix and not path.suffix[1:].isdigit():
        raise ImageError(path, f"no reader takes {path.suffix}", f"There are: {', '.join(sorted(suffixes))}.")
    return IMAGE_READERS.get(suffixes.get(found, FALLBACK))


@lru_cache(maxsize=1)
def _suffixes() -> dict[str, str]:
    """Suffix to the name of its reader."""
    return {suffix: name for name in IMAGE_READERS.names() for suffix in IMAGE_READERS.get(name).SUFFIXES}
