"""One question's votes, as what a label model learns from: the patterns that occur, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, unknown_name
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, UNSPECIFIED, Presence, Question

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

Balance = Mapping[str, Mapping[str, float]]
"""Question name to answer to its share among reports (of an attribute: among those with the finding)."""

TINY = 1e-300

SILENT = (Presence.NOT_MENTIONED.value, UNSPECIFIED)
"""Answers that the silence of every function speaks for."""


@dataclass(frozen=True)
class Problem:
    """What is known of one question.

    Attributes:
        name: of the question.
        answers: its answers without `not_applicable`.
        cells: (patterns, functions) int64: number of an answer, or `len(answers)` for an abstention.
        counts: (patterns,) float64: reports that have each pattern.
        rows: (reports,) int64: the pattern of each.
        fixed: (answers,) float64: shares that were given; NaN where a share is estimated.
    """

    name: str
    answers: tuple[str, ...]
    cells: Numbers
    counts: Floats
    rows: Numbers
    fixed: Floats

    @property
    def functions(self) -> int:
        """How many functions there are, voting or not."""
        return int(self.cells.shape[1])

    @property
    def abstained(self) -> int:
        """The number in `cells` that stands for an abstention."""
        return len(self.answers)

    @cached_property
    def silent(self) -> int | None:
        """The answer that silence speaks for, where there is one."""
        return next((n for n, answer in enumerate(self.answers) if answer in SILENT), None)

    @cached_property
    def voiced(self) -> npt.NDArray[np.bool_]:
        """(functions, answers) bool: what each ever votes."""
        cells = self.cells[self.counts > 0]
        return np.stack([(cells == n).any(axis=0) for n in range(len(self.answers))], axis=1)

    @cached_property
    def voting(self) -> npt.NDArray[np.bool_]:
        """(functions,) bool: whether each ever answers."""
        return np.asarray(self.voiced.any(axis=1))

    @cached_property
    def possible(self) -> npt.NDArray[np.bool_]:
        """(answers,) bool: what some function votes, what silence means, and what was given a share.

        An answer that nothing speaks for would take in whatever the others do not explain.
        """
        if not self.voting.any():
            return np.isnan(self.fixed) | (self.fixed > 0)
        voted = self.voiced.any(axis=0)
        if self.silent is not None:
            voted[self.silent] = True
        return np.asarray(np.where(np.isnan(self.fixed), voted, self.fixed > 0))

    @cached_property
    def supported(self) -> npt.NDArray[np.bool_]:
        """(patterns, answers) bool: what some function votes there, and what silence means; else all."""
        found = np.stack([(self.cells == n).any(axis=1) for n in range(len(self.answers))], axis=1)
        if self.silent is not None:
            found[:, self.silent] = True
        return np.asarray(found | ~found.any(axis=1, keepdims=True))

    @cached_property
    def shares(self) -> Floats:
        """(patterns, answers): share of the votes, see `shares_by`."""
        return self.shares_by(np.ones(self.functions))

    def shares_by(self, weights: Floats) -> Floats:
        """(patterns, answers): share of the votes; where all are silent the silent answer, or what is common.

        Args:
            weights: (functions,) how much a vote of each counts.
        """
        shares = np.stack([(self.cells == n) @ weights for n in range(len(self.answers))], axis=1)
        nobody = shares.sum(axis=1) == 0
        common = self.counts @ shares
        if not self.voting.any():
            shares[:] = self.possible
        elif self.silent is not None:
            shares[nobody, self.silent] = 1
        else:
            shares[nobody] = common / common.sum()
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @cached_property
    def balance(self) -> Floats:
        """(answers,): shares that were given, and the votes' own for the rest."""
        return self.shared(self.counts @ self.shares)

    def shared(self, counts: Floats) -> Floats:
        """(answers,): counts as shares, with those that were given put in."""
        given = ~np.isnan(self.fixed)
        left = max(0.0, 1 - float(self.fixed[given].sum()))
        free = np.where(given | ~self.possible, 0, counts)
        if free.sum() <= 0:
            free = (~given & self.possible if (~given & self.possible).any() else ~given).astype(np.float64)
        return np.asarray(np.where(given, np.nan_to_num(self.fixed), left * free / max(free.sum(), TINY)))

    def trusting(self, trust: float, weights: Floats) -> Floats:
        """(patterns, answers): the votes believed with that probability, else what is common."""
        shares = self.shares_by(weights)
        return trust * shares + (1 - trust) * self.shared(self.counts @ shares)


def problem(
    question: Question, votes: npt.NDArray[np.int8], weights: Floats | None, balance: Balance
) -> Problem:
    """Gather one question's votes.

    Args:
        question: the question.
        votes: (reports, functions) int8, without `not_applicable`.
        weights: (reports,) how much each counts; None: all alike.
        balance: shares that are known.

    Raises:
        InputError: the shares of this question cannot be.
    """
    answers = tuple(str(answer) for answer in question.answers if answer != NOT_APPLICABLE)
    # attributes list `not_applicable` last, so that the numbers of the other answers stand
    symbols = np.where(votes == ABSTAIN, len(answers), votes).astype(np.int64)
    cells, rows = np.unique(symbols, axis=0, return_inverse=True)
    rows = rows.reshape(-1)
    counts = np.bincount(rows, weights=weights, minlength=len(cells)).astype(np.float64)
    return Problem(question.name, answers, cells, counts, rows, _fixed(question.name, answers, balance))


def _fixed(name: str, answers: tuple[str, ...], balance: Balance) -> Floats:
    given = balance.get(name, {})
    for answer, share in given.items():
        if answer not in answers:
            raise unknown_name(f"answer to {name}", answer, answers)
        if not 0 <= share <= 1:
            raise InputError(f"The share of {name} = {answer} is {share}. Give a number from 0 to 1.")
    fixed = np.array([given.get(answer, np.nan) for answer in answers])
    total = float(np.nansum(fixed))
    whole = not np.isnan(fixed).any()
    if total > 1 + 1e-6 or (whole and total < 1 - 1e-6):
        raise InputError(
            f"The shares of the answers to {name} sum to {total:.6g}. Let them sum to 1, or leave "
            "some out to have those estimated."
        )
    return fixed
