"""Where labels and gold differ: report ids and offsets, never text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportnlp.evaluation.answers import Answers, Mask, Pair, pair_up
from reportnlp.evaluation.labelled import Labelled, Looked
from reportnlp.evaluation.policy import kept_of, positive
from reportnlp.evaluation.scores import UncertainAs

Kind = Literal["missed", "false alarm", "other answer"]
"""Of presence: present and not found; found and not present; another answer that counts the same, such as
`absent` for `not_mentioned`. Of attributes always the last."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One answer that is not gold's.

    Attributes:
        report: the report's id.
        question: the question's name.
        kind: what sort of mistake.
        gold, given: the answers.
        probability: of the given answer; None where it is not known.
        start, end: the evidence, as offsets into the report's text; None where there is none.
        section: the section it stands in; "" where it is not known.
    """

    report: str
    question: str
    kind: Kind
    gold: str
    given: str
    probability: float | None
    start: int | None
    end: int | None
    section: str


def mistakes(
    labelled: Labelled, gold: Answers, *, uncertain_as: UncertainAs = "negative"
) -> tuple[Mistake, ...]:
    """Every answer that differs from gold, question by question, the most confident first.

    Among equally confident ones those come first that count against presence, then it goes by report id.
    """
    pairs, _ = pair_up(labelled.answers, gold)
    looked = None if labelled.posteriors is None else Looked(labelled.posteriors)
    return tuple(
        mistake
        for pair in pairs
        for mistake in sorted(_of_one(pair, labelled, looked, uncertain_as), key=_confident_first)
    )


def _confident_first(mistake: Mistake) -> tuple[float, bool, str]:
    return -(mistake.probability or 0), mistake.kind == "other answer", mistake.report


def _of_one(pair: Pair, labelled: Labelled, looked: Looked | None, policy: UncertainAs) -> Iterator[Mistake]:
    probability = np.full(len(pair.reports), np.nan) if looked is None else looked.given(pair)
    kinds = _kinds(pair, policy)
    for at in np.flatnonzero(pair.asked & (pair.gold != pair.given)).tolist():
        report, p = pair.reports[at], float(probability[at])
        where = labelled.evidence.get((report, pair.question))
        yield Mistake(
            report,
            pair.question,
            kinds[at],
            pair.gold[at],
            pair.given[at],
            None if math.isnan(p) else round(p, 4),
            where.start if where else None,
            where.end if where else None,
            where.section if where else "",
        )


def _kinds(pair: Pair, policy: UncertainAs) -> Sequence[Kind]:
    kinds: list[Kind] = ["other answer"] * len(pair.reports)
    if pair.is_presence:
        gold, given, kept = positive(pair.gold, policy), positive(pair.given, policy), kept_of(pair, policy)
        sorts: tuple[tuple[Kind, Mask], ...] = (("missed", gold & ~given), ("false alarm", given & ~gold))
        for kind, where in sorts:
            for at in np.flatnonzero(where & kept):
                kinds[at] = kind
    return kinds
