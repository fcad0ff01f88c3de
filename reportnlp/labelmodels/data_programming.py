"""Data programming: rates by true answer, all questions at once, repeaters weighed down.

Ratner et al. 2017 (VLDB 11:269, Snorkel) and 2019 (AAAI, "Training complex models with multi-task weak
supervision"): a generative model of the votes whose accuracies come from agreements alone. Three things
make it hold for findings of which one report in a hundred speaks:

- the class balance is estimated (or given), never taken to be even;
- questions with the same answers share their rates first, and each question's own are then drawn to those
  as far as it has few votes (empirical Bayes), since a negation rule works alike for every finding;
- functions that repeat one another are found by what they share beyond the true answer (`_dependence`), and
  count less in the reports where they say the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from reportnlp.labelmodels._anchor import BALANCE, FEWEST, Belief, anchor
from reportnlp.labelmodels._dependence import believed, dependence, worth
from reportnlp.labelmodels._em import Learned, Pull, Run, run
from reportnlp.labelmodels._problem import Floats, Problem
from reportnlp.labelmodels.blocks import LabelModel

TITLE = (
    "rates by true answer over all questions at once, correlated functions weighed down (Ratner 2017, 2019)"
)


COPIES = 3
"""Power of dependence whatever the answer: what two good functions share by being right hardly counts."""


class Config(Belief):
    """Settings of the model, beside those of `Belief`.

    Attributes:
        sharing: imaginary votes for each vote there is that draw a question's rates to those of all
            questions with its answers.
        dependent: whether functions that repeat one another are found and weighed down.
        rounds: of finding them anew with the rates of the round before.
    """

    sharing: float = Field(default=1.0, ge=0)
    dependent: bool = True
    rounds: int = Field(default=3, ge=1)


class Model(LabelModel):
    """The model."""

    Config = Config

    def _learn(self, problems: Sequence[Problem], seed: int) -> list[Learned]:
        shared = self._shared(problems)
        return [
            self._own(problem, start, shared.learned[0])
            for problem, start in zip(problems, shared.posteriors, strict=True)
        ]

    def _shared(self, problems: Sequence[Problem]) -> Run:
        """Rates that all the questions have in common."""
        repeats = self._before(problems) if self.config.dependent else np.eye(problems[0].functions)
        first = [problem.trusting(self.config.trust, worth(repeats)) for problem in problems]
        pull = anchor(problems, first, self.config)
        found = self._run(problems, first, pull, repeats)
        for _ in range(self.config.rounds * self.config.dependent):
            repeats = believed(dependence(problems, found.posteriors))
            found = self._run(problems, first, pull, repeats)
        self.traces[" ".join(problem.name for problem in problems)] = found.trace
        return found

    def _before(self, problems: Sequence[Problem]) -> Floats:
        """(functions, functions) what repeats what, before anything is learned.

        Functions that repeat one another nearly word for word stand out whatever the answer; the majority
        that is left when those count once shows the others. EM alone would take what they share for the
        answer.
        """
        whatever = [np.ones((len(problem.cells), 1)) for problem in problems]
        weights = worth(believed(dependence(problems, whatever) ** COPIES))
        first = [problem.trusting(self.config.trust, weights) for problem in problems]
        return believed(dependence(problems, first))

    def _own(self, problem: Problem, start: Floats, shared: Learned) -> Learned:
        """A question's own rates, drawn to the shared ones."""
        config = self.config
        reports = config.smoothing + config.sharing * (problem.counts @ start)
        hold = int(problem.voting.sum()) < FEWEST
        imaginary = reports[None, :, None] * shared.rates
        pull = Pull(imaginary, BALANCE, shared.silence, shared.unsupported, hold)
        found = self._run([problem], [start], pull, shared.repeats)
        self.traces[problem.name] = found.trace
        return found.learned[0]

    def _run(self, problems: Sequence[Problem], start: Sequence[Floats], pull: Pull, repeats: Floats) -> Run:
        return run(problems, start, pull, repeats, steps=self.config.steps, tolerance=self.config.tolerance)
