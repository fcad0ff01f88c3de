"""Who gets in, and what is told of it: the checks that need no body, the cheapest first."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

from reportnlp_api.audit import Audit
from reportnlp_api.batching import Batcher
from reportnlp_api.keys import Keys
from reportnlp_api.logs import where
from reportnlp_api.metrics import Metrics
from reportnlp_api.pieces import BYTES_PER_TOKEN
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

PROBES = ("/livez", "/readyz")
"""They hold nothing, and are asked by address."""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


@dataclass(slots=True)
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
        expected: tokens that room is kept for, between the coming of the body and the queue.
    """

    id: str
    path: str
    method: str
    headers: dict[bytes, bytes]
    began: float
    caller: str = ""
    status: int = 499
    expected: int = 0

    @property
    def length(self) -> int:
        """Bytes of the body as they are announced."""
        length = self.headers.get(b"content-length", b"0")
        return int(length) if length.isdigit() else 0

    @property
    def tokens(self) -> int:
        """About how many come, before anything is read."""
        return self.length // BYTES_PER_TOKEN

    @property
    def is_labelling(self) -> bool:
        """Whether it asks for labels."""
        return self.path == LABEL and self.method == "POST"


def visit_of(path: str, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Visit:
    """A request that has just come."""
    named = dict(headers)
    given = named.get(b"x-request-id", b"").decode("latin-1")
    request_id = given if REQUEST_ID.fullmatch(given) else str(uuid4())
    return Visit(request_id, path, method, named, time.monotonic())


class Door:
    """Lets requests in or refuses them, counts them, and puts them into the audit log.

    Args:
        settings: limits and hosts.
        keys: None where no key is asked for.
        batcher: whether there is room.
        quotas, metrics, audit: see their classes.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        keys: Keys | None,
        batcher: Batcher,
        quotas: Quotas,
        metrics: Metrics,
        audit: Audit,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._batcher = batcher
        self._quotas = quotas
        # To look a counter up by its labels takes longer than to count.
        self._refusals = cache(metrics.refusals.labels)
        self._requests = cache(metrics.requests.labels)
        self._seconds = cache(metrics.seconds.labels)
        self._audit = audit
        self._hosts = settings.allowed_hosts

    def admit(self, visit: Visit) -> None:
        """Let a request in, and note whose it is.

        Raises:
            ProblemError: it is refused.
        """
        if self._hosts and visit.path not in PROBES and _host(visit) not in self._hosts:
            detail = "The service is not to be called by this name. Add it to REPORTNLP_HOSTS."
            raise ProblemError(403, "host-not-allowed", detail)
        visit.caller = self._caller(visit)
        if visit.length > self.limit(visit):
            raise self.too_big(visit)
        if visit.is_labelling:
            self._batcher.check(visit.tokens)
            self._quotas.check(visit.caller)

    def expect(self, visit: Visit) -> None:
        """Keep room for a request whose body has come: many may come before the first is in the queue."""
        visit.expected = visit.tokens
        self._batcher.expected += visit.expected

    def arrived(self, visit: Visit) -> None:
        """Keep no more room: its reports are about to queue, or never will."""
        self._batcher.expected -= visit.expected
        visit.expected = 0

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

    def limit(self, visit: Visit) -> int:
        """Bytes that a body may have."""
        is_upload = visit.path.startswith(JOBS) and visit.method == "PUT"
        return self._settings.job_max_bytes if is_upload else self._settings.max_body_bytes

    def too_big(self, visit: Visit) -> ProblemError:
        """That a body has more."""
        detail = f"A body may have {self.limit(visit)} bytes. Send it in parts, or as a job."
        return ProblemError(413, "body-too-big", detail)

    def refused(self, problem: ProblemError) -> None:
        """Count a refusal."""
        self._refusals(problem.slug).inc()

    def tell(self, visit: Visit, route: str | None, facts: Mapping[str, Any]) -> None:
        """Count a request that is over, and put it into the audit log.

        Args:
            visit: the request.
            route: the pattern of its address; None: it got to none.
            facts: what the route tells of it.
        """
        self.arrived(visit)
        route = route or (LABEL if visit.path == LABEL else "none")
        method = visit.method if visit.method in METHODS else "other"
        taken = time.monotonic() - visit.began
        self._requests(route, method, str(visit.status)).inc()
        self._seconds(route).observe(taken)
        if not visit.path.startswith("/v1/") and visit.status not in (401, 403):
            return  # a probe, or a file of the page
        self._audit.write(
            request_id=visit.id,
            caller=visit.caller,
            route=route,
            method=method,
            status=visit.status,
            milliseconds=round(taken * 1000, 1),
            **facts,
        )


def _host(visit: Visit) -> str:
    return re.sub(r":\d*$", "", visit.headers.get(b"host", b"").decode("latin-1").lower())


def log_fault(error: Exception, request_id: str) -> None:
    """Log where a fault happened. Its message, and the values around it, may hold a report's text."""
    LOG.error("%s: %s", request_id, where(error))
