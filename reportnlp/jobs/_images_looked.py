"""Every image looked at once, before anything relies on it: can it be read, and is it another's?"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reportnlp.errors import ImageError
from reportnlp.images.loader import read_row
from reportnlp.images.manifest import ImageRow
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.reading import BadImage, seen
from reportnlp.images.store import fill
from reportnlp.training.progress import Progress

AT_ONCE = 64
"""Images that a process is given at a time."""


class Looked(NamedTuple):
    """Some images.

    Attributes:
        rows: those that can be read, each with the digest of its pixels.
        bad: those that cannot.
    """

    rows: tuple[ImageRow, ...]
    bad: tuple[BadImage, ...]


def look(rows: Sequence[ImageRow], root: Path, *, workers: int, progress: Progress) -> Looked:
    """Read all images that have no digest yet.

    Args:
        rows: the images, whose paths lead from `root`.
        root: see `rows`.
        workers: processes that read; 1 or fewer: this one does.
        progress: who watches.
    """
    progress.phase("looking at images", len(rows), "images")
    found: list[ImageRow | BadImage] = []
    for part in _parts(rows, root, workers):
        found.extend(part)
        progress.advance(len(part))
    good = tuple(one for one in found if isinstance(one, ImageRow))
    return Looked(good, tuple(one for one in found if isinstance(one, BadImage)))


def _parts(rows: Sequence[ImageRow], root: Path, workers: int) -> Iterator[list[ImageRow | BadImage]]:
    chunks = [rows[at : at + AT_ONCE] for at in range(0, len(rows), AT_ONCE)]
    roots = [root] * len(chunks)
    if workers <= 1 or len(chunks) < 2:
        yield from map(_look, chunks, roots)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_look, chunks, roots)


def _look(rows: Sequence[ImageRow], root: Path) -> list[ImageRow | BadImage]:
    return [_looked(row, root) for row in rows]


def _looked(row: ImageRow, root: Path) -> ImageRow | BadImage:
    if row.digest:
        return row
    try:
        return replace(row, digest=seen(read_row(row, root), row.image))
    except ImageError as error:
        return BadImage(row, error.reason, error.mend)


def look_and_keep(
    rows: Sequence[ImageRow],
    root: Path,
    *,
    workers: int,
    progress: Progress,
    preprocessing: Preprocessing,
    folder: Path,
) -> Looked:
    """The same, and keep the images at a network's size, for a training that is to follow.

    Args:
        rows: the images, whose paths lead from `root`.
        root: see `rows`.
        workers: processes that read.
        progress: who watches.
        preprocessing: which size.
        folder: where they are kept, for `fill`.

    Raises:
        OutputError: no room, no permission.
    """
    store = fill(rows, root, preprocessing, folder, progress, workers=workers, look=True)
    good = tuple(replace(rows[at], digest=store.digests[at]) for at in np.flatnonzero(store.good).tolist())
    return Looked(good, store.bad)
