"""What `evaluate` scores: a label table as it stands, or reports labelled on the way, split or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.labelled import Labelled, labelled_of
from reportnlp.evaluation.read import read_labels
from reportnlp.evaluation.splits import make_splits
from reportnlp.formats.loader import read_reports
from reportnlp.types import NOT_APPLICABLE, LabelledReport, LabelTable, Posteriors, Question, Report

if TYPE_CHECKING:
    from reportnlp.jobs.evaluate import EvaluateSettings


class TrainRow(NamedTuple):
    """A report of the training side with its gold answers, question to answer."""

    report: Report
    answers: Mapping[str, str]


Label = Callable[[Sequence[Report], Sequence[TrainRow]], Labelled]
"""Reports to label, and those to train on (none without a split), to labels of the former."""


@dataclass(frozen=True, slots=True)
class Found:
    """Labels, and what is known of the reports they are of.

    Attributes:
        labelled: the labels; of other reports than `tested`, bare.
        tested: ids of the reports to score; None is all that have labels.
        trained: ids of the training side.
        reports: those that have gold answers; none for a label table.
        other: labels of another method.
        split: how the test side was chosen, in words.
    """

    labelled: Labelled
    tested: tuple[str, ...] | None = None
    trained: tuple[str, ...] | None = None
    reports: tuple[Report, ...] = ()
    other: Labelled | None = None
    split: str = ""


def found(settings: EvaluateSettings, gold: Answers, label: Label | None) -> Found:
    """The labels to score.

    Raises:
        InputError: see `reportnlp.jobs.evaluate.run`.
    """
    return _labelled(settings, gold, label) if settings.panel else _read_one(settings, gold)


def _read_one(settings: EvaluateSettings, gold: Answers) -> Found:
    """A label table as it stands."""
    if len(settings.inputs) != 1:
        raise InputError(
            f"{len(settings.inputs)} label tables were given; one is compared at a time. "
            "To label reports first, add --panel."
        )
    if settings.split is not None:
        raise InputError(
            "A split is of reports, and a label table holds none. Give the reports, with --panel, or leave "
            "--split away."
        )
    path = Path(settings.inputs[0])
    labelled = read_labels(path, keep=gold, more=(gold,))
    if not any(labelled.answers.values()):
        raise InputError(
            f"{path} has no answers for any report of the gold table. "
            "If it holds reports, add --panel to label them."
        )
    other = _read_other(settings.against, gold) if settings.against else None
    return Found(labelled, other=other)


def _read_other(given: str, gold: Answers) -> Labelled:
    """The label table to compare with."""
    path = Path(given)
    labelled = read_labels(path, keep=gold, more=(gold,))
    return replace(labelled, method=path.name)


def _labelled(settings: EvaluateSettings, gold: Answers, label: Label | None) -> Found:
    """Label the reports that have gold answers; rows that cannot be read stay without labels."""
    chosen = label or _untrained(settings.panel, settings.method, gold)
    reports, bare = _reports(settings, gold)
    sides = list(_sides(settings, reports))
    parts = [chosen(side.test, _rows(side.train, gold)) for side in sides]
    other = None
    if settings.against and Path(settings.against).is_file():
        other = _read_other(settings.against, gold)
    elif settings.against:
        against = _untrained(settings.panel, settings.against, gold)
        other = _joined([against(side.test, ()) for side in sides])
    labelled = _joined(parts)
    if settings.split is None:
        everything = replace(labelled, answers={**bare, **labelled.answers})
        return Found(everything, reports=reports, other=other)
    return Found(
        labelled,
        tuple(report.id for side in sides for report in side.test),
        tuple(dict.fromkeys(report.id for side in sides for report in side.train)),
        reports,
        other,
        _told(settings, sides),
    )


class _Side(NamedTuple):
    name: str
    train: tuple[Report, ...]
    test: tuple[Report, ...]


def _sides(settings: EvaluateSettings, reports: tuple[Report, ...]) -> Iterator[_Side]:
    """The reports of each split; all to test on where there is none."""
    if settings.split is None:
        yield _Side("", (), reports)
        return
    splits = make_splits(
        settings.split,
        reports,
        seed=settings.seed,
        test_share=settings.test_share,
        site=settings.site or None,
    )
    for split in splits:
        train, test = (tuple(reports[at] for at in rows) for rows in (split.train, split.test))
        yield _Side(split.name, train, test)


def _told(settings: EvaluateSettings, sides: Sequence[_Side]) -> str:
    if settings.split == "site":
        return (
            f"site: each of {len(sides)} in turn, the others to train on, pooled"
            if len(sides) > 1
            else sides[0].name
        )
    seeded = f", seed {settings.seed}" if settings.split == "random" else ""
    return f"{sides[0].name}, {100 * settings.test_share:g} % of the reports tested{seeded}"


def _rows(train: Iterable[Report], gold: Answers) -> list[TrainRow]:
    return [TrainRow(report, gold[report.id]) for report in train]


def _reports(
    settings: EvaluateSettings, gold: Answers
) -> tuple[tuple[Report, ...], dict[str, dict[str, str]]]:
    """The reports with gold answers, and the ids of the others with no answers."""
    wanted: dict[str, Report] = {}
    bare: dict[str, dict[str, str]] = {}
    for report in read_reports(settings.inputs, format=settings.format, options=settings.columns):
        if not isinstance(report, Report):
            continue
        if report.id in wanted or report.id in bare:
            raise InputError(f"Two reports have the id '{report.id}'. Give each its own.")
        if report.id in gold:
            wanted[report.id] = report
        else:
            bare[report.id] = {}
    return tuple(wanted.values()), bare


def _untrained(panel: str, method: str, gold: Answers) -> Label:
    """A method that labels as it is, whatever there is to train on."""
    from reportnlp.labeler import load  # a second or two, which a comparison of tables need not wait

    labeler = load(panel, method=method)
    check_answers(gold, labeler.questions)

    def label(reports: Sequence[Report], train: Sequence[TrainRow]) -> Labelled:
        found = labeler.label_batch(reports)
        rows = tuple(map(LabelledReport, reports, found))
        table = LabelTable(labeler.questions, rows, labeler.method, labeler.model)
        return with_posteriors(table, labeler.posteriors(reports))

    return label


def with_posteriors(table: LabelTable, posteriors: Posteriors | None) -> Labelled:
    """Labels, with a probability of every answer where that is known."""
    labelled = labelled_of(table)
    return labelled if posteriors is None else replace(labelled, posteriors=posteriors, shared=False)


def _joined(parts: Sequence[Labelled]) -> Labelled:
    """The labels of several splits as one."""
    if len(parts) == 1:
        return parts[0]
    answers = {report: row for part in parts for report, row in part.answers.items()}
    evidence = {key: where for part in parts for key, where in part.evidence.items()}
    return replace(parts[0], answers=answers, evidence=evidence, posteriors=_stacked(parts))


def _stacked(parts: Sequence[Labelled]) -> Posteriors | None:
    found = [part.posteriors for part in parts if part.posteriors is not None]
    if len(found) < len(parts) or any(one.questions != found[0].questions for one in found):
        return None
    import numpy as np

    ids = tuple(report for one in found for report in one.report_ids)
    return Posteriors(np.concatenate([one.values for one in found]), ids, found[0].questions)


def check_answers(gold: Answers, questions: Iterable[Question]) -> None:
    """Refuse gold answers that the panel does not know.

    Raises:
        InputError: there is one.
    """
    allowed = {question.name: question.answers for question in questions}
    for report, row in gold.items():
        for question, answer in row.items():
            if answer and question in allowed and answer not in (*allowed[question], NOT_APPLICABLE):
                raise InputError(
                    f"The gold answer of report '{report}' to {question} is "
                    f"none of: {', '.join(allowed[question])}."
                )
