"""Turns requests away before anything is made of them: under a flood, that is most of the work.

What comes while the queue is full is answered as its head is read, without a task, a route or its body. Of
uvicorn's protocol only the callbacks of its parser are built on.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from reportnlp_api.door import LABEL, Door, Visit, visit_of
from reportnlp_api.headers import headers_of
from reportnlp_api.problems import ProblemError

PLACE = LABEL.encode()

MARK = b"{request-id}"
"""Stands for a request's id in an answer that was made before."""


class _TurnedAway:
    """Stands where uvicorn keeps the request that is under way: this one is answered, its body is dropped."""

    response_complete = True
    message_event = asyncio.Event()


TURNED_AWAY: Any = _TurnedAway()


class Doorman(HttpToolsProtocol):
    """uvicorn's protocol, with a shorter way for requests to label that are refused.

    Args:
        door: who gets in.
        given: uvicorn's own.
    """

    def __init__(self, door: Door, **given: Any) -> None:
        super().__init__(**given)
        self._door = door
        self._visit: Visit | None = None

    def on_headers_complete(self) -> None:
        """Turn a request away, or start it."""
        self._visit = None
        if self.url == PLACE and self._is_plain():
            visit = visit_of(LABEL, self.parser.get_method().decode("ascii"), self.headers)
            try:
                self._door.admit(visit)
            except ProblemError as problem:
                self._turn_away(visit, problem)
                return
            self._visit = self.scope["state"]["visit"] = visit
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body has come. A line whose refused body came late is hung up on like any that is idle."""
        if self._visit:
            self._door.expect(self._visit)
        super().on_message_complete()
        if self.cycle is TURNED_AWAY and self.timeout_keep_alive_task is None:
            self.on_response_complete()

    def _is_plain(self) -> bool:
        """Whether an answer can be written at once: none is due before it, and it leaves the line open."""
        return (
            getattr(self.cycle, "response_complete", True)
            and not self.expect_100_continue
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
        )

    def _turn_away(self, visit: Visit, problem: ProblemError) -> None:
        visit.status = problem.status
        self.cycle = TURNED_AWAY
        dated = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        self.transport.write(dated.join(rendered(problem, visit.id)))
        self._door.refused(problem)
        self._door.tell(visit, LABEL, {})
        self.on_response_complete()


def rendered(problem: ProblemError, request_id: str) -> tuple[bytes, bytes]:
    """An answer as it goes over the line, before and after the headers that the server adds."""
    line, head, body = _parts(problem.status, problem.slug, problem.detail, tuple(problem.headers.items()))
    given = request_id.encode()
    told = body.replace(MARK, given)
    return line, b"%bcontent-length: %d\r\n\r\n%b" % (head.replace(MARK, given), len(told), told)


@lru_cache(maxsize=256)
def _parts(
    status: int, slug: str, detail: str, headers: tuple[tuple[str, str], ...]
) -> tuple[bytes, bytes, bytes]:
    """First line, headers and body, with a mark where the request's id belongs."""
    response = ProblemError(status, slug, detail, headers=dict(headers)).response(MARK.decode())
    named = [header for header in response.raw_headers if header[0] != b"content-length"]
    lines = [b"%b: %b\r\n" % header for header in (*named, *headers_of(LABEL, MARK.decode()))]
    return STATUS_LINE[status], b"".join(lines), bytes(response.body)
