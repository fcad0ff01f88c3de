"""Ctrl-C and `kill` end a run with one clear error, and the work is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from reportnlp.archive.disk import work_folder
from reportnlp.errors import OutputError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(OutputError):
    """A signal ended the run.

    Attributes:
        exit_code: what a shell is told of a process that a signal ended: 128 and the signal's number.
    """

    def __init__(self, message: str, number: signal.Signals) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class Stopped(BaseException):
    """A signal asked for the end. No `Exception`: what quarantines a report must not swallow it."""


@contextmanager
def stoppable(out: Path, work: Path | None = None) -> Iterator[None]:
    """Answer SIGINT and SIGTERM while in here (in the main thread only: no other can).

    Args:
        out: what is being made.
        work: where finished work is kept; None: the archive runner's folder.

    Raises:
        StoppedError: one of them came; says how to go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in SIGNALS}
    try:
        yield
    except Stopped as stop:
        raise _stopped(out, work or work_folder(out), str(stop)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)


def _stopped(out: Path, work: Path, name: str) -> StoppedError:
    kept = f" Finished work is kept in {work}: run the same command with --resume." if work.exists() else ""
    message = f"Stopped by {name} before {out} was finished.{kept}"
    return StoppedError(message, signal.Signals[name])
