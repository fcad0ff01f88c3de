"""What every request passes before a route sees it, as plain ASGI: a refusal must cost next to nothing."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reportnlp_api.audit import Audit
from reportnlp_api.batching import Batcher
from reportnlp_api.headers import headers_of
from reportnlp_api.keys import Keys
from reportnlp_api.logs import where
from reportnlp_api.metrics import Metrics
from reportnlp_api.problems import ProblemError
from reportnlp_api.quotas import Quotas
from reportnlp_api.settings import Settings

LOG = logging.getLogger("reportnlp_api")

REQUEST_ID = re.compile(r"[0-9a-fA-F-]{16,64}")
"""An id that is taken over: a UUID or a trace id. Words would let a name into the log."""

NOBODY = "local"
"""The caller where no key is asked for."""

LABEL = "/v1/label"
JOBS = "/v1/jobs/"


@dataclass
class Visit:
    """One request on its way.

    Attributes:
        id: its id.
        path: of its address.
        method: of HTTP.
        headers: by name in lower case, the last of each.
        began: by the monotonic clock.
        caller: name of the key.
        status: of the answer; 499 before there is any.
    """

    id: str
    path: str
    method: str
    headers: dict[bytes, bytes]
    began: float
    caller: str = ""
    status: int = 499


class Gate:
    """Wraps the application.

    Args:
        app: the routes.
        settings: limits and hosts.
        keys: None where no key is asked for.
        batcher: whether there is room.
        quotas, metrics, audit: see their classes.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        keys: Keys | None,
        batcher: Batcher,
        quotas: Quotas,
        metrics: Metrics,
        audit: Audit,
    ) -> None:
        self._app = app
        self._settings = settings
        self._keys = keys
        self._batcher = batcher
        self._quotas = quotas
        self._metrics = metrics
        self._audit = audit
        self._hosts = settings.allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _visit(scope)
        state = scope.setdefault("state", {})
        state.update(request_id=visit.id, facts={})
        answer = _Answer(visit, send)
        try:
            await self._admit(visit, state)
            await self._app(scope, self._limited(visit, receive), answer)
        except ProblemError as problem:
            self._metrics.refusals.labels(problem.slug).inc()
            await problem.response(visit.id)(scope, receive, answer)
        except Exception as error:
            tell(error, visit.id)
            if not answer.begun:
                await FAULT.response(visit.id)(scope, receive, answer)
        finally:
            self._tell(visit, scope)

    async def _admit(self, visit: Visit, state: dict[str, Any]) -> None:
        """Check what can be checked without the body, the cheapest first."""
        if self._hosts and _host(visit) not in self._hosts:
            detail = "The service is not to be called by this name. See the setting hosts."
            raise ProblemError(403, "host-not-allowed", detail)
        visit.caller = state["caller"] = self._caller(visit)
        if visit.path == LABEL and visit.method == "POST":
            self._batcher.check()
            self._quotas.check(visit.caller)
        length = visit.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._limit(visit):
            raise _too_big(self._limit(visit))

    def _caller(self, visit: Visit) -> str:
        if self._keys is None:
            return NOBODY
        if not visit.path.startswith(("/v1/", "/metrics")):
            return ""
        scheme, _, bearer = visit.headers.get(b"authorization", b"").partition(b" ")
        given = bearer.strip() if scheme.lower() == b"bearer" else visit.headers.get(b"x-api-key", b"")
        caller = self._keys.owner(given.decode("latin-1")) if given else None
        if caller is None:
            detail = "Send a key that is known: Authorization: Bearer KEY. See reportnlp serve keys."
            raise ProblemError(401, "key-needed", detail, headers={"WWW-Authenticate": "Bearer"})
        return caller

    def _limit(self, visit: Visit) -> int:
        is_upload = visit.path.startswith(JOBS) and visit.method == "PUT"
        return self._settings.job_max_bytes if is_upload else self._settings.max_body_bytes

    def _limited(self, visit: Visit, receive: Receive) -> Receive:
        """The body as it comes, up to the limit."""
        left = self._limit(visit)

        async def take() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _too_big(self._limit(visit))
            return message

        return take

    def _tell(self, visit: Visit, scope: Scope) -> None:
        """Count the request and put it into the audit log."""
        route = getattr(scope.get("route"), "path", LABEL if visit.path == LABEL else "none")
        method = visit.method if visit.method in METHODS else "other"
        taken = time.monotonic() - visit.began
        self._metrics.requests.labels(route, method, str(visit.status)).inc()
        self._metrics.seconds.labels(route).observe(taken)
        if not visit.path.startswith("/v1/") and visit.status not in (401, 403):
            return  # a probe, or a file of the page
        self._audit.write(
            request_id=visit.id,
            caller=visit.caller,
            route=route,
            method=method,
            status=visit.status,
            milliseconds=round(taken * 1000, 1),
            **scope["state"]["facts"],
        )


METHODS = ("GET", "POST", "PUT", "DELETE")

FAULT = ProblemError(500, "fault", "A fault of the service. Please report it with the request id.")


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


def _visit(scope: Scope) -> Visit:
    headers = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    request_id = given if REQUEST_ID.fullmatch(given) else str(uuid4())
    return Visit(request_id, scope["path"], scope["method"], headers, time.monotonic())


def _host(visit: Visit) -> str:
    return re.sub(r":\d*$", "", visit.headers.get(b"host", b"").decode("latin-1").lower())


def _too_big(limit: int) -> ProblemError:
    return ProblemError(413, "body-too-big", f"A body may have {limit} bytes. Send it in parts, or as a job.")


def tell(error: Exception, request_id: str) -> None:
    """Log where a fault happened. Its message, and the values around it, may hold a report's text."""
    LOG.error("%s: %s", request_id, where(error))
