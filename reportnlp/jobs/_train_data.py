"""Reports joined with their labels, as numbers to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InputError
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.read import read_labels
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.loader import read_reports
from reportnlp.types import NOT_APPLICABLE, BadRow, Presence, Report


@dataclass(frozen=True, slots=True)
class Source:
    """Reports, and the table that labels them.

    Attributes:
        inputs: files, folders or globs of reports.
        labels: gold answers, or a label table with probabilities.
        format: input format; None finds it.
        columns: input columns.
    """

    inputs: tuple[str, ...]
    labels: Path
    format: str | None = None
    columns: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledReports:
    """What is learned from.

    Attributes:
        reports: the reports that have labels, in input order.
        answers: their answers, a row a report.
        targets: (reports, columns) float32, a distribution over each question's answers.
        weights: (reports, questions) float32, 0 where a question is not learned from.
        unlabelled: reports without labels.
        unmatched: labels without a report.
        unread: rows that are no report.
    """

    reports: list[Report]
    answers: list[Mapping[str, str]]
    targets: Floats
    weights: Floats
    unlabelled: int = 0
    unmatched: int = 0
    unread: int = 0

    def __len__(self) -> int:
        return len(self.reports)

    def taken(self, rows: Sequence[int]) -> LabelledReports:
        """Some of the rows, in that order."""
        chosen = list(rows)
        return LabelledReports(
            [self.reports[i] for i in chosen],
            [self.answers[i] for i in chosen],
            self.targets[chosen],
            self.weights[chosen],
        )

    def with_more(self, others: LabelledReports) -> LabelledReports:
        """These and then the others."""
        return LabelledReports(
            [*self.reports, *others.reports],
            [*self.answers, *others.answers],
            np.concatenate([self.targets, others.targets]),
            np.concatenate([self.weights, others.weights]),
        )


def read(source: Source, columns: Columns) -> LabelledReports:
    """Read reports and their labels, and join them by id.

    Raises:
        InputError: nothing matches, an id comes twice, an answer the panel lacks, or nothing can be learned.
    """
    labelled = read_labels(source.labels)
    _check_answers(labelled, columns, source.labels)
    reports: dict[str, Report] = {}
    unlabelled = unread = 0
    for row in read_reports(source.inputs, format=source.format, options=source.columns):
        if isinstance(row, BadRow):
            unread += 1
        elif row.id in reports:
            raise InputError(f"Two reports have the id '{row.id}'. Give each its own.")
        elif not labelled.answers.get(row.id):
            unlabelled += 1
        else:
            reports[row.id] = row
    if not reports:
        raise InputError(
            f"No report has labels in {source.labels}. Compare the values of its report_id column with "
            "the reports' ids."
        )
    found = list(reports.values())
    answers = [labelled.answers[report.id] for report in found]
    targets, weights = _targets(labelled, columns, found, answers)
    joined = LabelledReports(
        found, answers, targets, weights, unlabelled, len(labelled.answers) - len(found), unread
    )
    _check_learnable(joined, columns, source.labels)
    return joined


def _targets(
    labelled: Labelled, columns: Columns, reports: Sequence[Report], answers: Sequence[Mapping[str, str]]
) -> tuple[Floats, Floats]:
    """Distributions where the table has probabilities, else the bare answers."""
    hard = columns.targets(answers)
    posteriors = labelled.posteriors
    if posteriors is None:
        return hard
    soft = columns.soft_targets(posteriors)
    row = {report: number for number, report in enumerate(posteriors.report_ids)}
    rows = [row.get(report.id, -1) for report in reports]
    known = np.array(rows) >= 0
    targets = np.where(known[:, None], soft[0][rows], hard[0])
    weights = np.where(known[:, None], soft[1][rows], hard[1])
    return targets, weights


def _check_answers(labelled: Labelled, columns: Columns, path: Path) -> None:
    allowed = {q.name: [str(answer) for answer in q.answers] for q in columns.questions}
    asked = {question for row in labelled.answers.values() for question in row}
    if not asked & set(allowed):
        raise InputError(
            f"None of the columns of {path} is a question of the panel. It asks: {', '.join(allowed)}."
        )
    for report, row in labelled.answers.items():
        for question, answer in row.items():
            if answer and question in allowed and answer not in (*allowed[question], NOT_APPLICABLE):
                raise InputError(
                    f"{path} answers {question} of report '{report}' in a way that the panel has not. "
                    f"It knows: {', '.join(allowed[question])}."
                )


def _check_learnable(data: LabelledReports, columns: Columns, path: Path) -> None:
    if any(len(counted) > 1 for _, counted in answer_counts(data, columns)):
        return
    raise InputError(
        f"Every question of the panel has one answer only in {path} (or none), so there is nothing to tell "
        "apart. Add reports with other answers."
    )


def answer_counts(data: LabelledReports, columns: Columns) -> Iterator[tuple[str, dict[str, int]]]:
    """By question, how many reports have each answer that occurs; for an attribute where it applies."""
    for question, part, answers in zip(columns.questions, columns.slices, columns.answers, strict=True):
        likeliest = data.targets[:, part].argmax(axis=1)
        there = data.weights[:, columns.questions.index(question)] > 0
        counts = np.bincount(likeliest[there], minlength=len(answers))
        yield question.name, {str(a): int(n) for a, n in zip(answers, counts, strict=True) if n}


def strata(data: LabelledReports, columns: Columns) -> list[str]:
    """One word a report by which a split spreads rare answers: its present findings."""
    findings = [q.name for q in columns.questions if q.attribute is None]
    return [
        "+".join(name for name in findings if row.get(name) == Presence.PRESENT) or "none"
        for row in data.answers
    ]
