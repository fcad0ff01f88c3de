"""The types that flow through the package, one per arrow of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

UNSPECIFIED = "unspecified"
NOT_APPLICABLE = "not_applicable"


class Presence(StrEnum):
    """Is the finding there, as of this exam, for this patient?"""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"
    NOT_MENTIONED = "not_mentioned"


@dataclass(frozen=True, slots=True)
class Report:
    """One report as it was read. Only `id` and `text` are required."""

    id: str
    text: str
    patient: str | None = None
    exam_date: date | None = None
    modality: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """An input row that cannot become a `Report`. Holds no report text.

    Attributes:
        source: name of the file the row came from.
        offset: 1-based number of the record within that file (header not counted).
        reason: what is wrong and how to mend it.
        id: the report id where it could still be read.
    """

    source: str
    offset: int
    reason: str
    id: str | None = None


class Span(NamedTuple):
    """Half-open character range into the report's own text."""

    start: int
    end: int


class Section(NamedTuple):
    """A headed part of a report: `name` is canonical, the body is `text[start:end]`."""

    name: str
    start: int
    end: int


class Sentence(NamedTuple):
    """A sentence or list item: `text[start:end]`, and the section it stands in."""

    number: int
    start: int
    end: int
    section: Section


class Read(NamedTuple):
    """What was read of a report: all of it is told, since nothing is cut off unsaid.

    Attributes:
        tokens: how many tokens.
        sections: names of the sections they stood in.
    """

    tokens: int
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A finding's presence, or one attribute of it, with its ordered answers."""

    finding: str
    attribute: str | None
    answers: tuple[str, ...]

    @property
    def name(self) -> str:
        """`pulmonary_embolism`, or `pulmonary_embolism.location` for an attribute."""
        return self.finding if self.attribute is None else f"{self.finding}.{self.attribute}"


class Label(NamedTuple):
    """The answer to one question for one report.

    Attributes:
        question: name of the question.
        answer: one of the question's answers (or `not_applicable` for an attribute).
        probability: of that answer, in [0, 1].
        evidence: where the report says so; None when nothing does.
        section: canonical name of the section the evidence stands in; "" when there is none.
    """

    question: str
    answer: str
    probability: float
    evidence: Span | None = None
    section: str = ""


@dataclass(frozen=True, slots=True)
class LabelledReport:
    """One report's labels: one `Label` per question of the panel, in the panel's order."""

    report: Report
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Labels of many reports, with the questions they answer and what gave them.

    Attributes:
        questions: the panel's questions; every row's labels follow their order.
        rows: labelled reports in input order.
        method: the method that gave the labels (`rules`, or a model folder's name).
        model: identity of what labelled: name, version and digest.
    """

    questions: tuple[Question, ...]
    rows: tuple[LabelledReport, ...]
    method: str
    model: str

    @property
    def report_ids(self) -> tuple[str, ...]:
        """Ids in row order."""
        return tuple(row.report.id for row in self.rows)


ABSTAIN = np.int8(-128)
"""The one value in `Votes` that is no answer index: the function has nothing to say."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """What each labelling function answers.

    A vote on an attribute is given that the finding is present: `not_applicable` is never one.

    Attributes:
        values: (reports, functions, questions) int8, answer index or `ABSTAIN`.
        report_ids, functions, questions: the names along each axis.
    """

    values: npt.NDArray[np.int8]
    report_ids: tuple[str, ...]
    functions: tuple[str, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Posteriors:
    """A probability for each answer.

    Attributes:
        values: (reports, questions, answers) float32, sums to 1 on the last axis; answers beyond a
            question's own are padded with 0.
        report_ids, questions: the names along the first two axes.
    """

    values: npt.NDArray[np.float32]
    report_ids: tuple[str, ...]
    questions: tuple[Question, ...]

    def best(self, question: int) -> Sequence[str]:
        """The most probable answer of every report to one question."""
        answers = self.questions[question].answers
        picks = self.values[:, question, : len(answers)].argmax(axis=-1)
        return [answers[int(pick)] for pick in picks]
