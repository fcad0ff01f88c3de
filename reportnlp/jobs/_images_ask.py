"""An image model asked about many images, part by part; what is done is kept and not asked again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.archive.disk import put_json, read_json, sync, temporary
from reportnlp.errors import OutputError, ResumeError
from reportnlp.images.folder import ImageFolder
from reportnlp.images.manifest import ImageRow
from reportnlp.images.reading import BadImage, read_parts
from reportnlp.jobs._images_maps import Drawing
from reportnlp.jobs._images_rows import Images
from reportnlp.training.progress import Progress

Floats = npt.NDArray[np.float32]
ABOUT = "settings.json"
SHARD = 512
"""Images whose answers are kept at once; a kill loses no more."""


class Done(NamedTuple):
    """Some images: their numbers, their logits, and those that could not be read."""

    at: list[int]
    logits: Floats
    bad: list[BadImage]


def ask_in_parts(
    images: Images,
    folder: ImageFolder,
    work: Path,
    map_folder: Path | None,
    workers: int,
    progress: Progress,
) -> Iterator[Done]:
    """Ask, or take what an earlier run kept; in the order of the images.

    Args:
        images: which.
        folder: the model; it is opened when there is something to ask.
        work: folder for finished parts, made ready by `begin`.
        map_folder: where pictures go; None: none are made.
        workers: processes that read.
        progress: hears of it.

    Raises:
        OutputError: no room, no permission.
    """
    asking = None
    for start in range(0, len(images.rows), SHARD):
        rows = images.rows[start : start + SHARD]
        done = _kept(work / f"{start:09d}", rows, start)
        if done is None:
            asking = asking or Asking(images, folder, map_folder)
            done = asking(images, rows, start, workers, progress)
            _keep(work / f"{start:09d}", done, start)
        else:
            progress.advance(len(rows))
        yield done


class Asking:
    """The network, opened once, when there is something to ask it."""

    def __init__(self, images: Images, folder: ImageFolder, map_folder: Path | None) -> None:
        from reportnlp.images.predict import to_device

        self._file = folder.file
        self._draw = None if map_folder is None else Drawing(images, folder, map_folder)
        self._model = to_device(folder.network())

    def __call__(
        self, images: Images, rows: Sequence[ImageRow], start: int, workers: int, progress: Progress
    ) -> Done:
        from reportnlp.images.predict import BATCH, ask, no_logits

        at: list[int] = []
        bad: list[BadImage] = []
        logits = [no_logits(self._model)]
        for part in read_parts(rows, images.root, self._file.preprocessing, size=BATCH, workers=workers):
            if len(part.pixels):
                found = ask(self._model, part.pixels, self._file.preprocessing, maps=self._draw is not None)
                logits.append(found.logits)
                if self._draw is not None and found.maps is not None:
                    for number, place in enumerate(part.at):
                        self._draw(start + place, found.logits[number], found.maps[number])
            at += [start + place for place in part.at]
            bad += [one for _, one in part.bad]
            progress.advance(len(part.at) + len(part.bad))
        return Done(at, np.concatenate(logits), bad)


def key_of(images: Images, folder: ImageFolder, map_folder: Path | None) -> dict[str, Any]:
    """What a resumed run must share with the one it continues."""
    state = blake2b(digest_size=16)
    for row in images.rows:
        state.update(json.dumps(row.values).encode())
    return {
        "images": state.hexdigest(),
        "root": str(images.root.absolute()),
        "model": folder.digest,
        "maps": None if map_folder is None else str(map_folder),
    }


def begin(work: Path, key: dict[str, Any], *, resume: bool) -> None:
    """Make the work folder ready.

    Raises:
        ResumeError: what is in it is of something else.
        OutputError: it cannot be made.
    """
    before = read_json(work / ABOUT) if resume else None
    if before is not None:
        other = [name for name in key if before.get(name) != key[name]]
        if other:
            raise ResumeError(
                f"The unfinished work in {work} is of other {other[0]}. Run it again with the same, or start "
                "anew without --resume."
            )
        return
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        put_json(work / ABOUT, key)
    except OSError as error:
        raise OutputError(f"{work} cannot be written: {error.strerror}.") from error


def _keep(path: Path, done: Done, start: int) -> None:
    try:
        with temporary(path).open("wb") as file:
            np.save(file, done.logits, allow_pickle=False)
        sync(temporary(path))
        temporary(path).replace(path.with_suffix(".npy"))
        bad = [[one.row.place, one.reason, one.mend] for one in done.bad]
        put_json(path.with_suffix(".json"), {"at": [at - start for at in done.at], "bad": bad})
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be written: {error.strerror}.") from error


def _kept(path: Path, rows: Sequence[ImageRow], start: int) -> Done | None:
    about = read_json(path.with_suffix(".json"))
    if about is None:
        return None
    logits = np.load(path.with_suffix(".npy"), allow_pickle=False)
    named = {row.place: row for row in rows}
    bad = [BadImage(named[place], reason, mend) for place, reason, mend in about["bad"]]
    return Done([start + at for at in about["at"]], logits, bad)
