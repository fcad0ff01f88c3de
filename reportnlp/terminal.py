"""What a user sees of a command beside its result: one line for an error, and how far a long job is."""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import typer

from reportnlp.errors import ReportNLPError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import Task, TaskID

    from reportnlp.archive.progress import Telling

INTERRUPTED, HUNG_UP = 130, 141
"""Exit codes that shells give a process that Ctrl-C, or the end of its reader, has ended."""

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
        _fail(str(error), getattr(error, "exit_code", USAGE))
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            _hang_up()
        raise
    except OSError as error:
        _fail(f"{type(error).__name__}: {os.strerror(error.errno or 0)}", FAULT)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(f"{error}\n")
            sys.exit(USAGE)
        if _wrong_call(error):
            _fail(_told(error), USAGE)
        _fail(f"{type(error).__name__}: a fault of reportnlp. REPORTNLP_DEBUG=1 shows where.", FAULT)


def _hang_up() -> None:
    """Whoever read the output (`head`) has enough: no fault, and nothing is left to tell."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    sys.exit(HUNG_UP)


def _fail(message: str, code: int) -> None:
    if os.environ.get("REPORTNLP_DEBUG") == "1":
        traceback.print_exc()
    line = "".join(c if c.isprintable() else " " for c in message)
    sys.stderr.write(f"reportnlp: {line}\n")
    sys.exit(code)


# typer's errors are click's or, by version, typer's own copies of them: they are known by their parts.


def _wrong_call(error: Exception) -> bool:
    """Did typer refuse the command line?"""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _told(error: Any) -> str:
    """The mistake and its mend, with what was typed."""
    tell = _TELLERS.get(type(error).__name__, _plain)
    return f"{tell(error)}{_see(error)}"


def _see(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return f" See: {context.command_path if context else 'reportnlp'} --help."


def _plain(error: Any) -> str:
    return str(error.format_message()).splitlines()[0].rstrip(".") + "."


def _missing(error: Any) -> str:
    if error.param is None:
        return _plain(error)
    what = getattr(error.param, "help", "") or ""
    return f"{_name(error.param)} was not given, and is needed. {what}".rstrip()


def _bad_value(error: Any) -> str:
    if error.param is None:
        return _plain(error)
    given = _given(error)
    stated = f" was given as {given};" if given else ":"
    return f"{_name(error.param)}{stated} {_rule(error.message)}."


def _given(error: Any) -> str:
    """What was typed: pydantic knows it, and click quotes it in its message."""
    problems = getattr(error.__cause__, "errors", None)
    if problems is not None:
        return str(problems()[0]["input"])
    quoted = re.match(r"'([^']*)'|(-?\d+)", error.message)
    return (quoted[1] or quoted[2]) if quoted else ""


def _rule(message: str) -> str:
    """The rule within `Input should be a valid integer, unable to parse ...`."""
    rule = message.removeprefix("Value error, ").rstrip(".")
    rule = re.sub(r"^'[^']*' is not one of", "it should be one of", rule)
    return re.sub(r"^Input should", "it should", rule.partition(", unable to")[0])


def _no_option(error: Any) -> str:
    names = [] if error.ctx is None else list(_options(error.ctx.command.params))
    return f"There is no option '{error.option_name}'.{_guess(error.option_name, names)}"


def _no_command(error: Any) -> str:
    names = [] if error.ctx is None else list(error.ctx.command.list_commands(error.ctx))
    given = next(iter(re.findall(r"'([^']*)'", error.message)), "")
    return f"There is no command '{given}'.{_guess(given, names)} There are: {', '.join(names)}."


def _usage(error: Any) -> str:
    return _no_command(error) if "No such command" in error.message else _plain(error)


def _options(params: Iterable[Any]) -> Iterator[str]:
    for param in params:
        yield from (name for name in param.opts if name.startswith("--"))


def _guess(given: str, names: Iterable[str]) -> str:
    # Without the dashes, which make any two options look alike.
    bare = {name.lstrip("-"): name for name in names}
    near = get_close_matches(given.lstrip("-"), bare, n=1, cutoff=0.7)
    return f" Did you mean '{bare[near[0]]}'?" if near else ""


def _name(param: Any) -> str:
    dashed = [name for name in param.opts if name.startswith("-")]
    return max(dashed, key=len) if dashed else str(param.metavar or param.name).strip("{}.[]")


_TELLERS = {
    "MissingParameter": _missing,
    "BadParameter": _bad_value,
    "NoSuchOption": _no_option,
    "NoSuchCommand": _no_command,
    "UsageError": _usage,
}


@contextmanager
def progress() -> Iterator[Telling]:
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
        progress.TextColumn("{task.fields[count]}"),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TextColumn("{task.fields[note]}"),
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

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        """A new phase begins."""
        self._name = name
        self._note = ""
        self._meter = Meter(total, self._clock)

    def note(self, text: str) -> None:
        """A word to show beside the count."""
        self._note = text

    def expect(self, total: int) -> None:
        """The phase's number of steps became known."""
        self._meter.total = total

    def advance(self, steps: int) -> None:
        """Count steps, and write a line when the last is long ago."""
        self._meter.done += steps
        if self._clock() >= self._next:
            self._write(f"{self._name}: {self._meter}{f', {self._note}' if self._note else ''}")
            self._next = self._clock() + LINE_EVERY


class Bar:
    """Progress as a bar on a terminal."""

    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        """A new phase begins; its bar takes the place of the last one's."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=total, count="", rate="", note="", unit=unit)

    def note(self, text: str) -> None:
        """A word to show beside the count."""
        if self._task is not None:
            self._bar.update(self._task, note=text)

    def expect(self, total: int) -> None:
        """The phase's number of steps became known."""
        if self._task is not None:
            self._bar.update(self._task, total=total)

    def advance(self, steps: int) -> None:
        """Count steps."""
        if self._task is not None:
            self._bar.advance(self._task, steps)
            task = self._bar.tasks[-1]
            rate = "" if task.speed is None else f"{task.speed:,.0f}/s"
            self._bar.update(self._task, rate=rate, count=_count(task))


def _count(task: Task) -> str:
    whole = "" if task.total is None else f" of {task.total:,.0f}"
    return f"{task.completed:,.0f}{whole} {task.fields['unit']}"
