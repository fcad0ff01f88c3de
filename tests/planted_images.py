"""Small images with something to find: a bright patch where the finding is present."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reportnlp.images.manifest import ImageRow
from reportnlp.images.table import ImageLabels, write_table

SIDE = 16
FINDINGS = ("pneumonia",)


def planted(folder: Path, *, count: int = 80, seed: int = 0, shape: Sequence[int] = (SIDE, SIDE)) -> Any:
    """Write `images.npz` with an array `image`; returns (count,) bool, whether the finding is there."""
    random = np.random.default_rng(seed)
    there = np.arange(count) % 2 == 0
    images = random.integers(0, 120, (count, *shape), dtype=np.uint8)
    patch = (slice(2, 8),) * len(shape)
    for at in np.flatnonzero(there):
        images[at][patch] = random.integers(150, 255, images[at][patch].shape)
    np.savez(folder / "images.npz", image=images)
    return there


def rows(count: int, *, splits: Sequence[str | None] = (None,)) -> tuple[ImageRow, ...]:
    return tuple(
        ImageRow(
            study=f"s{at}",
            image=f"images.npz#image/{at}",
            patient=f"p{at}",
            report_id=f"r{at}",
            split=splits[at % len(splits)],
        )
        for at in range(count)
    )


def labels_of(there: Any, folder: Path, **changes: Any) -> ImageLabels:
    """Labels that say what is there, all of weight 1; `changes` are fields of `ImageLabels`."""
    shape = (len(there), 1)
    answers = np.where(there, "present", "absent").astype(object)[:, None]
    given = {
        "rows": rows(len(there)),
        "findings": FINDINGS,
        "target": there.astype(np.float32)[:, None],
        "weight": np.ones(shape, dtype=np.float32),
        "mask": np.ones(shape, dtype=np.bool_),
        "answers": answers,
        "root": folder,
    }
    return ImageLabels(**{**given, **changes})


def table(folder: Path, **changes: Any) -> Path:
    """Images and their labels on disk; returns the labels' path."""
    there = planted(folder)
    path = folder / "labels.parquet"
    write_table(labels_of(there, folder, **changes), path)
    return path
