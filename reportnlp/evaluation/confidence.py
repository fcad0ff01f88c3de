"""Is the answer that was given right as often as its probability says?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reportnlp.evaluation import bootstrap
from reportnlp.evaluation.answers import Mask, Pair
from reportnlp.evaluation.bootstrap import UNDEFINED, Figure, Values, figure
from reportnlp.evaluation.calibration import expected_calibration_error, reliability
from reportnlp.evaluation.labelled import Looked
from reportnlp.evaluation.scores import CalibrationScore

BINS = 15
"""Of equal width, as in Guo et al. 2017 (arXiv:1706.04599), section 2."""


def score(
    pairs: Sequence[Pair], looked: Looked | None, *, seed: int, resamples: int
) -> tuple[CalibrationScore, ...]:
    """Calibration of each question of which probabilities are known; answers as they are, under no policy."""
    if looked is None:
        return ()
    scores = (_of_one(pair, looked.given(pair), seed, resamples) for pair in pairs)
    return tuple(score for score in scores if score.n)


def _of_one(pair: Pair, probability: Values, seed: int, resamples: int) -> CalibrationScore:
    known = np.asarray(pair.asked & ~np.isnan(probability))
    n = int(known.sum())
    if not n:
        return CalibrationScore(pair.question, 0, UNDEFINED, ())
    p, right = probability[known].clip(0, 1), np.asarray(pair.gold == pair.given)[known]
    return CalibrationScore(
        pair.question, n, _error(p, right, seed, resamples), tuple(reliability(p, right, bins=BINS))
    )


def _error(probability: Values, right: Mask, seed: int, resamples: int) -> Figure:
    value = expected_calibration_error(probability, right, bins=BINS)
    gaps = np.zeros((len(probability), BINS), dtype=np.float32)
    gaps[np.arange(len(probability)), bin_of(probability)] = probability - right
    samples = [
        np.abs(times.T @ gaps).sum(axis=1) / len(probability)
        for times in bootstrap.draws(len(probability), seed=seed, resamples=resamples)
    ]
    return figure(float(value), np.concatenate(samples).astype(np.float64))


def bin_of(probability: Values) -> npt.NDArray[np.intp]:
    """The bin of each probability, as `calibration` has them: (a, b]."""
    return np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probability)
