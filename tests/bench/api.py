"""How fast the service is, what it does under more load than it can take, and whether its memory grows.

    python tests/bench/api.py [--method auto] [--panel pe] [--workers 2] [--seconds 10] [--soak-minutes 10]

Generated reports are sent over kept connections by a client on the same machine: single reports and batches
of 32, over 1, 16 and 128 connections. Beside it, in the same run, stands a naive FastAPI application that
calls the labeler in each request, in one process and in as many as the service has workers; what waits for it
has no limit, so the service has room for 400,000 tokens there. For the rest it is as it comes. Single reports
come at their own rate, a little more from run to run, until some are refused or late: what is still taken is
the rate it sustains. Then they come at three times that rate: printed are the share of it which is kept, and
how long refusals take. At last comes half of it for `--soak-minutes`, with the memory of all processes
together (resident sets added up) and its slope, less the first fifth.

Every request has an id of its own, and so has every report; an answer that has others, or that gives a report
other labels than it had before, is counted as wrong, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reportnlp.generators import Generator
from tests.bench._api_client import Crowd, Requests, Sent, milliseconds

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = (1, 16, 128)
SIZES = (1, 32)
STEPS = (0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
"""Shares of the rate over the most connections, tried one after the other for what is sustained."""
IN_TIME = 0.97
"""Share of requests that must be answered when a run ends for its rate to count as sustained."""
OVERLOAD = 3.0
SOAK_SHARE = 0.5
ROOM = 400_000
"""Tokens: the reports of 128 connections with 32 each."""
MANY = 4096
"""Connections where requests come at their own rate: more than can wait at once."""


def environment(**more: str) -> dict[str, str]:
    """For a process that finds both packages, a thread a process."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'api'}", "OMP_NUM_THREADS": "1", **more}


@contextmanager
def running(command: list[str], port: int, env: dict[str, str]) -> Iterator[psutil.Process]:
    """A server as a process, once it is ready."""
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            until_ready(port)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def until_ready(port: int) -> None:
    """Wait for a server."""
    for _ in range(600):
        try:
            if urlopen(f"http://127.0.0.1:{port}/readyz").status == 200:
                return
        except (URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit("the server was not ready within two minutes")


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def service(given: argparse.Namespace, **more: str) -> Iterator[tuple[int, psutil.Process]]:
    """The service, with further settings."""
    port = free_port()
    command = [sys.executable, "-m", "reportnlp", "serve", "--port", str(port), "--panel", given.panel]
    command += ["--method", given.method, "--workers", str(given.workers), "--audit", os.devnull]
    with running(command, port, environment(**more)) as process:
        yield port, process


@contextmanager
def naive(given: argparse.Namespace, processes: int) -> Iterator[int]:
    """The naive application."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.bench._api_naive:app", "--port", str(port)]
    command += ["--workers", str(processes), "--log-level", "error", "--no-access-log"]
    env = environment(BENCH_PANEL=given.panel, BENCH_METHOD=given.method, TOKENIZERS_PARALLELISM="false")
    with running(command, port, env):
        time.sleep(5.0 * (processes > 1))  # the others are still loading when the first is ready
        yield port


def show(name: str, size: int, connections: int, sent: Sent) -> None:
    """A row of the table."""
    print(
        f"| {name} | {size} | {connections} | {milliseconds(sent.taken, 50):.1f} | "
        f"{milliseconds(sent.taken, 99):.1f} | {sent.rate:,.0f} | {sent.rate * size:,.0f} | {sent.good} |",
        flush=True,
    )


def rates(name: str, port: int, texts: list[str], seconds: float) -> tuple[dict[tuple[int, int], float], int]:
    """Every size over every number of connections; requests a second of each, and how many went wrong."""
    found: dict[tuple[int, int], float] = {}
    wrong = 0
    for size in SIZES:
        requests = Requests(texts, size)
        Crowd(port, requests, 16).closed(seconds / 4)  # warms up
        for connections in CONNECTIONS:
            sent = Crowd(port, requests, connections).closed(seconds)
            show(name, size, connections, sent)
            found[size, connections] = sent.rate
            wrong += sent.wrong + sent.other
    return found, wrong


def spread(taken: list[float]) -> str:
    """Median, 99th percentile and most."""
    named = {"p50": 50.0, "p99": 99.0, "most": 100.0}
    return ", ".join(f"{name} {milliseconds(taken, share):,.1f} ms" for name, share in named.items())


def sustained(port: int, texts: list[str], about: float, seconds: float) -> float:
    """The highest rate of single reports at which none is refused or late, near what is given."""
    found = 0.0
    for step in STEPS:
        rate = step * about
        sent = Crowd(port, Requests(texts, 1), MANY).opened(rate, seconds)
        print(
            f"Offered {rate:,.0f} requests/s: {sent.rate:,.0f}/s; {spread(sent.taken)}; {sent.good}.",
            flush=True,
        )
        if sent.refused or sent.unsent or sent.rate < IN_TIME * rate:
            break
        found = rate
    if not found:
        raise SystemExit("the service sustains not even the least rate that was tried")
    return found


def overload(port: int, texts: list[str], kept: float, seconds: float) -> int:
    """Three times what it can take; returns how many requests went wrong."""
    sent = Crowd(port, Requests(texts, 1), MANY).opened(OVERLOAD * kept, seconds)
    refused = sent.refused
    print(f"\nOffered {OVERLOAD * kept:,.0f} requests/s for {seconds:.0f} s: {sent.good}.")
    print(f"Kept {sent.rate:,.0f}/s, {sent.rate / kept:.0%} of {kept:,.0f}/s.")
    print(f"Labelled: {spread(sent.taken)}. Refused {len(refused):,}: {spread(refused)}.", flush=True)
    return sent.wrong + sent.other


def soak(port: int, process: psutil.Process, texts: list[str], rate: float, minutes: float) -> int:
    """A long even load; returns how many requests went wrong."""
    memory: list[tuple[float, float]] = []
    began = time.monotonic()

    def look() -> None:
        passed = time.monotonic() - began
        if not memory or passed - memory[-1][0] >= 2.0:
            family = [process, *process.children(recursive=True)]
            memory.append((passed, sum(one.memory_info().rss for one in family) / 2**20))

    sent = Crowd(port, Requests(texts, 1), MANY).opened(rate, minutes * 60, tick=look)
    settled = np.array(memory[len(memory) // 5 :])
    slope = float(np.polyfit(settled[:, 0], settled[:, 1], 1)[0]) * 3600
    print(f"\nSoak: {rate:,.0f} requests/s for {minutes:g} min, {len(sent.taken):,} labelled: {sent.good}.")
    print(
        f"Memory of all processes {memory[0][1]:,.0f} MiB at first, {settled[0, 1]:,.0f} settled, "
        f"{memory[-1][1]:,.0f} at the end; slope {slope:+.1f} MiB/h.",
        flush=True,
    )
    return sent.wrong + sent.other


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--panel", default="pe")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--soak-minutes", type=float, default=10.0)
    parser.add_argument("--overloads", type=int, default=3, help="how often it is tried")
    parser.add_argument("--reports", type=int, default=4000, help="different texts")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    generator = Generator(given.panel, seed=0)
    texts = [generator.write(number).report.text for number in range(given.reports)]
    print(
        f"{machine()}. {given.panel}, {given.method}, {given.workers} workers. "
        f"{sum(map(len, texts)) / len(texts):,.0f} characters a report.\n"
    )
    print("| server | reports | connections | p50 ms | p99 ms | requests/s | reports/s | answers |")
    print("|---|---|---|---|---|---|---|---|")
    wrong = 0
    for processes in sorted({1, given.workers}):
        with naive(given, processes) as port:
            wrong += rates(f"naive, {processes} process{'es' * (processes > 1)}", port, texts, given.seconds)[
                1
            ]
    with service(given, REPORTNLP_QUEUE_TOKENS=str(ROOM)) as (port, _):
        found, bad = rates("reportnlp", port, texts, given.seconds)
        wrong += bad
    print()
    with service(given) as (port, process):
        Crowd(port, Requests(texts, 1), 16).closed(given.seconds / 4)  # warms up
        kept = sustained(port, texts, found[1, CONNECTIONS[-1]], given.seconds)
        for _ in range(given.overloads):
            wrong += overload(port, texts, kept, given.seconds)
        if given.soak_minutes:
            wrong += soak(port, process, texts, SOAK_SHARE * kept, given.soak_minutes)
    sys.exit(bool(wrong))


def machine() -> str:
    """Processor and how many, and the Python."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{model[1] if model else 'processor unknown'}, {os.cpu_count()} processors, Python {version}"


if __name__ == "__main__":
    main()
