"""All images of a training at the network's size, read once, kept in one file that is mapped, not loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

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
        digests: (images given,) of their pixels as they were read; "" where nobody asked.
    """

    pixels: npt.NDArray[np.float16]
    good: npt.NDArray[np.bool_]
    bad: tuple[BadImage, ...]
    digests: tuple[str, ...] = ()

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
    look: bool = False,
    kept: Path | None = None,
) -> Store:
    """Read all images into a folder, or take what an earlier reading of the same files left there.

    Args:
        rows: the images.
        root: where their paths lead from.
        preprocessing: their size; mean and spread do not matter here.
        folder: where `pixels.npy` goes.
        progress: hears of it.
        workers: processes that read.
        look: tell digests, and take images of one value for faulty.
        kept: folder that another call filled; its images are copied, not read again.

    Raises:
        OutputError: no room, no permission.
    """
    names = _fingerprints(rows, root)
    about = {"asked": _asked(preprocessing, look), "images": names}
    there = _there(folder, about, rows)
    if there is not None:
        return there
    good = np.zeros(len(rows), dtype=np.bool_)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ABOUT).unlink(missing_ok=True)
        pixels = np.lib.format.open_memmap(
            folder / PIXELS, mode="w+", dtype=KEPT, shape=(len(rows), *preprocessing.size)
        )
        if kept is not None:
            good[_copy(kept, preprocessing, names, pixels)] = True
        draft = _Draft(pixels, good, {}, [""] * len(rows))
        _read_rest(draft, rows, root, preprocessing, progress, workers=workers, look=look)
        pixels.flush()
        faults = [[at, one.reason, one.mend] for at, one in sorted(draft.bad.items())]
        told = json.dumps({**about, "bad": faults, "digests": draft.digests})
        (folder / ABOUT).write_text(told, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error
    return Store(pixels, good, tuple(draft.bad[at] for at in sorted(draft.bad)), tuple(draft.digests))


class _Draft(NamedTuple):
    """A store in the making: as its fields, which are filled in place; `bad` by number."""

    pixels: npt.NDArray[np.float16]
    good: npt.NDArray[np.bool_]
    bad: dict[int, BadImage]
    digests: list[str]


def _read_rest(
    draft: _Draft,
    rows: Sequence[ImageRow],
    root: Path,
    preprocessing: Preprocessing,
    progress: Progress,
    *,
    workers: int,
    look: bool,
) -> None:
    """Read the images that are not there yet."""
    left = np.flatnonzero(~draft.good)
    progress.phase("reading images", len(left), "images")
    some = [rows[at] for at in left.tolist()]
    for part in read_parts(some, root, preprocessing, size=AT_ONCE, workers=workers, look=look):
        at = left[part.at]
        draft.pixels[at] = part.pixels
        draft.good[at] = True
        draft.bad.update({int(left[place]): one for place, one in part.bad})
        for number, digest in zip(at.tolist(), part.digests, strict=True):
            draft.digests[number] = digest
        progress.advance(len(part.at) + len(part.bad))


def _copy(
    kept: Path, preprocessing: Preprocessing, names: Sequence[str], pixels: npt.NDArray[np.float16]
) -> list[int]:
    """Copy what another folder has at that size; returns the numbers of those images."""
    about, there = _read(kept)
    if about is None or there is None or about["asked"][0] != _asked(preprocessing, False)[0]:
        return []
    bad = {at for at, _, _ in about["bad"]}
    place = {name: at for at, name in enumerate(about["images"]) if at not in bad}
    found = [at for at, name in enumerate(names) if name in place]
    for at in found:
        pixels[at] = there[place[names[at]]]
    return found


def _read(folder: Path) -> tuple[Any, npt.NDArray[np.float16] | None]:
    """What a folder says of its images, and they; None and None where it is not whole."""
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        return about, np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None, None


def _there(folder: Path, about: dict[str, Any], rows: Sequence[ImageRow]) -> Store | None:
    found, pixels = _read(folder)
    if found is None or pixels is None or any(found.get(name) != value for name, value in about.items()):
        return None
    good = np.ones(len(rows), dtype=np.bool_)
    good[[at for at, _, _ in found["bad"]]] = False
    bad = tuple(BadImage(rows[at], reason, mend) for at, reason, mend in found["bad"])
    return Store(pixels, good, bad, tuple(found["digests"]))


def _asked(preprocessing: Preprocessing, look: bool) -> list[Any]:
    """At which size, and whether looked at, as JSON has it."""
    asked: list[Any] = [preprocessing.model_dump(mode="json", exclude={"mean", "std"}), look]
    return asked


def _fingerprints(rows: Sequence[ImageRow], root: Path) -> list[str]:
    """Of each image which file it is, how large and of when."""
    known: dict[Path, list[tuple[int, int]]] = {}
    found = []
    for row in rows:
        file = file_of(root / row.image)
        if file not in known:
            known[file] = _state(file)
        # A table of labels and its manifest name one image from two folders.
        image = os.path.normpath(root.absolute() / row.image)
        said = json.dumps([image, row.frame, known[file]])
        found.append(blake2b(said.encode(errors="surrogateescape"), digest_size=16).hexdigest())
    return found


def _state(place: Path) -> list[tuple[int, int]]:
    """Size and time of change of a file, or of all files of a folder; nothing of what is not there."""
    files = sorted(place.iterdir()) if place.is_dir() else [place] if place.is_file() else []
    return [(stat.st_size, stat.st_mtime_ns) for stat in map(Path.stat, files)]
