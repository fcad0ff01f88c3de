"""A service in this process for tests: its worker is a thread, and its host name the one that is allowed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

import reportnlp
from reportnlp_api import Settings, create_app
from reportnlp_api.frames import LENGTH, Frame, pack, unpack
from reportnlp_api.hands import Hand
from reportnlp_api.server import config_of
from reportnlp_api.worker import Worker

URL = "http://localhost"
"""The Host header must name the loopback address: `testserver` is refused."""


def settings_in(folder: Path, **given: Any) -> Settings:
    """Settings with all files in one folder, one worker, and the rules, which load at once."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"data_dir": folder / "data", "audit_file": folder / "audit.jsonl"}
    return Settings.model_validate({"workers": 1, "method": "rules", **files, **given})


@cache
def load(panel: str | None, *, method: str, abstain: bool) -> reportnlp.Labeler:
    """A labeler, made once for all tests: they share what takes the time."""
    return reportnlp.load(panel, method=method, abstain=abstain)


class ThreadHand:
    """A worker in a thread of this process: starts at once, cannot be killed, and shares the processor.

    Args:
        worker: what answers.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def ask(self, frame: Frame) -> Frame:
        """The answer to a frame; see `Hand`."""
        return await asyncio.to_thread(lambda: self._worker(unpack(pack(frame)[LENGTH.size :])))

    def kill(self) -> None:
        """A thread cannot be killed: its answer comes too late, and nobody waits for it."""

    async def close(self) -> None:
        """Nothing is left to end."""


def in_threads(load: Callable[..., Any] = load) -> Callable[[], Any]:
    """Starts workers in threads of this process; `load` makes their labelers."""

    async def start() -> Hand:
        return ThreadHand(Worker(8, load))

    return start


def app_in(folder: Path, load: Callable[..., Any] = load, **given: Any) -> FastAPI:
    """An application whose workers are threads."""
    return create_app(settings_in(folder, **given), start=in_threads(load))


@contextmanager
def serving(app: FastAPI) -> Iterator[TestClient]:
    """A client of a running application that is ready."""
    with TestClient(app, base_url=URL, raise_server_exceptions=False) as client:
        until_ready(client)
        yield client


def until_ready(client: TestClient, seconds: float = 120.0) -> None:
    """Wait until the service takes work."""
    end = time.monotonic() + seconds
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end, "the service was not ready in time"
        time.sleep(0.01)


def audited(folder: Path, answer: Any, seconds: float = 10.0) -> list[str]:
    """The lines of the audit log, once that of an answer is there."""
    end = time.monotonic() + seconds
    while True:
        found = (folder / "audit.jsonl").read_text("utf-8")
        if answer.headers["X-Request-ID"] in found:
            return found.splitlines()
        assert time.monotonic() < end, "the audit log does not have the request"
        time.sleep(0.01)


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address of a service in a thread: what is tried on it goes through a real server."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = uvicorn.Server(config_of(app))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
