"""Counts of votes, batch by batch: who votes, who agrees with whom, and who is right where gold is known.

Coverage, overlap and conflict are those of data programming (Ratner et al. 2017, arXiv:1711.10160).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportnlp.types import ABSTAIN, NOT_APPLICABLE, Presence, Question, Votes

Counts = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int8]

NORMAL_95 = 1.959963984540054
"""Standard deviations that hold 95 % of a normal distribution."""


@dataclass(slots=True, eq=False)
class Tally:
    """What was counted over some reports; two of them can be added.

    Attributes:
        reports: how many.
        known: of them, those with any gold answer.
        spoken: reports times questions about presence to which any function votes more than not_mentioned.
        overlap, conflict: (functions, questions), votes beside another function's, and beside another answer.
        matched: (functions, questions, answers, gold answers), votes by what gold says; the last of the gold
            answers stands for none known.
        asked: (questions, answers), gold answers.
        both, agreed: (functions, functions), votes on presence of both, and the same votes.
    """

    reports: int
    known: int
    spoken: int
    overlap: Counts
    conflict: Counts
    matched: Counts
    asked: Counts
    both: Counts
    agreed: Counts

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.reports + other.reports,
            self.known + other.known,
            self.spoken + other.spoken,
            self.overlap + other.overlap,
            self.conflict + other.conflict,
            self.matched + other.matched,
            self.asked + other.asked,
            self.both + other.both,
            self.agreed + other.agreed,
        )


def tally(votes: Votes, gold: Indices) -> Tally:
    """Count some votes.

    Args:
        votes: (reports, functions, questions) int8.
        gold: (reports, questions) int8, answer index or `ABSTAIN` where gold is not known.
    """
    values = votes.values
    width = max(len(question.answers) for question in votes.questions)
    voted = values != ABSTAIN
    by_answer = _one_hot(values, width)
    votes_each = by_answer.sum(axis=1)  # (reports, questions, answers)
    others = votes_each.sum(axis=-1)[:, None, :] - voted
    same = np.take_along_axis(votes_each[:, None], np.maximum(values, 0)[..., None].astype(np.intp), -1)[
        ..., 0
    ]
    told = np.concatenate([_one_hot(gold, width), (gold == ABSTAIN)[..., None]], axis=-1)
    presence = [at for at, question in enumerate(votes.questions) if question.attribute is None]
    return Tally(
        reports=len(values),
        known=int((gold != ABSTAIN).any(axis=1).sum()),
        spoken=_spoken(values[:, :, presence]),
        overlap=(voted & (others > 0)).sum(axis=0),
        conflict=(voted & (others > same - 1)).sum(axis=0),
        matched=np.einsum("rfqa,rqg->fqag", by_answer, told, dtype=np.int64, casting="unsafe"),
        asked=told[..., :-1].sum(axis=0, dtype=np.int64),
        **_pairs(by_answer[:, :, presence], voted[:, :, presence]),
    )


def _spoken(presence: Indices) -> int:
    silent = (presence == ABSTAIN) | (presence == tuple(Presence).index(Presence.NOT_MENTIONED))
    return int((~silent).any(axis=1).sum())


def _one_hot(values: Indices, width: int) -> Indices:
    """(..., answers) int8 of 0 and 1; all 0 for an abstain."""
    hot: Indices = (values[..., None] == np.arange(width, dtype=np.int8)).astype(np.int8)
    return hot


def _pairs(by_answer: Indices, voted: npt.NDArray[np.bool_]) -> dict[str, Counts]:
    functions = voted.shape[1]
    flat = voted.swapaxes(0, 1).reshape(functions, -1).astype(np.float64)
    answers = by_answer.swapaxes(0, 1).reshape(functions, -1).astype(np.float64)
    return {"both": (flat @ flat.T).astype(np.int64), "agreed": (answers @ answers.T).astype(np.int64)}


def gold_indices(
    report_ids: Sequence[str], questions: Sequence[Question], gold: Mapping[str, Mapping[str, str]]
) -> Indices:
    """Gold answers as indices, (reports, questions) int8; `ABSTAIN` where there is none.

    An attribute is asked only where the finding is present: `not_applicable` is no gold answer here.
    """
    indices = np.full((len(report_ids), len(questions)), ABSTAIN)
    places = [{a: i for i, a in enumerate(q.answers) if a != NOT_APPLICABLE} for q in questions]
    for row, report in enumerate(report_ids):
        told = gold.get(report)
        for at, question in enumerate(questions) if told else ():
            indices[row, at] = places[at].get(told.get(question.name, "") if told else "", ABSTAIN)
    return indices


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, with its 95 % interval (Wilson 1927); NaN of nothing."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share."""
        return self.part / self.whole if self.whole else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Its bounds."""
        if not self.whole:
            return math.nan, math.nan
        n, p, z = self.whole, self.value, NORMAL_95
        middle = p + z * z / (2 * n)
        spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))


@dataclass(frozen=True, slots=True)
class Record:
    """One function's figures, on one question or on several together.

    Attributes:
        function: its name.
        question: the question, or `PRESENCE` or `ATTRIBUTES` for all of a kind.
        coverage: votes of reports (times questions).
        overlap: reports where it and another function vote.
        conflict: reports where it votes and another votes otherwise.
        accuracy: votes that are the gold answer, of those whose gold answer is known; without votes for an
            answer about presence that gold gives nowhere (see `never_gold`).
        two_way: votes that are right about present or not, of all whose gold is known; of presence only.
        found: gold `present` that it votes `present`; of presence only.
        answers: for each answer votes that are right, of those that `accuracy` counts.
    """

    function: str
    question: str
    coverage: Share
    overlap: Share
    conflict: Share
    accuracy: Share
    two_way: Share
    found: Share
    answers: Mapping[str, Share]


PRESENCE, ATTRIBUTES = "presence", "attributes"
"""All questions of a kind together."""


def records(counted: Tally, functions: Sequence[str], questions: Sequence[Question]) -> Iterator[Record]:
    """Each function's figures: on presence together, on attributes together, then on each question."""
    kinds = {
        PRESENCE: [at for at, q in enumerate(questions) if q.attribute is None],
        ATTRIBUTES: [at for at, q in enumerate(questions) if q.attribute is not None],
    }
    groups = {
        **{name: at for name, at in kinds.items() if at},
        **{q.name: [i] for i, q in enumerate(questions)},
    }
    left_out = never_gold(counted, questions)
    for f, function in enumerate(functions):
        for name, at in groups.items():
            yield _record(counted, f, at, (function, name), [questions[i] for i in at], left_out)


def never_gold(counted: Tally, questions: Sequence[Question]) -> tuple[str, ...]:
    """Answers about presence that gold gives nowhere, though it gives others.

    Coders who say what is there, and no more, leave denials, doubt and silence under one answer. A vote for
    one of these would count as wrong whatever the report says; it is scored as "not present" only.
    """
    presence = [at for at, question in enumerate(questions) if question.attribute is None]
    asked = counted.asked[presence].sum(axis=0)
    return tuple(answer.value for at, answer in enumerate(Presence) if not asked[at]) if asked.any() else ()


def _record(
    counted: Tally,
    f: int,
    at: list[int],
    names: tuple[str, str],
    questions: Sequence[Question],
    left_out: Sequence[str],
) -> Record:
    whole = counted.reports * len(at)
    matched = counted.matched[f, at]  # (questions, answers, gold answers and unknown)
    known = matched[..., :-1]
    is_presence = questions[0].attribute is None
    scored = known.copy()
    if is_presence:
        scored[:, [index for index, answer in enumerate(Presence) if answer in left_out]] = 0
    two_way, found = _two_way(known, counted.asked[at]) if is_presence else (Share(0, 0), Share(0, 0))
    return Record(
        *names,
        Share(int(matched.sum()), whole),
        Share(int(counted.overlap[f, at].sum()), whole),
        Share(int(counted.conflict[f, at].sum()), whole),
        Share(int(np.trace(scored, axis1=1, axis2=2).sum()), int(scored.sum())),
        two_way,
        found,
        _by_answer(scored, questions),
    )


def _two_way(known: Counts, asked: Counts) -> tuple[Share, Share]:
    """Votes that are right about present or not, and gold `present` that is voted so."""
    present = tuple(Presence).index(Presence.PRESENT)
    hits = int(known[:, present, present].sum())
    one_sided = int(known[:, present].sum() + known[..., present].sum()) - 2 * hits
    votes = int(known.sum())
    return Share(votes - one_sided, votes), Share(hits, int(asked[:, present].sum()))


def _by_answer(known: Counts, questions: Sequence[Question]) -> dict[str, Share]:
    right: dict[str, int] = {}
    given: dict[str, int] = {}
    for row, question in zip(known, questions, strict=True):
        for index, answer in enumerate(question.answers):
            right[answer] = right.get(answer, 0) + int(row[index, index])
            given[answer] = given.get(answer, 0) + int(row[index].sum())
    return {answer: Share(right[answer], given[answer]) for answer in right if answer != NOT_APPLICABLE}
