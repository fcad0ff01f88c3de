"""All images of a training at the network's size, read once, kept in one file that is mapped, not loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import OutputError
from reportnlp.images.loader import file_of
from reportnlp.images.manifest import ImageRow
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.reading import BadImage, read_parts
from reportnlp.training.progress import Progress

PIXELS, ABOUT = "pixels.npy", "pixels.json"
AT_ONCE = 32
KEPT = np.float16
"""Steps of at most 1/2048 between grey values from 0 to 1, at half the room."""


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """The images that could be read.

    Attributes:
        pixels: (images, *size) float16 in [0, 1], mapped from the file.
        good: (images given,) bool, which of them it holds; the rest of `pixels` is black.
        bad: what is wrong with the others.
    """

    pixels: npt.NDArray[np.float16]
    good: npt.NDArray[np.bool_]
    bad: tuple[BadImage, ...]

    def spread(self, at: npt.NDArray[np.intp]) -> tuple[float, float]:
        """Mean and standard deviation of the grey values of some images; 0 and 1 where there is none."""
        total, square, count = 0.0, 0.0, 0
        for start in range(0, len(at), AT_ONCE):
            values = self.pixels[at[start : start + AT_ONCE]].astype(np.float64)
            total, square, count = total + values.sum(), square + (values**2).sum(), count + values.size
        if not count:
            return 0.0, 1.0
        mean = total / count
        deviation = float(np.sqrt(max(square / count - mean**2, 0.0)))
        return float(mean), deviation or 1.0

    def digest(self, at: npt.NDArray[np.intp]) -> str:
        """Fingerprint (hex) of some images' content, in their order."""
        state = blake2b(digest_size=16)
        for start in range(0, len(at), AT_ONCE):
            state.update(self.pixels[at[start : start + AT_ONCE]].tobytes())
        return state.hexdigest()


def fill(
    rows: Sequence[ImageRow],
    root: Path,
    preprocessing: Preprocessing,
    folder: Path,
    progress: Progress,
    *,
    workers: int = 0,
) -> Store:
    """Read all images into a folder, or take what an earlier reading of the same files left there.

    Args:
        rows: the images.
        root: where their paths lead from.
        preprocessing: their size; mean and spread do not matter here.
        folder: where `pixels.npy` goes.
        progress: hears of it.
        workers: processes that read.

    Raises:
        OutputError: no room, no permission.
    """
    key = _key(rows, root, preprocessing)
    there = _there(folder, key, rows)
    if there is not None:
        return there
    progress.phase("reading images", len(rows), "images")
    good, bad = np.zeros(len(rows), dtype=np.bool_), {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ABOUT).unlink(missing_ok=True)
        pixels = np.lib.format.open_memmap(
            folder / PIXELS, mode="w+", dtype=KEPT, shape=(len(rows), *preprocessing.size)
        )
        for part in read_parts(rows, root, preprocessing, size=AT_ONCE, workers=workers):
            pixels[part.at] = part.pixels
            good[part.at] = True
            bad.update(dict(part.bad))
            progress.advance(len(part.at) + len(part.bad))
        pixels.flush()
        faults = [[at, one.reason, one.mend] for at, one in sorted(bad.items())]
        (folder / ABOUT).write_text(json.dumps({"key": key, "bad": faults}), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error
    return Store(pixels, good, tuple(bad[at] for at in sorted(bad)))


def _there(folder: Path, key: str, rows: Sequence[ImageRow]) -> Store | None:
    try:
        about: Any = json.loads((folder / ABOUT).read_text("utf-8"))
        if about["key"] != key:
            return None
        pixels = np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    good = np.ones(len(rows), dtype=np.bool_)
    good[[at for at, _, _ in about["bad"]]] = False
    return Store(pixels, good, tuple(BadImage(rows[at], reason, mend) for at, reason, mend in about["bad"]))


def _key(rows: Sequence[ImageRow], root: Path, preprocessing: Preprocessing) -> str:
    """Which files, how large and of when, at which size."""
    state = blake2b(digest_size=16)
    asked = preprocessing.model_dump(exclude={"mean", "std"})
    state.update(json.dumps([asked, str(root.absolute())], sort_keys=True, default=str).encode())
    known: dict[Path, list[tuple[int, int]]] = {}
    for row in rows:
        file = file_of(root / row.image)
        if file not in known:
            known[file] = _state(file)
        state.update(json.dumps([asdict(row)["image"], row.frame, known[file]]).encode())
    return state.hexdigest()


def _state(place: Path) -> list[tuple[int, int]]:
    """Size and time of change of a file, or of all files of a folder; nothing of what is not there."""
    files = sorted(place.iterdir()) if place.is_dir() else [place] if place.is_file() else []
    return [(stat.st_size, stat.st_mtime_ns) for stat in map(Path.stat, files)]
