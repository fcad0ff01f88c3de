"""The service's JSON as values. Fields that a newer service adds are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

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

T = TypeVar("T")
Json = Mapping[str, Any]


def row(kind: type[T], given: Json, **made: Any) -> T:
    """A dataclass out of a JSON object, arrays as tuples; fields in `made` are ready already.

    Raises:
        KeyError: the object lacks a field.
    """
    plain = {field.name: given[field.name] for field in fields(kind) if field.name not in made}  # type: ignore[arg-type]
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()}, **made)


def answers(given: Json) -> Answers:
    """The answer of /v1/label."""
    return row(Answers, given, results=tuple(map(_report, given["results"])))


def _report(given: Json) -> ReportAnswers:
    error = given["error"]
    labels = tuple(map(_answer, given["labels"]))
    return row(ReportAnswers, given, labels=labels, error=error["reason"] if error else None)


def _answer(given: Json) -> Answer:
    evidence = given["evidence"]
    return row(Answer, given, evidence=row(Evidence, evidence) if evidence else None)


def panels(given: Json) -> tuple[Panel, ...]:
    """The answer of /v1/panels."""
    return tuple(
        row(Panel, panel, questions=tuple(row(Question, question) for question in panel["questions"]))
        for panel in given["panels"]
    )


def findings(given: Json) -> tuple[Finding, ...]:
    """The answer of /v1/findings."""
    return tuple(row(Finding, finding) for finding in given["findings"])


def models(given: Json) -> tuple[Model, ...]:
    """The answer of /v1/models."""
    return tuple(row(Model, model) for model in given["models"])


def job(given: Json) -> Job:
    """The answer of the routes under /v1/jobs."""
    counts, expires = given["counts"], given["expires"]
    return row(
        Job,
        given,
        created=datetime.fromisoformat(given["created"]),
        updated=datetime.fromisoformat(given["updated"]),
        expires=datetime.fromisoformat(expires) if expires else None,
        counts=row(JobCounts, counts) if counts else None,
    )


def jobs(given: Json) -> tuple[Job, ...]:
    """The answer of /v1/jobs."""
    return tuple(map(job, given["jobs"]))


def label_row(given: Json) -> LabelRow:
    """A line of a job's results."""
    return row(LabelRow, given)


def quarantined_row(given: Json) -> QuarantinedRow:
    """A line of a job's errors."""
    return row(QuarantinedRow, given)
