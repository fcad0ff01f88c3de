"""The inputs of a job as one stream of placed rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from reportnlp.archive.parties import Placed
from reportnlp.archive.progress import Progress
from reportnlp.archive.share import Files
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.loader import read_reports


class Reading:
    """Rows of all inputs in order, each with its place; can be read once.

    What can be refused before the work (a wrong path, an unknown format, a missing column) is refused here.

    Raises:
        InputError, UnknownNameError: see `read_reports`.
    """

    def __init__(self, inputs: Sequence[str | Path], format: str | None, options: ReadOptions) -> None:
        self._inputs, self._format, self._options = inputs, format, options
        self._rows = 0
        self._rows_before = 0
        self._at = 0
        self._ended = False
        read_reports(inputs, format=format, options=options)

    def __iter__(self) -> Iterator[Placed]:
        for at, given in enumerate(self._inputs):
            self._at, self._rows_before = at, self._rows
            name = Path(given).name.encode("utf-8", "replace").decode()
            rows = read_reports([given], format=self._format, options=self._options)
            for offset, row in enumerate(rows, start=1):
                self._rows += 1
                yield Placed(name, offset, row)
        self._ended = True

    @property
    def total(self) -> int | None:
        """How many rows there will be: exact once all are read; before, an estimate by the share read."""
        if self._ended:
            return self._rows
        share = self._share()
        return round(self._rows / share) if share > 0 else None

    def _share(self) -> float:
        weights = [files.weight for files in self._files]
        current = self._files[self._at].share(self._rows - self._rows_before)
        return (sum(weights[: self._at]) + weights[self._at] * current) / max(sum(weights), 1)

    @cached_property
    def _files(self) -> list[Files]:
        return [Files(given) for given in self._inputs]


class Foreseen:
    """Tells a watcher, beside what the runner tells, how long labelling will take."""

    def __init__(self, watcher: Progress, reading: Reading) -> None:
        self._watcher = watcher
        self._reading = reading
        self._open_ended = False

    def phase(self, name: str, total: int | None) -> None:
        """Pass it on."""
        self._open_ended = total is None
        self._watcher.phase(name, total)

    def expect(self, total: int) -> None:
        """Pass it on."""
        self._watcher.expect(total)

    def advance(self, steps: int) -> None:
        """Pass it on, with what is known by now of the total."""
        total = self._reading.total if self._open_ended else None
        if total is not None:
            self._watcher.expect(total)
        self._watcher.advance(steps)
