"""What a model's folder keeps of an image training, and the list of images that could not be used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reportnlp import __version__
from reportnlp.archive.disk import quarantine_file
from reportnlp.images.reading import BadImage
from reportnlp.images.store import Store
from reportnlp.images.table import ImageLabels
from reportnlp.jobs._images_data import Sides, wanted
from reportnlp.jobs._images_fit import FittedImages, ImageRecipe
from reportnlp.types import BadRow


def record(
    recipe: ImageRecipe, fitted: FittedImages, labels: ImageLabels, sides: Sides, store: Store, read: int
) -> dict[str, Any]:
    """What is known of a training when it is over.

    Args:
        recipe: how the network was made.
        fitted: the network.
        labels: what it learned from.
        sides: which images taught and which were held out.
        store: the images.
        read: images that the table of labels has; the counts under "images" add up to it.
    """
    history, model = fitted.history, fitted.model
    mean, std = store.spread(sides.train)
    counts = {
        "read": read,
        "learned": len(sides.train),
        "held out": len(sides.valid),
        "other splits": sides.other,
        "not known": sides.unknown,
        "of a held-out patient": sides.kin,
        "quarantined": len(store.bad),
    }
    return {
        "version": __version__,
        "model": recipe.model,
        "parameters": sum(values.numel() for values in model.parameters()),
        "mean": mean,
        "std": std,
        "policy": labels.policy,
        "images": counts,
        "targets": _targets(labels, sides),
        "epochs": history.best_epoch,
        "images_per_second": round(history.examples_per_second, 1),
        "device": history.device,
        "tested": _tested(sides, recipe),
    }


def _tested(sides: Sides, recipe: ImageRecipe) -> str:
    if not len(sides.valid):
        return "No image was held out: nothing is calibrated, and the last epoch was taken."
    chose = "the calibration" if recipe.best_by == "last" else "the epoch and the calibration"
    return (
        f"On {len(sides.valid):,} held-out images, which chose {chose}, against their "
        "labels in the training table (which may have been read from reports)."
    )


def _targets(labels: ImageLabels, sides: Sides) -> dict[str, dict[str, int]]:
    """By finding: how many images that teach are nearly surely present, absent, between, or not known."""
    goal = wanted(labels.taken(sides.train.tolist()))
    present = goal.targets if goal.targets.ndim == 2 else goal.targets[..., 1]
    found = {}
    for at, finding in enumerate(labels.findings):
        known, chance = goal.weights[:, at] > 0, present[:, at]
        found[finding] = {
            "present": int((known & (chance >= 0.9)).sum()),
            "absent": int((known & (chance <= 0.1)).sum()),
            "between": int((known & (chance < 0.9) & (chance > 0.1)).sum()),
            "not known": int((~known).sum()),
        }
    return found


def write_quarantine(out: Path, bad: Sequence[BadImage], rows: Sequence[BadRow] = ()) -> None:
    """Name the images that could not be used, a JSON line each, beside the output; none, no file.

    Args:
        out: the output.
        bad: images.
        rows: rows of a manifest that name no image.
    """
    path = quarantine_file(out)
    path.unlink(missing_ok=True)
    told: list[dict[str, object]] = [
        {"source": one.source, "row": one.offset, "reason": one.reason} for one in rows
    ]
    told += [
        {"study": one.row.study, "image": one.row.place, "reason": one.reason, "mend": one.mend}
        for one in bad
    ]
    if told:
        path.write_text("".join(f"{json.dumps(one)}\n" for one in told), encoding="utf-8")


def reasons(bad: Sequence[BadImage | BadRow]) -> list[tuple[int, str]]:
    """Why images could not be used: counts and reasons, the most frequent first."""
    return [(count, reason) for reason, count in Counter(one.reason for one in bad).most_common()]
