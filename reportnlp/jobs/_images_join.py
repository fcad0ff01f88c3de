"""A label table joined with images by their report: what each image is to learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reportnlp.errors import InputError, unknown_name
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.read import read_labels
from reportnlp.images.join import KEYS, of_side, one_each
from reportnlp.images.manifest import ImageRow
from reportnlp.images.policies import Rules, said, targets
from reportnlp.images.table import ImageLabels
from reportnlp.jobs._images_hidden import hidden_reports
from reportnlp.types import Presence


def labels_about(rows: Sequence[ImageRow], table: Path, salt: str = "") -> Labelled:
    """A label table, with the answers of reports alone that an image may belong to.

    Args:
        rows: the images.
        table: the label table.
        salt: by which the images' ids are hidden; the table's are hidden by it too. "" is none.
    """
    if salt:
        return hidden_reports(read_labels(table), salt)
    named = {getattr(row, key) for row in rows for key in KEYS} - {None}
    return read_labels(table, keep=named)


def labels_of(
    rows: Sequence[ImageRow],
    root: Path,
    labelled: Labelled,
    key: str,
    findings: tuple[str, ...],
    rules: Rules,
    *,
    several: str = "all",
    match_side: bool = False,
) -> ImageLabels:
    """Labels of images that all have a report.

    Args:
        rows: the images.
        root: where their paths lead from.
        labelled: what the reports say.
        key: the field of a row that names its report.
        findings: whose presence is learned.
        rules: what is made of doubt and of silence.
        several: what several images of a study weigh; see `reportnlp.images.join.SEVERAL`.
        match_side: an image of one side learns what the report says of that side.
    """
    reports = list(dict.fromkeys(getattr(row, key) for row in rows))
    answers = {report: labelled.answers[report] for report in reports}
    at = {report: place for place, report in enumerate(reports)}
    heard = said(answers, labelled.posteriors, findings).taken([at[getattr(row, key)] for row in rows])
    if match_side:
        heard = of_side(heard, rows, answers)
    goal = targets(heard, rules)
    return ImageLabels(
        rows=tuple(rows),
        findings=findings,
        target=goal.target,
        weight=goal.weight * one_each(rows, several)[1][:, None],
        mask=goal.mask,
        answers=heard.answers,
        policy=rules.policy,
        distribution=goal.distribution,
        root=root,
    )


def findings_of(labelled: Labelled, asked: Sequence[str], table: Path) -> tuple[str, ...]:
    """The findings that are asked for, or each whose presence the table answers, in its order.

    Raises:
        UnknownNameError: the table does not answer a finding that is asked for.
        InputError: it has no column of a finding.
    """
    columns = dict.fromkeys(question for row in labelled.answers.values() for question in row)
    there = [question for question in columns if "." not in question and _is_finding(labelled, question)]
    if not there:
        raise InputError(
            f"{table} has no finding column in it, so it is no label table. Give one of reportnlp label or "
            f"weak fit, or gold answers: report_id and a column per finding, with {', '.join(Presence)}."
        )
    for name in asked:
        if name not in there:
            raise unknown_name(f"finding of {table.name}", name, there)
    return tuple(asked) or tuple(there)


def _is_finding(labelled: Labelled, question: str) -> bool:
    """Whether a column has any answer about presence, or none at all."""
    said = {row[question] for row in labelled.answers.values() if row.get(question)}
    return not said or bool(said & {answer.value for answer in Presence})
