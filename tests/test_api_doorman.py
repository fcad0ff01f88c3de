"""Refusals that are written before a request is more than its head: over real connections."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from reportnlp_api import keys
from tests.api_service import app_in, listening
from tests.test_api_limits import TEXT, Held, until

TRACE = "0af7651916cd43dd8448eb211c80319c"

ROOM = 60
"""Tokens that may wait: two requests, and no third."""


class Place:
    """A service whose one worker is at its first report until it is let go."""

    def __init__(self, app: FastAPI, url: str, labeler: Held, pool: ThreadPoolExecutor) -> None:
        self.app, self.labeler, self._pool = app, labeler, pool
        self.address = (str(urlsplit(url).hostname), int(urlsplit(url).port or 0))

    def line(self) -> HTTPConnection:
        return HTTPConnection(*self.address, timeout=20)

    def send(self) -> Future[int]:
        """A request of its own connection; the status of its answer."""

        def sent() -> int:
            with closing(self.line()) as line:
                return ask(line).status

        return self._pool.submit(sent)

    def fill(self) -> list[Future[int]]:
        """One request at work, and as many waiting as may."""
        sent = [self.send()]
        assert self.labeler.at_work.wait(20)
        for waiting in (1, 2):
            sent.append(self.send())
            until(lambda waiting=waiting: self.app.state.batcher.open == 1 + waiting)
        return sent


@contextmanager
def place(folder: Path, **given: Any) -> Iterator[Place]:
    labeler = Held()
    app = app_in(folder, lambda *_, **__: labeler, queue_tokens=ROOM, **given)
    with listening(app) as url, ThreadPoolExecutor(16) as pool:
        until(lambda: app.state.batcher.ready)
        try:
            yield Place(app, url, labeler, pool)
        finally:
            labeler.go.set()


def body() -> bytes:
    # Of a length that is nearly all text, so that what is announced is what waits.
    return json.dumps({"report": {"text": f"{TEXT} " * 6}}).encode()


def ask(line: HTTPConnection, content: bytes | None = None, **headers: str) -> HTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body() if content is None else content
    line.request("POST", "/v1/label", content, {"Content-Type": "application/json", **named})
    answer = line.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined]
    return answer


def problem(answer: HTTPResponse) -> tuple[int, str]:
    told = json.loads(answer.content)  # type: ignore[attr-defined]
    assert told["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, told["type"].rpartition(":")[2]


def test_a_refusal_at_the_door_is_what_the_gate_would_answer(tmp_path: Path) -> None:
    with place(tmp_path) as at, closing(at.line()) as line, closing(at.line()) as other:
        sent = at.fill()
        short = ask(line, X_Request_ID=TRACE)
        long = ask(other, X_Request_ID=TRACE, Connection="close")
        at.labeler.go.set()
        assert [one.result() for one in sent] == [200] * 3
    assert problem(short) == problem(long) == (503, "queue-full")
    assert short.content == long.content  # type: ignore[attr-defined]
    assert int(short.headers["Retry-After"]) >= 1
    unlike = {"connection", "date"}
    told = [
        {(k.lower(), v) for k, v in one.headers.items() if k.lower() not in unlike} for one in (short, long)
    ]
    assert told[0] == told[1]
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()]
    refused = [{**line, "time": 0, "milliseconds": 0} for line in lines if line["status"] == 503]
    assert len(refused) == 2
    assert refused[0] == refused[1]


def headers(answer: HTTPResponse) -> set[tuple[str, str]]:
    unlike = {"connection", "date"}
    return {(name.lower(), value) for name, value in answer.headers.items() if name.lower() not in unlike}


def test_a_line_that_was_refused_goes_on(tmp_path: Path) -> None:
    with place(tmp_path) as at, closing(at.line()) as line:
        sent = at.fill()
        assert [problem(ask(line)) for _ in range(3)] == [(503, "queue-full")] * 3
        at.labeler.go.set()
        assert [one.result() for one in sent] == [200] * 3
        assert ask(line).status == 200
        assert at.app.state.batcher.expected == 0


def test_a_body_that_comes_after_its_refusal_is_not_taken_for_a_request(tmp_path: Path) -> None:
    content = body()
    head = b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with place(tmp_path) as at:
        sent = at.fill()
        with socket.create_connection(at.address, 20) as line, line.makefile("rb") as answers:
            line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(content))
            assert status(answers) == 503
            line.sendall(content[:10])
            line.sendall(content[10:])
            at.labeler.go.set()
            assert [one.result() for one in sent] == [200] * 3
            line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(content) + content)
            assert status(answers) == 200


def test_who_hangs_up_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    audit = tmp_path / "audit.jsonl"
    with place(tmp_path) as at:
        with socket.create_connection(at.address, 20) as line:
            line.sendall(head + b"Content-Length: 100\r\n\r\n{")
        until(lambda: "/v1/label" in audit.read_text("utf-8"))
    assert json.loads(audit.read_text("utf-8"))["status"] == 499
    assert not caplog.records


def status(answers: Any) -> int:
    """Of the next answer, which is read to its end."""
    first, length = answers.readline(), 0
    for header in iter(answers.readline, b"\r\n"):
        name, _, value = header.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    answers.read(length)
    return int(first.split()[1])


def test_requests_behind_one_another_are_answered_in_their_order(tmp_path: Path) -> None:
    content = body()
    one = b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    one += b"Content-Length: %d\r\n\r\n" % len(content) + content
    other = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with place(tmp_path) as at, socket.create_connection(at.address, 20) as line:
        line.sendall(one + one.replace(b"application/json", b"application/text") + other)
        assert at.labeler.at_work.wait(20)
        at.labeler.go.set()
        with line.makefile("rb") as answers:
            assert [status(answers) for _ in range(3)] == [200, 415, 200]


def test_of_many_at_once_as_many_are_let_in_as_there_is_room_for(tmp_path: Path) -> None:
    with place(tmp_path) as at:
        first = at.send()
        assert at.labeler.at_work.wait(20)
        others = [at.send() for _ in range(12)]
        until(lambda: sum(one.done() for one in others) == 10)
        at.labeler.go.set()
        assert first.result() == 200
        assert sorted(one.result() for one in others) == [200] * 2 + [503] * 10
        assert at.app.state.batcher.expected == 0


def test_who_has_no_key_is_told_so_even_when_the_queue_is_full(tmp_path: Path) -> None:
    key = keys.add(tmp_path / "keys.json", "ward")
    with place(tmp_path, keys_file=tmp_path / "keys.json") as at, closing(at.line()) as line:
        assert problem(answer := ask(line)) == (401, "key-needed")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        at.labeler.go.set()
        assert ask(line, X_API_Key=key).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80"])
def test_a_strange_host_and_a_body_that_is_too_big_are_refused_there_too(tmp_path: Path, host: str) -> None:
    with place(tmp_path, max_body_bytes=2000) as at, closing(at.line()) as line:
        assert problem(ask(line, Host=host)) == (403, "host-not-allowed")
        assert problem(ask(line, b" " * 2001)) == (413, "body-too-big")
        at.labeler.go.set()
        assert ask(line).status == 200
