"""Progress: a bar on a terminal, lines of a log elsewhere."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

from reportnlp import terminal


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_at_intervals_with_rate_and_time_left() -> None:
    clock, written = Clock(), list[str]()
    lines = terminal.Lines(written.append, clock)
    lines.phase("labelling", 10_000)
    for second in range(1, 26):
        clock.now = float(second)
        lines.advance(100)
    assert written == [
        "labelling: 1,000 of 10,000, 100/s, 90 s left",
        "labelling: 2,000 of 10,000, 100/s, 80 s left",
    ]


def test_a_line_without_a_total_says_how_much_is_done() -> None:
    clock, written = Clock(), list[str]()
    lines = terminal.Lines(written.append, clock)
    lines.phase("labelling", None)
    clock.now = 10
    lines.advance(50)
    lines.expect(100)
    clock.now = 20
    lines.advance(0)
    assert written == ["labelling: 50 done, 5/s", "labelling: 50 of 100, 2/s, 20 s left"]


def test_a_short_job_writes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress() as progress:
        progress.phase("labelling", 2)
        progress.advance(2)
    assert capsys.readouterr() == ("", "")


def test_a_bar_follows_the_phases() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    rich = RichProgress(TextColumn("{task.description}"), BarColumn(), console=console)
    bar = terminal.Bar(rich)
    bar.advance(1)  # before any phase there is nothing to show
    bar.phase("labelling", None)
    bar.expect(10)
    bar.advance(4)
    [task] = rich.tasks
    assert (task.description, task.total, task.completed) == ("labelling", 10, 4)
    bar.phase("merging", 3)
    assert [task.description for task in rich.tasks] == ["merging"]


def test_a_bar_counts_reports_and_shows_no_total_that_is_not_known() -> None:
    rich = RichProgress(TextColumn("{task.description}"), console=Console(file=io.StringIO()))
    bar = terminal.Bar(rich)
    bar.phase("labelling", None)
    assert rich.tasks[0].fields["count"] == ""
    bar.advance(1500)
    assert rich.tasks[0].fields["count"] == "1,500 reports"
    bar.expect(4000)
    bar.advance(500)
    assert rich.tasks[0].fields["count"] == "2,000 of 4,000 reports"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress() as progress:
        progress.phase("labelling", 2)
        progress.advance(2)
    assert "labelling" in screen.getvalue()
