"""What held-out logits teach: calibration, thresholds, the band of doubt, the weight of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers._decide import Decider, softmax
from reportnlp.classifiers._folder import Decision, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InvalidDefinitionError, unknown_name
from reportnlp.evaluation.calibration import abstain_band, fit_isotonic, fit_temperature, threshold_for
from reportnlp.types import Posteriors, Presence

FEWEST = 10
"""Reports with, and without, a finding that a threshold, an isotonic map or a band takes; with fewer, the
likeliest answer stands."""

TRUSTED = 1.0
"""Strength of the pull of a stack's weights towards what is common, and of that towards the network alone."""

Answers = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Aim:
    """What probabilities and thresholds are for.

    Attributes:
        calibration: "temperature" or "isotonic".
        threshold: "argmax": the likeliest answer; "f1": the best F1 of `present`; a number: the highest
            threshold that keeps this sensitivity.
        error: share of wrong answers about presence that may stay outside the band of doubt; None: no band.
    """

    calibration: Literal["temperature", "isotonic"] = "temperature"
    threshold: Literal["argmax", "f1"] | float = "argmax"
    error: float | None = None

    def __post_init__(self) -> None:
        if self.calibration not in ("temperature", "isotonic"):
            raise unknown_name("calibration", self.calibration, ("temperature", "isotonic"))
        if isinstance(self.threshold, str) and self.threshold not in ("argmax", "f1"):
            raise unknown_name("aim of the threshold", self.threshold, ("argmax", "f1"))
        for name, value in (("threshold", self.threshold), ("error", self.error)):
            if isinstance(value, float) and not 0 < value < 1:
                raise InvalidDefinitionError(f"{name} was given as {value}; it should be between 0 and 1.")


def decisions(
    columns: Columns, logits: Floats, targets: Floats, weights: Floats, aim: Aim
) -> dict[str, Decision]:
    """A decision for every question that held-out reports speak of.

    Args:
        columns: the questions.
        logits: (reports, columns) float32, of reports the network did not learn from.
        targets: (reports, columns) float32.
        weights: (reports, questions) float32.
        aim: what for.
    """
    found = {}
    for number, question in enumerate(columns.questions):
        part, there = columns.slices[number], weights[:, number] > 0
        if there.sum() < FEWEST:
            continue
        own, wanted = logits[there, part], targets[there, part]
        temperature = fit_temperature(own, wanted, weights[there, number])
        found[question.name] = Decision(temperature=temperature)
        if question.attribute is None:
            column = list(columns.answers[number]).index(Presence.PRESENT)
            probability = softmax(own / temperature)[:, column].astype(np.float64)
            found[question.name] = _presence(temperature, probability, wanted[:, column] > 0.5, aim)
    return found


def _presence(
    temperature: float, probability: npt.NDArray[np.float64], present: npt.NDArray[np.bool_], aim: Aim
) -> Decision:
    if min(present.sum(), (~present).sum()) < FEWEST:
        return Decision(temperature=temperature)
    knots: tuple[tuple[float, ...], tuple[float, ...]] | tuple[()] = ()
    if aim.calibration == "isotonic":
        curve = fit_isotonic(probability, present)
        knots, probability = (curve.x, curve.y), np.asarray(curve(probability))
    threshold = None if aim.threshold == "argmax" else threshold_for(probability, present, aim=aim.threshold)
    low = high = None
    if aim.error is not None:
        border = 0.5 if threshold is None else threshold
        low, high = abstain_band(probability, present, threshold=border, error=aim.error)
    return Decision(temperature=temperature, knots=knots, threshold=threshold, low=low, high=high)


class _Rows(NamedTuple):
    """Held-out reports of one question: what the network and the rules say of them, and what is right.

    Attributes:
        own: (reports, answers) float32, the network's log-probabilities.
        said: (reports,) int64, the number of the rules' answer.
        wanted: (reports, answers) float32.
        weights: (reports,) float64.
    """

    own: Floats
    said: npt.NDArray[np.int64]
    wanted: Floats
    weights: npt.NDArray[np.float64]


class _Pool(NamedTuple):
    """Weights of a stack as arrays: trust, and (rules' answers, answers) what is added."""

    trust: float
    table: npt.NDArray[np.float64]


def stack(
    columns: Columns, logits: Floats, rules: Answers, targets: Floats, weights: Floats
) -> dict[str, Stack]:
    """How much the rules' answers weigh beside the network's, by question.

    Fitted by penalised likelihood. A question's own weights are drawn to those that all questions of its kind
    (presence, or attributes) have in common, so that a finding of which there are few cases is weighed as the
    others are; the common ones are drawn to the network alone.

    Args:
        columns: the questions.
        logits: (reports, columns) float32, of reports the network did not learn from.
        rules: the rules' answers to the same reports.
        targets: (reports, columns) float32.
        weights: (reports, questions) float32.
    """
    rows = {
        number: _rows(columns, number, logits, rules, targets, weights)
        for number in range(len(columns.questions))
        if (weights[:, number] > 0).any()
    }
    presence = [n for n in rows if columns.questions[n].attribute is None]
    attributes = [n for n in rows if columns.questions[n].attribute is not None]
    common = _fit_pool(
        _Rows(*(np.concatenate(part) for part in zip(*(rows[n] for n in presence), strict=True))),
        _Pool(1.0, np.zeros((len(Presence), len(Presence)))),
    )
    trust, bonus = _fit_bonus([rows[n] for n in attributes]) if attributes else (1.0, 0.0)
    found = {}
    for number in rows:
        question = columns.questions[number]
        kinds, answers = len(question.answers), len(columns.answers[number])
        mean = common if number in presence else _Pool(trust, bonus * np.eye(kinds, answers))
        own = _fit_pool(rows[number], mean)
        table = tuple(tuple(map(float, row)) for row in own.table)
        found[question.name] = Stack(trust=own.trust, rules=table)
    return found


def _rows(
    columns: Columns, number: int, logits: Floats, rules: Answers, targets: Floats, weights: Floats
) -> _Rows:
    question, part = columns.questions[number], columns.slices[number]
    there = np.flatnonzero(weights[:, number] > 0)
    said = [question.answers.index(rules[row][question.name]) for row in there.tolist()]
    return _Rows(
        np.log(np.maximum(softmax(logits[there, part]), 1e-7)),
        np.array(said, dtype=np.int64),
        targets[there, part],
        weights[there, number].astype(np.float64),
    )


def _fit_pool(rows: _Rows, mean: _Pool) -> _Pool:
    """The weights of greatest likelihood, drawn to `mean`."""
    from scipy.optimize import minimize

    shape = mean.table.shape
    chosen = np.eye(shape[0])[rows.said]
    centre = np.concatenate([[mean.trust], mean.table.ravel()])

    def loss(values: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        pooled = values[0] * rows.own + chosen @ values[1:].reshape(shape)
        cost, slope = _cost(pooled, rows)
        pull = TRUSTED * (values - centre)
        gradient = np.concatenate([[(slope * rows.own).sum()], (chosen.T @ slope).ravel()]) + pull
        return cost + float((pull**2).sum() / (2 * TRUSTED)), gradient

    best = minimize(loss, centre, jac=True, method="L-BFGS-B").x
    return _Pool(float(best[0]), best[1:].reshape(shape))


def _fit_bonus(parts: Sequence[_Rows]) -> tuple[float, float]:
    """What attributes have in common: trust in the network, and what the rules' own answer gains."""
    from scipy.optimize import minimize

    agreed = [np.eye(max(part.said.max(initial=0) + 1, part.own.shape[1]))[part.said] for part in parts]
    gains = [own[:, : part.own.shape[1]] for own, part in zip(agreed, parts, strict=True)]

    def loss(values: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        pull = TRUSTED * (values - np.array([1.0, 0.0]))
        cost, gradient = float((pull**2).sum() / (2 * TRUSTED)), pull.copy()
        for part, gain in zip(parts, gains, strict=True):
            more, slope = _cost(values[0] * part.own + values[1] * gain, part)
            cost += more
            gradient += [(slope * part.own).sum(), (slope * gain).sum()]
        return cost, gradient

    best = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    return float(best[0]), float(best[1])


def _cost(pooled: npt.NDArray[np.floating], rows: _Rows) -> tuple[float, npt.NDArray[np.float64]]:
    """Weighted cross-entropy, and its slope by the pooled logits."""
    from scipy.special import log_softmax

    logarithms = log_softmax(pooled.astype(np.float64), axis=1)
    shares = np.exp(logarithms)
    cost = -(rows.weights[:, None] * rows.wanted * logarithms).sum()
    slope = rows.weights[:, None] * (shares * rows.wanted.sum(axis=1, keepdims=True) - rows.wanted)
    return float(cost), np.asarray(slope, dtype=np.float64)


def answers_of(decider: Decider, posteriors: Posteriors) -> dict[str, dict[str, str]]:
    """Report id to question to answer."""
    picks = decider.answers(posteriors).picks
    return {
        report: {
            question.name: "" if pick < 0 else str(question.answers[pick])
            for question, pick in zip(posteriors.questions, picks[row], strict=True)
        }
        for row, report in enumerate(posteriors.report_ids)
    }
