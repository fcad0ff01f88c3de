"""A stand-in for a chat model's server, which the tests of labelling functions share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Reply = Callable[[dict[str, Any]], dict[str, Any] | str]
"""A request to what the model says: an object for the schema, or a text that breaks it."""


@dataclass
class Chat:
    """What the server does, and what it was asked.

    Attributes:
        url: its base address.
        reply: what the model says.
        statuses: the first requests are refused with these; 0 hangs up.
        delay: seconds before a reply.
        headers: of the replies.
        requests: bodies that came.
        keys: `Authorization` headers that came.
    """

    url: str = ""
    reply: Reply = field(default=lambda request: affirm(request))
    statuses: list[int] = field(default_factory=list)
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


def text_of(request: dict[str, Any]) -> str:
    """The report in a request."""
    text: str = request["messages"][1]["content"]
    return text


def affirm(request: dict[str, Any], evidence: str = "clot") -> dict[str, Any]:
    """Present where the text holds the word, else not mentioned; attributes unspecified or not applicable."""
    there = "clot" in text_of(request)
    schema = request["response_format"]["json_schema"]["schema"]
    said: dict[str, Any] = {}
    for name in schema["required"]:
        if "." in name:
            said[name] = {"answer": "unspecified" if there else "not_applicable", "evidence": ""}
        else:
            answer = {"answer": "present", "evidence": evidence}
            said[name] = answer if there else {"answer": "not_mentioned", "evidence": ""}
    return said


@contextmanager
def chat_server() -> Iterator[Chat]:
    """A server on this machine for as long as the block runs."""
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            chat.requests.append(body)
            chat.keys.append(self.headers.get("Authorization"))
            status = chat.statuses.pop(0) if chat.statuses else 200
            if status == 0:
                self.close_connection = True
                return
            time.sleep(chat.delay)
            said = chat.reply(body)
            content = said if isinstance(said, str) else json.dumps(said)
            self._send(status, json.dumps({"choices": [{"message": {"content": content}}]}).encode())

        def _send(self, status: int, payload: bytes) -> None:
            self.send_response(status)
            for name, value in chat.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            with suppress(ConnectionError):  # whoever asked may have stopped waiting
                self.end_headers()
                self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    chat.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield chat
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
