"""Where jobs have their files: a folder each, which nobody else on the machine may read."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

PRIVATE = 0o700

ORPHAN_S = 3600.0
"""A folder of no job is left alone for so long since it was written to: it may be an upload under way."""


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The folders of all jobs.

    Attributes:
        root: they lie in it.
    """

    root: Path

    def make(self) -> str:
        """Make a folder for a new job; its name is like no other's."""
        name = uuid4().hex
        self.root.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        self.folder(name).mkdir(mode=PRIVATE)
        return name

    def folder(self, name: str) -> Path:
        """A job's folder."""
        return self.root / name

    def uploaded(self, name: str) -> Path:
        """What was sent."""
        return self.folder(name) / "input.ndjson"

    def table(self, name: str) -> Path:
        """The label table."""
        return self.folder(name) / "out.jsonl"

    def quarantine(self, name: str) -> Path:
        """The rows that were not labelled; the archive runner names it after the table."""
        return self.folder(name) / "out.jsonl.quarantine.jsonl"

    def remove(self, name: str) -> None:
        """Remove a job's folder and all that is in it."""
        shutil.rmtree(self.folder(name), ignore_errors=True)

    def remove_orphans(self, known: set[str]) -> None:
        """Remove what a service that was killed left behind: old folders that belong to no job."""
        if not self.root.is_dir():
            return
        for folder in self.root.iterdir():
            if folder.name not in known and time.time() - _written(folder) > ORPHAN_S:
                self.remove(folder.name)


def _written(folder: Path) -> float:
    """When something in it was last written, as Unix time; now, where it just goes."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return time.time()


class Upload:
    """A file that is whole or not there: written beside, synced, renamed. Blocks.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_suffix(".part")
        self._file = self._draft.open("xb")
        self._digest = sha256()
        self.holds_rows = False

    def write(self, chunk: bytes) -> None:
        """Write more of it."""
        self._digest.update(chunk)
        self.holds_rows = self.holds_rows or bool(chunk.strip())
        self._file.write(chunk)

    def finish(self) -> str:
        """Give the file its name; returns the sha256 (hex) of what was written."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self._path)
        for folder in (self._path.parent, self._path.parent.parent):
            _sync(folder)
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let go of the file, finished or not."""
        self._file.close()


def _sync(folder: Path) -> None:
    """Make the names in a folder safe against a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
