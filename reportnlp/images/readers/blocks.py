"""What the image readers share: what a reader is, and the checks that every image passes.

A reader is one file in this folder. It has `TITLE`, `SUFFIXES` (lower case, with the dot),
`read(path, frame, window)` and `plant(folder)`, which lays out one small good image and returns its path: the
contract tests read it. For a file that cannot be used `read` raises `ImageError`, and nothing else. Its
libraries are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import ImageError, MissingExtraError, ReportNLPError

NOT_FINITE = "it holds values that are no finite numbers"
BROKEN = "it is cut short or damaged"
LARGEST = 1 << 31
"""Values that an image may have: a header that claims more is damaged, or would fill the memory."""


@contextmanager
def needs(purpose: str) -> Iterator[None]:
    """Name the extra where a library of it is not installed."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(purpose, "images") from error


@contextmanager
def told(path: Path, reason: str = BROKEN) -> Iterator[None]:
    """Turn whatever a library raises over a file into an `ImageError` that quotes nothing of the file.

    Libraries document no closed list of what they raise over damaged files: numpy, zlib, Pillow, nibabel and
    the pixel decoders each have their own, down to `RecursionError`, `struct.error` and `MemoryError`.
    """
    try:
        yield
    except ReportNLPError:
        raise
    except PermissionError as error:
        raise ImageError(path, "it may not be read", "Give yourself the right to read it.") from error
    except Exception as error:
        raise ImageError(path, reason) from error


def finite(path: Path, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values, when all are finite numbers.

    Raises:
        ImageError: some are not (it says how many and where the first is), or there are none at all.
    """
    if not values.size:
        raise ImageError(path, "it holds no values")
    if np.issubdtype(values.dtype, np.inexact):
        wrong = ~np.isfinite(values)
        if wrong.any():
            first = tuple(int(at[0]) for at in np.nonzero(wrong))
            raise ImageError(path, NOT_FINITE, f"{int(wrong.sum())} of {wrong.size}, the first at {first}.")
    return values


def chosen(path: Path, values: npt.NDArray[Any], frame: int | None) -> npt.NDArray[Any]:
    """One frame of (frames, height, width), or all; of (height, width) frame 0 is the image itself.

    Raises:
        ImageError: there is no such frame.
    """
    count = len(values) if values.ndim == 3 else 1
    if frame is None:
        return values
    if not 0 <= frame < count:
        raise ImageError(path, "there is no such frame", f"{frame} was asked for; it has 0 to {count - 1}.")
    return np.asarray(values[frame] if values.ndim == 3 else values)


def grey(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(..., height, width, 3) red, green and blue become (..., height, width): luma of ITU-R BT.601.

    Whole numbers stay whole, of the same type.
    """
    luma = values[..., :3] @ np.array([0.299, 0.587, 0.114])
    whole = np.issubdtype(values.dtype, np.integer)
    return np.asarray((np.rint(luma) if whole else luma).astype(values.dtype))
