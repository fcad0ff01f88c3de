"""Every answer against all others of its question: `location=segmental` or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np

from reportnlp.evaluation import bootstrap, ranking
from reportnlp.evaluation.answers import NO_ANSWER, Pair
from reportnlp.evaluation.bootstrap import Counts, Figure, events, figure
from reportnlp.evaluation.labelled import Looked
from reportnlp.evaluation.ranking import Column, Curve
from reportnlp.evaluation.scores import AnswerScore
from reportnlp.types import NOT_APPLICABLE

Five = tuple[Figure, Figure, Figure, Figure, Figure]

_FIGURES = (
    bootstrap.prevalence,
    bootstrap.precision,
    bootstrap.recall,
    bootstrap.specificity,
    bootstrap.f1,
)


def score(
    pairs: Sequence[Pair], looked: Looked | None, *, seed: int, resamples: int
) -> tuple[tuple[AnswerScore, ...], tuple[Curve, ...]]:
    """Scores of every answer, and for attributes their curves (those of presence follow the policy)."""
    asked = [(pair, answer) for pair in pairs for answer in answers_to(pair)]
    columns = [] if looked is None else [_column(pair, answer, looked) for pair, answer in asked]
    areas: Iterable[tuple[Figure | None, Figure | None]] = ranking.areas(
        columns, seed=seed, resamples=resamples
    ) or repeat((None, None))
    counted = (f for pair in pairs for f in _figures(pair, seed, resamples))
    scores = tuple(
        AnswerScore(pair.question, answer, n, support, *figures, *area)
        for (pair, answer), (n, support, figures), area in zip(asked, counted, areas, strict=False)
    )
    curves = (
        ranking.curve(pair.question, answer, column)
        for (pair, answer), column in zip(asked, columns, strict=False)
        if not pair.is_presence
    )
    return scores, tuple(curve for curve in curves if curve is not None)


def answers_to(pair: Pair) -> list[str]:
    """The answers that occur, but for those that say there is none."""
    if not pair.asked.any():
        return []
    occur = {*pair.gold[pair.asked], *pair.given[pair.asked]} - {NOT_APPLICABLE, NO_ANSWER}
    return [answer for answer in pair.answers if answer in occur]


def _column(pair: Pair, answer: str, looked: Looked) -> Column:
    positive = np.asarray(pair.gold == answer)
    return ranking.usable(positive, looked.of(pair, [answer])[:, 0], pair.asked)


def _figures(pair: Pair, seed: int, resamples: int) -> list[tuple[int, int, Five]]:
    answers = answers_to(pair)
    if not answers:
        return []
    gold, given = pair.gold[pair.asked], pair.given[pair.asked]
    counted = events(gold[:, None] == answers, given[:, None] == answers)
    samples = bootstrap.resample(counted, seed=seed, resamples=resamples)
    return [_of_one(counted[:, at].sum(axis=0), samples[:, at]) for at in range(len(answers))]


def _of_one(counts: Counts, samples: Counts) -> tuple[int, int, Five]:
    one, two, three, four, five = (figure(float(of(counts)), of(samples)) for of in _FIGURES)
    return int(counts[bootstrap.ASKED]), int(counts[bootstrap.GOLD]), (one, two, three, four, five)
