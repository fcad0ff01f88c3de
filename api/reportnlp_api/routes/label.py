"""`POST /v1/label`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from reportnlp import __version__
from reportnlp_api.batching import Batcher
from reportnlp_api.catalogue import Catalogue, Method
from reportnlp_api.door import LABEL
from reportnlp_api.metrics import Metrics
from reportnlp_api.pieces import Answer, Asked
from reportnlp_api.problems import Fault, ProblemError, documented, faults_of, invalid
from reportnlp_api.quotas import Quotas
from reportnlp_api.schemas import LabelRequest, LabelResponse
from reportnlp_api.settings import Settings

router = APIRouter(tags=["label"])

BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LabelRequest"}}},
    }
}
"""The route reads the body itself, in one step, which takes a third of the time."""


@router.post(
    LABEL,
    summary="Label one report or several",
    response_model=LabelResponse,
    responses=documented(400, 401, 403, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=BODY,
)
async def label(request: Request) -> Response:
    """Answers, probabilities and evidence for every question of a panel, report by report, in their order.

    A report that cannot be labelled has an `error` and no labels; the others are not touched by it.
    """
    state = request.app.state
    settings: Settings = state.settings
    catalogue: Catalogue = state.catalogue
    asked = parse(request.headers.get("content-type", ""), await body_of(request, settings.deadline_s))
    check_sizes(asked, settings)
    method = catalogue.asked(
        asked.panel, asked.method, abstain=asked.options.abstain, pointer="/options/abstain"
    )
    reports = to_label(asked, method)
    facts = request.state.facts
    facts.update(panel=method.panel, labelled_by=method.name, reports=len(reports))
    state.door.arrived(request.state.visit)
    batcher: Batcher = state.batcher
    batcher.check(sum(report.tokens for report in reports))  # what is refused costs no quota
    quotas: Quotas = state.quotas
    quotas.take(request.state.caller, len(reports))
    deadline = min(asked.options.deadline_s or settings.deadline_s, settings.deadline_s)
    labelled = await batcher.label(method, reports, abstain=asked.options.abstain, deadline_s=deadline)
    facts.update(tokens=sum(labelled.tokens))
    count(state.metrics, method, labelled)
    return Response(shown(request.state.request_id, method, labelled), media_type="application/json")


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """The same, as plain ASGI."""
    response = await label(Request(scope, receive))
    await response(scope, receive, send)


async def body_of(request: Request, deadline_s: float) -> bytes:
    """The body, unless it comes too slowly.

    Raises:
        ProblemError: it did not come in time, or is too big.
    """
    try:
        async with asyncio.timeout(deadline_s):
            return await request.body()
    except TimeoutError:
        detail = f"The body did not come within {deadline_s:g} s."
        raise ProblemError(504, "deadline-passed", detail) from None


def parse(content_type: str, body: bytes) -> LabelRequest:
    """The request in a body.

    Raises:
        ProblemError: it is not JSON, or not what the contract allows.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        detail = "Send the body as application/json, and say so in Content-Type."
        raise ProblemError(415, "not-json", detail)
    try:
        return LabelRequest.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        if errors[0]["type"] == "json_invalid":
            detail = "The body is not JSON in UTF-8."
            raise ProblemError(400, "malformed-json", detail) from None
        raise invalid(faults_of(errors)) from None


def check_sizes(asked: LabelRequest, settings: Settings) -> None:
    """Refuse more reports, or longer ones, than are allowed.

    Raises:
        ProblemError: 413.
    """
    reports = asked.all_reports
    if len(reports) > settings.max_batch:
        detail = f"A request may hold {settings.max_batch} reports. Send several, or a job."
        raise ProblemError(413, "too-many-reports", detail, [Fault(pointer="/reports", detail=detail)])
    limit = settings.max_report_chars
    detail = f"A report may have {limit} characters."
    faults = [
        Fault(pointer="/report/text" if asked.report else f"/reports/{i}/text", detail=detail)
        for i, report in enumerate(reports)
        if len(report.text) > limit
    ]
    if faults:
        raise ProblemError(413, "report-too-long", f"{detail} See errors.", faults)


def to_label(asked: LabelRequest, method: Method) -> list[Asked]:
    """The reports as the queue takes them.

    Raises:
        ProblemError: a question that the method does not answer.
    """
    questions = asked.options.questions
    faults = [
        Fault(
            pointer=f"/options/questions/{i}",
            detail=f"There is no such question. Allowed: {', '.join(method.questions)}.",
        )
        for i, question in enumerate(questions or ())
        if question not in method.questions
    ]
    if faults:
        raise invalid(faults)
    return [Asked(report.id, questions, report.text.encode()) for report in asked.all_reports]


def count(metrics: Metrics, method: Method, answer: Answer) -> None:
    """Count what was labelled."""
    failed = sum(result.endswith(b"}}") for result in answer.results)
    names = (method.panel, method.name)
    metrics.tokens.labels(*names).inc(sum(answer.tokens))
    metrics.reports.labels(*names, "labelled").inc(len(answer.results) - failed)
    metrics.reports.labels(*names, "not_labelled").inc(failed)


def shown(request_id: str, method: Method, answer: Answer) -> bytes:
    """The answer's body; the workers have written the results already."""
    head: dict[str, Any] = {
        "request_id": request_id,
        "panel": method.panel,
        "panel_digest": method.panel_digest,
        "method": method.name,
        "model": answer.model,
        "version": __version__,
    }
    return json.dumps(head).encode()[:-1] + b', "results": [' + b", ".join(answer.results) + b"]}"
