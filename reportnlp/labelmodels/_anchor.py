"""Where estimation begins and what it is drawn to: the votes, believed as far as a function is trusted.

A latent answer has no name of its own: without an anchor EM may give the rarest answer to the largest heap
of reports, or swap two. The anchor is each function's rates if the votes' majority were right that often,
so that it knows which answers a function ever gives and how often it is silent. A class balance taken to be
even, as in snorkel's default, is an anchor too, and a wrong one for findings that one report in a hundred
has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from reportnlp.labelmodels._em import Learned, Pull, counted, rates_of
from reportnlp.labelmodels._problem import Floats, Problem

FEWEST = 3
"""Functions that must vote before their rates can be told from the votes; with fewer the anchor stands."""

EVEN = 0.05
"""Share of the anchor that is even over all votes, so that nothing is impossible."""

BALANCE = 0.1
"""Imaginary reports of each answer."""


class Settings(BaseModel):
    """Base of every `Config`: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Belief(Settings):
    """Settings of what is believed before anything is learned.

    Chosen on Open-I outside NegBio's test list (voices of the rules, with and without the rules as a whole)
    and on planted votes, where they hardly matter.

    Attributes:
        trust: how often the majority of the votes is taken to be right.
        smoothing: imaginary votes of each function under each true answer, at the rates this gives.
        faith: further imaginary votes for each vote there is.
        unsupported: what the odds of an answer are multiplied by in reports where nobody votes for it.
        silence: how much of a vote the abstention of a function counts that knows one answer only.
        steps: of EM, at most.
        tolerance: gain of log-likelihood per report that is too small to go on for.
    """

    trust: float = Field(default=0.9, gt=0, lt=1)
    smoothing: float = Field(default=10.0, gt=0)
    faith: float = Field(default=0.05, ge=0)
    unsupported: float = Field(default=0.03, gt=0, le=1)
    silence: float = Field(default=1.0, ge=0, le=1)
    steps: int = Field(default=200, ge=1)
    tolerance: float = Field(default=1e-7, gt=0)


def anchor(problems: Sequence[Problem], start: Sequence[Floats], config: Belief) -> Pull:
    """What rates are drawn to."""
    votes = np.asarray(sum(counted(one, found) for one, found in zip(problems, start, strict=True)))
    rates = rates_of(votes)
    rates = (1 - EVEN) * rates + EVEN / rates.shape[2]
    voiced = np.any([problem.voiced for problem in problems], axis=0)
    return Pull(
        config.smoothing * rates + config.faith * votes,
        BALANCE,
        np.where(voiced.sum(axis=1) == 1, config.silence, 1.0),
        config.unsupported,
        int(voiced.any(axis=1).sum()) < FEWEST,
    )


def starts(
    problems: Sequence[Problem], first: Sequence[Floats], *, restarts: int, seed: int
) -> Iterator[list[Floats]]:
    """The first start, and then others that random shares are mixed into."""
    yield list(first)
    generator = np.random.default_rng(seed)
    for _ in range(restarts):
        yield [_stirred(problem, found, generator) for problem, found in zip(problems, first, strict=True)]


def _stirred(problem: Problem, found: Floats, generator: np.random.Generator) -> Floats:
    noise = generator.dirichlet(np.ones(found.shape[1]), size=len(found)) * (problem.balance > 0)
    mixed = 0.7 * found + 0.3 * noise / np.maximum(noise.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def named_right(problem: Problem, learned: Learned) -> bool:
    """Whether each answer that is voted for is voted for more where it is true than where it is not.

    Otherwise EM has swapped answers, or made up one of its own.
    """
    kinds = len(problem.answers)
    rates = learned.rates[:, :, :kinds].sum(axis=0)
    voted = (problem.counts[:, None] * (problem.cells < kinds)).sum() > 0
    for answer in np.flatnonzero(problem.possible & (learned.balance > 0)):
        others = np.delete(np.arange(kinds), answer)
        others = others[problem.possible[others]]
        if voted and len(others) and rates[answer, answer] + 1e-9 < rates[others, answer].max():
            return False
    return True
