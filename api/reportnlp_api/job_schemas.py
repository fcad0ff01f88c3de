"""The bodies of the jobs' routes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, StringConstraints

from reportnlp_api.job_table import DONE, Job
from reportnlp_api.schemas import NO_CONTROLS, Name

ServerPath = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=NO_CONTROLS)]


class JobSettings(BaseModel):
    """How a job labels; as query parameters where the body is the reports.

    Attributes:
        panel: name of a panel; null: the service's own, or that of the model.
        method: `rules`, `auto`, or the name of a model; null: the service's own.
        abstain: leave an answer blank in the band of doubt that a model was trained with; refused where the
            method has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    panel: Name | None = None
    method: Name | None = None
    abstain: bool = False


class JobRequest(JobSettings):
    """A job of the server's own files.

    Attributes:
        path: a file or folder under one of the service's job roots, absolute or from a root.
    """

    path: ServerPath


class CountsOut(BaseModel):
    """What became of the rows: `read` is the sum of the others."""

    read: int
    labelled: int
    quarantined: int
    duplicates: int


class LinksOut(BaseModel):
    """Where to go on."""

    self: str
    results: str
    errors: str


class JobOut(BaseModel):
    """A job.

    Attributes:
        id: the client's name for it.
        state: results and errors are there when it is done.
        created, updated: when, in ISO 8601.
        expires: when it goes, and its data with it; null while it is not over.
        panel, method: what labels.
        model: what labelled: a name, and a digest; null until it is done.
        total: rows in all, an estimate while it runs; null while unknown.
        done: rows so far.
        counts: what became of them, once it is done.
        error: why it failed.
        links: addresses on this service.
    """

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    created: str
    updated: str
    expires: str | None
    panel: str
    method: str
    model: str | None
    total: int | None
    done: int
    counts: CountsOut | None
    error: str | None
    links: LinksOut


class JobsOut(BaseModel):
    """All jobs of the key, the newest first."""

    jobs: list[JobOut]


class LabelRowOut(BaseModel):
    """A line of the results: a report and a question. Offsets are into the report's text, in code points."""

    report_id: str
    question: str
    answer: str
    probability: float
    evidence_start: int | None
    evidence_end: int | None
    section: str
    method: str
    model: str


class QuarantinedOut(BaseModel):
    """A line of the errors: the row that was not labelled, counted from 1 within its source, and why."""

    source: str
    offset: int
    report_id: str | None
    reason: str


def job_out(job: Job) -> JobOut:
    """A job as it is answered."""
    here = f"/v1/jobs/{quote(job.id, safe='')}"
    return JobOut.model_validate(
        {
            "id": job.id,
            "state": job.state,
            "created": _time(job.created),
            "updated": _time(job.updated),
            "expires": None if job.expires is None else _time(job.expires),
            "panel": job.panel,
            "method": job.method,
            "model": job.model,
            "total": job.total,
            "done": job.done,
            "counts": _counts(job),
            "error": job.error,
            "links": {"self": here, "results": f"{here}/results", "errors": f"{here}/errors"},
        }
    )


def _counts(job: Job) -> dict[str, int | None] | None:
    if job.state != DONE:
        return None
    return {name: getattr(job, name) for name in CountsOut.model_fields}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
