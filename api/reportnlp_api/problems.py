"""Errors as RFC 9457 problem details. None ever holds what was sent: not a text, not a field's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"

KIND = "urn:reportnlp:problem:"
"""Before a problem's slug: its type."""


class Fault(BaseModel):
    """One thing that is wrong with a request.

    Attributes:
        pointer: where, as a JSON pointer (RFC 6901) into the body; parameters stand under /query and /path.
        detail: what, and what is allowed.
    """

    model_config = ConfigDict(extra="forbid")

    pointer: str
    detail: str


class Problem(BaseModel):
    """What went wrong (RFC 9457).

    Attributes:
        type: which kind of problem, for programs.
        title: the same, for people.
        status: HTTP status.
        detail: this one, and the mend.
        request_id: of the request.
        errors: what is wrong with the body or a parameter.
    """

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Fault]


class ProblemError(Exception):
    """Ends a request with a problem.

    Args:
        status: HTTP status.
        slug: end of the problem's type.
        detail: what is wrong and the mend, without anything that was sent.
        errors: where.
        retry_after: seconds after which it may go well.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        errors: Sequence[Fault] = (),
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(slug)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, round(retry_after)))

    def response(self, request_id: str) -> Response:
        """The answer that tells it."""
        problem = Problem(
            type=f"{KIND}{self.slug}",
            title=self.slug.replace("-", " ").capitalize(),
            status=self.status,
            detail=self.detail,
            request_id=request_id,
            errors=self.errors,
        )
        return Response(problem.model_dump_json(), self.status, self.headers, MEDIA_TYPE)


def invalid(faults: Iterable[Fault]) -> ProblemError:
    """The problem of a request that breaks the contract."""
    detail = "The request is not what the contract allows: see errors, and /openapi.json."
    return ProblemError(422, "invalid-request", detail, list(faults))


RULES = {
    "missing": "It is missing, and is required.",
    "string_type": "It should be a string.",
    "string_too_short": "It should not be empty.",
    "string_pattern_mismatch": "It has a form that is not allowed.",
    "string_unicode": "It is not Unicode.",
    "list_type": "It should be a list.",
    "bool_type": "It should be true or false.",
    "bool_parsing": "It should be true or false.",
    "float_type": "It should be a number.",
    "float_parsing": "It should be a number.",
    "finite_number": "It should be a finite number.",
    "int_type": "It should be a whole number.",
    "int_parsing": "It should be a whole number.",
    "model_type": "It should be an object.",
    "model_attributes_type": "It should be an object.",
    "dict_type": "It should be an object.",
    "extra_forbidden": "There is a field, or a parameter, that is not known here.",
    "json_invalid": "It is no JSON.",
}
"""By pydantic's kind of error. Its own messages are not used: some quote what was sent."""

BOUNDS = {"greater_than": ("gt", "greater than"), "less_than_equal": ("le", "at most")}
"""Where a number is too small or too large: the bound's name, and how it is told."""

LIMITS = {"string_too_long": "max_length", "too_long": "max_length", "too_short": "min_length"}


def faults_of(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Pydantic's errors as ours."""
    return [Fault(pointer=_pointer(error), detail=_detail(error)) for error in errors]


def _pointer(error: Mapping[str, Any]) -> str:
    place = [part for part in error["loc"] if part != "body"]
    if error["type"] == "extra_forbidden":
        place.pop()  # the name is the sender's
    return "".join(f"/{part}" for part in place)


def _detail(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind in LIMITS:
        bound = "most" if LIMITS[kind] == "max_length" else "least"
        return f"It should have a length of at {bound} {context[LIMITS[kind]]}."
    if kind in BOUNDS:
        name, told = BOUNDS[kind]
        return f"It should be {told} {context[name]:g}."
    if kind == "value_error":
        return str(context["error"])  # ours: the schemas raise no other
    return RULES.get(kind, "It is not valid.")


def request_id_of(request: Request) -> str:
    """The id that the gate gave the request."""
    return str(request.scope["state"]["request_id"])


HTTP_DETAILS = {
    404: ("not-found", "There is nothing at this address. See /docs."),
    405: ("method-not-allowed", "This address does not take this method. See /docs."),
}


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return error.response(request_id_of(request))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    slug, detail = HTTP_DETAILS.get(status, (status.phrase.lower().replace(" ", "-"), status.description))
    return ProblemError(status, slug, detail, headers=error.headers).response(request_id_of(request))


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid(faults_of(error.errors())).response(request_id_of(request))


def install(app: FastAPI) -> None:
    """Have every error of the routes told as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's entries for problems that a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
