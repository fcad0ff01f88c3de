"""The end of a run: shards are merged, the table gets its name, and the work folder goes.

A kill between any two steps is mended by the next run: `done.json` says that all is labelled and merged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reportnlp.archive import disk
from reportnlp.archive.counts import Counts
from reportnlp.archive.lock import LOCK
from reportnlp.archive.parties import Writer
from reportnlp.archive.places import refuse_existing
from reportnlp.archive.progress import Progress
from reportnlp.archive.records import lines
from reportnlp.archive.work import MANIFEST, Work, clear
from reportnlp.types import Question

DONE = "done.json"
QUARANTINE = "quarantine.jsonl"


def merge(
    work: Work, shards: int, writer: Writer, questions: tuple[Question, ...], progress: Progress
) -> None:
    """Put the shards together, within the work folder still.

    Raises:
        OSError, OutputError: the disk refused.
    """
    writer.merge(_told(work, shards, progress), _merged(work), questions)
    disk.sync(_merged(work))
    _write_quarantine(work, shards)


def close(work: Work, counts: Counts) -> None:
    """Account for what was merged, and give it its name.

    Raises:
        OSError: the disk refused.
        OutputError: the output came to exist in the meantime.
    """
    if not work.may_replace:
        refuse_existing(work.out)
    disk.put_json(work.folder / DONE, _account(work, counts))
    commit(work)


def finished(work: Work) -> Counts | None:
    """The counts of a run that was killed when all was labelled and merged; None when it was not so far."""
    account = disk.read_json(work.folder / DONE)
    if account is None:
        return None
    ours = (path for path in (_merged(work), work.out) if path.exists() and _stamp(path) == account["stamp"])
    return Counts(**account["counts"]) if any(ours) else None


def commit(work: Work) -> None:
    """Give table and quarantine file their names, and remove the work folder; can be done twice."""
    final = disk.quarantine_file(work.out)
    if _holds_rows(work):
        _move(work.folder / QUARANTINE, final)
    else:
        final.unlink(missing_ok=True)
    _move(_merged(work), work.out)
    disk.sync(work.out.parent)
    clear(work.folder, keep=(LOCK, MANIFEST, DONE))
    # Without its manifest a work folder holds no unfinished work: from here on the job is over.
    for name in (MANIFEST, DONE, LOCK):
        (work.folder / name).unlink(missing_ok=True)
    work.folder.rmdir()


def _move(path: Path, final: Path) -> None:
    if path.exists():
        path.replace(final)


def _merged(work: Work) -> Path:
    # Ends as the output does: a writer may look at the suffix.
    return work.folder / f"merged-{work.out.name}"


def _told(work: Work, shards: int, progress: Progress) -> Iterator[Path]:
    for body, record in zip(work.bodies(shards), work.records(shards), strict=True):
        yield body
        progress.advance(record.counts.read)


def _write_quarantine(work: Work, shards: int) -> None:
    path = work.folder / QUARANTINE
    with path.open("w", encoding="utf-8") as handle:
        for record in work.records(shards):
            handle.writelines(f"{json.dumps(line)}\n" for line in lines(record.quarantine))
        handle.flush()
        os.fsync(handle.fileno())


def _account(work: Work, counts: Counts) -> dict[str, Any]:
    numbers = {name: getattr(counts, name) for name in ("read", "labelled", "quarantined", "duplicates")}
    return {"counts": numbers, "stamp": _stamp(_merged(work))}


def _stamp(path: Path) -> list[int]:
    """What stays the same when a file is renamed, and tells it from any other."""
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _holds_rows(work: Work) -> bool:
    account = disk.read_json(work.folder / DONE)
    return account is not None and account["counts"]["quarantined"] > 0
