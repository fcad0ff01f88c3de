"""From logits to probabilities that mean something, and from those to answers. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers._folder import Decision, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.findings import Panel
from reportnlp.types import NOT_APPLICABLE, Posteriors, Presence

NO_ANSWER = -1
"""Stands for an answer that is withheld, in an array of answer numbers."""

Numbers = npt.NDArray[np.int64]


class Answers(NamedTuple):
    """What was decided.

    Attributes:
        picks: (reports, questions) int64, number of the answer among the question's, or `NO_ANSWER`.
        probabilities: (reports, questions) float32, of that answer; of the likeliest where none is given.
    """

    picks: Numbers
    probabilities: Floats


class Decider:
    """Calibrates, keeps parents and kinds in step, and decides.

    Args:
        columns: the questions.
        panel: the panel they are of.
        decisions: by question name; a question without one is not calibrated.
        abstain: whether an answer is withheld within the band of its decision.
    """

    def __init__(
        self, columns: Columns, panel: Panel, decisions: Mapping[str, Decision], *, abstain: bool = False
    ) -> None:
        self._columns = columns
        self._decisions = [decisions.get(q.name, Decision()) for q in columns.questions]
        self._abstain = abstain
        at = {q.finding: i for i, q in enumerate(columns.questions) if q.attribute is None}
        self._kin = [
            (at[f.name], at[p]) for f in panel.findings for p in f.parents if p in at and f.name in at
        ]
        self._none = [
            (
                at[f.name],
                [at[o.name] for o in panel.findings if o.name in at and _counts(o.name, f.exempt, o)],
            )
            for f in panel.findings
            if f.none_of_panel and f.name in at
        ]

    def posteriors(self, logits: Floats, ids: Sequence[str]) -> Posteriors:
        """A distribution over each question's answers.

        Args:
            logits: (reports, columns) float32.
            ids: the reports' ids.
        """
        questions = self._columns.questions
        widest = max(len(q.answers) for q in questions)
        values = np.zeros((len(logits), len(questions), widest), dtype=np.float32)
        for i in self._presence_first():
            own = self._calibrated(logits, i)
            above = self._columns.presence_of[i]
            if above == i:
                values[:, i, : own.shape[1]] = own
                continue
            there = values[:, above, _place(questions[above].answers, Presence.PRESENT)]
            values[:, i, : own.shape[1]] = own * there[:, None]
            values[:, i, _place(questions[i].answers, NOT_APPLICABLE)] = 1 - there
        return Posteriors(values, tuple(ids), questions)

    def _presence_first(self) -> list[int]:
        return sorted(range(len(self._columns.questions)), key=lambda i: self._columns.presence_of[i] != i)

    def _calibrated(self, logits: Floats, question: int) -> Floats:
        decision = self._decisions[question]
        own = softmax(logits[:, self._columns.slices[question]] / decision.temperature)
        if not decision.knots:
            return own
        column = _place(self._columns.answers[question], Presence.PRESENT)
        there = np.interp(own[:, column], *decision.knots)
        rest = np.delete(own, column, axis=1)
        share = (1 - there)[:, None] / np.maximum(rest.sum(axis=1, keepdims=True), 1e-12)
        own[:, [c for c in range(own.shape[1]) if c != column]] = rest * share
        own[:, column] = there
        return own

    def answers(self, posteriors: Posteriors) -> Answers:
        """The answer to every question, consistent among findings and their kinds."""
        values, questions = posteriors.values, posteriors.questions
        picks = np.empty(values.shape[:2], dtype=np.int64)
        for i, decision in enumerate(self._decisions):
            if self._columns.presence_of[i] == i:
                picks[:, i] = self._presence(values[:, i, : len(questions[i].answers)], decision, i)
        self._settle(picks)
        for i, above in enumerate(self._columns.presence_of):
            if above != i:
                picks[:, i] = self._attribute(values[:, i], picks[:, above], i)
        chosen = np.maximum(picks, 0)[..., None]
        probabilities = np.take_along_axis(values, chosen, axis=2)[..., 0]
        likeliest = values.max(axis=2)
        return Answers(picks, np.where(picks == NO_ANSWER, likeliest, probabilities).astype(np.float32))

    def _presence(self, own: Floats, decision: Decision, question: int) -> Numbers:
        picks: Numbers
        column = _place(self._columns.questions[question].answers, Presence.PRESENT)
        if decision.threshold is None:
            picks = own.argmax(axis=1)
        else:
            others = own.copy()
            others[:, column] = -1
            picks = np.where(own[:, column] >= decision.threshold, column, others.argmax(axis=1))
        if self._abstain and decision.low is not None and decision.high is not None:
            unsure = (own[:, column] >= decision.low) & (own[:, column] < decision.high)
            picks = np.where(unsure, NO_ANSWER, picks)
        return picks

    def _settle(self, picks: Numbers) -> None:
        """A kind that is present makes its parent so; a parent that is absent makes its kinds so."""
        present, absent, uncertain, silent = (
            list(Presence).index(p)
            for p in (Presence.PRESENT, Presence.ABSENT, Presence.UNCERTAIN, Presence.NOT_MENTIONED)
        )
        for kind, parent in self._kin:
            picks[picks[:, kind] == present, parent] = present
        for kind, parent in self._kin:
            denied = (picks[:, parent] == absent) & (picks[:, kind] != NO_ANSWER)
            picks[denied, kind] = absent
        for own, others in self._none:
            there = (picks[:, others] == present).any(axis=1)
            maybe = (picks[:, others] == uncertain).any(axis=1)
            picks[there, own] = absent
            picks[~there & maybe, own] = uncertain
            denied = ~there & ~maybe & (picks[:, own] == silent) & (picks[:, others] == absent).any(axis=1)
            picks[denied, own] = present

    def _attribute(self, own: Floats, presence: Numbers, question: int) -> Numbers:
        answers = self._columns.questions[question].answers
        finding = self._columns.questions[self._columns.presence_of[question]].answers
        given = own[:, : len(self._columns.answers[question])].argmax(axis=1)
        there = presence == _place(finding, Presence.PRESENT)
        picks = np.where(there, given, _place(answers, NOT_APPLICABLE))
        return np.where(presence == NO_ANSWER, NO_ANSWER, picks)


def _counts(name: str, exempt: Sequence[str], finding: object) -> bool:
    return name not in exempt and not getattr(finding, "none_of_panel", False)


def _place(answers: Sequence[str], answer: str) -> int:
    return list(answers).index(answer)


def softmax(logits: Floats) -> Floats:
    """(rows, answers) logits to probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


UNSPOKEN = 0.75
"""How often nothing was stated where the rules find no word of any finding and it is not present: 66 of 88
reports of the written corpora of both panels, counted on 2026-11-25."""


def unspoken(posteriors: Posteriors, rules: Sequence[Mapping[str, str]]) -> Posteriors:
    """Where the rules find no word of any finding, neither absence nor doubt is likely to have been stated.

    There `not_mentioned` gets at least `UNSPOKEN` of what `present` leaves. A network has read reports of the
    right exam only, and takes the silence of another for a denial.

    Args:
        posteriors: of some reports.
        rules: the rules' answers to the same reports.
    """
    presence = [i for i, question in enumerate(posteriors.questions) if question.attribute is None]
    names = [posteriors.questions[i].name for i in presence]
    silent = [row for row, said in enumerate(rules) if {said[n] for n in names} == {Presence.NOT_MENTIONED}]
    values = posteriors.values.copy()
    order = list(Presence)
    there, nothing = order.index(Presence.PRESENT), order.index(Presence.NOT_MENTIONED)
    others = [order.index(answer) for answer in (Presence.ABSENT, Presence.UNCERTAIN)]
    for i in presence:
        own = values[silent, i]
        left = 1 - own[:, there]
        told = np.maximum(own[:, nothing], UNSPOKEN * left)
        shrunk = (left - told) / np.maximum(own[:, others].sum(axis=1), 1e-9)
        own[:, others] *= shrunk[:, None]
        own[:, nothing] = told
        values[silent, i] = own
    return replace(posteriors, values=values)


def stacked(
    columns: Columns, logits: Floats, rules: Sequence[Mapping[str, str]], stack: Mapping[str, Stack]
) -> Floats:
    """Logits with the rules' answers weighed in.

    Args:
        columns: the questions.
        logits: (reports, columns) float32, of the network.
        rules: the rules' answers, a row a report.
        stack: the weights, by question; a question without any keeps its logits.
    """
    pooled = logits.copy()
    for question, part in zip(columns.questions, columns.slices, strict=True):
        weights = stack.get(question.name)
        if weights is not None:
            said = [question.answers.index(row[question.name]) for row in rules]
            own = np.log(np.maximum(softmax(logits[:, part]), 1e-7))
            pooled[:, part] = weights.trust * own + np.array(weights.rules, dtype=np.float32)[said]
    return pooled
