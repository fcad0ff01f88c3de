"""One run of one job, in a process of its own.

The process is spawned, not forked, so no thread or lock of the service is copied into it, and it calls
`reportnlp.label_archive` itself: unlike the command line's, its progress comes as numbers as often as it is
wanted, and its end as counts. It ends when the service does, however that ends; the archive runner keeps the
finished work, and the next run of the job goes on with it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from reportnlp import LabelSettings, ReportNLPError, label_archive
from reportnlp_api.door import log_fault
from reportnlp_api.worker import THREADS

TELL_EVERY = 0.1
"""Seconds between words on how far it is."""

NICE = 10
"""Jobs stand back behind requests, which somebody waits for."""

SHARD_SIZE = 256
"""Reports. Smaller than the command line's, so that small jobs show progress too."""

STOPPED = "StoppedError"
"""The archive runner's error where a signal ended it, with its work kept."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to label, with what, and where to.

    Attributes:
        input: file or folder of reports.
        format: of the input; None: by suffix.
        table: the label table.
        panel, method, abstain: as `reportnlp.load` takes them.
        workers: processes.
    """

    input: str
    format: str | None
    table: str
    panel: str
    method: str
    abstain: bool
    workers: int

    def settings(self, *, resume: bool) -> LabelSettings:
        """For the archive runner. A table that is there already is made again: nobody heard of it."""
        return LabelSettings(
            inputs=(self.input,),
            out=Path(self.table),
            panel=self.panel,
            method=self.method,
            abstain=self.abstain,
            format_in=self.format,
            workers=self.workers,
            shard_size=SHARD_SIZE,
            resume=resume,
            overwrite=True,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        counts: read, labelled, quarantined and duplicates; None where it did not get so far.
        model: what labelled; None where nothing was.
        failed: name of the error's class; "" where it ended without a word.
        message: of the error.
    """

    counts: dict[str, int] | None = None
    model: str | None = None
    failed: str = ""
    message: str = ""


def serve(line: Connection[Any, Any], task: Task) -> None:
    """The process's end: do the task, telling how far it is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(THREADS, "1"))
    os.nice(NICE)
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    with _alone(Path(task.table).parent):
        outcome = _label(task, Teller(line))
    with suppress(OSError):
        line.send_bytes(json.dumps({"outcome": asdict(outcome)}).encode())


def _end_with(line: Connection[Any, Any]) -> None:
    """End as soon as the service does: nothing is ever said here, so the line speaks when it breaks."""
    with suppress(EOFError, OSError):
        line.poll(None)
    os._exit(1)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is at this job; the system lets go of the lock however one ends."""
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _label(task: Task, teller: Teller) -> Outcome:
    try:
        counts = _run(task, teller)
    except ReportNLPError as error:
        return Outcome(failed=type(error).__name__, message=str(error))
    except Exception as error:
        # Python would print its message, which may hold a report's text.
        log_fault(error, "jobs")
        return Outcome()
    return Outcome(counts=asdict(counts), model=_model(Path(task.table)))


def _run(task: Task, teller: Teller) -> Any:
    try:
        return label_archive(task.settings(resume=True), teller)
    except ReportNLPError as error:
        # The work was begun by another version or model; nobody has seen any of it.
        if type(error).__name__ != "ResumeError":
            raise
        return label_archive(task.settings(resume=False), teller)


def _model(table: Path) -> str | None:
    """What labelled, as the table's first row has it."""
    with table.open(encoding="utf-8") as rows:
        first = rows.readline()
    return str(json.loads(first)["model"]) if first else None


class Teller:
    """Tells the service how far it is, now and then."""

    def __init__(self, line: Connection[Any, Any]) -> None:
        self._line = line
        self._counts = False
        self._done = 0
        self._total: int | None = None
        self._next = 0.0

    def phase(self, name: str, total: int | None) -> None:
        """Rows count while they are labelled; to write them together takes no time beside that."""
        self._counts = name == "labelling"
        self._tell()

    def expect(self, total: int) -> None:
        """So many rows there are, or may be."""
        if self._counts:
            self._total = total

    def advance(self, steps: int) -> None:
        """So many rows more are done."""
        if self._counts:
            self._done += steps
            self._tell()

    def _tell(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_EVERY
            with suppress(OSError):
                self._line.send_bytes(json.dumps({"done": self._done, "total": self._total}).encode())
