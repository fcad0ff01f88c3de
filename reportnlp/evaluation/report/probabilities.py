"""Curves and reliability diagrams, where probabilities are known."""

from __future__ import annotations

from itertools import groupby

from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.ranking import Curve
from reportnlp.evaluation.record import Evaluation
from reportnlp.evaluation.report import plots
from reportnlp.evaluation.report.markup import Markup, Rows, cell, details, join, number, table, tag
from reportnlp.evaluation.scores import Scores
from reportnlp.evaluation.words import words_of

SHARED = (
    "Only the given answer's probability is known and the others share the rest equally: read these curves "
    "as how well the given answers and their probabilities rank, no finer. "
)


def curves(evaluation: Evaluation) -> Markup:
    """A picture for each question."""
    scores = evaluation.scores
    if not scores.curves:
        return Markup("")
    areas = _areas(scores)
    shared = SHARED if evaluation.about.probabilities == "shared" else ""
    note = tag(
        "p",
        f"{shared}The dotted line is chance. Areas with their intervals stand in the tables above; AUPRC is "
        "average precision.",
        class_="note",
    )
    shown = []
    for at, (question, group) in enumerate(groupby(scores.curves, key=lambda curve: curve.question)):
        found = list(group)
        named = [_shown(areas, curve) for curve in found]
        shown.append(plots.curves(f"curve{at}", question, found, named, words_of(evaluation.about).many))
    return join([note, tag("div", *shown, class_="grid wide")])


def _areas(scores: Scores) -> dict[tuple[str, str], tuple[Figure | None, Figure | None]]:
    found = {(score.question, score.answer): (score.auroc, score.auprc) for score in scores.answers}
    # presence as it counts under the policy
    found.update({(score.question, "present"): (score.auroc, score.auprc) for score in scores.presence})
    return found


def _shown(
    areas: dict[tuple[str, str], tuple[Figure | None, Figure | None]], curve: Curve
) -> tuple[str, str]:
    auroc, auprc = areas[curve.question, curve.answer]
    return tuple(number(one.value, 2) if one else "-" for one in (auroc, auprc))  # type: ignore[return-value]


def calibration(evaluation: Evaluation) -> Markup:
    """Calibration errors, and a diagram for each question."""
    found = evaluation.scores.calibration
    if not found:
        return Markup("")
    note = tag(
        "p",
        "Of the answers that were given with a probability of about 0.8, eight in ten should be right: "
        "points on the dotted line. Below it a method is too sure of itself. The larger a point, the more "
        "answers; its bar is the 95 % interval (Wilson). Calibration error is the mean distance from the "
        "line over 15 bins (ECE).",
        class_="note",
    )
    rows: Rows = ([score.question, score.n, cell(score.ece)] for score in found)
    shown = tag("div", *(plots.reliability(f"bins{i}", s) for i, s in enumerate(found)), class_="grid wide")
    every = table("Calibration error, with 95 % intervals.", ["question", "n", "ECE"], rows)
    return join([note, shown, details("Calibration errors", every)])
