"""What a method said of some reports: answers, how sure it was of each, and where it read them.

Where only the given answer's probability p is known, the other answers share 1 - p equally: a ranking by such
probabilities is coarse between the answers that were not given, and the report says that it was made so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.evaluation.answers import Answers, Pair, answers_of
from reportnlp.types import NOT_APPLICABLE, LabelTable, Posteriors, Presence, Question

Probabilities = Mapping[str, Mapping[str, float]]
"""Report id to question name to the probability of the answer that was given."""

Column = npt.NDArray[np.float64]


class Evidence(NamedTuple):
    """Where a report says so: half-open character range, and the section it stands in ("" if unknown)."""

    start: int
    end: int
    section: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labels of some reports, as far as they are known.

    Attributes:
        answers: report id to question to answer.
        posteriors: a probability of every answer; None where nothing is known of them.
        evidence: (report id, question) to where the answer was read.
        method: what labelled.
        model: identity of what labelled; "" where it is not known.
        shared: whether `posteriors` were filled up from the given answers' probabilities alone.
    """

    answers: Answers
    posteriors: Posteriors | None = None
    evidence: Mapping[tuple[str, str], Evidence] = field(default_factory=dict)
    method: str = ""
    model: str = ""
    shared: bool = False


def labelled_of(table: LabelTable) -> Labelled:
    """All that a label table knows."""
    evidence = {
        (row.report.id, label.question): Evidence(*label.evidence, label.section)
        for row in table.rows
        for label in row.labels
        if label.evidence is not None
    }
    posteriors = posteriors_of(table)
    return Labelled(answers_of(table), posteriors, evidence, table.method, table.model, shared=True)


def posteriors_of(table: LabelTable) -> Posteriors | None:
    """Full distributions out of a label table: the given answer has p, the others share 1 - p equally.

    None where every probability is 1: such a table ranks nothing.
    """
    probabilities = {
        row.report.id: {label.question: label.probability for label in row.labels} for row in table.rows
    }
    return posteriors_from(answers_of(table), probabilities, table.questions)


def posteriors_from(
    answers: Answers, probabilities: Probabilities, questions: Sequence[Question]
) -> Posteriors | None:
    """The same out of answers and their probabilities; a report or question without any has NaN."""
    ids = tuple(report for report in answers if probabilities.get(report))
    if all(p == 1 for report in ids for p in probabilities[report].values()):
        return None
    width = max(len(question.answers) for question in questions)
    values = np.full((len(ids), len(questions), width), np.nan, dtype=np.float32)
    for at, question in enumerate(questions):
        names = [str(answer) for answer in question.answers]
        for row, report in enumerate(ids):
            given = answers[report].get(question.name, "")
            if given in names and question.name in probabilities[report]:
                values[row, at] = _shared(
                    names.index(given), probabilities[report][question.name], names, width
                )
    return Posteriors(values, ids, tuple(questions))


def _shared(given: int, p: float, names: Sequence[str], width: int) -> npt.NDArray[np.float32]:
    row = np.zeros(width, dtype=np.float32)
    row[: len(names)] = (1 - p) / max(len(names) - 1, 1)
    row[given] = p
    return row


def questions_of(*tables: Answers) -> tuple[Question, ...]:
    """The questions of answers whose panel is not known: an attribute's answers are those that occur."""
    seen: dict[str, dict[str, None]] = {}
    for row in (row for table in tables for row in table.values()):
        for question, answer in row.items():
            seen.setdefault(question, {}).update({answer: None} if answer else {})
    return tuple(_question(name, found) for name, found in seen.items())


def _question(name: str, found: Iterable[str]) -> Question:
    finding, _, attribute = name.partition(".")
    if not attribute:
        return Question(finding, None, tuple(answer.value for answer in Presence))
    return Question(finding, attribute, (*sorted(set(found) - {NOT_APPLICABLE}), NOT_APPLICABLE))


class Looked:
    """Columns of posteriors, in the order of a pair's reports."""

    def __init__(self, posteriors: Posteriors) -> None:
        self._values = posteriors.values
        self._row = {report: row for row, report in enumerate(posteriors.report_ids)}
        self._questions = {question.name: at for at, question in enumerate(posteriors.questions)}
        self._answers = [[str(a) for a in question.answers] for question in posteriors.questions]

    def of(self, pair: Pair, answers: Sequence[str]) -> Column:
        """(reports, answers): each one's probability; NaN for what is not known."""
        found = np.full((len(pair.reports), len(answers)), np.nan)
        at = self._questions.get(pair.question)
        if at is None:
            return found
        rows = np.array([self._row.get(report, -1) for report in pair.reports], dtype=np.intp)
        for column, answer in enumerate(answers):
            if answer in self._answers[at]:
                found[:, column] = self._values[rows, at, self._answers[at].index(answer)]
        found[rows < 0] = np.nan
        return found

    def given(self, pair: Pair) -> Column:
        """(reports,): the probability of the answer that was given; NaN where it is not known."""
        names = list(pair.answers)
        columns = np.array([names.index(answer) if answer in names else -1 for answer in pair.given])
        found = self.of(pair, names)[np.arange(len(pair.reports)), columns]
        return np.asarray(np.where(columns < 0, np.nan, found), dtype=np.float64)
