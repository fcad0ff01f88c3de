"""Votes with a known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportnlp.types import ABSTAIN, Posteriors, Presence, Question, Votes

Numbers = npt.NDArray[np.int64]
Cells = npt.NDArray[np.int8]

PRESENCE = tuple(Presence)


@dataclass(frozen=True, slots=True)
class Plan:
    """How functions vote.

    Attributes:
        balance: share of each answer.
        accuracy: by function, how often a vote is right; a wrong one is any other answer.
        coverage: how often a function that could vote does.
        unipolar: function to the one answer that it ever votes.
        silence: how often nothing is said where the last answer is true.
        copies: pairs of a function and how often a further one repeats it; else it votes like it at random.
    """

    balance: Sequence[float]
    accuracy: Sequence[float]
    coverage: float = 1.0
    unipolar: Mapping[int, int] = ()  # type: ignore[assignment]
    silence: float = 0.0
    copies: Sequence[tuple[int, float]] = ()


def plant(plan: Plan, *, reports: int = 4000, seed: int = 0) -> tuple[Numbers, Cells]:
    """(reports,) the truth, and (reports, functions) the votes."""
    generator = np.random.default_rng(seed)
    kinds = len(plan.balance)
    truth = generator.choice(kinds, size=reports, p=plan.balance)
    columns = [
        _voice(plan, number, accuracy, truth, generator) for number, accuracy in enumerate(plan.accuracy)
    ]
    for source, often in plan.copies:
        other = generator.permutation(reports)
        repeats = generator.random(reports) < often
        columns.append(np.where(repeats, columns[source], columns[source][other]).astype(np.int8))
    return truth, np.stack(columns, axis=1)


def _voice(
    plan: Plan, number: int, accuracy: float, truth: Numbers, generator: np.random.Generator
) -> npt.NDArray[np.int8]:
    kinds, reports = len(plan.balance), len(truth)
    wrong = (truth + generator.integers(1, kinds, reports)) % kinds
    vote = np.where(generator.random(reports) < accuracy, truth, wrong)
    said = generator.random(reports) < plan.coverage
    said &= ~((truth == kinds - 1) & (generator.random(reports) < plan.silence))
    only = dict(plan.unipolar).get(number)
    if only is not None:
        said &= vote == only
    return np.where(said, vote, ABSTAIN).astype(np.int8)


def votes_of(cells: Cells, answers: Sequence[str] = ("yes", "no")) -> Votes:
    """One question's votes."""
    return table(cells[:, :, None], [Question("finding", None, tuple(answers))])


def table(values: Cells, questions: Sequence[Question]) -> Votes:
    """Votes with made-up names of reports and functions."""
    ids = tuple(f"r{number}" for number in range(len(values)))
    names = tuple(f"f{number}" for number in range(values.shape[1]))
    return Votes(values, ids, names, tuple(questions))


def picks(posteriors: Posteriors, question: int = 0) -> Numbers:
    """(reports,) the likeliest answer."""
    return np.asarray(posteriors.values[:, question].argmax(axis=1))


def right(posteriors: Posteriors, truth: Numbers) -> float:
    """Share of right answers."""
    return float((picks(posteriors) == truth).mean())


def f1(posteriors: Posteriors, truth: Numbers, answer: int) -> float:
    """F1 of one answer."""
    given, wanted = picks(posteriors) == answer, truth == answer
    return float(2 * (given & wanted).sum() / max(1, given.sum() + wanted.sum()))


def overconfident(posteriors: Posteriors, truth: Numbers) -> float:
    """Mean probability of the given answers, less how often they are right."""
    return float(posteriors.values[:, 0].max(axis=1).mean()) - right(posteriors, truth)
