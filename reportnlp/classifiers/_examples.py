"""Labelled reports as the training loop takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from reportnlp.classifiers._encode import Encoded, collate
from reportnlp.classifiers._questions import Floats


class LabelledExample(TypedDict):
    """One report with its targets; see `_questions.Columns.targets`."""

    encoded: Encoded
    labels: Floats
    weights: Floats
    length: int


def examples(reports: Sequence[Encoded], labels: Floats, weights: Floats) -> list[LabelledExample]:
    """Reports with targets (reports, columns) and weights (reports, questions)."""
    return [
        LabelledExample(encoded=report, labels=labels[row], weights=weights[row], length=len(report))
        for row, report in enumerate(reports)
    ]


def tensors(batch: Sequence[Any]) -> dict[str, Tensor]:
    """A batch of examples as the arguments of `Classifier.forward`."""
    arrays = dict(collate([example["encoded"] for example in batch]))
    found = {name: torch.from_numpy(values) for name, values in arrays.items()}
    for name in ("labels", "weights"):
        found[name] = torch.from_numpy(np.stack([example[name] for example in batch]))
    return found
