"""The service as a process: listens, and on SIGTERM or Ctrl-C finishes what is under way."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from math import ceil
from types import FrameType

import uvicorn
from fastapi import FastAPI

from reportnlp_api.app import create_app
from reportnlp_api.archive import Jobs
from reportnlp_api.batching import Batcher
from reportnlp_api.doorman import Doorman
from reportnlp_api.logs import logging_aside
from reportnlp_api.settings import Settings, SettingsError

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: more than the minute after which common proxies drop theirs."""

BACKLOG = 2048

GC_THRESHOLDS = (20_000, 20, 100)
"""Against 700, 10 and 10 as they come."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Service(uvicorn.Server):
    """A server that is ready no longer from the moment it is told to stop, and then ends well.

    Args:
        config: uvicorn's.
        batcher, jobs: of the application.
        begun: is called once connections are taken.
    """

    def __init__(
        self, config: uvicorn.Config, batcher: Batcher, jobs: Jobs, begun: Callable[[], object]
    ) -> None:
        super().__init__(config)
        self._batcher = batcher
        self._jobs = jobs
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell that it has."""
        await super().startup(sockets)
        if self.started:
            self._begun()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more work; a second Ctrl-C does not wait for what is under way."""
        self._batcher.draining = True
        self._jobs.draining = True
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Answer the signals while it runs. Unlike uvicorn's own, this sends none again at the end."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run(settings: Settings, told: Callable[[str], object]) -> None:
    """Serve until told to stop.

    Args:
        settings: see their class.
        told: is given the address once connections are taken.

    Raises:
        SettingsError: the settings are not right, or the address cannot be had.
        StoreError: the jobs' database cannot be used.
    """
    app = create_app(settings)
    app.state.jobs.open()
    with logging_aside(), closing(_listen(settings)) as listener:

        def begun() -> None:
            told(address(settings, listener.getsockname()[1]))
            _spare_the_collector()

        Service(config_of(app), app.state.batcher, app.state.jobs, begun).run(sockets=[listener])


def _spare_the_collector() -> None:
    """Have Python look for cycles less often, and not at all at what was there from the start.

    Under load thousands of requests wait at once, with hundreds of objects each: to look at all of them takes
    longer than an answer may, and finds nothing, since what a request leaves behind holds no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def address(settings: Settings, port: int) -> str:
    """Where a browser finds it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}"


def config_of(app: FastAPI) -> uvicorn.Config:
    """What uvicorn is told of an application made by `create_app`."""
    # The access log would hold addresses as they were sent; the audit log stands for it.
    return uvicorn.Config(
        app,
        http=partial(Doorman, app.state.door),  # type: ignore[arg-type]
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=ceil(app.state.settings.drain_s),
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError(
            f"The address {settings.host}, port {settings.port} cannot be had: {reason}. "
            "Stop what uses it, or give another --port."
        ) from None
