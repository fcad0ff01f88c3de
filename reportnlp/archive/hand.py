"""One worker process, from both ends of the line."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from reportnlp.archive.counts import Counts
from reportnlp.archive.disk import work_folder
from reportnlp.archive.failures import Failure
from reportnlp.archive.parties import Identity, Parties
from reportnlp.archive.worker import Task, attempt, build
from reportnlp.errors import OutputError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Set to 1 for workers: a process a core, each with a thread a core, slow one another."""


@dataclass(eq=False, slots=True)
class Hand:
    """The parent's end.

    Attributes:
        out: the file the job writes, for messages.
        process: the process.
        line: the connection to it; when one side ends, the other reads the end of it.
        task: what it is doing; None while it starts and while it is idle.
    """

    out: Path
    process: SpawnProcess
    line: Connection[Any, Any]
    task: Task | None = None

    def give(self, task: Task) -> None:
        """Have it do a task.

        Raises:
            OutputError: it is dead.
        """
        self.task = task
        try:
            self.line.send(task)
        except OSError:
            raise self._death() from None

    def receive(self) -> Identity | Counts | Failure:
        """What it has to say: first who it is, then what became of each task.

        Raises:
            OutputError: it is dead.
        """
        try:
            said: Identity | Counts | Failure = self.line.recv()
        except (EOFError, OSError):
            raise self._death() from None
        self.task = None
        return said

    def _death(self) -> OutputError:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"was killed by signal {-code}; was memory short?" if code < 0 else f"ended with code {code}."
        if self.task is None:
            return OutputError(
                f"A worker process {how} It had not begun to label. A script that starts this job must do so "
                "under: if __name__ == '__main__'."
            )
        first, last = self.task.shard.rows[0], self.task.shard.rows[-1]
        rows = f"{first.source}, record {first.offset}, to {last.source}, record {last.offset}"
        work = work_folder(self.out)
        return OutputError(
            f"A worker process {how} It was at {rows}. Finished work is kept in {work}: "
            "run the same command with --resume."
        )


def start(parties: Parties, workers: int) -> list[Hand]:
    """Start worker processes; each builds its labeler, and says who it is."""
    with _worker_conditions():
        return [_start_one(parties) for _ in range(workers)]


def _start_one(parties: Parties) -> Hand:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, parties), daemon=True)
    process.start()
    # The parent must not hold the worker's end: the line would never end when the worker does.
    theirs.close()
    return Hand(parties.out, process, ours)


@contextmanager
def _worker_conditions() -> Iterator[None]:
    """What worker processes inherit: one thread each, and no Ctrl-C, which the parent answers for all."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def serve(line: Connection[Any, Any], parties: Parties) -> None:
    """The worker's end: do tasks until the parent hangs up, or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, ConnectionError):
        worker = build(parties)
        if isinstance(worker, Failure):
            line.send(worker)
            return
        line.send(worker.identity)
        while True:
            line.send(attempt(worker, line.recv(), parties.out))
