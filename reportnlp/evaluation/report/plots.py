"""The plots of a report. Each is given values and gives a figure with words for who does not see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reportnlp.evaluation.audit import Audit
from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.learning import PANEL, LearningCurve
from reportnlp.evaluation.ranking import Curve
from reportnlp.evaluation.report.markup import Markup, interval, number
from reportnlp.evaluation.report.svg import FAINT, INK, SERIES, Drawing
from reportnlp.evaluation.scores import CalibrationScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNIT = (-0.02, 1.02)


def curves(
    name: str, question: str, found: Sequence[Curve], areas: Sequence[tuple[str, str]], many: str
) -> Markup:
    """ROC and precision-recall curves of one question.

    Args:
        name: unlike any other's on the page.
        question: whose.
        found: its curves.
        areas: both of each curve, as words.
        many: what is ranked: reports, ...
    """
    drawing = Drawing(6.6, 3.3, columns=2)
    roc, recall = drawing.axes
    roc.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
    for at, one in enumerate(found):
        look = {"color": SERIES[at % len(SERIES)], "linewidth": 1.6}
        roc.plot(one.fpr, one.tpr, label=f"{one.answer} {areas[at][0]}", **look)  # type: ignore[arg-type]
        recall.step(one.recall, one.precision, where="pre", label=f"{one.answer} {areas[at][1]}", **look)  # type: ignore[arg-type]
    if len(found) == 1:
        share = found[0].positives / found[0].n
        recall.axhline(share, color=FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
    for axes, title, x, y in (
        (roc, "ROC", "1 - specificity", "sensitivity"),
        (recall, "precision-recall", "recall", "precision"),
    ):
        axes.set(xlim=UNIT, ylim=UNIT, xlabel=x, ylabel=y)
        axes.set_title(title, loc="left", fontsize=10)
        axes.legend(loc="lower right" if axes is roc else "lower left", fontsize=8.5, frameon=False)
    told = "; ".join(
        f"{one.answer}: AUROC {area[0]}, AUPRC {area[1]}" for one, area in zip(found, areas, strict=True)
    )
    n, positives = found[0].n, found[0].positives
    share_told = f"; {positives} of {n} {many} are positive" if len(found) == 1 else f"; {n} {many}"
    return drawing.figure(
        name, f"ROC and precision-recall curves of {question}", told, f"{question}{share_told}."
    )


def reliability(name: str, score: CalibrationScore) -> Markup:
    """Share of right answers over their probability, and beside it how many have which probability."""
    drawing = Drawing(6.6, 3.3, columns=2)
    axes, counts = drawing.axes
    counts.bar([one.probability for one in score.bins], [one.n for one in score.bins], 0.03, color=SERIES[0])
    counts.set(xlim=UNIT, xlabel="probability of the answer", ylabel="answers")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
    x = [one.probability for one in score.bins]
    y = [one.right for one in score.bins]
    spread = [
        [max(0.0, one.right - one.low) for one in score.bins],
        [max(0.0, one.high - one.right) for one in score.bins],
    ]
    axes.errorbar(x, y, yerr=spread, fmt="none", ecolor=SERIES[0], elinewidth=1, alpha=0.55)
    largest = max(one.n for one in score.bins)
    sizes = [12 + 90 * one.n / largest for one in score.bins]
    axes.scatter(x, y, s=sizes, color=SERIES[0], linewidths=0, zorder=3)
    axes.set(xlim=UNIT, ylim=UNIT, xlabel="probability of the answer", ylabel="share right")
    told = "; ".join(f"said {one.probability:.2f}, right {one.right:.2f} of {one.n}" for one in score.bins)
    error = f"{number(score.ece.value)} ({interval(score.ece)})"
    caption = f"{score.question}: calibration error {error}, {score.n} answers."
    return drawing.figure(name, f"Reliability diagram of {score.question}", told, caption)


@dataclass(frozen=True, slots=True)
class Tree:
    """One line of a forest plot.

    Attributes:
        label: its name.
        n: its reports; None where that goes without saying.
        figures: one in each column.
        pooled: whether it is the sum of the others.
    """

    label: str
    n: int | None
    figures: tuple[Figure, ...]
    pooled: bool = False


def forest(name: str, title: str, columns: Sequence[str], trees: Sequence[Tree], caption: str) -> Markup:
    """Figures with their intervals, a line for each group, a column for each figure."""
    lines = [tree for tree in trees if not all(math.isnan(one.value) for one in tree.figures)]
    label = max((len(_named(tree)) for tree in lines), default=0)
    left = 0.3 + 0.076 * min(label, 40)
    drawing = _forest_drawing(len(columns), left, len(lines))
    zero = any(one.value < 0 for tree in lines for one in tree.figures)
    for at, axes in enumerate(drawing.axes):
        for row, tree in enumerate(lines):
            _draw_tree(axes, tree, tree.figures[at], row)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_yticks(range(len(lines)), [_named(tree) for tree in lines] if at == 0 else [""] * len(lines))
        axes.grid(False, axis="y")
        axes.set_title(columns[at], loc="left", fontsize=10)
        axes.tick_params(axis="y", colors=INK)
        if zero or columns[at].startswith("difference"):
            axes.axvline(0, color=INK, linewidth=0.8)
        else:
            axes.set_xlim(_from(lines, at), 1.02)
    told = "; ".join(
        f"{tree.label}: "
        + ", ".join(
            f"{column} {number(one.value)} ({interval(one)})"
            for column, one in zip(columns, tree.figures, strict=True)
        )
        for tree in lines
    )
    return drawing.figure(name, title, told, caption)


def _forest_drawing(columns: int, left: float, lines: int) -> Drawing:
    drawing = Drawing(
        left + 1.65 * max(columns, 2), 0.75 + 0.26 * lines, columns=columns, left=left, bottom=0.3
    )
    figure = drawing.axes[0].get_figure()
    if figure is not None:
        figure.subplots_adjust(wspace=0.2)
    return drawing


def _draw_tree(axes: Axes, tree: Tree, one: Figure, row: int) -> None:
    if math.isnan(one.value):
        return
    colour = SERIES[1] if tree.pooled else SERIES[0]
    if not math.isnan(one.low):
        axes.plot([one.low, one.high], [row, row], color=colour, linewidth=1.4)
    mark = "D" if tree.pooled else "o"
    axes.plot([one.value], [row], mark, color=colour, markersize=5)


def _named(tree: Tree) -> str:
    label = tree.label if len(tree.label) <= 34 else tree.label[:33] + "…"
    return label if tree.n is None else f"{label} ({tree.n})"


def _from(lines: Sequence[Tree], at: int) -> float:
    """Where the axis begins: what is seen is not magnified more than is needed."""
    found = [v for tree in lines for v in tree.figures[at][:2] if not math.isnan(v)]
    return max(-0.02, math.floor(min(found, default=0) * 10 - 0.5) / 10)


def audit(name: str, found: Audit) -> Markup:
    """Sensitivity over training examples, with the trend."""
    drawing = Drawing(6.0, 3.6)
    (axes,) = drawing.axes
    rows = [row for row in found.rows if row.n and not math.isnan(row.sensitivity.value)]
    for kind, attribute in enumerate((False, True)):
        here = [row for row in rows if ("." in row.question) == attribute]
        if not here:
            continue
        x, y = [row.n for row in here], [row.sensitivity.value for row in here]
        spread = [
            [row.sensitivity.value - row.sensitivity.low for row in here],
            [row.sensitivity.high - row.sensitivity.value for row in here],
        ]
        spread = np.nan_to_num(np.clip(spread, 0, None)).tolist()
        axes.errorbar(x, y, yerr=spread, fmt="none", ecolor=SERIES[kind], elinewidth=0.9, alpha=0.45)
        label = "answers of attributes" if attribute else "presence"
        axes.scatter(x, y, s=26, color=SERIES[kind], marker="s" if attribute else "o", label=label, zorder=3)
    caption = f"One point an answer; {found.reports} training reports."
    if found.trend is not None:
        ends = [min(row.n for row in rows), max(row.n for row in rows)]
        at = np.geomspace(ends[0], ends[1], 60)
        axes.plot(at, [found.trend.at(n) for n in at], color=INK, linewidth=1.1)
        caption += (
            f" Trend: {found.trend.slope:+.3f} for ten times the examples, "
            f"correlation {number(found.trend.correlation, 2)}."
        )
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set(ylim=UNIT, xlabel="training examples of the answer", ylabel="sensitivity")
    axes.legend(loc="lower right", fontsize=8.5, frameon=False)
    told = "; ".join(f"{r.question} {r.answer}: {r.n}, {number(r.sensitivity.value)}" for r in rows)
    return drawing.figure(name, "Sensitivity against training examples", told, caption)


def learning(name: str, found: LearningCurve) -> Markup:
    """Figures over training reports; the panel's, or the only one's, with its interval."""
    shown = found.lines[: len(SERIES)]
    room = 0.5 + 0.072 * max((len(line.question) for line in shown), default=0)
    drawing = Drawing(4.6 + room, 3.6, right=room)
    (axes,) = drawing.axes
    for at, line in enumerate(shown):
        values = [one.value for one in line.figures]
        main = at == 0
        colour = SERIES[at % len(SERIES)]
        if main:
            low, high = [one.low for one in line.figures], [one.high for one in line.figures]
            axes.fill_between(found.sizes, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            found.sizes,
            values,
            color=colour,
            linewidth=2 if main else 1,
            marker="o",
            markersize=4 if main else 2.5,
            label=line.question,
        )
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(found.sizes, [str(size) for size in found.sizes])
    axes.set(ylim=UNIT, xlabel="training reports", ylabel="F1")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8.5, frameon=False)
    first = shown[0] if shown else None
    told = (
        ""
        if first is None
        else "; ".join(
            f"{size} reports: {number(one.value)}"
            for size, one in zip(found.sizes, first.figures, strict=True)
        )
    )
    head = "presence over all findings" if first and first.question == PANEL else "the first line"
    left_out = (
        f" {len(found.lines) - len(shown)} more are in the table." if found.lines[len(SERIES) :] else ""
    )
    return drawing.figure(
        name, "Learning curve", told, f"F1 on the test reports; the band is the interval of {head}.{left_out}"
    )
