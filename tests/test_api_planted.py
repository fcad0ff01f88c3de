"""A patient's name in every place of a request: the service says it nowhere, and breaks on none."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.test_api_processes import served, until_ready

SECRET = "ZZPATIENTZZ"
LINES = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
DEEP = "[" * 5_000
NESTED = f'{{"{SECRET}":' * 2_000

HEADERS = (
    "X-Request-ID",
    "User-Agent",
    "Cookie",
    "Referer",
    "Authorization",
    "X-API-Key",
    "Accept",
    "Origin",
    "Range",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "Forwarded",
    "Content-Encoding",
    "Traceparent",
    "If-None-Match",
    SECRET,
)

ADDRESSES = (
    f"/{SECRET}",
    f"/web/{SECRET}",
    f"/web/../{SECRET}",
    f"/v1/{SECRET}",
    f"/v1/findings/{SECRET}",
    f"/v1/findings/{SECRET}%FF%00",
    f"/v1/jobs/{SECRET}",
    f"/v1/jobs/{SECRET}%20Anna",
    f"/v1/jobs/{SECRET}%FF",
    f"/v1/jobs/{SECRET}/results",
    f"/v1/jobs/{SECRET}/errors",
    f"/v1/panels?{SECRET}={SECRET}",
    f"/docs?{SECRET}",
    f"/v1/models?panel={SECRET}",
    f"/metrics?{SECRET}",
    f"/{SECRET}%FF%0A%0D{SECRET}",
)

REPORT = f'{{"id": "{SECRET}", "text": "{SECRET}: No PE."}}'

BODIES = (
    f'{{"report": {REPORT}}}',
    f'{{"report": {{"id": "{SECRET}", "text": "---"}}}}',
    f'{{"report": {{"id": "{SECRET}\\u0000", "text": "{SECRET}"}}}}',
    f'{{"report": {{"id": "{SECRET * 30}", "text": "{SECRET}"}}}}',
    f'{{"report": {{"id": "{SECRET}\\ud800", "text": "{SECRET}"}}}}',
    f'{{"report": {{"text": {{"{SECRET}": "{SECRET}"}}}}}}',
    f'{{"report": {{"text": ["{SECRET}"]}}}}',
    f'{{"report": {{"text": "{SECRET}", "{SECRET}": 1}}}}',
    f'{{"report": {REPORT}, "{SECRET}": {{"{SECRET}": 1}}}}',
    f'{{"report": {REPORT}, "panel": "{SECRET}"}}',
    f'{{"report": {REPORT}, "panel": "../{SECRET}"}}',
    f'{{"report": {REPORT}, "method": "/{SECRET}"}}',
    f'{{"report": {REPORT}, "method": {{"{SECRET}": 1}}}}',
    f'{{"report": {REPORT}, "options": {{"questions": ["{SECRET}"]}}}}',
    f'{{"report": {REPORT}, "options": {{"questions": "{SECRET}"}}}}',
    f'{{"report": {REPORT}, "options": {{"abstain": "{SECRET}"}}}}',
    f'{{"report": {REPORT}, "options": {{"deadline_s": "{SECRET}"}}}}',
    f'{{"report": {REPORT}, "options": {{"deadline_s": NaN}}}}',
    f'{{"report": {REPORT}, "options": {{"deadline_s": -Infinity}}}}',
    f'{{"report": {REPORT}, "options": {{"deadline_s": 1e999}}}}',
    f'{{"report": {REPORT}, "options": {{"deadline_s": {"9" * 5_000}}}}}',
    f'{{"report": {REPORT}, "options": {{"deadline_s": 1{"0" * 300}}}}}',
    f'{{"report": {REPORT}, "report": {REPORT}}}',
    f'{{"reports": [{REPORT}, "{SECRET}", null]}}',
    f'{{"reports": {{"{SECRET}": {REPORT}}}}}',
    f'{{"report": {REPORT}}} {SECRET}',
    f'"{SECRET}"',
    f'["{SECRET}"]',
    f'{{"report": {SECRET}}}',
    f'{{"{SECRET}": {DEEP}',
    NESTED,
    f'{{"report": {{"text": "{SECRET}'.encode() + b'\xff\xfe"}}',
    f'{{"report": {{"text": "{SECRET}"}}}}'.encode("utf-16"),
    f"{SECRET}".encode(),
    b"",
)

ROWS = (
    f'{REPORT}\n{{"id": "{SECRET}", "text": " "}}\n',
    f'{{"id": "{SECRET}", "{SECRET}": "{SECRET}"}}\n',
    f'{{"id": "1", "text": "{SECRET}", "patient": "{SECRET}", "exam_date": "{SECRET}"}}\n',
    f'{{"id": "2", "text": "{SECRET}", "modality": "{SECRET}", "site": NaN}}\n',
    f'{{"id": {"9" * 5_000}, "text": "{SECRET}", "exam_date": 1e999}}\n',
    f"{SECRET}\n",
    f'["{SECRET}"]\n"{SECRET}"\n',
    f"{NESTED}\n{SECRET} {DEEP}\n",
    f'{{"id": "{SECRET}", "text": "{SECRET}'.encode() + b'\xff"}\n',
)
"""Rows of one job."""

PATHS = (
    f"{SECRET}.csv",
    f"{SECRET}.weird",
    f"none/{SECRET}.csv",
    f"../{SECRET}",
    f"/etc/{SECRET}",
    f"{SECRET}\u0000",
    f"{SECRET}\udc80",
    SECRET * 400,
)

RAW = (
    f"{SECRET} /{SECRET} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    f"GET /{SECRET}\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    f"GET / {SECRET}/9.9\r\n\r\n",
    f"GET /v1/panels HTTP/1.1\r\nHost: {SECRET}.example\r\n\r\n",
    f"GET /v1/panels HTTP/1.1\r\nHost: localhost\r\n{SECRET} without a colon\r\n\r\n",
    f"GET /v1/panels HTTP/1.1\r\nHost: localhost\r\nX: {SECRET * 20_000}\r\n\r\n",
    f"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SECRET}\r\n\r\n",
    f"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {SECRET}\r\n\r\n",
    "POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Transfer-Encoding: chunked\r\n\r\n{SECRET}\r\n",
    f"GET /v1/panels HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: {SECRET}\r\n\r\n",
)


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A job root whose files have the name, in their names and in their columns."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / f"{SECRET}.csv").write_text(f"{SECRET},{SECRET} 2\n{SECRET},{SECRET}\n", encoding="utf-8")
    (folder / f"{SECRET}.weird").write_text(SECRET, encoding="utf-8")
    return folder


def test_a_planted_name_is_said_nowhere(root: Path, tmp_path: Path, roots: Path) -> None:
    options = ("--data", "data", "--job-root", str(roots))
    with served(root, tmp_path, *options) as (process, url), httpx.Client(base_url=url, timeout=30) as client:
        until_ready(url)
        faults = [*asked(client), *sent(client), *queued(client)]
        port = int(url.rpartition(":")[2])
        faults += [(text[:40], raw(port, text)) for text in RAW]
        faults.append(("metrics", client.get("/metrics").text))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stdout and process.stderr
        faults += [("stdout", process.stdout.read()), ("stderr", process.stderr.read())]
    faults.append(("audit", (tmp_path / "audit.jsonl").read_text("utf-8")))
    assert [place for place, said in faults if SECRET.lower() in said.lower()] == []
    assert len(faults[-1][1].splitlines()) > 90  # all of it was asked


def told(answer: httpx.Response) -> str:
    """All of an answer that is not the sender's own data; no answer is a fault."""
    assert answer.status_code < 500, answer.text
    own = answer.status_code < 300 and answer.request.method != "PUT"
    return f"{answer.headers}" if own else f"{answer.headers} {answer.text}"


def asked(client: httpx.Client) -> Iterator[tuple[str, str]]:
    """Addresses, methods and headers."""
    for address in ADDRESSES:
        for method in ("GET", "DELETE", SECRET):
            yield f"{method} {address}", told(client.request(method, address))
    for name in HEADERS:
        headers = {**JSON, name: SECRET}
        yield name, told(client.post("/v1/label", content=BODIES[0], headers=headers))
    yield "Content-Type", told(client.post("/v1/label", content=BODIES[0], headers={"Content-Type": SECRET}))


def sent(client: httpx.Client) -> Iterator[tuple[str, str]]:
    """Bodies of reports."""
    for body in BODIES:
        yield str(body[:80]), told(client.post("/v1/label", content=body, headers=JSON))


def queued(client: httpx.Client) -> Iterator[tuple[str, str]]:
    """Jobs: their queries, rows, and files of the server."""
    for query in (
        f"panel={SECRET}",
        f"method={SECRET}",
        f"abstain={SECRET}",
        f"{SECRET}=1",
        f"panel=%FF{SECRET}",
    ):
        yield query, told(client.put(f"/v1/jobs/q?{query}", content=ROWS[0], headers=LINES))
    yield "job's body", told(client.put("/v1/jobs/b", content=BODIES[-4], headers=JSON))
    rows = b"".join(row if isinstance(row, bytes) else row.encode() for row in ROWS)
    yield "rows", told(client.put("/v1/jobs/rows", content=rows, headers=LINES))
    ids = ["rows"]
    for number, path in enumerate(PATHS):
        body = json.dumps({"path": path, "panel": "pe"})
        answer = client.put(f"/v1/jobs/path-{number}", content=body, headers=JSON)
        yield path[:40], told(answer)
        ids += [f"path-{number}"] * (answer.status_code == 201)
    for id in ids:
        yield f"job {id}", json.dumps(over(client, id))


def over(client: httpx.Client, id: str) -> Any:
    """A job, once it is over."""
    end = time.monotonic() + 60
    while (job := client.get(f"/v1/jobs/{id}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.05)
    return job


def raw(port: int, text: str) -> str:
    """What comes back for bytes that no client library would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        found = b""
        with suppress(ConnectionResetError):
            while part := connection.recv(2**16):
                found += part
        return found.decode("latin-1")
