"""The work folder beside the output: what is done already, and under which settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from reportnlp.archive import disk
from reportnlp.archive.lock import LOCK
from reportnlp.archive.records import Record, body_path, record_path
from reportnlp.archive.shards import Shard
from reportnlp.errors import ResumeError

MANIFEST = "manifest.json"
INDEX = "seen.sqlite"

Settings = Mapping[str, str | int]
"""What a run must share with the run it continues, by names that a user understands."""


@dataclass(frozen=True, slots=True)
class Work:
    """Shards on disk, with a small record of each.

    Attributes:
        out: the file the job writes.
        folder: the work folder.
        shards: the folder in it that holds the shards. It is named after the settings, so that a
            straggler of an earlier run with other settings cannot write among them.
        may_replace: whether the output may be overwritten, now or as the interrupted run was told.
    """

    out: Path
    folder: Path
    shards: Path
    may_replace: bool

    def done(self, shard: Shard) -> Record | None:
        """The record of a shard that is finished and whole; None when it is still to be labelled.

        Raises:
            ResumeError: it was made of other input.
        """
        record = Record.read(self.shards, shard.number)
        if record is None:
            return None
        if record.input_digest != shard.input_digest:
            raise changed_input(self.out)
        body = body_path(self.shards, shard.number)
        return record if body.exists() and disk.digest(body) == record.body_digest else None

    def records(self, count: int) -> Iterator[Record]:
        """The records of all shards in order, one at a time."""
        for number in range(count):
            record = Record.read(self.shards, number)
            if record is None:
                raise FileNotFoundError(2, "a finished shard is gone", str(record_path(self.shards, number)))
            yield record

    def bodies(self, count: int) -> Iterator[Path]:
        """The files of all shards in order."""
        return (body_path(self.shards, number) for number in range(count))

    def check_end(self, count: int) -> None:
        """The input ended after `count` shards: there must be no work on more of it.

        Raises:
            ResumeError: an earlier run saw more input.
        """
        if any(int(path.stem) >= count for path in self.shards.glob("*.json")):
            raise changed_input(self.out)


def changed_input(out: Path) -> ResumeError:
    """The error for input that is not what the interrupted run read."""
    return ResumeError(
        f"The input is not what the work in {disk.work_folder(out)} was made of. "
        "Give the same input, or start again with --overwrite."
    )


def begin(out: Path, settings: Settings, *, overwrite: bool) -> Work:
    """Start with an empty work folder."""
    folder = disk.work_folder(out)
    clear(folder, keep=(LOCK,))
    work = _work(out, settings, overwrite)
    work.shards.mkdir()
    disk.put_json(folder / MANIFEST, {"settings": dict(settings), "overwrite": overwrite})
    return work


def resume(out: Path, settings: Settings, *, overwrite: bool) -> Work:
    """Go on with the work of an interrupted run (or start, when it had done nothing yet).

    Raises:
        ResumeError: it ran under other settings; the message names the first that differs.
    """
    manifest = disk.read_json(disk.work_folder(out) / MANIFEST)
    if manifest is None:
        return begin(out, settings, overwrite=overwrite)
    _compare(out, manifest["settings"], settings)
    work = _work(out, settings, overwrite or bool(manifest["overwrite"]))
    for leftover in work.shards.glob(f"*{disk.TEMPORARY}"):
        leftover.unlink(missing_ok=True)
    return work


def _work(out: Path, settings: Settings, may_replace: bool) -> Work:
    folder = disk.work_folder(out)
    mark = blake2b(json.dumps(dict(settings), sort_keys=True).encode(), digest_size=6).hexdigest()
    return Work(out, folder, folder / f"shards-{mark}", may_replace)


def _compare(out: Path, before: Settings, now: Settings) -> None:
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if old != new:
            raise ResumeError(
                f"The work in {disk.work_folder(out)} was made with {name} {old}, and this is {name} {new}. "
                "Give the same settings, or start again with --overwrite."
            )


def clear(folder: Path, *, keep: tuple[str, ...]) -> None:
    """Remove all that is in the work folder except what is named."""
    for path in folder.iterdir():
        if path.name in keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    disk.sync(folder)
