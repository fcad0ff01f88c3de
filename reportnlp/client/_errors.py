"""What can go wrong between client and service. No message holds report text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportnlp.errors import ReportNLPError

SHOWN = 500
"""Characters of a detail that are shown."""


NOT_OURS = "That is no answer of this service. Is there another at this address, or a proxy between?"


class ServiceError(ReportNLPError):
    """The service refused, and says why.

    Args:
        status: HTTP status.
        problem: the body, where it was a problem (RFC 9457); of any other body nothing is shown, since a
            proxy between may quote what was sent.

    Attributes:
        status: HTTP status.
        kind: the problem's type, for programs.
        request_id: what the service calls the request in its logs.
        errors: where in the request, as pairs of JSON pointer and detail.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.kind = str(problem.get("type", ""))
        self.request_id = str(problem.get("request_id", ""))
        given = problem.get("errors")
        places = [place for place in given if isinstance(place, Mapping)] if isinstance(given, list) else []
        self.errors = tuple((str(place.get("pointer")), str(place.get("detail"))) for place in places)
        detail = str(problem.get("detail", NOT_OURS))[:SHOWN]
        faults = "".join(f" {pointer}: {text}" for pointer, text in self.errors)[:SHOWN]
        asked = f" Request {self.request_id}." if self.request_id else ""
        super().__init__(f"The service answered {status}: {detail}{faults}{asked}")


class UnreachableError(ReportNLPError):
    """There was no answer, however often it was tried."""


class JobError(ReportNLPError):
    """A job that was waited for failed, was cancelled, or took too long."""
