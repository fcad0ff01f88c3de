"""Archive jobs: `PUT`, `GET` and `DELETE /v1/jobs/{client_id}`, their results and their errors."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import BaseModel

from reportnlp_api.archive import Jobs
from reportnlp_api.job_intake import NDJSON, accept
from reportnlp_api.job_schemas import JobOut, JobSettings, JobsOut, LabelRowOut, QuarantinedOut, job_out
from reportnlp_api.job_table import DONE, RUNNING, Job
from reportnlp_api.problems import ProblemError, documented

router = APIRouter(tags=["jobs"])

ClientId = Annotated[str, InPath(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

BODY = {
    "requestBody": {
        "required": True,
        "content": {
            NDJSON: {
                "schema": {
                    "type": "string",
                    "pattern": r"\S",
                    "description": "A report a line: id and text, and patient, exam_date, modality and site.",
                }
            },
            "application/json": {"schema": {"$ref": "#/components/schemas/JobRequest"}},
        },
    }
}


def _lines(kind: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {200: {"description": f"A line each: {kind.__name__}", "content": {NDJSON: {"schema": schema}}}}


@router.put(
    "/v1/jobs/{client_id}",
    summary="Make an archive job",
    response_model=JobOut,
    status_code=201,
    responses={
        200: {"description": "There is this job already", "model": JobOut},
        **documented(400, 401, 403, 409, 413, 415, 422, 500, 503),
    },
    openapi_extra=BODY,
)
async def put_job(request: Request, client_id: ClientId, given: Annotated[JobSettings, Query()]) -> Response:
    """Label an archive: reports as JSON lines, or the server's own file or folder.

    The same content and settings under the same id are the same job, so that a request that got no answer can
    be sent again.
    """
    job, is_new = await accept(request, client_id, given)
    status = 201 if is_new else 200
    return Response(job_out(job).model_dump_json(), status, media_type="application/json")


@router.get("/v1/jobs", summary="All jobs of the key", responses=documented(401, 403, 500))
async def list_jobs(request: Request) -> JobsOut:
    """The newest first."""
    found = await asyncio.to_thread(_jobs(request).store.of, request.state.caller)
    return JobsOut(jobs=list(map(job_out, found)))


@router.get("/v1/jobs/{client_id}", summary="How a job is", responses=documented(401, 403, 404, 422, 500))
async def get_job(request: Request, client_id: ClientId) -> JobOut:
    """Its state, how far it is, and what came of it."""
    return job_out(await _find(request, client_id))


@router.get(
    "/v1/jobs/{client_id}/results",
    summary="The label table of a job",
    response_class=FileResponse,
    responses={**_lines(LabelRowOut), **documented(401, 403, 404, 409, 422, 500)},
)
async def results(request: Request, client_id: ClientId) -> Response:
    """A line per report and question, in the order of the input."""
    job = await _done(request, client_id)
    return await _file(_jobs(request).files.table(job.folder))


@router.get(
    "/v1/jobs/{client_id}/errors",
    summary="The rows that a job did not label",
    response_class=FileResponse,
    responses={**_lines(QuarantinedOut), **documented(401, 403, 404, 409, 422, 500)},
)
async def errors(request: Request, client_id: ClientId) -> Response:
    """A line per row, in the order of the input, with the reason; none of them holds a report's text."""
    job = await _done(request, client_id)
    if not job.quarantined:
        return Response(b"", media_type=NDJSON)
    return await _file(_jobs(request).files.quarantine(job.folder))


async def _file(path: Path) -> Response:
    if not await asyncio.to_thread(path.is_file):
        raise _unknown()  # it expired this moment
    return FileResponse(path, media_type=NDJSON)


@router.delete(
    "/v1/jobs/{client_id}",
    summary="Cancel or remove a job",
    responses={
        202: {"description": "It is cancelled, and its data goes in a moment", "model": JobOut},
        **documented(401, 403, 404, 422, 500),
    },
)
async def delete_job(request: Request, client_id: ClientId, response: Response) -> JobOut:
    """One that waits or runs is cancelled, and its data removed; one that is over is removed altogether."""
    while True:
        job = await _find(request, client_id)
        changed = await asyncio.to_thread(_cancel_or_remove, _jobs(request), job)
        if changed:
            response.status_code = 202 if job.state == RUNNING else 200
            return job_out(job if job.is_over else await _find(request, client_id))


def _cancel_or_remove(jobs: Jobs, job: Job) -> bool:
    changed = jobs.store.remove(job) if job.is_over else jobs.store.cancel(job)
    if changed and job.state != RUNNING:
        jobs.files.remove(job.folder)
    return changed


async def _find(request: Request, client_id: str) -> Job:
    """The caller's job of this id.

    Raises:
        ProblemError: 404, it has none.
    """
    job = await asyncio.to_thread(_jobs(request).store.get, request.state.caller, client_id)
    if job is None:
        raise _unknown()
    request.state.facts.update(job=job.folder)
    return job


async def _done(request: Request, client_id: str) -> Job:
    job = await _find(request, client_id)
    if job.state != DONE:
        detail = f"The job is {job.state}: only one that is done has results and errors. See its state."
        raise ProblemError(409, "not-done", detail)
    return job


def _unknown() -> ProblemError:
    detail = "There is no job of this id, or it is another key's. See GET /v1/jobs."
    return ProblemError(404, "no-such-job", detail)


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs
