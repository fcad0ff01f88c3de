"""The page of weak labels: how each function, the label models and what learned from them compare."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
            ("findings", "Findings", "Each finding", _findings(found)),
        ]
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
    shown = [one for one in found.methods if one.kind != "function" or one.f1.value > 0]
    trees = [Tree(one.name, None, _three(one), one.kind != "function") for one in shown]
    drawn = plots.forest(
        "methods-forest",
        "Precision, recall and F1 of every way to label",
        columns,
        trees,
        "Pooled over findings, with 95 % intervals; without the functions that never rightly vote present. "
        "Diamonds: label models and what learned from them.",
    )
    rows: Iterator[Row] = (
        [one.name, tag("td", ROWS[one.kind], class_="text"), *map(cell, _three(one))] for one in found.methods
    )
    kind = tag("th", "kind", scope="col", class_="text")
    every = table("Every way to label.", ["method", kind, *columns], rows, kind="sortable")
    return Markup(drawn + every)


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
    return Markup(_plot(found, sizes) + every)


def _plot(found: Distillation, sizes: list[int]) -> Markup:
    room = 0.5 + 0.065 * max(len(curve.name) for curve in found.curves)
    drawing = Drawing(5.2 + room, 3.8, right=room)
    (axes,) = drawing.axes
    for at, curve in enumerate(found.curves):
        _line(axes, curve, SERIES[at])
    functions = [one.f1.value for one in found.methods if one.kind == "function"]
    defined = [value for value in functions if not math.isnan(value)]
    if defined:
        label = "best function"
        axes.axhline(max(defined), color=INK, linewidth=0.8, linestyle=(0, (2, 3)), label=label)
    lows = [one.low for curve in found.curves for one in curve.figures.values() if not math.isnan(one.low)]
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.tick_params(axis="x", labelrotation=0 if len(sizes) < 7 else 45)
    least = min([*lows, max(defined, default=1.0)], default=0.0)
    bottom = max(-0.02, math.floor(least * 10 - 0.2) / 10)
    axes.set(ylim=(bottom, 1.02), xlabel="reports learned from", ylabel="F1")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=7, frameon=False)
    told = "; ".join(
        f"{curve.name}: " + ", ".join(f"{n} reports {number(one.value)}" for n, one in curve.figures.items())
        for curve in found.curves
    )
    caption = (
        "Pooled F1; bands are 95 % intervals. Label models and the classifier on their labels see no gold "
        "answer; the classifier on gold learns from so many gold answers."
    )
    return drawing.figure("growth-plot", "F1 over the number of reports", told, caption)


def _line(axes: Axes, curve: Curve, colour: str) -> None:
    shown = sorted((n, one) for n, one in curve.figures.items() if not math.isnan(one.value))
    sizes = [n for n, _ in shown]
    low, high = [one.low for _, one in shown], [one.high for _, one in shown]
    axes.fill_between(sizes, low, high, color=colour, alpha=0.12, linewidth=0)
    values = [one.value for _, one in shown]
    axes.plot(sizes, values, color=colour, linewidth=1.6, marker="o", markersize=3.5, label=curve.name)


def _findings(found: Distillation) -> Markup:
    """F1 of each finding by every way to label."""
    names = [score.question for score in found.methods[0].scores.presence] if found.methods else []
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
