"""What a user sees of a command beside its result: one line for an error, and how far a long job is."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reportnlp.errors import ReportNLPError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from reportnlp.archive.progress import Progress

OK, FAULT, USAGE, QUARANTINED = range(4)
"""Exit codes: done; a fault of the program; a mistake in the call or its files; done, but for some rows."""

LINE_EVERY = 10.0
"""Seconds between progress lines where there is no terminal: a log is read, not watched."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line on stderr and the exit code that belongs to what went wrong.

    Only messages of this package's own errors are shown: those of others may quote a report. A traceback is
    shown when the environment has REPORTNLP_DEBUG=1.
    """
    try:
        yield
    except ReportNLPError as error:
        _fail(str(error), USAGE)
    except OSError as error:
        _fail(f"{type(error).__name__}: {os.strerror(error.errno or 0)}", FAULT)
    except Exception as error:
        _fail(f"{type(error).__name__}: a fault of reportnlp. REPORTNLP_DEBUG=1 shows where.", FAULT)


def _fail(message: str, code: int) -> None:
    if os.environ.get("REPORTNLP_DEBUG") == "1":
        traceback.print_exc()
    line = "".join(c if c.isprintable() else " " for c in message)
    sys.stderr.write(f"reportnlp: {line}\n")
    sys.exit(code)


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar with rate and time left on a terminal, a line now and then elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        yield Lines(write=lambda line: print(line, file=sys.stderr, flush=True))
        return
    with _rich_bar() as bar:
        yield Bar(bar)


def _rich_bar() -> RichProgress:
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class Meter:
    """Counts steps of a phase and how fast they go.

    Args:
        total: steps of the phase, None while it is not known.
        clock: seconds, monotonic.
    """

    def __init__(self, total: int | None, clock: Callable[[], float]) -> None:
        self.total = total
        self.done = 0
        self._clock = clock
        self._start = clock()

    @property
    def rate(self) -> float:
        """Steps a second since the phase began."""
        return self.done / max(self._clock() - self._start, 1e-9)

    def __str__(self) -> str:
        if self.total is None:
            return f"{self.done:,} done, {self.rate:,.0f}/s"
        left = (self.total - self.done) / self.rate if self.done else 0
        return f"{self.done:,} of {self.total:,}, {self.rate:,.0f}/s, {left:,.0f} s left"


class Lines:
    """Progress as lines of a log.

    Args:
        write: takes each line.
        clock: seconds, monotonic.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._next = clock() + LINE_EVERY
        self.phase("", None)

    def phase(self, name: str, total: int | None) -> None:
        """A new phase begins."""
        self._name = name
        self._meter = Meter(total, self._clock)

    def expect(self, total: int) -> None:
        """The phase's number of steps became known."""
        self._meter.total = total

    def advance(self, steps: int) -> None:
        """Count steps, and write a line when the last is long ago."""
        self._meter.done += steps
        if self._clock() >= self._next:
            self._write(f"{self._name}: {self._meter}")
            self._next = self._clock() + LINE_EVERY


class Bar:
    """Progress as a bar on a terminal."""

    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def phase(self, name: str, total: int | None) -> None:
        """A new phase begins; its bar takes the place of the last one's."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=total, rate="")

    def expect(self, total: int) -> None:
        """The phase's number of steps became known."""
        if self._task is not None:
            self._bar.update(self._task, total=total)

    def advance(self, steps: int) -> None:
        """Count steps."""
        if self._task is not None:
            task = self._bar.tasks[-1]
            rate = "" if task.speed is None else f"{task.speed:,.0f}/s"
            self._bar.update(self._task, advance=steps, rate=rate)
