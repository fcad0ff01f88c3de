"""The one place that knows httpx, which is imported when a client is made."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from reportnlp.errors import InputError, MissingExtraError

URL = "http://127.0.0.1:8000"
"""Where `reportnlp serve` listens unless it is told otherwise."""


def httpx() -> Any:
    """The library.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module("httpx")
    except ImportError:
        raise MissingExtraError("The client", "api") from None


def arguments(url: str, key: str | None, timeout_s: float) -> dict[str, Any]:
    """What httpx's clients are made with.

    Raises:
        InputError: the address is none.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"The service's address was given as '{url}'. Begin it with http:// or https://.")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return {"base_url": url, "timeout": timeout_s, "headers": headers}
