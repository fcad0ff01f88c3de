"""From an image network's logits to calibrated probabilities and answers.

A network with three-way answers is asked as CheXpert's was: between present and absent, uncertain aside
(Irvin 2019, arXiv:1901.07031, section 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.images.folder import Decision
from reportnlp.types import Label, Posteriors, Presence, Question

Floats = npt.NDArray[np.float32]

PRESENCES = tuple(answer.value for answer in Presence)
"""The answers of a finding's question."""

GIVEN = (Presence.PRESENT.value, Presence.ABSENT.value)
"""Those that an image model gives."""


def margins(logits: npt.NDArray[Any]) -> Floats:
    """By how much `present` beats `absent`: (images, findings[, 3]) to (images, findings)."""
    wide = np.asarray(logits, dtype=np.float32)
    return wide if wide.ndim == 2 else wide[..., 1] - wide[..., 0]


def present(logits: npt.NDArray[Any], findings: Sequence[str], decisions: Mapping[str, Decision]) -> Floats:
    """Calibrated probability of `present`.

    Args:
        logits: (images, findings), or (images, findings, 3) in the order absent, present, uncertain.
        findings: names along the second axis.
        decisions: by finding.

    Returns:
        (images, findings) float32.
    """
    heat = [decisions.get(finding, Decision()).temperature for finding in findings]
    scaled = margins(logits).astype(np.float64) / np.array(heat)
    # 1 / (1 + exp(-z)), without overflow.
    return np.asarray(0.5 * (1 + np.tanh(scaled / 2)), dtype=np.float32)


def posteriors(chances: Floats, ids: Sequence[str], findings: Sequence[str]) -> Posteriors:
    """(images, findings) probabilities of `present` over all answers that a question of presence has."""
    values = np.zeros((*chances.shape, len(PRESENCES)), dtype=np.float32)
    values[..., PRESENCES.index(Presence.PRESENT.value)] = chances
    values[..., PRESENCES.index(Presence.ABSENT.value)] = 1 - chances
    return Posteriors(values, tuple(ids), questions(findings))


def questions(findings: Sequence[str]) -> tuple[Question, ...]:
    """The question of each finding's presence."""
    return tuple(Question(finding, None, PRESENCES) for finding in findings)


def labels(
    chances: Floats, findings: Sequence[str], decisions: Mapping[str, Decision]
) -> list[tuple[Label, ...]]:
    """The answers of every image, out of (images, findings) probabilities of `present`."""
    cuts = [decisions.get(finding, Decision()).threshold for finding in findings]
    return [
        tuple(_label(finding, float(row[at]), cuts[at]) for at, finding in enumerate(findings))
        for row in chances
    ]


def _label(finding: str, chance: float, threshold: float) -> Label:
    if chance >= threshold:
        return Label(finding, Presence.PRESENT.value, chance)
    return Label(finding, Presence.ABSENT.value, 1 - chance)
