"""Asking a chat model behind an OpenAI-compatible address: nothing goes elsewhere, no report is logged."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from http.client import HTTPException
from ipaddress import ip_address
from threading import Lock
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from reportnlp.errors import InputError
from reportnlp.functions.blocks import VotingError

Said = TypeVar("Said")

LOG = logging.getLogger(__name__)
"""Says where nothing answers, and no more: in a worker process, whose log is the job's stderr."""

MOST_BYTES = 1 << 22
"""Of a reply; a longer one is no answer."""

GIVE_UP = 10
"""Reports in a row for which nothing was reached, after which a server is not tried again."""

GIVE_UP_REFUSED = 3
"""The same where every try was refused: nothing listens there, and a first report need not wait for ten."""

LONGEST_WAIT = 30.0
"""Seconds between two tries at most, whatever the server asks for."""

_TRY_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class ChatServerError(VotingError):
    """The server refused, or gave no reply in time."""


class ChatServerBusy(ChatServerError):
    """Worth another try. `status` is 0 where there was no reply; `after`: seconds the server asked for."""

    def __init__(self, message: str, status: int, after: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.after = status, after


class ChatServerGone(ChatServerBusy):
    """The connection was refused: nothing listens at the address."""

    def __init__(self) -> None:
        super().__init__("The connection was refused. Is the server running?", 0)


class ChatNotAsked(ChatServerError):
    """The server was not reached so often that it is not tried again."""


class ChatReplyError(VotingError):
    """The reply is no answer in the shape that was asked for."""


class _NoRedirect(HTTPRedirectHandler):
    """A report goes to the address that was given, and to no other that one may name."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        """Follow nothing; the redirect comes out as an error."""


class Server:
    """A chat completions endpoint.

    Args:
        url: its base address, as OpenAI's `https://api.openai.com/v1`.
        key_variable: environment variable with the key; "" sends none.
        timeout: seconds for one reply.
        retries: further tries where the server is busy, fails or replies in another shape.
        wait: seconds before the first of them, doubled for each further one.
        plain_http: whether an address elsewhere may do without encryption.

    Raises:
        InputError: the address cannot be used, or the variable is not set.
    """

    def __init__(
        self, url: str, *, key_variable: str, timeout: float, retries: int, wait: float, plain_http: bool
    ) -> None:
        check_address(url, plain_http=plain_http)
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._key = _key(key_variable)
        self._timeout, self._retries, self._wait = timeout, retries, wait
        self._open = build_opener(ProxyHandler({}), _NoRedirect).open
        self._place = _place(url)
        self._unreached = self._refused = 0
        self._lock = Lock()

    def ask(self, body: dict[str, Any], read: Callable[[str], Said]) -> Said:
        """Send a request until `read` makes something of the reply.

        Args:
            body: the request.
            read: takes the reply's text; raises `ChatReplyError` where it is none.

        Raises:
            ChatServerError, ChatReplyError: no try gave an answer.
        """
        if self._given_up:
            raise ChatNotAsked("The server was not reached for earlier reports. Is it running?")
        for tried in range(self._retries):
            try:
                return self._ask_once(body, read)
            except (ChatServerBusy, ChatReplyError) as error:
                pause = max(self._wait * 2**tried, getattr(error, "after", 0.0))
            time.sleep(min(pause, LONGEST_WAIT))
        try:
            return self._ask_once(body, read)
        except ChatServerBusy as error:
            self._note(reached=error.status != 0, refused=isinstance(error, ChatServerGone))
            raise

    @property
    def _given_up(self) -> bool:
        return self._unreached >= GIVE_UP or self._refused >= GIVE_UP_REFUSED

    def _ask_once(self, body: dict[str, Any], read: Callable[[str], Said]) -> Said:
        said = read(self._content(body))
        self._note(reached=True)
        return said

    def _note(self, *, reached: bool, refused: bool = False) -> None:
        """Count reports in a row for which nothing was reached; say so, once, when that is given up."""
        with self._lock:
            before = self._given_up
            self._unreached = 0 if reached else self._unreached + 1
            self._refused = self._refused + 1 if refused else 0
            if self._given_up and not before:
                LOG.warning("reportnlp: nothing answers at %s; no more reports are sent there", self._place)

    def _content(self, body: dict[str, Any]) -> str:
        """The text of one reply."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(self._url, json.dumps(body).encode(), headers, method="POST")
        try:
            with self._open(request, timeout=self._timeout) as reply:
                raw = reply.read(MOST_BYTES + 1)
        except HTTPError as error:
            with error:
                raise _refused(error) from None
        except (OSError, HTTPException) as error:
            if isinstance(getattr(error, "reason", error), ConnectionRefusedError):
                raise ChatServerGone from None
            raise ChatServerBusy("The server cannot be reached, or gave no reply in time.", 0) from None
        return _text(raw)


def _refused(error: HTTPError) -> ChatServerError:
    message = f"The server replied with status {error.code}."
    if error.code not in _TRY_AGAIN:
        return ChatServerError(message)
    asked = error.headers.get("Retry-After", "")
    return ChatServerBusy(message, error.code, float(asked) if asked.isdigit() else 0.0)


def _text(raw: bytes) -> str:
    try:
        content = json.loads(raw)["choices"][0]["message"]["content"] if len(raw) <= MOST_BYTES else None
    except (ValueError, LookupError, TypeError):
        content = None
    if not isinstance(content, str):
        raise ChatReplyError("The reply holds no message of a chat completion.")
    return content


def check_address(url: str, *, plain_http: bool) -> None:
    """Refuse an address that cannot be used, or that would send reports over a network in the clear.

    Raises:
        InputError: says which.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError("The address of the chat model is none. Give one such as https://host/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InputError(
            "The address of the chat model holds more than host and path. A key is read from an environment "
            "variable: --option chat.key_variable=NAME."
        )
    if parts.scheme == "http" and not (plain_http or _is_here(parts.hostname)):
        raise InputError(
            f"http://{parts.hostname} would get reports unencrypted. Use https, or allow it: "
            "--option chat.plain_http=true."
        )


def _place(url: str) -> str:
    """Host and port of an address: the rest may be told to nobody."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(variable: str) -> str:
    if variable and not os.environ.get(variable):
        raise InputError(f"The environment variable {variable} is not set. Put the key of the server there.")
    return os.environ[variable] if variable else ""
