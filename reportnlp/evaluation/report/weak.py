"""The page of weak labels: how each function, the label models and what learned from them compare."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.report import head, plots
from reportnlp.evaluation.report.markup import Content, Markup, Row, cell, details, join, number, table, tag
from reportnlp.evaluation.report.page import framed
from reportnlp.evaluation.report.plots import Tree
from reportnlp.evaluation.report.svg import INK, SERIES, Drawing, drawing_style
from reportnlp.evaluation.weak import Curve, Distillation, Method

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = {"function": "function", "label model": "label model", "classifier": "distilled", "gold": "gold"}
LOOKS = {"function": 0, "label model": 1, "classifier": 2, "gold": 3}
"""Number of the colour and mark of each kind."""

APART = 1.25
"""How many times as large a size must be as the one before, for both to be named under a logarithmic axis."""

MAJORITY = 5
"""Number of the colour of its curve, which another label model's lies beside."""

DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
"""Of curves, so that none hides another that it lies on."""


def page(found: Distillation) -> str:
    """One self-contained HTML file; the same comparison gives the same bytes.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with drawing_style():
        parts: list[tuple[str, str, str, Content]] = [
            ("compared", "Compared", "What was compared", _facts(found)),
            ("methods", "Methods", "Each way to label", _methods(found)),
            ("growth", "More reports", "As the number of unlabelled reports grows", _growth(found)),
        ]
        if len(_questions(found)) > 1:
            parts.append(("findings", "Findings", "Each finding", _findings(found)))
    return framed("Labels that nobody wrote by hand", _lead(found), parts, _footer())


def _lead(found: Distillation) -> Markup:
    """The best function, and what came of all of them."""
    functions = [one for one in found.methods if one.kind == "function" and not math.isnan(one.f1.value)]
    told: list[Content] = []
    if functions:
        best = max(functions, key=lambda one: one.f1.value)
        told.append(f"The best single function, {best.name}, has a pooled F1 of {number(best.f1.value)}. ")
    for kind, how in (
        ("label model", "All functions together"),
        ("classifier", "Learned from those labels"),
        ("gold", "Learned from gold answers"),
    ):
        named = [f"{one.name} {number(one.f1.value)}" for one in found.methods if one.kind == kind]
        told += [f"{how}: {', '.join(named)}. "] if named else []
    return tag("p", *told, class_="lead")


def _facts(found: Distillation) -> Markup:
    intervals = head.INTERVALS.format(many="reports", resamples=found.resamples, seed=found.seed)
    facts = (
        *found.facts,
        ("Uncertain counts as", head.UNCERTAIN[found.uncertain_as].format(many="reports", truth="gold")),
        ("Figures", "precision, recall and F1 of present, pooled over findings; no vote is not present"),
        ("Intervals", intervals),
    )
    return tag("dl", *(join([tag("dt", name), tag("dd", value)]) for name, value in facts))


def _methods(found: Distillation) -> Markup:
    """A forest plot and a table."""
    columns = ("precision", "recall", "F1")
    shown = [one for one in found.methods if not one.silent]
    trees = [Tree(one.name, None, _three(one), look=LOOKS[one.kind]) for one in shown]
    drawn = plots.forest(
        "methods-forest",
        "Precision, recall and F1 of every way to label",
        columns,
        trees,
        "Pooled over findings, with 95 % intervals; without what never says present. Circles: functions; "
        "diamonds: label models; squares: the classifier that learned from one; triangles: the one that "
        "learned from gold.",
        wide=True,
    )
    rows: Iterator[Row] = (
        [one.name, tag("td", ROWS[one.kind], class_="text"), *_cells(one)] for one in found.methods
    )
    kind = tag("th", "kind", scope="col", class_="text")
    every = table("Every way to label.", ["method", kind, *columns], rows, kind="sortable")
    return Markup(tag("div", drawn, class_="full") + every)


def _cells(one: Method) -> list[Markup]:
    """Precision, recall and F1; in words, where it never says present."""
    if one.silent:
        return [tag("td", "never says present", colspan=3, data_value=-9)]
    return list(map(cell, _three(one)))


def _three(one: Method) -> tuple[Figure, ...]:
    panel = one.scores.panel
    return (panel.precision, panel.recall, panel.micro_f1) if panel is not None else (one.f1,) * 3


def _growth(found: Distillation) -> Markup:
    """The curve and its table."""
    sizes = sorted({size for curve in found.curves for size in curve.figures})
    rows: Iterator[Row] = (
        [
            curve.name,
            *(cell(curve.figures[size]) if size in curve.figures else tag("td", "") for size in sizes),
        ]
        for curve in found.curves
    )
    columns: list[Content] = ["method", *(f"{size:,}" for size in sizes)]
    every = table("Pooled F1 on the test reports, by number of reports learned from.", columns, rows)
    return Markup(tag("div", _plot(found, sizes), class_="full") + every)


def _plot(found: Distillation, sizes: list[int]) -> Markup:
    room = 0.6 + 0.08 * max(len(curve.name) for curve in found.curves)
    drawing = Drawing(7.2 + room, 4.2, right=room)
    (axes,) = drawing.axes
    kinds = {one.name: one.kind for one in found.methods}
    for at, curve in enumerate(found.curves):
        _line(axes, curve, at, kinds[curve.name])
    functions = [one.f1.value for one in found.methods if one.kind == "function"]
    defined = [value for value in functions if not math.isnan(value)]
    if defined:
        label = "best function"
        axes.axhline(max(defined), color=INK, linewidth=0.8, linestyle=(0, (2, 3)), label=label)
    lows = [one.low for curve in found.curves for one in curve.figures.values() if not math.isnan(one.low)]
    axes.set_xscale("log")
    axes.minorticks_off()
    named = _apart(sizes)
    axes.set_xticks(named, [f"{size:,}" for size in named])
    axes.tick_params(axis="x", labelrotation=0 if len(sizes) < 7 else 45)
    least = min([*lows, max(defined, default=1.0)], default=0.0)
    bottom = max(-0.02, math.floor(least * 10 - 0.2) / 10)
    axes.set(ylim=(bottom, 1.02), xlabel="reports learned from", ylabel="F1")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8.5, frameon=False, handlelength=3)
    told = "; ".join(
        f"{curve.name}: " + ", ".join(f"{n} reports {number(one.value)}" for n, one in curve.figures.items())
        for curve in found.curves
    )
    caption = (
        "Pooled F1; bands are 95 % intervals. Label models and the classifier on their labels see no gold "
        "answer; the classifier on gold learns from so many gold answers."
    )
    return drawing.figure("growth-plot", "F1 over the number of reports", told, caption)


def _apart(sizes: Sequence[int]) -> list[int]:
    """The sizes that have room for their number under the axis: the largest, and what is clear of it."""
    kept: list[int] = []
    for size in sorted(sizes, reverse=True):
        if not kept or size * APART <= kept[-1]:
            kept.append(size)
    return kept[::-1]


def _line(axes: Axes, curve: Curve, at: int, kind: str) -> None:
    """The first curve is drawn thick, below the others."""
    colour = SERIES[MAJORITY if curve.name == "majority" else LOOKS[kind]]
    dashes, mark = DASHES[at % len(DASHES)], plots.MARKS[LOOKS[kind]]
    shown = sorted((n, one) for n, one in curve.figures.items() if not math.isnan(one.value))
    sizes = [n for n, _ in shown]
    low, high = [one.low for _, one in shown], [one.high for _, one in shown]
    axes.fill_between(sizes, low, high, color=colour, alpha=0.12, linewidth=0)
    values = [one.value for _, one in shown]
    look: dict[str, Any] = {"linewidth": 2.4 if at == 0 else 1.6, "linestyle": dashes, "marker": mark}
    axes.plot(sizes, values, color=colour, markersize=7 if at == 0 else 4, label=curve.name, **look)


def _questions(found: Distillation) -> list[str]:
    return [score.question for score in found.methods[0].scores.presence] if found.methods else []


def _findings(found: Distillation) -> Markup:
    """F1 of each finding by every way to label."""
    names = _questions(found)
    rows: Iterator[Row] = (
        [
            one.name,
            *(cell(next((s.f1 for s in one.scores.presence if s.question == name), None)) for name in names),
        ]
        for one in found.methods
    )
    every = table("F1 of present.", ["method", *names], rows, kind="sortable")
    return details("F1 of each finding, with intervals", every, open_=len(names) <= 8)


def _footer() -> Markup:
    told = (
        "Figures hold for reports like those scored here and no others. A dash is an undefined figure. "
        "This page holds no report text."
    )
    return tag("p", told)
