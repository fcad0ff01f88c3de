"""Many images read at the network's size, by several processes; one that cannot be read stops nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import ImageError, MissingExtraError
from reportnlp.images.loader import read_row
from reportnlp.images.manifest import ImageRow
from reportnlp.images.pixels import Image
from reportnlp.images.preprocessing import Preprocessing

Floats = npt.NDArray[np.float32]


BLANK = "all its pixels are of one value"


class BadImage(NamedTuple):
    """An image that could not be used.

    Attributes:
        row: its row.
        reason: what is wrong, without the file's name.
        mend: what to do about it; may be empty.
    """

    row: ImageRow
    reason: str
    mend: str


class Sized(NamedTuple):
    """One image at the network's size, and the digest of what it was before; "" where nobody asked."""

    pixels: Floats
    digest: str


class Part(NamedTuple):
    """Some images, in their order.

    Attributes:
        at: (images,) their numbers among all.
        pixels: (images, *size) float32 in [0, 1].
        bad: number and fault of those that are missing here.
        digests: (images,) of their pixels as they were read; "" where nobody asked.
    """

    at: list[int]
    pixels: Floats
    bad: list[tuple[int, BadImage]]
    digests: list[str]


def seen(image: Image, name: str) -> str:
    """The digest of an image that shows something.

    Args:
        image: as a reader gives it.
        name: what it is called in messages.

    Raises:
        ImageError: all its pixels are of one value.
    """
    if image.pixels.min() == image.pixels.max():
        raise ImageError(name, BLANK, "A film that was never exposed teaches nothing.")
    return image.digest


@dataclass(frozen=True)
class _Reader:
    """A map-style data set, as torch's `DataLoader` takes it."""

    rows: Sequence[ImageRow]
    root: Path
    preprocessing: Preprocessing
    look: bool

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> tuple[int, Sized | BadImage]:
        row = self.rows[at]
        try:
            image = read_row(row, self.root, window=self.preprocessing.shown)
            digest = seen(image, row.image) if self.look else ""
            return at, Sized(self.preprocessing.sized(image, row.image), digest)
        except ImageError as error:
            return at, BadImage(row, error.reason, error.mend)


def read_parts(
    rows: Sequence[ImageRow],
    root: Path,
    preprocessing: Preprocessing,
    *,
    size: int,
    workers: int = 0,
    look: bool = False,
) -> Iterator[Part]:
    """Read images in their order, some at a time.

    Args:
        rows: the images.
        root: where their paths lead from.
        preprocessing: what size they get; mean and spread stay as they are.
        size: images a part.
        workers: processes that read; 0: this one does.
        look: tell digests, and take images of one value for faulty.

    Raises:
        MissingExtraError: torch is not installed.
    """
    try:
        import torch
        from torch.utils.data import DataLoader
    except ImportError as error:
        raise MissingExtraError("Images", "images") from error

    data: Any = _Reader(rows, root, preprocessing, look)
    loader = DataLoader(
        data,
        batch_size=size,
        num_workers=workers,
        collate_fn=_Collate(preprocessing.size),
        # Its own, or it would draw from the process's.
        generator=torch.Generator().manual_seed(0),
    )
    with _forking():
        yield from loader


@dataclass(frozen=True)
class _Collate:
    size: tuple[int, ...]

    def __call__(self, items: Sequence[tuple[int, Sized | BadImage]]) -> Part:
        good = [(at, found) for at, found in items if not isinstance(found, BadImage)]
        bad = [(at, found) for at, found in items if isinstance(found, BadImage)]
        pixels = np.zeros((len(good), *self.size), dtype=np.float32)
        for place, (_, found) in enumerate(good):
            pixels[place] = found.pixels
        return Part([at for at, _ in good], pixels, bad, [found.digest for _, found in good])


@contextmanager
def _forking() -> Iterator[None]:
    with warnings.catch_warnings():
        # A process that has threads makes parts in forked ones; they touch nothing but files and pixels.
        warnings.filterwarnings("ignore", ".*use of fork\\(\\) may lead to deadlocks", DeprecationWarning)
        yield
