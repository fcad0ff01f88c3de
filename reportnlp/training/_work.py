"""The work folder of a training: what it was made of, and checkpoints that are whole or not there."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reportnlp.errors import OutputError, ResumeError

MANIFEST, LOGS = "settings.json", "logs"
DIGESTS = ("training examples", "validation examples", "model")
"""What the manifest knows by a fingerprint alone."""

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_OURS = re.compile(r"checkpoint-\d+(\.draft)?|settings\.json(\.draft)?|logs")


class Work:
    """The work folder of one training or search.

    Args:
        folder: it is made where it is missing.
        made_of: what a resumed training must share with the one it continues, by names that a user knows.
    """

    def __init__(self, folder: Path, made_of: Mapping[str, Any]) -> None:
        self.folder = folder
        # As it comes back from JSON: tuples are lists there.
        self._made_of = json.loads(json.dumps(dict(made_of)))

    def check(self) -> bool:
        """Is there a training to go on with?

        Raises:
            ResumeError: it is of other settings or examples; the message names the first that differs.
        """
        try:
            before = json.loads((self.folder / MANIFEST).read_text("utf-8"))
        except (OSError, ValueError):
            return False
        for name in {**before, **self._made_of}:
            old, new = before.get(name), self._made_of.get(name)
            if old != new:
                raise ResumeError(
                    f"The work in {self.folder} was made with {_difference(name, old, new)}. Give the same, "
                    "or start again with --overwrite."
                )
        return True

    def begin(self, *more: str) -> None:
        """Remove what an earlier training left, and files named `more`; note what this one is made of.

        Raises:
            OutputError: no room, no permission.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in self.folder.iterdir():
                if _OURS.fullmatch(path.name) or path.name in more:
                    _remove(path)
            draft = self.folder / f"{MANIFEST}.draft"
            draft.write_text(json.dumps(self._made_of, indent=1), encoding="utf-8")
            sync(draft)
            draft.replace(self.folder / MANIFEST)
            sync(self.folder)

    def checkpoints(self) -> dict[int, Path]:
        """The whole ones, by step."""
        matches = ((_CHECKPOINT.fullmatch(path.name), path) for path in self.folder.iterdir())
        found = {int(match[1]): path for match, path in matches if match}
        return dict(sorted(found.items()))

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        """Make a checkpoint.

        Args:
            step: steps that are behind.
            write: puts its files into the folder that it is given.

        Raises:
            OutputError: no room, no permission.
        """
        final = self.folder / f"checkpoint-{step}"
        draft = final.with_suffix(".draft")
        with writing(self.folder):
            for path in (draft, final):
                _remove(path)
            draft.mkdir()
            write(draft)
            for path in (*draft.iterdir(), draft):
                sync(path)
            draft.replace(final)
            sync(self.folder)

    def rotate(self, keep: int, best: int | None) -> None:
        """Remove all checkpoints but the last ones, `keep` with the best one.

        Args:
            keep: how many stay; the last and the best do in any case.
            best: step of the best one, None if there is none yet.
        """
        there = self.checkpoints()
        *others, last = there
        others = [step for step in others if step != best]
        spare = keep - 1 - (best is not None and best != last and best in there)
        with writing(self.folder):
            for step in others[: len(others) - max(spare, 0)]:
                _remove(there[step])


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say of a full disk or a forbidden folder where it was met.

    Raises:
        OutputError: it was met.
    """
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    except SafetensorError as error:
        raise OutputError(f"Cannot write {folder}: {error}.") from error


def sync(path: Path) -> None:
    """Have a file or folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _difference(name: str, old: object, new: object) -> str:
    if name in DIGESTS:
        return f"other {name}" if name != "model" else "another model, or one of other weights"
    return f"{name} {_said(old)}, and this is {name} {_said(new)}"


def _said(value: object) -> str:
    return "none" if value is None else str(value)
