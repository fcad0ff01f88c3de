"""Weights that let rare answers count."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InvalidDefinitionError, TrainingError

CAP = 50.0
"""The largest weight, in weights of the most frequent answer: few examples must not rule the loss."""


def class_weights(
    targets: npt.NDArray[np.floating], mask: npt.NDArray[np.generic], *, strength: float
) -> npt.NDArray[np.float32]:
    """Weigh answers by how rare they are.

    With m_a = sum of targets[:, a] over the rows of the mask, and m the largest of them,

        raw_a = min((m / m_a) ** strength, CAP)          (CAP where m_a is 0 and strength is not)
        weight_a = raw_a * sum(m_a) / sum(m_a * raw_a)

    so that the weight of a row, sum over a of targets[row, a] * weight_a, is 1 in the mean over rows that
    each sum to 1.

    Args:
        targets: (n, answers) float, probabilities.
        mask: (n,) bool or 0 and 1, the rows that count.
        strength: 0 leaves all weights 1, 1 gives each answer the same share of the loss.

    Returns:
        (answers,) float32.

    Raises:
        InvalidDefinitionError: the strength is no number from 0 to 1.
        TrainingError: no row counts.
    """
    if not math.isfinite(strength) or not 0 <= strength <= 1:
        raise InvalidDefinitionError(f"strength was given as {strength}; it should be a number from 0 to 1.")
    rows = np.asarray(mask).astype(bool)
    mass = np.asarray(targets, dtype=np.float64)[rows].sum(axis=0)
    if not mass.sum() > 0:
        raise TrainingError(
            "No row has a target, so nothing tells which answers are rare. Give labelled rows."
        )
    rarity = np.divide(mass.max(), mass, out=np.full_like(mass, np.inf), where=mass > 0)
    raw = np.minimum(rarity**strength, CAP)
    weights: npt.NDArray[np.float32] = (raw * mass.sum() / (mass @ raw)).astype(np.float32)
    return weights
