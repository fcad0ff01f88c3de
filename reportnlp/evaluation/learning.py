"""A learning curve: figures of a method that was trained on ever more reports, tested on the same ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.scores import Scores, UncertainAs

PANEL = "all findings"

TrainAndLabel = Callable[[Sequence[str]], Labelled]
"""Ids of training reports in; out: labels of the test reports by a method that was trained on these alone."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure over sizes.

    Attributes:
        question: whose figure; `PANEL` for presence over all findings.
        figure: its name: f1 (presence), micro_f1 (panel, attributes).
        figures: one for each size.
    """

    question: str
    figure: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Figures for each number of training reports.

    Attributes:
        sizes: numbers of training reports, rising.
        lines: one for each question, that of the panel first.
    """

    sizes: tuple[int, ...]
    lines: tuple[Line, ...]


def log_spaced(reports: int, count: int = 5) -> tuple[int, ...]:
    """Sizes for a curve: all reports, and ever smaller parts of them down to a sixteenth (or to ten).

    >>> log_spaced(800)
    (50, 100, 200, 400, 800)
    """
    sizes = np.geomspace(min(reports, max(10, reports / 16)), reports, count)
    return tuple(sorted({round(size) for size in sizes.tolist()}))


def learning_curve(
    train_ids: Sequence[str],
    gold: Answers,
    train_and_label: TrainAndLabel,
    *,
    sizes: Sequence[int],
    seed: int,
    uncertain_as: UncertainAs = "negative",
    resamples: int = 1000,
) -> LearningCurve:
    """Train on ever more reports, each set holding the ones before it, and score every time.

    Args:
        train_ids: ids of all the reports that there are to train on.
        gold: gold answers of the test reports.
        train_and_label: trains, and labels the test reports.
        sizes: how many to train on; more than there are means all.
        seed: of the order in which training reports are added, and of the bootstrap.
        uncertain_as: as in `evaluate`.
        resamples: as in `evaluate`.

    Raises:
        InputError: there is nothing to train on, or a size is below 1.
    """
    if not train_ids or not sizes or min(sizes) < 1:
        raise InputError(
            f"A learning curve needs training reports and sizes of 1 or more; there are {len(train_ids)} "
            f"reports and the sizes {', '.join(map(str, sizes)) or '(none)'}."
        )
    order = np.random.default_rng(seed).permutation(len(train_ids))
    steps = tuple(sorted({min(size, len(train_ids)) for size in sizes}))
    found = []
    for size in steps:
        labelled = train_and_label([train_ids[at] for at in order[:size]])
        found.append(
            evaluate(labelled.answers, gold, seed=seed, uncertain_as=uncertain_as, resamples=resamples)
        )
    return LearningCurve(steps, _lines(found))


def _lines(found: Sequence[Scores]) -> tuple[Line, ...]:
    rows = [_main(scores) for scores in found]
    shared = [key for key in rows[0] if all(key in row for row in rows)]
    return tuple(Line(*key, tuple(row[key] for row in rows)) for key in shared)


def _main(scores: Scores) -> dict[tuple[str, str], Figure]:
    main = {(PANEL, "micro_f1"): scores.panel.micro_f1} if scores.panel else {}
    main.update({(score.question, "f1"): score.f1 for score in scores.presence})
    main.update({(score.question, "micro_f1"): score.micro_f1 for score in scores.attributes if score.n})
    return main
