"""Functions that repeat one another, and what a vote of theirs is then worth.

Two functions depend on one another as far as one's vote tells of the other's beyond what the true answer
tells: their conditional mutual information. That is what the residual structure of Varma et al. 2019 (ICML,
"Learning dependency structures for weak supervision models") measures for linear dependence. Instead of a
factor for each pair, whose joint rates rare answers could not fill, a vote is weighed by the number of
votes it is one of: copies that say the same count once together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reportnlp.labelmodels._problem import Floats, Problem


def dependence(problems: Sequence[Problem], posteriors: Sequence[Floats]) -> Floats:
    """(functions, functions): 0 where two functions err independently, 1 where one repeats the other.

    Args:
        problems: questions over the same functions.
        posteriors: by problem, (patterns, answers); a single column measures dependence whatever the answer.
    """
    total = sum(float(problem.counts.sum()) for problem in problems)
    shared = sum(
        _information(problem, found) for problem, found in zip(problems, posteriors, strict=True)
    ) / max(total, 1.0)
    likeness = 1 - np.exp(-2 * np.asarray(shared))  # the square of a correlation (Linfoot 1957)
    own = np.diag(likeness)
    scale = np.sqrt(np.outer(own, own))
    found = np.divide(likeness, scale, out=np.zeros_like(scale), where=scale > LEAST)
    np.fill_diagonal(found, 1)
    return np.asarray(np.clip(found, 0, 1))


SURE = 3.0
"""Standard deviations above what chance gives from which on dependence is believed."""

SLIGHT = 0.2
"""Dependence below it is left alone: many slight ones together would hush a function that repeats none.

Chosen on planted copies (0.5 and up) and on Open-I outside NegBio's test list, for voices of one rule engine.
"""

LEAST = 0.01
"""Of functions whose likeness to themselves is below it, the answer being known, nothing can be said."""


def _information(problem: Problem, posteriors: Floats) -> Floats:
    """(functions, functions): conditional mutual information in nats times reports, less chance."""
    symbols, functions = len(problem.answers) + 1, problem.functions
    ones = np.eye(symbols)[problem.cells].reshape(len(problem.cells), functions * symbols)
    found = np.zeros((functions, functions))
    for answer in range(posteriors.shape[1]):
        weights = problem.counts * posteriors[:, answer]
        joint = (ones * weights[:, None]).T @ ones
        found += _of_table(joint.reshape(functions, symbols, functions, symbols), float(weights.sum()))
    return found


def _of_table(joint: Floats, reports: float) -> Floats:
    """Mutual information of every pair times reports, less chance (half a chi-squared variable)."""
    if reports <= 0:
        return np.zeros((joint.shape[0], joint.shape[2]))
    alone = np.einsum("iaia->ia", joint)
    expected = alone[:, :, None, None] * alone[None, None] / reports
    ratio = np.divide(joint, expected, out=np.ones_like(joint), where=(joint > 0) & (expected > 0))
    found = (joint * np.log(ratio)).sum(axis=(1, 3))
    used = np.maximum((alone > 0.5).sum(axis=1) - 1, 0)
    free = np.outer(used, used)
    chance = (free + SURE * np.sqrt(2 * free)) / 2
    np.fill_diagonal(chance, 0)
    return np.asarray(np.maximum(found - chance, 0))


def believed(dependent: Floats) -> Floats:
    """Dependence without what is slight."""
    return np.where(dependent < SLIGHT, 0, dependent)


def worth(repeats: Floats) -> Floats:
    """(functions,): what a vote of each counts, 1 over the number of votes it repeats."""
    return np.asarray(1 / repeats.sum(axis=1))
