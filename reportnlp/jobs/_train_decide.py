"""What held-out logits teach: calibration, thresholds, the band of doubt, the weight of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers._decide import softmax
from reportnlp.classifiers._folder import Decision, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InvalidDefinitionError, unknown_name
from reportnlp.evaluation.calibration import abstain_band, fit_isotonic, fit_temperature, threshold_for
from reportnlp.types import Presence

FEWEST = 10
"""Reports with, and without, a finding that a threshold, an isotonic map or a band takes; with fewer, the
likeliest answer stands."""

TRUSTED = 1.0
"""Strength of the pull of a stack's weights towards the network alone."""

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


def stack(
    columns: Columns, logits: Floats, rules: Answers, targets: Floats, weights: Floats
) -> dict[str, Stack]:
    """How much the rules' answers weigh beside the network's, by question.

    Fitted by penalised likelihood, the penalty drawing towards the network alone.

    Args:
        columns: the questions.
        logits: (reports, columns) float32, of reports the network did not learn from.
        rules: the rules' answers to the same reports.
        targets: (reports, columns) float32.
        weights: (reports, questions) float32.
    """
    found = {}
    for number, question in enumerate(columns.questions):
        there = np.flatnonzero(weights[:, number] > 0)
        if len(there) < FEWEST:
            continue
        said = np.array([question.answers.index(rules[row][question.name]) for row in there.tolist()])
        own = np.log(np.maximum(softmax(logits[there][:, columns.slices[number]]), 1e-7))
        wanted = targets[there][:, columns.slices[number]]
        found[question.name] = _stack_one(
            own, said, len(question.answers), wanted, weights[there, number].astype(np.float64)
        )
    return found


def _stack_one(
    own: Floats, said: npt.NDArray[np.int64], kinds: int, wanted: Floats, weights: npt.NDArray[np.float64]
) -> Stack:
    from scipy.optimize import minimize

    rows, answers = own.shape
    chosen = np.zeros((rows, kinds))
    chosen[np.arange(rows), said] = 1

    def loss(values: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        trust, table = values[0], values[1:].reshape(kinds, answers)
        pooled = trust * own + chosen @ table
        shares = softmax(pooled.astype(np.float64)).astype(np.float64)
        cost = -(weights[:, None] * wanted * np.log(np.maximum(shares, 1e-12))).sum()
        slope = weights[:, None] * (shares - wanted)
        pull = TRUSTED * np.concatenate([[trust - 1], table.ravel()])
        gradient = np.concatenate([[(slope * own).sum()], (chosen.T @ slope).ravel()]) + pull
        return float(cost + (pull**2).sum() / (2 * TRUSTED)), gradient

    first = np.concatenate([[1.0], np.zeros(kinds * answers)])
    best = minimize(loss, first, jac=True, method="L-BFGS-B").x
    table = best[1:].reshape(kinds, answers)
    return Stack(trust=float(best[0]), rules=tuple(tuple(map(float, row)) for row in table))
