"""Dawid and Skene's model: a whole confusion matrix for each function and question, by EM.

Dawid and Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
Applied Statistics 28:20. Functions err independently, given the true answer. Here an abstention is one more
vote, which counts half where a function knows one answer only, and rates are drawn to those that the majority
of the votes gives (Dirichlet smoothing), which keeps rare answers in place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from reportnlp.labelmodels._anchor import Belief, anchor, named_right, starts
from reportnlp.labelmodels._em import Learned, Run, run
from reportnlp.labelmodels._problem import Problem
from reportnlp.labelmodels.blocks import LabelModel

TITLE = "a confusion matrix for each function and question (Dawid and Skene 1979)"


class Config(Belief):
    """Settings of the model, beside those of `Belief`.

    Attributes:
        restarts: further starts, from majorities that random shares are mixed into; the likeliest
            result stands.
        silence: as in `Belief`. At 1 the silence of others settled it where one sentence doubts a finding
            and another states it. Chosen on Open-I outside NegBio's test list, amid what did as
            well there (0.3 to 0.6).
    """

    restarts: int = Field(default=2, ge=0)
    silence: float = Field(default=0.5, ge=0, le=1)


class Model(LabelModel):
    """The model."""

    Config = Config

    def _learn(self, problems: Sequence[Problem], seed: int) -> list[Learned]:
        return [self._one(problem, seed) for problem in problems]

    def _one(self, problem: Problem, seed: int) -> Learned:
        first = problem.trusting(self.config.trust, np.ones(problem.functions))
        pull = anchor([problem], [first], self.config)
        runs: list[Run] = []
        for start in starts([problem], [first], restarts=self.config.restarts, seed=seed):
            found = run(
                [problem],
                start,
                pull,
                np.eye(problem.functions),
                steps=self.config.steps,
                tolerance=self.config.tolerance,
            )
            if not runs or named_right(problem, found.learned[0]):
                runs.append(found)
        best = max(runs, key=lambda one: one.trace[-1])
        self.traces[problem.name] = best.trace
        return best.learned[0]
