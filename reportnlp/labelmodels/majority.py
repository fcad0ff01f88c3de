"""The majority of the votes: what every other label model has to beat.

Each function that does not abstain has one vote; a probability is a share of the votes. Where all are silent,
`not_mentioned` (of an attribute `unspecified`) is what silence says. What is common breaks ties.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from reportnlp.labelmodels._anchor import Settings
from reportnlp.labelmodels._em import Learned
from reportnlp.labelmodels._problem import Floats, Problem
from reportnlp.labelmodels.blocks import LabelModel

TITLE = "a vote for each function, and what is common to break ties"


class Config(Settings):
    """Settings of the model.

    Attributes:
        common: votes that what is common has together, beside one of each function.
    """

    common: float = Field(default=0.01, ge=0)


class Model(LabelModel):
    """The model."""

    Config = Config

    def _learn(self, problems: Sequence[Problem], seed: int) -> list[Learned]:
        return [_alike(problem) for problem in problems]

    def _posterior(self, problem: Problem, learned: Learned) -> Floats:
        votes = (problem.cells != problem.abstained).sum(axis=1, keepdims=True)
        shares = (
            problem.shares if problem.silent is not None else np.where(votes, problem.shares, learned.balance)
        )
        share = self.config.common / (np.maximum(votes, 1) + self.config.common)
        return np.asarray((1 - share) * shares + share * learned.balance)


def _alike(problem: Problem) -> Learned:
    """The balance; rates are not learned, and all functions alike."""
    kinds = len(problem.answers)
    rates = np.full((problem.functions, kinds, kinds + 1), 1 / (kinds + 1))
    return Learned(problem.balance, rates, np.eye(problem.functions), np.ones(problem.functions))
