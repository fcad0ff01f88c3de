"""What every request passes before a route sees it, as plain ASGI."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reportnlp_api.door import LOG, Door, Visit, log_fault, visit_of
from reportnlp_api.headers import headers_of
from reportnlp_api.problems import ProblemError

FAULT = ProblemError(500, "fault", "A fault of the service. Please report it with the request id.")


class Gate:
    """Wraps the application.

    Args:
        app: the routes.
        door: who gets in.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        known: Visit | None = state.get("visit")
        visit = known or visit_of(scope["path"], scope["method"], scope["headers"])
        state.update(visit=visit, request_id=visit.id, facts={})
        answer = _Answer(visit, send)
        try:
            if known is None:
                self._door.admit(visit)
            state["caller"] = visit.caller
            await self._app(scope, self._limited(visit, receive), answer)
        except ProblemError as problem:
            self._door.refused(problem)
            await problem.response(visit.id)(scope, receive, answer)
        except ClientDisconnect:
            LOG.info("%s: the caller hung up", visit.id)  # in the audit log its status is 499
        except Exception as error:
            log_fault(error, visit.id)
            if not answer.begun:
                await FAULT.response(visit.id)(scope, receive, answer)
        finally:
            self._door.tell(visit, getattr(scope.get("route"), "path", None), state["facts"])

    def _limited(self, visit: Visit, receive: Receive) -> Receive:
        """The body as it comes, up to the limit."""
        left = self._door.limit(visit)

        async def take() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise self._door.too_big(visit)
            return message

        return take


class _Answer:
    """Sends an answer with the headers that all have."""

    def __init__(self, visit: Visit, send: Send) -> None:
        self._visit = visit
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self._visit.status = message["status"]
            added = headers_of(self._visit.path, self._visit.id)
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await self._send(message)
