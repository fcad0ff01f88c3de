"""What held-out images teach: temperatures, thresholds, and figures for the model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from reportnlp.evaluation.calibration import expected_calibration_error, fit_temperature, threshold_for
from reportnlp.images.answers import margins, present
from reportnlp.images.folder import Decision
from reportnlp.jobs._images_data import Places, Wanted

Floats = npt.NDArray[np.float32]
Threshold = Literal["half", "f1"]

FEWEST = 10
"""Held-out images with, and without, a finding that a temperature or a threshold takes."""


def two_way(goal: Wanted) -> Wanted:
    """Targets between present and absent alone; a cell counts as much as it is not uncertain.

    Returns:
        (images, findings) targets and weights.
    """
    targets, weights = goal
    if targets.ndim == 2:
        return goal
    sure = targets[..., 0] + targets[..., 1]
    share = np.divide(targets[..., 1], sure, out=np.full_like(sure, 0.5), where=sure > 0)
    return Wanted(share, weights * (sure > 0.5) * sure)


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
    ahead, (targets, weights) = margins(logits), two_way(goal)
    for at, finding in enumerate(findings):
        there = weights[:, at] > 0
        chance, truth = targets[there, at], targets[there, at] > 0.5
        if min(truth.sum(), (~truth).sum()) < FEWEST:
            continue
        wide = np.stack([np.zeros_like(ahead[there, at]), ahead[there, at]], axis=1)
        heat = fit_temperature(wide, np.stack([1 - chance, chance], axis=1), weights[there, at])
        found[finding] = Decision(temperature=heat)
        if threshold == "f1":
            said = present(ahead[there, at : at + 1], (finding,), found)[:, 0].astype(np.float64)
            found[finding] = Decision(temperature=heat, threshold=threshold_for(said, truth, aim="f1"))
    return found


def one_sided(findings: tuple[str, ...], goal: Wanted, sides: Mapping[str, Places]) -> list[str]:
    """What cannot be learned or scored: "pneumonia: no absent image in valid".

    Args:
        findings: in the order of the targets.
        goal: targets and weights of all images; above one half is `present`.
        sides: name to numbers of images; a side without images has no answer to lack.
    """
    targets, weights = two_way(goal)
    found = []
    for at, finding in enumerate(findings):
        for name, images in sides.items():
            truth = targets[images, at][weights[images, at] > 0] > 0.5
            lacking = [word for word, there in (("present", truth), ("absent", ~truth)) if not there.any()]
            if lacking and len(images):
                found.append(f"{finding}: no {' and no '.join(lacking)} image in {name}")
    return found


def unscored(findings: tuple[str, ...], goal: Wanted) -> list[str]:
    """Why findings have no figures, or no calibration, on held-out images; in words.

    Args:
        findings: in the order of the targets.
        goal: targets and weights of the held-out images.
    """
    targets, weights = two_way(goal)
    found = []
    for at, finding in enumerate(findings):
        truth = targets[:, at][weights[:, at] > 0] > 0.5
        present, absent = int(truth.sum()), int((~truth).sum())
        held = f"{present} present and {absent} absent images are held out"
        if not min(present, absent):
            found.append(f"no AUROC and no calibration of {finding}: {held}, and it takes both")
        elif min(present, absent) < FEWEST:
            found.append(f"{finding} is not calibrated: {held}, and it takes {FEWEST} of each")
    return found


def figures(
    findings: tuple[str, ...], logits: Floats, goal: Wanted, decided: Mapping[str, Decision]
) -> Iterator[dict[str, Any]]:
    """Area under the curve and calibration error of each finding, over the cells that count.

    Targets above one half are `present`: where labels were read from reports, these are figures of
    agreement with the reports.
    """
    if not len(logits):
        return
    chances, (targets, weights) = present(logits, findings, decided), two_way(goal)
    for at, finding in enumerate(findings):
        there = weights[:, at] > 0
        truth, chance = targets[there, at] > 0.5, chances[there, at].astype(np.float64)
        if not 0 < truth.sum() < len(truth):
            continue
        right = np.where(chance >= 0.5, truth, ~truth)
        error = expected_calibration_error(np.maximum(chance, 1 - chance), right)
        for name, value in (("AUROC", _auroc(truth, chance)), ("calibration error", error)):
            yield {"question": finding, "n": int(there.sum()), "figure": name, "value": value}


def mean_auroc(logits: npt.NDArray[Any], goal: Wanted) -> float:
    """Mean of the findings' areas under the curve over the cells that count; NaN where there is none."""
    ahead, (targets, weights) = margins(logits), two_way(goal)
    areas = []
    for at in range(targets.shape[1]):
        there = weights[:, at] > 0
        truth = targets[there, at] > 0.5
        if 0 < truth.sum() < len(truth):
            areas.append(_auroc(truth, ahead[there, at]))
    return float(np.mean(areas)) if areas else float("nan")


def _auroc(truth: npt.NDArray[np.bool_], scores: npt.NDArray[Any]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores))
