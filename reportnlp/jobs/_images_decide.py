"""What held-out images teach: temperatures, thresholds, and figures for the model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from reportnlp.evaluation.calibration import expected_calibration_error, fit_temperature, threshold_for
from reportnlp.images.answers import probabilities, two_or_three
from reportnlp.images.folder import Decision
from reportnlp.jobs._images_data import Wanted

Floats = npt.NDArray[np.float32]
Threshold = Literal["half", "f1"]

FEWEST = 10
"""Held-out images with, and without, a finding that a temperature or a threshold takes."""


def decide(
    findings: tuple[str, ...], logits: Floats, goal: Wanted, threshold: Threshold
) -> dict[str, Decision]:
    """A decision for every finding that the held-out images speak of.

    Args:
        findings: in the order of the logits.
        logits: (images, findings) or (images, findings, 3) float32, of images it did not learn from.
        goal: their targets and weights.
        threshold: "half": `present` from a probability of one half on; "f1": where its F1 is best.
    """
    found = {}
    wide, targets = two_or_three(logits), _distributions(goal.targets)
    for at, finding in enumerate(findings):
        there = goal.weights[:, at] > 0
        present = targets[there, at, 1] > 0.5
        if min(present.sum(), (~present).sum()) < FEWEST:
            continue
        heat = fit_temperature(wide[there, at], targets[there, at], goal.weights[there, at])
        found[finding] = Decision(temperature=heat)
        if threshold == "f1":
            chance = probabilities(logits[there, at : at + 1], (finding,), found)[:, 0, 1]
            cut = threshold_for(chance.astype(np.float64), present, aim="f1")
            found[finding] = Decision(temperature=heat, threshold=cut)
    return found


def figures(
    findings: tuple[str, ...], logits: Floats, goal: Wanted, decided: Mapping[str, Decision]
) -> Iterator[dict[str, Any]]:
    """Area under the curve and calibration error of each finding, over the cells that count.

    Targets of one half and more are `present`: where labels were read from reports, these are figures of
    agreement with the reports.
    """
    from sklearn.metrics import roc_auc_score

    if not len(logits):
        return
    chances, targets = probabilities(logits, findings, decided), _distributions(goal.targets)
    for at, finding in enumerate(findings):
        there = goal.weights[:, at] > 0
        truth, chance = targets[there, at, 1] > 0.5, chances[there, at, 1].astype(np.float64)
        if not 0 < truth.sum() < len(truth):
            continue
        right = np.where(chance >= 0.5, truth, ~truth)
        error = expected_calibration_error(np.maximum(chance, 1 - chance), right)
        for name, value in (("AUROC", roc_auc_score(truth, chance)), ("calibration error", error)):
            yield {"question": finding, "n": int(there.sum()), "figure": name, "value": float(value)}


def _distributions(targets: Floats) -> Floats:
    """(images, findings, 2 or 3) float32 out of targets of either shape."""
    return targets if targets.ndim == 3 else np.stack([1 - targets, targets], axis=-1)
