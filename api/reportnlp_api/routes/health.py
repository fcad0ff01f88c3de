"""How it is: `GET /livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reportnlp_api.batching import Batcher
from reportnlp_api.metrics import Metrics
from reportnlp_api.problems import ProblemError, documented
from reportnlp_api.schemas import StatusOut

router = APIRouter(tags=["health"])


@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="Whether the service runs")
async def livez() -> StatusOut:
    """It does, if it answers."""
    return StatusOut(status="ok")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Whether the service takes work", responses=documented(503))
async def readyz(request: Request) -> StatusOut:
    """Not before a worker has loaded, and not once it was told to stop."""
    batcher: Batcher = request.app.state.batcher
    if not batcher.is_ready:
        raise ProblemError(503, "not-ready", "No worker is ready, or the service is about to stop.")
    return StatusOut(status="ok")


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses={**documented(401, 403), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Requests, times, reports, tokens, the queue and the workers."""
    counted: Metrics = request.app.state.metrics
    return Response(counted.shown(), media_type="text/plain; version=0.0.4; charset=utf-8")
