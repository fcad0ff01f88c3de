"""Reports joined with their labels, as numbers to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InputError
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.read import read_labels
from reportnlp.evaluation.splits import groups, present_together
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.loader import read_reports
from reportnlp.types import NOT_APPLICABLE, BadRow, Posteriors, Report


@dataclass(frozen=True, slots=True)
class Source:
    """Reports, and the tables that label them.

    Attributes:
        inputs: files, folders or globs of reports.
        labels: tables of gold answers, or label tables with probabilities.
        format: input format; None finds it.
        columns: input columns.
        weight: how much one of the reports counts.
        posteriors: a probability of every answer, where more is known than the tables have room for.
    """

    inputs: tuple[str, ...]
    labels: tuple[Path, ...]
    format: str | None = None
    columns: ReadOptions = field(default_factory=ReadOptions)
    weight: float = 1.0
    posteriors: Posteriors | None = None

    @property
    def named(self) -> str:
        """The tables, for messages."""
        return ", ".join(map(str, self.labels))


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

    @property
    def digest(self) -> str:
        """sha256 (hex) of ids, texts, targets and weights."""
        found = sha256(repr([(report.id, report.text) for report in self.reports]).encode())
        found.update(self.targets.tobytes() + self.weights.tobytes())
        return found.hexdigest()

    def with_more(self, others: LabelledReports | None) -> LabelledReports:
        """These and then the others, where there are any."""
        if others is None:
            return self
        return LabelledReports(
            [*self.reports, *others.reports],
            [*self.answers, *others.answers],
            np.concatenate([self.targets, others.targets]),
            np.concatenate([self.weights, others.weights]),
        )


def read(source: Source, columns: Columns, *, alone: bool = True) -> LabelledReports:
    """Read reports and their labels, and join them by id.

    Args:
        source: where they are.
        columns: the panel's questions.
        alone: whether they are all that is learned from, and so must hold answers to tell apart.

    Raises:
        InputError: nothing matches, an id comes twice, an answer the panel lacks, or nothing can be learned.
    """
    tables = [read_labels(path) for path in source.labels]
    for table, path in zip(tables, source.labels, strict=True):
        _check_answers(table, columns, path)
    labelled = {report: row for table in tables for report, row in table.answers.items()}
    _refuse_twice(tables, labelled, source)
    reports: dict[str, Report] = {}
    unlabelled = unread = 0
    for row in read_reports(source.inputs, format=source.format, options=source.columns):
        if isinstance(row, BadRow):
            unread += 1
        elif row.id in reports:
            raise InputError(f"Two reports have the id '{row.id}'. Give each its own.")
        elif not labelled.get(row.id):
            unlabelled += 1
        else:
            reports[row.id] = row
    if not reports:
        raise InputError(
            f"No report has labels in {source.named}. Compare the values of the report_id column with the "
            "reports' ids."
        )
    found = list(reports.values())
    answers = [labelled[report.id] for report in found]
    told = [table.posteriors for table in tables] if source.posteriors is None else [source.posteriors]
    targets, weights = _targets(told, columns, found, answers)
    weights *= np.float32(source.weight)
    joined = LabelledReports(found, answers, targets, weights, unlabelled, len(labelled) - len(found), unread)
    if alone:
        _check_learnable(joined, columns, source.named)
    return joined


def read_all(sources: Sequence[Source], columns: Columns) -> LabelledReports | None:
    """Further reports, of several sources one after the other; None of none. Raises what `read` does."""
    found: LabelledReports | None = None
    for source in sources:
        own = read(source, columns, alone=False)
        found = own if found is None else found.with_more(own)
    return found


def of_rows(
    reports: Sequence[Report], answers: Sequence[Mapping[str, str]], columns: Columns
) -> LabelledReports:
    """Reports and their gold answers, as they are.

    Raises:
        InputError: nothing can be learned from them.
    """
    found = LabelledReports(list(reports), list(answers), *columns.targets(answers))
    if not _learnable(found, columns):
        raise InputError(
            f"Every question of the panel has one answer only, or none, in the {len(found)} reports to learn "
            "from, so there is nothing to tell apart. Give more reports."
        )
    return found


def apart(data: LabelledReports, others: Sequence[Report], *, by_site: bool = False) -> LabelledReports:
    """Those that share no patient and no text with others, and, where that is asked for, no site."""
    numbers = groups([*others, *data.reports])
    kept = ~np.isin(numbers[len(others) :], numbers[: len(others)])
    if by_site:
        sites = {report.site for report in others if report.site}
        kept &= [report.site not in sites for report in data.reports]
    return data if kept.all() else data.taken(np.flatnonzero(kept).tolist())


def _refuse_twice(tables: Sequence[Labelled], labelled: Mapping[str, object], source: Source) -> None:
    if sum(len(table.answers) for table in tables) > len(labelled):
        ids = [report for table in tables for report in table.answers]
        twice = next(report for report in ids if ids.count(report) > 1)
        raise InputError(
            f"More than one of {source.named} labels report '{twice}'. Give it one set of labels."
        )


def _targets(
    told: Sequence[Posteriors | None],
    columns: Columns,
    reports: Sequence[Report],
    answers: Sequence[Mapping[str, str]],
) -> tuple[Floats, Floats]:
    """Distributions where there are probabilities, else the bare answers."""
    targets, weights = columns.targets(answers)
    for posteriors in told:
        if posteriors is None:
            continue
        soft = columns.soft_targets(posteriors)
        row = {report: number for number, report in enumerate(posteriors.report_ids)}
        pairs = [(at, row[report.id]) for at, report in enumerate(reports) if report.id in row]
        here, there = ([pair[side] for pair in pairs] for side in (0, 1))
        targets[here], weights[here] = soft[0][there], soft[1][there]
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


def _check_learnable(data: LabelledReports, columns: Columns, path: str) -> None:
    if not _learnable(data, columns):
        raise InputError(
            f"Every question of the panel has one answer only in {path} (or none), so there is nothing to "
            "tell apart. Add reports with other answers."
        )


def _learnable(data: LabelledReports, columns: Columns) -> bool:
    return any(len(counted) > 1 for _, counted in answer_counts(data, columns))


def answer_counts(data: LabelledReports, columns: Columns) -> Iterator[tuple[str, dict[str, int]]]:
    """By question, how many reports have each answer that occurs; for an attribute where it applies."""
    for question, part, answers in zip(columns.questions, columns.slices, columns.answers, strict=True):
        likeliest = data.targets[:, part].argmax(axis=1)
        there = data.weights[:, columns.questions.index(question)] > 0
        counts = np.bincount(likeliest[there], minlength=len(answers))
        yield question.name, {str(a): int(n) for a, n in zip(answers, counts, strict=True) if n}


def strata(data: LabelledReports, columns: Columns) -> list[str]:
    """One word a report by which a split spreads rare answers: its present findings."""
    return present_together(data.answers, [q.name for q in columns.questions if q.attribute is None])
