"""What the service answers, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

OVER = ("done", "failed", "cancelled")
"""States that a job does not leave."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a report says so: `start` and `end` are offsets into its text, in characters (code points)."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question about one report; `probability` is in [0, 1]."""

    question: str
    finding: str
    attribute: str | None
    answer: str
    probability: float
    evidence: Evidence | None
    section: str


@dataclass(frozen=True, slots=True)
class ReportAnswers:
    """One report's answers, in the panel's order; none where `error` says why it could not be labelled."""

    id: str
    labels: tuple[Answer, ...]
    tokens_read: int
    sections: tuple[str, ...]
    error: str | None

    def __getitem__(self, question: str) -> Answer:
        """The answer to one question, by name.

        Raises:
            KeyError: it was not asked, or the report could not be labelled; it says which.
        """
        for label in self.labels:
            if label.question == question:
                return label
        asked = ", ".join(label.question for label in self.labels)
        raise KeyError(f"{question}: {self.error or f'not asked. There are: {asked}'}")

    @property
    def answers(self) -> dict[str, str]:
        """Question to answer."""
        return {label.question: label.answer for label in self.labels}


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers about all reports of a request, in its order, and what gave them."""

    request_id: str
    panel: str
    panel_digest: str
    method: str
    model: str
    version: str
    results: tuple[ReportAnswers, ...]

    def __iter__(self) -> Iterator[ReportAnswers]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, number: int) -> ReportAnswers:
        """The answers about one report, by its place in the request."""
        return self.results[number]


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a panel, with its ordered answers."""

    name: str
    finding: str
    attribute: str | None
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Findings that are labelled together."""

    name: str
    title: str
    definition: str
    digest: str
    findings: tuple[str, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What can be labelled."""

    name: str
    title: str
    definition: str
    attributes: tuple[str, ...]
    phrases: int


@dataclass(frozen=True, slots=True)
class Model:
    """A method for a panel; `can_abstain` where it has a band of doubt."""

    name: str
    panel: str | None
    kind: str
    digest: str
    title: str
    can_abstain: bool
    loaded: bool


@dataclass(frozen=True, slots=True)
class JobCounts:
    """What became of a job's rows: `read` is the sum of the others."""

    read: int
    labelled: int
    quarantined: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Job:
    """An archive job.

    Attributes:
        id: as it was submitted.
        state: queued, running, done, failed or cancelled.
        created, updated: when.
        expires: when it goes, and its data with it; None while it is not over.
        panel, method: what labels; `model` is known when it is done.
        total: rows in all, estimated while it runs; None while unknown.
        done: rows so far.
        counts: what became of them, once it is done.
        error: why it failed.
    """

    id: str
    state: str
    created: datetime
    updated: datetime
    expires: datetime | None
    panel: str
    method: str
    model: str | None
    total: int | None
    done: int
    counts: JobCounts | None
    error: str | None

    @property
    def is_over(self) -> bool:
        """Whether its state will not change any more."""
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A row of a job's label table: a report and a question."""

    report_id: str
    question: str
    answer: str
    probability: float
    evidence_start: int | None
    evidence_end: int | None
    section: str
    method: str
    model: str


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row that could not be labelled: the `offset`-th (from 1) of its source, and why."""

    source: str
    offset: int
    report_id: str | None
    reason: str
