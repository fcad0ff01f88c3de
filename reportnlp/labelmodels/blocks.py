"""What label models share: the order of a fit, the panel's structure, and how they are kept on disk.

A label model is one file in this folder with `TITLE`, `Config` (a `Settings`) and `Model` (a `LabelModel`),
which says how questions with the same answers are learned. Votes come in as `Votes`, probabilities go out
as `Posteriors`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, unknown_name
from reportnlp.labelmodels._anchor import Settings
from reportnlp.labelmodels._em import Learned, posterior
from reportnlp.labelmodels._problem import Balance, Floats, Problem, problem
from reportnlp.labelmodels._structure import PRESENT, Structure, Ties, completed, settled, ties
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, Posteriors, Question, Votes


class LabelModel(ABC):
    """Base of every `Model`.

    Args:
        config: settings; None: as they come.
        structure: what the panel forbids among answers; without it only attributes are tied to their finding.

    Attributes:
        learned: by question, what was learned; empty before `fit`.
        traces: names of questions fitted together, to their log-likelihood step by step.
    """

    Config: ClassVar[type[Settings]]

    def __init__(self, config: Settings | None = None, *, structure: Structure | None = None) -> None:
        self.config: Any = config or self.Config()
        self.structure = structure or Structure()
        self.functions: tuple[str, ...] = ()
        self.questions: tuple[Question, ...] = ()
        self.learned: tuple[Learned, ...] = ()
        self.traces: dict[str, tuple[float, ...]] = {}

    @abstractmethod
    def _learn(self, problems: Sequence[Problem], seed: int) -> list[Learned]:
        """Learn of questions that have the same answers."""

    def _posterior(self, problem: Problem, learned: Learned) -> Floats:
        """(patterns, answers) probabilities."""
        return posterior(problem, learned)[0]

    def fit(self, votes: Votes, *, seed: int, balance: Balance | None = None) -> Self:
        """Learn how far each function is to be believed, from the votes alone.

        Presence is learned first; of an attribute, reports count as far as its finding is present.

        Args:
            votes: (reports, functions, questions) int8.
            seed: of everything random.
            balance: shares of answers that are known; what is left out is estimated.

        Raises:
            InputError: there is nothing to learn from, or a share cannot be.
            UnknownNameError: a share is of no question or answer of these.
        """
        given = balance or {}
        _check(votes, given)
        tied = ties(self.structure, votes.questions)
        values = completed(votes.values, votes.questions, tied)
        self.functions, self.questions, self.traces = votes.functions, votes.questions, {}
        found: dict[int, Learned] = {}
        presence = [n for n, question in enumerate(votes.questions) if question.attribute is None]
        self._learn_all(found, presence, values, given, None, seed)
        likely = np.zeros((len(values), len(votes.questions), _width(votes.questions)))
        self._fill(likely, presence, values, found)
        likely = settled(likely, tied)
        attributes = [n for n in range(len(votes.questions)) if n not in presence]
        self._learn_all(found, attributes, values, given, (likely, tied), seed)
        self.learned = tuple(found[n] for n in range(len(votes.questions)))
        return self

    def predict(self, votes: Votes) -> Posteriors:
        """Probabilities of every answer, consistent among findings, kinds and attributes.

        Args:
            votes: of at least the functions and questions that were learned of; any reports.

        Returns:
            (reports, questions, answers) float32 over the questions that were learned of.

        Raises:
            InputError: nothing was learned yet.
            UnknownNameError: the votes lack a function or a question.
        """
        if not self.learned:
            raise InputError("This label model has learned nothing yet. Fit it on votes first.")
        tied = ties(self.structure, self.questions)
        values = completed(_taken(votes, self.functions, self.questions), self.questions, tied)
        found = dict(enumerate(self.learned))
        likely = np.zeros((len(values), len(self.questions), _width(self.questions)))
        self._fill(likely, list(found), values, found)
        likely = _applied(settled(likely, tied), self.questions, tied)
        return Posteriors(likely.astype(np.float32), votes.report_ids, self.questions)

    def _learn_all(
        self,
        found: dict[int, Learned],
        numbers: Sequence[int],
        values: npt.NDArray[np.int8],
        balance: Balance,
        above: tuple[Floats, Ties] | None,
        seed: int,
    ) -> None:
        problems = {
            n: problem(self.questions[n], values[:, :, n], _counted(above, n), balance) for n in numbers
        }
        found.update({n: _open(one) for n, one in problems.items() if not one.voting.any()})
        for group in _alike({n: one for n, one in problems.items() if n not in found}):
            learned = self._learn([problems[n] for n in group], seed)
            found.update(zip(group, learned, strict=True))

    def _fill(
        self, likely: Floats, numbers: Sequence[int], values: npt.NDArray[np.int8], found: dict[int, Learned]
    ) -> None:
        for n in numbers:
            one = problem(self.questions[n], values[:, :, n], None, {})
            learned = found[n]
            known = self._posterior(one, learned)[one.rows] if learned.repeats.any() else learned.balance
            likely[:, n, : len(one.answers)] = known


def _open(problem: Problem) -> Learned:
    """A question on which nobody votes: its balance, where that was given, and else even odds."""
    kinds = len(problem.answers)
    rates = np.full((problem.functions, kinds, kinds + 1), 1 / (kinds + 1))
    nothing = np.zeros((problem.functions, problem.functions))
    return Learned(problem.balance, rates, nothing, np.ones(problem.functions))


def _alike(problems: Mapping[int, Problem]) -> Iterator[list[int]]:
    """Numbers of the problems, those with the same answers together."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, one in problems.items():
        groups.setdefault(one.answers, []).append(number)
    yield from groups.values()


def _counted(above: tuple[Floats, Ties] | None, number: int) -> Floats | None:
    """(reports,): how likely the finding of an attribute is there."""
    if above is None:
        return None
    likely, tied = above
    presence = tied.above[number]
    return None if presence is None else likely[:, presence, PRESENT]


def _applied(likely: Floats, questions: Sequence[Question], tied: Ties) -> Floats:
    """Attributes answered where their finding is present, else `not_applicable`; changes its argument."""
    for number, question in enumerate(questions):
        presence = tied.above[number]
        if question.attribute is None or presence is None or NOT_APPLICABLE not in question.answers:
            continue
        there = likely[:, presence, PRESENT]
        likely[:, number] *= there[:, None]
        likely[:, number, question.answers.index(NOT_APPLICABLE)] = 1 - there
    return likely


def _width(questions: Sequence[Question]) -> int:
    return max(len(question.answers) for question in questions)


def _check(votes: Votes, balance: Balance) -> None:
    shape = votes.values.shape
    wanted = (len(votes.report_ids), len(votes.functions), len(votes.questions))
    if shape != wanted:
        raise InputError(f"The votes have the shape {shape}, and their names are {wanted}. Give them anew.")
    if not all(shape):
        told = "{} reports, {} functions and {} questions".format(*shape)
        raise InputError(f"There are {told}. A label model needs some of each.")
    kinds = np.array([len(question.answers) for question in votes.questions])
    said = votes.values != ABSTAIN
    if not said.any():
        raise InputError("Every function abstains on every report. Give functions that say something.")
    if (said & ((votes.values < 0) | (votes.values >= kinds))).any():
        raise InputError("A vote is no number of an answer to its question. Write the votes anew.")
    for name in balance:
        names = [question.name for question in votes.questions]
        if name not in names:
            raise unknown_name("question of the votes", name, names)


def _taken(votes: Votes, functions: Sequence[str], questions: Sequence[Question]) -> npt.NDArray[np.int8]:
    """Votes of these functions and questions, in this order."""
    names = [question.name for question in votes.questions]
    for wanted, there, what in (
        (functions, list(votes.functions), "labelling function of the votes"),
        ([question.name for question in questions], names, "question of the votes"),
    ):
        for name in wanted:
            if name not in there:
                raise unknown_name(what, name, there)
    at = [list(votes.functions).index(name) for name in functions]
    asked = [names.index(question.name) for question in questions]
    taken: npt.NDArray[np.int8] = votes.values[:, at][:, :, asked]
    return taken
