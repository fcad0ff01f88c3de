"""Two methods on the same reports: the difference of every main figure, and whether chance explains it.

Intervals of differences are a paired bootstrap: both methods are scored on the same resampled reports. Tests:
McNemar for each question, DeLong for the ranking of each presence question; p values of one kind are adjusted
for their number (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reportnlp.evaluation import bootstrap, ranking
from reportnlp.evaluation.answers import NO_ANSWER, Answers, Pair, pair_up
from reportnlp.evaluation.bootstrap import Counts, Figure, Values, events, figure
from reportnlp.evaluation.labelled import Labelled, Looked
from reportnlp.evaluation.paired import DeLong, McNemar, delong, mcnemar
from reportnlp.evaluation.policy import kept_of, positive, presence_column, right
from reportnlp.evaluation.ranking import Column
from reportnlp.evaluation.scores import UncertainAs
from reportnlp.types import NOT_APPLICABLE

PANEL = "(panel)"

Both = tuple[Pair, Pair]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both methods.

    Attributes:
        question: its name, or `PANEL`.
        figure: precision, recall, f1, auroc, auprc; accuracy, macro_f1, micro_f1.
        first, second: of each method.
        difference: first less second, with its paired bootstrap interval.
    """

    question: str
    figure: str
    first: float
    second: float
    difference: Figure


@dataclass(frozen=True, slots=True)
class Test:
    """Whether chance explains a difference.

    Attributes:
        question: its name.
        n: reports.
        mcnemar: who is right where the other is wrong.
        holm: its p, adjusted for the number of questions.
        delong: the areas under both ROC curves, where both methods have probabilities and gold both classes.
        delong_holm: its p, adjusted likewise.
    """

    question: str
    n: int
    mcnemar: McNemar
    holm: float
    delong: DeLong | None = None
    delong_holm: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two methods over the reports that both have labelled.

    Attributes:
        first, second: their names.
        n: reports.
        differences: of figures.
        tests: one for each question.
    """

    first: str
    second: str
    n: int
    differences: tuple[Difference, ...]
    tests: tuple[Test, ...]


def compare(
    first: Labelled,
    second: Labelled,
    gold: Answers,
    *,
    seed: int,
    uncertain_as: UncertainAs = "negative",
    resamples: int = 1000,
) -> Comparison:
    """Compare two methods on the reports and questions that both have answered.

    `gold`, `seed`, `uncertain_as` and `resamples` are those of `evaluate`.

    Raises:
        InputError: they share no report or no question with gold.
    """
    both = {report: row for report, row in gold.items() if report in second.answers}
    ones, coverage = pair_up(first.answers, both)
    shared = {r: row for r, row in both.items() if r in first.answers}
    others = {pair.question: pair for pair in pair_up(second.answers, shared)[0]}
    pairs = [(pair, others[pair.question]) for pair in ones if pair.question in others]
    presence = [pair for pair in pairs if pair[0].is_presence]
    columns = _columns(first, second, presence, uncertain_as)
    found = [
        *_presence(presence, uncertain_as, seed, resamples),
        *_areas(presence, columns, seed, resamples),
        *(d for pair in pairs if not pair[0].is_presence for d in _attribute(pair, seed, resamples)),
    ]
    tests = _adjusted([_test(pair, uncertain_as) for pair in pairs], _ranked(presence, columns))
    return Comparison(first.method, second.method, coverage.scored, tuple(_in_order(found, pairs)), tests)


def _in_order(found: Sequence[Difference], pairs: Sequence[Both]) -> Iterator[Difference]:
    """Question by question, the panel first."""
    for question in (PANEL, *(one.question for one, _ in pairs)):
        yield from (difference for difference in found if difference.question == question)


def _presence(pairs: Sequence[Both], policy: UncertainAs, seed: int, resamples: int) -> Iterator[Difference]:
    if not pairs:
        return
    kept = np.stack([kept_of(one, policy) for one, _ in pairs], axis=1)
    gold = np.stack([positive(one.gold, policy) for one, _ in pairs], axis=1) & kept
    given = [
        np.stack([positive(pair[side].given, policy) for pair in pairs], axis=1) & kept for side in (0, 1)
    ]
    counted = [events(gold, side, kept) for side in given]
    first, second = _resampled(counted, seed, resamples)
    totals = [side.sum(axis=0) for side in counted]
    figures: dict[str, Callable[[Counts], Values]] = {
        "precision": bootstrap.precision,
        "recall": bootstrap.recall,
        "f1": bootstrap.f1,
    }
    for name, of in figures.items():
        pooled = [of(side.sum(axis=-2)) for side in (*totals, first, second)]
        yield _difference(PANEL, "micro_f1" if name == "f1" else name, *pooled)
    means = [bootstrap.mean(bootstrap.f1(side)) for side in (*totals, first, second)]
    yield _difference(PANEL, "macro_f1", *means)
    for at, (one, _) in enumerate(pairs):
        for name, of in figures.items():
            yield _difference(
                one.question, name, *(of(side[..., at, :]) for side in (*totals, first, second))
            )


def _resampled(counted: Sequence[Counts], seed: int, resamples: int) -> tuple[Counts, Counts]:
    """Counts of both methods on the same resampled reports."""
    samples = bootstrap.resample(np.concatenate(counted, axis=1), seed=seed, resamples=resamples)
    classes = counted[0].shape[1]
    return samples[:, :classes], samples[:, classes:]


def _difference(
    question: str, name: str, first: Values, second: Values, firsts: Values, seconds: Values
) -> Difference:
    one, other = float(first), float(second)
    return Difference(question, name, one, other, figure(one - other, firsts - seconds))


def _attribute(pair: Both, seed: int, resamples: int) -> Iterator[Difference]:
    one, other = pair
    asked = one.asked
    if not asked.any():
        return
    occur = {*one.gold[asked], *one.given[asked], *other.given[asked]} - {NOT_APPLICABLE, NO_ANSWER}
    answers = sorted(occur)
    gold = one.gold[asked][:, None] == answers
    counted = [events(gold, side.given[asked][:, None] == answers) for side in pair]
    first, second = _resampled(counted, seed, resamples)
    sides = (*(side.sum(axis=0) for side in counted), first, second)
    in_gold = gold.any(axis=0)
    yield _difference(one.question, "accuracy", *(bootstrap.accuracy(side) for side in sides))
    macro = (bootstrap.mean(bootstrap.f1(side[..., in_gold, :])) for side in sides)
    yield _difference(one.question, "macro_f1", *macro)
    yield _difference(one.question, "micro_f1", *(bootstrap.f1(side.sum(axis=-2)) for side in sides))


def _columns(
    first: Labelled, second: Labelled, pairs: Sequence[Both], policy: UncertainAs
) -> list[tuple[Column, Column]]:
    """Both methods' probabilities of presence over the reports of which both have one; [] without any."""
    if first.posteriors is None or second.posteriors is None:
        return []
    looked = Looked(first.posteriors), Looked(second.posteriors)
    found = []
    for pair in pairs:
        one, other = (presence_column(p, at, policy) for p, at in zip(pair, looked, strict=True))
        used = np.asarray(one.used & other.used)
        found.append((one._replace(used=used), other._replace(used=used)))
    return found


def _areas(
    pairs: Sequence[Both], columns: Sequence[tuple[Column, Column]], seed: int, resamples: int
) -> Iterator[Difference]:
    flat = [column for both in columns for column in both]
    samples = ranking.sampled(flat, seed=seed, resamples=resamples)
    values = np.array([ranking.observed(column) for column in flat]).reshape(len(flat), 2)
    for at, (one, _) in enumerate(pairs[: len(columns)]):
        for kind, name in enumerate(("auroc", "auprc")):
            sides = (values[2 * at, kind], values[2 * at + 1, kind])
            drawn = (samples[:, 2 * at, kind], samples[:, 2 * at + 1, kind])
            yield _difference(one.question, name, *sides, *drawn)


def _test(pair: Both, policy: UncertainAs) -> Test:
    (one, kept), (other, _) = (right(side, policy) for side in pair)
    if not kept.any():
        return Test(pair[0].question, 0, McNemar(0, 0, math.nan), math.nan)
    found = mcnemar(one[kept], other[kept])
    return Test(pair[0].question, int(kept.sum()), found, found.p)


def _ranked(pairs: Sequence[Both], columns: Sequence[tuple[Column, Column]]) -> dict[str, DeLong]:
    """DeLong's test of each presence question with two or more reports of each class."""
    found = {}
    for (pair, _), (one, other) in zip(pairs, columns, strict=False):
        gold = one.positive[one.used]
        if 2 <= gold.sum() <= len(gold) - 2:
            found[pair.question] = delong(gold, one.score[one.used], other.score[one.used])
    return found


def _adjusted(tests: Sequence[Test], ranked: dict[str, DeLong]) -> tuple[Test, ...]:
    adjusted = holm([test.mcnemar.p for test in tests])
    of_ranks = dict(zip(ranked, holm([test.p for test in ranked.values()]), strict=True))
    return tuple(
        replace(test, holm=p, delong=ranked.get(test.question), delong_holm=of_ranks.get(test.question))
        for test, p in zip(tests, adjusted, strict=True)
    )


def holm(ps: Sequence[float]) -> list[float]:
    """P values adjusted for their number, step down (Holm 1979, Scand J Stat 6:65); NaN does not count."""
    order = sorted((p, at) for at, p in enumerate(ps) if not math.isnan(p))
    adjusted, highest = list(ps), 0.0
    for rank, (p, at) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        adjusted[at] = highest
    return adjusted
