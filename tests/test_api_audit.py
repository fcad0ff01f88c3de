"""What is logged is written by a thread: a reader that does not read, or a full disk, holds up no request."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client import Counter

from reportnlp_api import lines
from reportnlp_api.audit import Audit
from reportnlp_api.lines import Lines
from reportnlp_api.logs import logging_aside
from tests.api_service import app_in, audited, serving
from tests.test_api_processes import served, until_ready

SECRET = "ZZPATIENTZZ"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe can be set on Linux only")


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@LINUX
def test_a_service_whose_stderr_nobody_reads_answers_on_and_ends_well(root: Path, tmp_path: Path) -> None:
    with served(root, tmp_path, audit=False, pipesize=4096) as (process, url), httpx.Client() as client:
        until_ready(url)
        for _ in range(100):  # four times what the pipe holds
            assert client.get(f"{url}/v1/models", timeout=5).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@LINUX
def test_what_there_is_no_room_for_is_counted_and_told_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lines, "MOST", 100)
    pipe = tmp_path / "audit.pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    with serving(app_in(tmp_path, audit_file=pipe)) as client:
        answers = [client.get("/v1/models") for _ in range(300)]
        assert {answer.status_code for answer in answers} == {200}
        metrics = client.get("/metrics").text
        [lost] = [line for line in metrics.splitlines() if line.startswith("reportnlp_audit_lost_total ")]
        missing = float(lost.split()[1])
        assert 0 < missing < 300
        assert caplog.text.count("The audit log") == 1
        found = read(reader, lambda read: "lost" in read)
        answers.append(client.get("/v1/models"))
        found += read(reader, lambda read: answers[-1].headers["X-Request-ID"] in read)
    os.close(reader)
    told = [json.loads(line) for line in found.splitlines()]
    [gap] = [i for i, line in enumerate(told) if "lost" in line]
    assert told[gap]["lost"] == missing
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert [line["request_id"] for line in told[:gap]] == ids[:gap]
    assert [line["request_id"] for line in told[gap + 1 :]] == ids[gap + int(missing) :]


def read(pipe: int, enough: Callable[[str], bool]) -> str:
    found = b""

    def come() -> bool:
        nonlocal found
        try:
            found += os.read(pipe, 2**16)
        except BlockingIOError:
            return False
        return found.endswith(b"\n") and enough(found.decode())

    until(come)
    return found.decode()


def test_a_full_disk_is_told_once_and_nothing_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    audit = Audit(Path("/dev/full"), Counter("lost", "Lost.", registry=None))
    audit.open()
    for number in range(3):
        audit.write(number=number)
    until(lambda: "No space left on device" in caplog.text)
    audit.close()
    first, last = [record.getMessage() for record in caplog.records]
    assert first.startswith("The audit log (/dev/full) cannot be written: No space left on device.")
    assert last == "The last 3 lines of the audit log could not be written."


@pytest.mark.parametrize("gone", [False, True])
def test_a_log_that_is_rotated_goes_on_in_a_new_file(tmp_path: Path, gone: bool) -> None:
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "audit.jsonl"
    writer = Lines(path, str)
    writer.open()
    assert writer.write("before")
    until(lambda: path.read_text("utf-8") == "before\n")
    if gone:
        path.unlink()
    else:
        path.rename(tmp_path / "audit.jsonl.1")
    assert writer.write("after")
    until(path.exists)
    assert writer.close() == 0
    assert path.read_text("utf-8") == "after\n"
    assert path.stat().st_mode & 0o077 == 0
    assert gone or (tmp_path / "audit.jsonl.1").read_text("utf-8") == "before\n"


def test_a_log_that_is_copied_and_cut_goes_on_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    writer = Lines(path, str)
    writer.open()
    writer.write("before")
    until(lambda: path.read_text("utf-8") == "before\n")
    os.truncate(path, 0)
    writer.write("after")
    assert writer.close() == 0
    assert path.read_text("utf-8") == "after\n"


def test_all_is_written_at_the_end_in_its_order(tmp_path: Path) -> None:
    app = app_in(tmp_path)
    with serving(app) as client:
        ids = [client.get("/v1/panels").headers["X-Request-ID"] for _ in range(50)]
    found = (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["request_id"] for line in found] == ids


def test_the_log_is_one_line_each_without_what_an_exception_says(capfd: pytest.CaptureFixture[str]) -> None:
    with logging_aside():
        try:
            raise ValueError(SECRET)
        except ValueError:
            logging.getLogger("asyncio").exception("Something\nfailed with %s", SECRET)
        logging.getLogger("reportnlp_api").warning("It is %s.", "so")
    first, second = capfd.readouterr().err.splitlines()
    assert " ERROR Something: ValueError at " in first and f"{Path(__file__).name}:" in first
    assert second.endswith(" WARNING It is so.")
    assert SECRET not in first


def test_what_was_just_asked_is_soon_in_the_file(tmp_path: Path) -> None:
    with serving(app_in(tmp_path)) as client:
        asked = client.get("/v1/panels")
        assert json.loads(audited(tmp_path, asked)[-1])["route"] == "/v1/panels"
