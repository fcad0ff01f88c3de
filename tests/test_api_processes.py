"""The service with real worker processes: one that is killed is replaced, and a stop loses nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from reportnlp_api import create_app
from tests.api_service import serving, settings_in
from tests.conftest import Command

SERVE = (sys.executable, "-m", "reportnlp", "serve")

TEXT = "FINDINGS: No pleural effusion. Heart size is normal. "


@contextmanager
def served(
    root: Path, folder: Path, *options: str, audit: bool = True, pipesize: int = -1
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`reportnlp serve` as a process, with the address that it tells."""
    to = ("--audit", "audit.jsonl") if audit else ()
    process = subprocess.Popen(
        [*SERVE, "--port", "0", "--method", "rules", "--workers", "1", *to, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'api'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=pipesize,
    )
    try:
        assert process.stdout
        told = re.fullmatch(r"reportnlp: serving at (http://\S+)\n", process.stdout.readline())
        assert told
        yield process, told[1]
    finally:
        process.kill()
        process.communicate()


def until_ready(url: str) -> None:
    end = time.monotonic() + 120
    while httpx.get(f"{url}/readyz").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.05)


def post(url: str, number: int, count: int) -> httpx.Response:
    reports = [{"id": f"{number}-{i}", "text": TEXT * 8 + f"Case {number} {i}."} for i in range(count)]
    return httpx.post(f"{url}/v1/label", json={"reports": reports, "panel": "chest_xray"}, timeout=60)


def workers_of(pid: int) -> list[psutil.Process]:
    return [p for p in psutil.Process(pid).children() if "spawn_main" in " ".join(p.cmdline())]


def test_a_killed_worker_is_replaced_and_no_request_notices(tmp_path: Path) -> None:
    ours = {p.pid for p in workers_of(os.getpid())}
    with serving(create_app(settings_in(tmp_path))) as client:

        def ask(number: int) -> Any:
            return client.post("/v1/label", json={"report": {"id": str(number), "text": f"No PE. {number}"}})

        [worker] = [p for p in workers_of(os.getpid()) if p.pid not in ours]
        with ThreadPoolExecutor(8) as pool:
            sent = [pool.submit(ask, number) for number in range(200)]
            sent[20].result()
            worker.kill()
            answers = [one.result() for one in sent]
        assert [answer.status_code for answer in answers] == [200] * 200
        assert [a.json()["results"][0]["id"] for a in answers] == [str(number) for number in range(200)]
        assert "reportnlp_workers_lost_total 1.0" in client.get("/metrics").text
        [after] = [p for p in workers_of(os.getpid()) if p.pid not in ours]
        assert after.pid != worker.pid
    assert not after.is_running()


def test_a_worker_that_hangs_is_killed_and_its_request_labelled_by_another(tmp_path: Path) -> None:
    ours = {p.pid for p in workers_of(os.getpid())}
    with serving(create_app(settings_in(tmp_path, stuck_s=2.0))) as client:
        [worker] = [p for p in workers_of(os.getpid()) if p.pid not in ours]
        worker.suspend()
        answer = client.post("/v1/label", json={"report": {"text": "No PE."}})
        assert answer.status_code == 200
        assert not worker.is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_under_way(number: signal.Signals, root: Path, tmp_path: Path) -> None:
    with served(root, tmp_path) as (process, url):
        until_ready(url)
        family = psutil.Process(process.pid).children(recursive=True)
        with ThreadPoolExecutor(6) as pool:
            sent = [pool.submit(post, url, i, 200) for i in range(6)]
            while gauge(url, "requests_open") + sum(one.done() for one in sent) < 6:
                time.sleep(0.01)
            assert gauge(url, "queue_tokens") > 0
            for one in (process, *family):  # as a terminal or a supervisor does, to the whole group
                os.kill(one.pid, number)
            answers = [one.result() for one in sent]
        assert process.wait(30) == 0
        assert process.stderr and process.stderr.read() == ""
        for i, answer in enumerate(answers):
            assert answer.status_code == 200
            ids = [result["id"] for result in answer.json()["results"]]
            assert ids == [f"{i}-{n}" for n in range(200)]
        assert psutil.wait_procs(family, timeout=20)[1] == []


def gauge(url: str, name: str) -> float:
    found = re.search(rf"^reportnlp_{name} (\S+)", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


def test_workers_end_when_the_service_is_killed(root: Path, tmp_path: Path) -> None:
    with served(root, tmp_path) as (process, url):
        until_ready(url)
        family = workers_of(process.pid)
        assert len(family) == 1
        process.kill()
        assert psutil.wait_procs(family, timeout=20)[1] == []


def test_a_port_that_is_taken_is_told_in_one_line(reportnlp: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code, out, err = reportnlp("serve", "--port", str(port), "--method", "rules")
    assert (code, out) == (2, "")
    assert f"port {port} cannot be had: Address already in use." in err
    assert err.count("\n") == 1
