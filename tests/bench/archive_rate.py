"""Rate and memory of `reportnlp label` over an archive repeated, with new ids, to any number of rows.

    python tests/bench/archive_rate.py REPORTS [--panel pe] [--rows 100000] [--workers 2] [--texts both]

As it stands a repeated archive is nearly all duplicate texts, which are labelled once (`repeated`). With
`unique` each text ends in a number of its own, so that every one is labelled: that is the honest rate.
Prints reports a second over the whole run, start-up with it, and the memory (sum of the resident sets)
of all processes of the job over time. Needs psutil.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any

from reportnlp.formats.loader import read_reports
from reportnlp.types import Report

psutil: Any = import_module("psutil")  # it ships no types

SAMPLE_EVERY = 0.1
"""Seconds between looks at the memory."""


@dataclass(frozen=True)
class Measured:
    """One run: its seconds, its closing count, and bytes of memory over time."""

    seconds: float
    counts: str
    memory: tuple[int, ...]


def repeated(archive: list[Report], *, unique: bool) -> Iterator[tuple[str, str]]:
    """Ids and texts of the archive, over and over, each id new."""
    for turn in count():
        for at, report in enumerate(archive):
            ending = f"\nAccession {turn * len(archive) + at:09}." if unique else ""
            yield f"{report.id}-{turn}", report.text + ending


def write_archive(path: Path, archive: list[Report], rows: int, *, unique: bool) -> None:
    """Write a CSV file of so many rows."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(("report_id", "text"))
        table.writerows(islice(repeated(archive, unique=unique), rows))


def measure(command: list[str]) -> Measured:
    """Run a command, looking at its memory all the while."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watched = psutil.Process(process.pid)
        memory: list[int] = []
        while process.poll() is None:
            memory.append(tree_memory(watched))
            time.sleep(SAMPLE_EVERY)
        seconds = time.perf_counter() - start
        counts = process.communicate()[0].strip()
    if process.returncode not in (0, 3):
        raise SystemExit(f"exit code {process.returncode} instead of 0 or 3")
    return Measured(seconds, counts, tuple(memory))


def tree_memory(process: Any) -> int:
    """Bytes resident in a process and all below it. Pages they share are counted for each."""
    total = 0
    try:
        for member in [process, *process.children(recursive=True)]:
            total += member.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def show(name: str, rows: int, measured: Measured, startup: float) -> None:
    """Print the figures of one run."""
    busy = max(measured.seconds - startup, 1e-9)
    print(f"{name}: {rows:,} reports in {measured.seconds:.1f} s: {rows / measured.seconds:,.0f} reports/s")
    print(f"  less the {startup:.1f} s that one report takes: {rows / busy:,.0f} reports/s")
    print(f"  {measured.counts}")
    tenths = [max(part) / 2**20 for part in parts(measured.memory, 10)]
    print(
        f"  memory MiB, peak {max(tenths):,.0f}; by tenths of the run: {' '.join(f'{m:.0f}' for m in tenths)}"
    )


def parts(values: tuple[int, ...], number: int) -> list[tuple[int, ...]]:
    """The values in so many parts of about the same length; none is empty."""
    edges = [round(at * len(values) / number) for at in range(number + 1)]
    return [values[low:high] for low, high in pairwise(edges) if high > low]


def main() -> None:
    """Run the benchmark."""
    given = arguments()
    archive = [row for row in read_reports(given.reports) if isinstance(row, Report)]
    flags = ["--panel", given.panel, "--workers", str(given.workers)]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        kinds = {"both": (False, True), "repeated": (False,), "unique": (True,)}[given.texts]
        source = Path(folder, "archive.csv")
        write_archive(source, archive, 1, unique=False)
        out = Path(folder, f"one.{given.format}")
        label = [sys.executable, "-m", "reportnlp", "label", str(source), *flags, "-o"]
        startup = measure([*label, str(out)]).seconds
        for unique in kinds:
            write_archive(source, archive, given.rows, unique=unique)
            name = "unique texts" if unique else "repeated texts"
            measured = measure([*label, str(out), "--overwrite"])
            show(name, given.rows, measured, startup)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("reports", nargs="+", help="reports in any format, as for reportnlp label")
    parser.add_argument("--panel", default="pe")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--texts", default="both", choices=["both", "repeated", "unique"])
    parser.add_argument("--format", default="csv", choices=["csv", "jsonl", "parquet"])
    parser.add_argument("--folder", help="where to work (default: the system's temporary folder)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
