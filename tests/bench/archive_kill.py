"""Kills `reportnlp label` at random moments, resumes it, and compares the bytes with an undisturbed run.

    python tests/bench/archive_kill.py REPORTS [--panel pe] [--kills 20] [--workers 2] [--format csv]

The whole group of processes gets SIGKILL, which none can answer. Exits 1 when a resumed run differs.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reportnlp.archive.disk import quarantine_file, work_folder


@dataclass(frozen=True)
class Run:
    """One way to call the job: the command without its output."""

    command: tuple[str, ...]

    def start(self, out: Path, *more: str) -> subprocess.Popen[str]:
        """Start it as the head of its own group of processes."""
        command = [*self.command, "-o", str(out), *more]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )

    def whole(self, out: Path, *more: str) -> str:
        """Run it to its end; its closing count."""
        with self.start(out, *more) as process:
            said = process.communicate()[0].strip()
        if process.returncode not in (0, 3):
            raise SystemExit(f"exit code {process.returncode} instead of 0 or 3; {said}")
        return said


def written(out: Path) -> tuple[bytes, bytes]:
    """The bytes of the table and of its quarantine file."""
    quarantine = quarantine_file(out)
    return out.read_bytes(), quarantine.read_bytes() if quarantine.exists() else b""


def kill_at(run: Run, out: Path, seconds: float) -> bool:
    """Start the job and kill it after so long; False when it ended before."""
    with run.start(out) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return True
    return False


def unfinished(out: Path) -> bool:
    """Whether the kill left something to do: in its last milliseconds a job has nothing left."""
    return not out.exists() or (work_folder(out) / "manifest.json").exists()


def trial(run: Run, out: Path, seconds: float, expected: tuple[bytes, bytes], counts: str) -> bool | None:
    """Kill, resume, compare; None when the job ended before the kill."""
    killed = kill_at(run, out, seconds)
    shards = len(list(work_folder(out).glob("*/*.json"))) if killed else 0
    said = run.whole(out, "--resume") if killed and unfinished(out) else counts
    same = (written(out), said) == (expected, counts) and not work_folder(out).exists()
    verdict = "same bytes, same counts" if same else f"DIFFERENT ({said})"
    if killed or not same:
        print(f"killed after {seconds:5.2f} s with {shards:3} shards done: {verdict}", flush=True)
    return same if killed or not same else None


def main() -> int:
    """Run the benchmark; its exit code."""
    given = arguments()
    shard = ["--shard-size", str(given.shard_size)]
    command = [sys.executable, "-m", "reportnlp", "label", *given.reports, "--panel", given.panel, *shard]
    run = Run((*command, "--workers", str(given.workers)))
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        first = Path(folder, f"whole.{given.format}")
        start = time.perf_counter()
        counts = run.whole(first)
        seconds = time.perf_counter() - start
        print(f"undisturbed: {seconds:.2f} s, {counts}")
        verdicts: list[bool] = []
        attempt = 0
        while len(verdicts) < given.kills:
            attempt += 1
            out = Path(folder, f"killed{attempt}.{given.format}")
            verdict = trial(run, out, chance.uniform(0, seconds), written(first), counts)
            verdicts.extend([] if verdict is None else [verdict])
    print(f"{sum(verdicts)} of {len(verdicts)} killed and resumed runs are the same as the undisturbed one")
    return 0 if all(verdicts) else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("reports", nargs="+", help="reports in any format, as for reportnlp label")
    parser.add_argument("--panel", default="pe")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard-size", type=int, default=128, help="small, for many shards (default 128)")
    parser.add_argument("--format", default="csv", choices=["csv", "jsonl", "parquet"])
    parser.add_argument("--folder", help="where to work (default: the system's temporary folder)")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
