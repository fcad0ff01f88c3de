"""The requests of the client as values: what is sent, and how the answer is read. Nothing here waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from reportnlp.client import _reading as reading
from reportnlp.client import _results as results
from reportnlp.client._errors import JobError, ServiceError
from reportnlp.client._upload import Upload, report_fields

T = TypeVar("T")

PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"


class ReportLike(Protocol):
    """A report: `reportnlp.Report`, or anything with an id and a text."""

    @property
    def id(self) -> str:
        """Comes back with the labels."""

    @property
    def text(self) -> str:
        """The whole of it."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request.

    Attributes:
        method, path: of HTTP.
        read: the answer's JSON as a value.
        query: parameters; those that are None are left out.
        body: sent as JSON.
        upload: sent as JSON lines.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    upload: Upload | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """The query as it is sent."""
        return {name: _written(value) for name, value in self.query.items() if value is not None}

    @property
    def headers(self) -> dict[str, str]:
        """Of the body."""
        if self.upload is None:
            return {}
        return {"Content-Type": NDJSON, "Content-Length": str(self.upload.size)}


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def answer(call: Call[T], response: Any) -> T:
    """The value that a response holds.

    Raises:
        ServiceError: it is a refusal, or no answer of this service.
    """
    if not response.is_success:
        raise refusal(response)
    try:
        return call.read(response.json())
    except (KeyError, TypeError, ValueError):
        raise ServiceError(response.status_code, {}) from None


def refusal(response: Any) -> ServiceError:
    """The error for a response that is no success, and whose body was read."""
    if not response.headers.get("content-type", "").startswith(PROBLEM):
        return ServiceError(response.status_code, {})
    try:
        given = response.json()
    except ValueError:
        given = None
    return ServiceError(response.status_code, given if isinstance(given, Mapping) else {})


def label(
    reports: str | ReportLike | Sequence[str | ReportLike],
    panel: str | None,
    method: str | None,
    abstain: bool,
    questions: Sequence[str] | None,
    deadline_s: float | None,
) -> Call[results.Answers]:
    """Label reports; texts alone are numbered from 0."""
    many = [reports] if isinstance(reports, str) or hasattr(reports, "text") else reports
    options = {"abstain": abstain, "questions": questions and list(questions), "deadline_s": deadline_s}
    body = {
        "panel": panel,
        "method": method,
        "reports": [_report(number, report) for number, report in enumerate(many)],
        "options": options,
    }
    return Call("POST", "/v1/label", reading.answers, body=body)


def _report(number: int, report: Any) -> dict[str, str]:
    return (
        {"id": str(number), "text": report} if isinstance(report, str) else report_fields(report, whole=False)
    )


PANELS = Call("GET", "/v1/panels", reading.panels)
FINDINGS = Call("GET", "/v1/findings", reading.findings)
MODELS = Call("GET", "/v1/models", reading.models)
JOBS = Call("GET", "/v1/jobs", reading.jobs)


@dataclass(frozen=True, slots=True)
class How:
    """How a job labels: see `reportnlp.Client.label`."""

    panel: str | None
    method: str | None
    abstain: bool

    @property
    def fields(self) -> dict[str, Any]:
        """By their names in the contract."""
        return {"panel": self.panel, "method": self.method, "abstain": self.abstain}


def submit(upload: Upload, id: str | None, how: How) -> Call[results.Job]:
    """Make a job of an upload; without an id its content and settings name it."""
    name = id or sha256(f"{upload.digest} {how.panel} {how.method} {how.abstain}".encode()).hexdigest()[:32]
    return Call("PUT", job_path(name), reading.job, query=how.fields, upload=upload)


def submit_server_path(path: str | Path, id: str, how: How) -> Call[results.Job]:
    """Make a job of a file or folder on the server."""
    return Call("PUT", job_path(id), reading.job, body={"path": str(path), **how.fields})


def get_job(id: str) -> Call[results.Job]:
    """Ask how a job is."""
    return Call("GET", job_path(id), reading.job)


def cancel(id: str) -> Call[results.Job]:
    """Cancel a job, or remove one that is over."""
    return Call("DELETE", job_path(id), reading.job)


def result_rows(id: str) -> Call[results.LabelRow]:
    """The label table of a job, line by line."""
    return Call("GET", f"{job_path(id)}/results", reading.label_row)


def error_rows(id: str) -> Call[results.QuarantinedRow]:
    """What a job could not label, line by line."""
    return Call("GET", f"{job_path(id)}/errors", reading.quarantined_row)


def job_path(id: str) -> str:
    """Where a job is."""
    return f"/v1/jobs/{quote(id, safe='')}"


def finished(job: results.Job) -> results.Job:
    """A job that is over.

    Raises:
        JobError: it failed or was cancelled.
    """
    if job.state == "failed":
        raise JobError(f"The job '{job.id}' failed: {job.error}")
    if job.state == "cancelled":
        raise JobError(f"The job '{job.id}' was cancelled.")
    return job


def late(job: results.Job, timeout_s: float) -> JobError:
    """The error for a job that is waited for no longer."""
    return JobError(
        f"The job '{job.id}' is {job.state} after {timeout_s:g} s, with {job.done} rows done. It goes on: "
        "wait for it again, or cancel it."
    )
