"""A small client of the service: `Client`, and `AsyncClient` for programs that wait in many places at once.

Needs the extra `api` (httpx); importing this package does not.
"""

from reportnlp.client._async import AsyncClient
from reportnlp.client._errors import JobError, ServiceError, UnreachableError
from reportnlp.client._results import (
    Answer,
    Answers,
    Evidence,
    Finding,
    Job,
    JobCounts,
    LabelRow,
    Model,
    Panel,
    QuarantinedRow,
    Question,
    ReportAnswers,
)
from reportnlp.client._retries import Retries
from reportnlp.client._sync import Client

__all__ = [
    "Answer",
    "Answers",
    "AsyncClient",
    "Client",
    "Evidence",
    "Finding",
    "Job",
    "JobCounts",
    "JobError",
    "LabelRow",
    "Model",
    "Panel",
    "QuarantinedRow",
    "Question",
    "ReportAnswers",
    "Retries",
    "ServiceError",
    "UnreachableError",
]
