"""Expectation maximisation of vote rates, with latent answers (Dawid and Skene 1979).

An abstention is a symbol beside the answers, with a rate of its own under each true answer. So a function
that only ever votes one answer tells by its silence too, and reports of which nobody speaks are no missing
data. How much the silence of a function that knows one answer only counts beside a vote can be set: it is
silent wherever another such function speaks, so its silence repeats a vote that is counted already. Rates
stay the shares that are expected, whatever it is set to: below 1 that makes this the expectation-solution
algorithm (Elashoff and Ryan 2004, J Comput Graph Stat 13:48), whose likelihood may fall a little near its
end; at 1 it is EM, and never falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reportnlp.labelmodels._problem import Floats, Problem

TINY = 1e-12
"""Rates are kept above it, for their logarithms."""


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What was learned of one question.

    Attributes:
        balance: (answers,) share of each.
        rates: (functions, answers, answers + 1): of each vote under each true answer; the last is abstaining.
        repeats: (functions, functions) how far each repeats the others, 1 with itself; all 0 where no vote
            says anything.
        silence: (functions,) how much of a vote the abstention of each counts.
        unsupported: what the odds of an answer are multiplied by in reports where nobody votes for it.
    """

    balance: Floats
    rates: Floats
    repeats: Floats
    silence: Floats
    unsupported: float = 1.0

    @property
    def weights(self) -> Floats:
        """(functions,) how much of a vote each one's counts where all that it repeats say the same."""
        together = self.repeats.sum(axis=1)
        return np.divide(1, together, out=np.zeros_like(together), where=together > 0)


class Run(NamedTuple):
    """One run of EM.

    Attributes:
        learned: by problem.
        posteriors: by problem, (patterns, answers).
        trace: penalised log-likelihood after each step; it never falls.
    """

    learned: tuple[Learned, ...]
    posteriors: tuple[Floats, ...]
    trace: tuple[float, ...]


class Pull(NamedTuple):
    """What estimates are drawn to.

    Attributes:
        rates: (functions, answers, answers + 1) imaginary votes.
        balance: imaginary reports of each answer.
        silence, unsupported: see `Learned`.
        hold: keep the rates at what the imaginary votes say.
    """

    rates: Floats
    balance: float
    silence: Floats
    unsupported: float
    hold: bool = False


def posterior(problem: Problem, learned: Learned, worth: Floats | None = None) -> tuple[Floats, Floats]:
    """(patterns, answers) probabilities, and (patterns,) log-likelihoods; `worth` as `worth_of` gives it."""
    joint = _joint(problem, learned, worth_of(problem, learned.repeats) if worth is None else worth)
    highest = joint.max(axis=1, keepdims=True)
    powers = np.exp(joint - highest)
    total = powers.sum(axis=1, keepdims=True)
    return powers / total, (highest + np.log(total))[:, 0]


def worth_of(problem: Problem, repeats: Floats) -> Floats:
    """(patterns, functions): what each vote counts in a report, 1 over those there that it repeats.

    A vote repeats what says the same beside it. Where its copies say otherwise or nothing, it stands whole: a
    group of them is one good voice then, and not one that their silence has thinned.
    """
    cells = problem.cells
    together = [(cells == cells[:, [function]]) @ own for function, own in enumerate(repeats)]
    return np.asarray(1 / np.stack(together, axis=1))


def _joint(problem: Problem, learned: Learned, worth: Floats) -> Floats:
    logarithms = np.log(np.maximum(learned.rates, TINY))
    logarithms[:, :, problem.abstained] *= learned.silence[:, None]
    odds = np.where(problem.supported, 1.0, learned.unsupported)
    joint = _logarithm(learned.balance) + np.log(odds)
    for function, own in enumerate(logarithms):
        joint += own.T[problem.cells[:, function]] * worth[:, [function]]
    return joint


def _logarithm(shares: Floats) -> Floats:
    """Minus infinity for what cannot be."""
    return np.log(shares, out=np.full_like(shares, -np.inf), where=shares > 0)


def counted(problem: Problem, posteriors: Floats, worth: Floats | None = None) -> Floats:
    """(functions, answers, answers + 1): expected votes of each function under each true answer."""
    functions, kinds, symbols = problem.functions, len(problem.answers), len(problem.answers) + 1
    places = (problem.cells + symbols * np.arange(functions)).ravel()
    each = np.ones(problem.cells.shape) if worth is None else worth
    weighted = posteriors * problem.counts[:, None]
    found = [
        np.bincount(places, (weighted[:, [answer]] * each).ravel(), functions * symbols)
        for answer in range(kinds)
    ]
    votes = np.stack(found).astype(np.float64)
    return votes.reshape(kinds, functions, symbols).transpose(1, 0, 2)


def rates_of(counts: Floats) -> Floats:
    """Counts as rates; where there are none, every vote is alike."""
    total = counts.sum(axis=2, keepdims=True)
    alike = np.full_like(counts, 1 / counts.shape[2])
    return np.asarray(np.divide(counts, total, out=alike, where=total > 0))


def run(
    problems: Sequence[Problem],
    start: Sequence[Floats],
    pull: Pull,
    repeats: Floats,
    *,
    steps: int,
    tolerance: float,
) -> Run:
    """Fit rates that the problems share, and a balance for each.

    Args:
        problems: questions with the same answers, over the same functions.
        start: by problem, (patterns, answers) probabilities to begin with.
        pull: what estimates are drawn to.
        repeats: (functions, functions), see `Learned`.
        steps: the most to take.
        tolerance: gain of log-likelihood per report that is too small to go on for.
    """
    posteriors, trace = tuple(start), [-np.inf]
    reports = sum(float(problem.counts.sum()) for problem in problems)
    worths = [worth_of(problem, repeats) for problem in problems]
    learned: tuple[Learned, ...] = ()
    for _ in range(steps):
        learned = _maximised(problems, posteriors, worths, pull, repeats)
        steps_taken = [posterior(*part) for part in zip(problems, learned, worths, strict=True)]
        posteriors = tuple(found for found, _ in steps_taken)
        parts = zip(problems, learned, (logs for _, logs in steps_taken), strict=True)
        trace.append(sum(_value(*part, pull) for part in parts) + _rates_value(learned[0], pull))
        if trace[-1] - trace[-2] < tolerance * reports:
            break
    return Run(learned, posteriors, tuple(trace[1:]))


def _maximised(
    problems: Sequence[Problem],
    posteriors: Sequence[Floats],
    worths: Sequence[Floats],
    pull: Pull,
    repeats: Floats,
) -> tuple[Learned, ...]:
    votes = sum(counted(*part) for part in zip(problems, posteriors, worths, strict=True))
    rates = rates_of(pull.rates if pull.hold else np.asarray(votes) + pull.rates)
    return tuple(
        Learned(
            problem.shared(problem.counts @ found + pull.balance),
            rates,
            repeats,
            pull.silence,
            pull.unsupported,
        )
        for problem, found in zip(problems, posteriors, strict=True)
    )


def _value(problem: Problem, learned: Learned, logs: Floats, pull: Pull) -> float:
    free = np.isnan(problem.fixed) & problem.possible
    prior = pull.balance * np.log(np.maximum(learned.balance[free], TINY)).sum()
    return float(problem.counts @ logs + prior)


def _rates_value(learned: Learned, pull: Pull) -> float:
    return float((pull.rates * np.log(np.maximum(learned.rates, TINY))).sum())
