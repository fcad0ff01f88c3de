"""The page in a real browser, for tests: a service on a port of its own, and Debian's chromium."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.api_service import app_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE = 60_000
"""Milliseconds that a test waits for the page; a method loads at its first use."""


@contextmanager
def served(folder: Path, **given: Any) -> Iterator[str]:
    """The address of a running service."""
    uvicorn = pytest.importorskip("uvicorn")
    config = uvicorn.Config(app_in(folder, **given), port=0, ws="none", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def need_chromium() -> str:
    """Where the browser is; without one, or without playwright, the test is skipped."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on the path")
    return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    path = need_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS), env=_environment())
        yield browser
        browser.close()


def _environment() -> dict[str, str | float | bool]:
    return {name: value for name, value in os.environ.items() if not name.endswith(("_proxy", "_PROXY"))}


@contextmanager
def opened(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """The page at an address, in a profile of its own; it may neither fail nor ask another origin."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    profile = browser.new_context(reduced_motion="reduce", **context)
    page = profile.new_page()
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: faults.append(error.message))
    page.on("console", lambda message: faults.append(message.text) if _is_fault(message.text) else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    assert not faults
    origin = "/".join(address.split("/")[:3])
    assert all(url.startswith((f"{origin}/", f"blob:{origin}/", "data:")) for url in asked), asked
    profile.close()


def _is_fault(message: str) -> bool:
    """Whether a line of the console is about the page; Chromium logs every answer of 400 and more too."""
    return not message.startswith("Failed to load resource")


def ready(page: Page) -> Page:
    """The page, once it has read what the service offers."""
    page.locator("body[data-ready]").wait_for()
    return page
