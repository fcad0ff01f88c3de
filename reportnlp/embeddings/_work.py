"""The work folder of a training: settings, the corpus as ids, checkpoints; a stopped one goes on from it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings._corpus import Prepared, Texts, VocabularyConfig, prepare, reopen
from reportnlp.embeddings._vectors import read_tensors, write_tensors
from reportnlp.errors import InputError, OutputError, ResumeError

MANIFEST, CORPUS, STARTED = "manifest.json", "corpus", "corpus.started"
_STATE = re.compile(r"epoch-(\d+)\.safetensors")


class Checkpoints:
    """Keeps the state after the last whole epoch, whole or not there; see `blocks.Checkpoint`.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def epoch(self) -> int:
        """How many whole epochs the kept state has behind it; 0 where there is none."""
        return max(self._kept(), default=0)

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Keep the state after so many whole epochs; the one before goes.

        Raises:
            OSError: no room, no permission.
        """
        path = self._folder / f"epoch-{epoch}.safetensors"
        draft = path.with_suffix(".tmp")
        write_tensors(draft, {name: np.ascontiguousarray(array) for name, array in arrays.items()})
        put(draft, path)
        for older, place in self._kept().items():
            if older != epoch:
                place.unlink()

    def load(self) -> tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None:
        """The last state that was kept, None where there is none.

        Raises:
            ResumeError: it is damaged.
        """
        kept = self._kept()
        if not kept:
            return None
        epoch = max(kept)
        try:
            return epoch, read_tensors(kept[epoch])
        except InputError as error:
            raise ResumeError(f"{error} Start again with --overwrite.") from error

    def _kept(self) -> dict[int, Path]:
        found = ((_STATE.fullmatch(path.name), path) for path in self._folder.iterdir())
        return {int(match[1]): path for match, path in found if match}


class Work:
    """The work folder of one training.

    Args:
        folder: it exists.
        settings: what a resumed training must share with the one it continues, by names that a user knows.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        # As it comes back from JSON: tuples are lists there.
        self._settings = json.loads(json.dumps(dict(settings)))

    @property
    def checkpoints(self) -> Checkpoints:
        """Those of this training."""
        return Checkpoints(self.folder)

    def begin(self, *, keep: str = "") -> None:
        """Empty the folder, but for a file to keep, and note the settings."""
        for path in self.folder.iterdir():
            if path.name == keep:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        draft = self.folder / f"{MANIFEST}.tmp"
        draft.write_text(json.dumps(self._settings), encoding="utf-8")
        put(draft, self.folder / MANIFEST)

    def resume(self, *, keep: str = "") -> None:
        """Go on with what is there, or begin where there is nothing.

        Raises:
            ResumeError: it is of other settings; the message names the first that differs.
        """
        try:
            before = json.loads((self.folder / MANIFEST).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            self.begin(keep=keep)
            return
        for name in {**before, **self._settings}:
            old, new = before.get(name), self._settings.get(name)
            if old != new:
                raise ResumeError(
                    f"The work in {self.folder} was made with {name} {_said(old)}, and this is {name} "
                    f"{_said(new)}. Give the same settings, or start again with --overwrite."
                )

    def prepared(
        self, texts: Texts, config: VocabularyConfig, phase: Callable[[str, int | None], None]
    ) -> Prepared:
        """The corpus as ids: made now, or taken over where an earlier run finished it.

        Raises:
            ResumeError: the texts are not those that the earlier run read.
        """
        done = self.folder / CORPUS
        if done.is_dir():
            return self._taken_over(done, texts, phase)
        started = self.folder / STARTED
        shutil.rmtree(started, ignore_errors=True)
        started.mkdir()
        prepare(texts, started, config, phase)
        put(started, done)
        return reopen(done)

    def _taken_over(self, done: Path, texts: Texts, phase: Callable[[str, int | None], None]) -> Prepared:
        prepared = reopen(done)
        phase("comparing the corpus", prepared.tally.texts)
        for _ in texts:
            pass
        if texts.tally != prepared.tally:
            raise ResumeError(
                f"The corpus is not what the work in {self.folder} was made of. Give the same corpus, or "
                "start again with --overwrite."
            )
        return prepared


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def put(written: Path, path: Path) -> None:
    """Give what was written its final name, after it is on the disk."""
    files = [*written.iterdir()] if written.is_dir() else [written]
    for file in files:
        _sync(file)
    try:
        written.replace(path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.") from error
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
