"""Images and the reports about them: which belong together, and what a report means for one side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from reportnlp.errors import InputError, unknown_name
from reportnlp.images.manifest import ImageRow
from reportnlp.images.policies import ABSENT, PRESENT, UNCERTAIN, Said
from reportnlp.images.table import UNANSWERED, Floats
from reportnlp.types import Presence

KEYS = ("report_id", "study", "accession")
"""Columns of a manifest that can hold a report's id."""

SEVERAL = ("all", "share", "first")
"""Of several images of a study all count, or all share the weight of one, or the first alone counts."""

OTHER_SIDE = {"L": "right", "R": "left"}


def key_of(rows: Sequence[ImageRow], reports: Collection[str], by: str = "") -> str:
    """The column of a manifest that names the reports.

    Args:
        rows: the images.
        reports: ids of the reports that have labels.
        by: the column; "" is the one under which most images have a report.

    Raises:
        UnknownNameError: no image can be joined by such a column.
        InputError: no image has a report.
    """
    if by and by not in KEYS:
        raise unknown_name("column to join by", by, KEYS)
    if by and not any(getattr(row, by) for row in rows):
        there = [key for key in KEYS if any(getattr(row, key) for row in rows)]
        raise InputError(
            f"The manifest has no column '{by}', or nothing in it. It can be joined by {', '.join(there)}: "
            "--join."
        )
    counts = Counter(
        {key: sum(getattr(row, key) in reports for row in rows) for key in ([by] if by else KEYS)}
    )
    best, matches = counts.most_common(1)[0]
    if not matches:
        raise InputError(
            f"None of {len(rows)} images and {len(reports)} labelled reports belong together by "
            f"{' or '.join(counts)}. Compare these columns of the manifest with the report_id of the labels."
        )
    return best


def one_each(rows: Sequence[ImageRow], several: str) -> tuple[list[int], Floats]:
    """Which images of each study count, and how much.

    Args:
        rows: the images.
        several: one of `SEVERAL`.

    Returns:
        Numbers of the images that stay, and (images that stay,) float32 weights.

    Raises:
        UnknownNameError: there is no such way.
    """
    if several not in SEVERAL:
        raise unknown_name("way with several images of a study", several, SEVERAL)
    counts = Counter(row.study for row in rows)
    first = {row.study: at for at, row in reversed(list(enumerate(rows)))}
    kept = [at for at, row in enumerate(rows) if several != "first" or first[row.study] == at]
    weights = [1 / counts[rows[at].study] if several == "share" else 1.0 for at in kept]
    return kept, np.array(weights, np.float32)


def of_side(told: Said, rows: Sequence[ImageRow], answers: Mapping[str, Mapping[str, str]]) -> Said:
    """What reports say of the side that an image shows.

    A finding that is present or in doubt on the other side alone is absent here; one whose side the report
    does not tell is unknown. Images of both sides, and findings without the attribute `laterality`, stay as
    they are.

    Args:
        told: what reports say, a row an image.
        rows: the images.
        answers: report id to question to answer, with those of `<finding>.laterality`.
    """
    found, p = told.answers.copy(), told.probabilities.copy()
    for at, (row, report) in enumerate(zip(rows, told.report_ids, strict=True)):
        other = OTHER_SIDE.get(row.laterality or "")
        for column, finding in enumerate(told.findings) if other else ():
            side = answers[report].get(f"{finding}.laterality")
            if side is None or found[at, column] not in (Presence.PRESENT, Presence.UNCERTAIN):
                continue
            if side == other:
                found[at, column] = Presence.ABSENT.value
                p[at, column, ABSENT] += p[at, column, PRESENT] + p[at, column, UNCERTAIN]
                p[at, column, [PRESENT, UNCERTAIN]] = 0
            elif side not in ("left", "right", "bilateral"):
                found[at, column], p[at, column] = UNANSWERED, 0
    return replace(told, answers=found, probabilities=p)
