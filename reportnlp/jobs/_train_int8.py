"""A trained network in eight bits, kept where held-out reports get the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reportnlp.classifiers._encode import Encoded, Encoder, collate
from reportnlp.classifiers._questions import Floats
from reportnlp.jobs._train_fit import Fitted

AGREES = 0.995
"""Share of a network's answers that must stay what they were."""


def shrink(fitted: Fitted, texts: Sequence[str], path: Path) -> tuple[bool, float]:
    """Put a network in eight bits, if it answers as before.

    Args:
        fitted: the network.
        texts: reports it did not learn from.
        path: its ONNX file, which is replaced.

    Returns:
        Whether it was replaced, and the share of answers that stayed.
    """
    from reportnlp.classifiers._export import in_eight_bits

    small = path.with_suffix(".int8")
    in_eight_bits(path, small)
    reports = Encoder(fitted.words, fitted.reading)(texts)
    share = _agreement(fitted, _logits(path, reports), _logits(small, reports))
    if share < AGREES:
        small.unlink()
        return False, share
    small.replace(path)
    return True, share


def said(kept: bool, share: float) -> str:
    """What came of it, for people."""
    stayed = f"{share:.4f} of the network's answers to held-out reports stayed"
    if kept:
        return f"in eight bits {stayed}: model.onnx is in eight bits"
    return f"in eight bits only {stayed}, {AGREES} are needed: model.onnx is not in eight bits"


def _logits(path: Path, reports: Sequence[Encoded]) -> Floats:
    """(reports, columns) float32, each report alone."""
    from reportnlp.classifiers._predict import open_session

    run = open_session(path, 1)
    return np.concatenate([run(collate([report]))[0] for report in reports])


def _agreement(fitted: Fitted, one: Floats, other: Floats) -> float:
    """Share of questions to which the likeliest answer is the same."""
    parts = fitted.model.columns.slices
    same = [one[:, part].argmax(axis=1) == other[:, part].argmax(axis=1) for part in parts]
    return float(np.mean(same))
