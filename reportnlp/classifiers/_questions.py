"""A panel's questions as columns of one row of logits, and back. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from reportnlp.types import NOT_APPLICABLE, Posteriors, Presence, Question

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Columns:
    """Which columns of the logits belong to which question.

    An attribute is answered given that its finding is present, so `not_applicable` has no column: its
    probability is that the finding is not present.

    Attributes:
        questions: the panel's questions, in order.
    """

    questions: tuple[Question, ...]

    @cached_property
    def answers(self) -> tuple[tuple[str, ...], ...]:
        """The answers with a column, by question."""
        return tuple(tuple(a for a in q.answers if a != NOT_APPLICABLE) for q in self.questions)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The columns of each question."""
        ends = np.cumsum([len(answers) for answers in self.answers]).tolist()
        return tuple(slice(end - len(a), end) for end, a in zip(ends, self.answers, strict=True))

    @cached_property
    def question_of(self) -> npt.NDArray[np.int64]:
        """(columns,) the question of each column."""
        return np.repeat(np.arange(len(self.questions)), [len(a) for a in self.answers])

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.question_of)

    @cached_property
    def presence_of(self) -> tuple[int, ...]:
        """For each question the question that asks for its finding's presence (itself, for that one)."""
        names = {q.finding: i for i, q in enumerate(self.questions) if q.attribute is None}
        return tuple(names[q.finding] for q in self.questions)

    @cached_property
    def present(self) -> tuple[int, ...]:
        """The column of `present`, by question; an attribute has its finding's."""
        at = [self.slices[i].start + list(self.answers[i]).index(Presence.PRESENT) for i in self.presence_of]
        return tuple(at)

    def targets(self, rows: Sequence[Mapping[str, str]]) -> tuple[Floats, Floats]:
        """Gold answers as targets.

        Args:
            rows: question to answer, a row a report; a blank or missing answer is not learned from.

        Returns:
            (reports, columns) float32, 1 at the gold answer; and (reports, questions) float32, 1 where the
            question counts. An attribute counts where its answer is one of its own.
        """
        values = np.zeros((len(rows), self.width), dtype=np.float32)
        weights = np.zeros((len(rows), len(self.questions)), dtype=np.float32)
        places = [
            (q.name, {answer: columns.start + i for i, answer in enumerate(answers)})
            for q, columns, answers in zip(self.questions, self.slices, self.answers, strict=True)
        ]
        for number, row in enumerate(rows):
            for question, (name, columns_of) in enumerate(places):
                column = columns_of.get(row.get(name, ""))
                if column is not None:
                    values[number, column] = 1
                    weights[number, question] = 1
        return values, weights

    def soft_targets(self, posteriors: Posteriors) -> tuple[Floats, Floats]:
        """Probabilities as targets; shapes as in `targets`.

        An attribute is learned as far as its finding is present: its weight is the probability of that. What
        is NaN is not learned from.
        """
        values = np.zeros((len(posteriors.report_ids), self.width), dtype=np.float32)
        weights = np.zeros((len(values), len(self.questions)), dtype=np.float32)
        given = {question.name: number for number, question in enumerate(posteriors.questions)}
        for number, question in enumerate(self.questions):
            at = given.get(question.name)
            if at is None:
                continue
            names = [str(answer) for answer in posteriors.questions[at].answers]
            chosen = [names.index(answer) if answer in names else -1 for answer in self.answers[number]]
            own = np.where(np.array(chosen) < 0, 0, posteriors.values[:, at, chosen])
            known = ~np.isnan(own).any(axis=1)
            total = np.where(known, np.nansum(own, axis=1), 0)
            values[:, self.slices[number]] = np.nan_to_num(own) / np.maximum(total, 1e-6)[:, None]
            weights[:, number] = total if question.attribute else known & (total > 0)
        return values, weights
