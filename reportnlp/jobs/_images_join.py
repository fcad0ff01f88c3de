"""A label table joined with images by their report: what each image is to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.read import read_labels
from reportnlp.evaluation.splits import random_split
from reportnlp.images.manifest import ImageRow
from reportnlp.images.policies import Rules, said, targets
from reportnlp.images.table import ImageLabels
from reportnlp.types import Report


def join(
    rows: Sequence[ImageRow], root: Path, table: Path, findings: Sequence[str], rules: Rules
) -> ImageLabels:
    """Labels of the images whose report is in a label table.

    Args:
        rows: the images; one without a report's id is joined by its study.
        root: where their paths lead from.
        table: a label table, as `reportnlp label` writes it.
        findings: whose presence is learned.
        rules: what is made of doubt and of silence.

    Raises:
        InputError: no image has a report there.
    """
    names = [row.report_id or row.study for row in rows]
    found = read_labels(table, keep=names)
    answers: Answers = {name: found.answers[name] for name in names if found.answers.get(name)}
    if not answers:
        raise InputError(
            f"None of the {len(rows)} images has a report in {table}. Compare the manifest's report_id (or "
            "study) with the table's report_id."
        )
    heard = said(answers, found.posteriors, findings)
    goal = targets(heard, rules)
    at = {report: place for place, report in enumerate(heard.report_ids)}
    kept = [place for place, name in enumerate(names) if name in at]
    order = np.array([at[names[place]] for place in kept], dtype=np.intp)
    return ImageLabels(
        tuple(rows[place] for place in kept),
        tuple(findings),
        goal.target[order],
        goal.weight[order],
        goal.mask[order],
        heard.answers[order],
        rules.policy,
        None if goal.distribution is None else goal.distribution[order],
        root,
    )


def with_splits(rows: Sequence[ImageRow], *, test_share: float, seed: int) -> tuple[ImageRow, ...]:
    """Images with a split each: their own where any has one, else drawn, patients whole.

    Raises:
        InputError: a share that is none, or too few patients for two sides.
    """
    if any(row.split for row in rows):
        return tuple(rows)
    # An image has no text; its place stands for one, so that only patients tie images together.
    stand_ins = [Report(str(at), str(at), patient=row.patient or row.study) for at, row in enumerate(rows)]
    test = set(random_split(stand_ins, seed=seed, test_share=test_share).test)
    return tuple(replace(row, split="test" if at in test else "train") for at, row in enumerate(rows))
