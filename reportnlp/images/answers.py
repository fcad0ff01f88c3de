"""From an image network's logits to calibrated probabilities and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from reportnlp.images.folder import Decision
from reportnlp.types import Label, Posteriors, Presence, Question

Floats = npt.NDArray[np.float32]

PRESENCES = tuple(answer.value for answer in Presence)
"""The answers of a finding's question; an image model never says `not_mentioned`."""


def two_or_three(logits: npt.NDArray[np.floating]) -> Floats:
    """(images, findings) or (images, findings, 3) logits as softmax takes them: `absent` first, at 0."""
    wide = np.asarray(logits, dtype=np.float32)
    return wide if wide.ndim == 3 else np.stack([np.zeros_like(wide), wide], axis=-1)


def probabilities(
    logits: npt.NDArray[np.floating], findings: Sequence[str], decisions: Mapping[str, Decision]
) -> Floats:
    """Calibrated probabilities of `absent`, `present` and `uncertain`.

    Args:
        logits: (images, findings), or (images, findings, 3).
        findings: names along the second axis.
        decisions: by finding.

    Returns:
        (images, findings, 3) float32, summing to 1; `uncertain` is 0 where the network does not know it.
    """
    wide = two_or_three(logits).astype(np.float64)
    heat = np.array([decisions.get(finding, Decision()).temperature for finding in findings])
    scaled = wide / heat[:, None]
    raised = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    found = np.zeros((*wide.shape[:2], 3), dtype=np.float32)
    found[..., : wide.shape[-1]] = raised / raised.sum(axis=-1, keepdims=True)
    return found


def posteriors(chances: Floats, ids: Sequence[str], findings: Sequence[str]) -> Posteriors:
    """(images, findings, 3) probabilities over all answers that a question of presence has."""
    values = np.zeros((*chances.shape[:2], len(PRESENCES)), dtype=np.float32)
    order = (Presence.ABSENT, Presence.PRESENT, Presence.UNCERTAIN)
    for place, answer in enumerate(order):
        values[..., PRESENCES.index(answer.value)] = chances[..., place]
    return Posteriors(values, tuple(ids), questions(findings))


def questions(findings: Sequence[str]) -> tuple[Question, ...]:
    """The question of each finding's presence."""
    return tuple(Question(finding, None, PRESENCES) for finding in findings)


def labels(
    chances: Floats, findings: Sequence[str], decisions: Mapping[str, Decision], *, three: bool
) -> list[tuple[Label, ...]]:
    """The answers of every image.

    Args:
        chances: (images, findings, 3) float32, as `probabilities` gives them.
        findings: names along the second axis.
        decisions: by finding.
        three: whether `uncertain` may be answered; else `present` is from the threshold on.
    """
    cuts = [decisions.get(finding, Decision()).threshold for finding in findings]
    return [
        tuple(Label(finding, *_answer(row[at], cuts[at], three=three)) for at, finding in enumerate(findings))
        for row in chances
    ]


def _answer(chance: Floats, threshold: float, *, three: bool) -> tuple[str, float]:
    order = (Presence.ABSENT.value, Presence.PRESENT.value, Presence.UNCERTAIN.value)
    at = int(chance.argmax()) if three else int(chance[1] >= threshold)
    return order[at], float(chance[at])
