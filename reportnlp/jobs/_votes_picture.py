"""The labelling functions in one picture: how much each votes, how often it is right, who agrees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import MissingExtraError
from reportnlp.functions._tally import PRESENCE, Record, Tally
from reportnlp.types import Question

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

INK, LINE = "#1f2933", "#d9dee3"
VOTES, BESIDE, AGAINST, RIGHT = "#b9cfe4", "#6f9fcb", "#c8553d", "#2f7d5b"
DOTS = 160
"""To the inch."""


class Outline(NamedTuple):
    """The names along the axes of the votes."""

    functions: Sequence[str]
    questions: Sequence[Question]


def draw(path: Path, counted: Tally, records: Sequence[Record], outline: Outline) -> None:
    """Draw it, of votes on presence; without gold the middle part is left out.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("The picture of the functions", "evaluate") from error
    rows = [record for record in records if record.question == PRESENCE]
    gold = any(record.two_way.whole for record in rows)
    with matplotlib.rc_context({"font.size": 9, "font.family": "DejaVu Sans", "text.color": INK}):
        figure = Figure(figsize=(13 if gold else 10, 1.7 + 0.42 * len(rows)), layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure, counted, rows, outline, gold=gold)
        figure.savefig(path, dpi=DOTS, metadata={"Software": None})


def _fill(figure: Figure, counted: Tally, rows: Sequence[Record], outline: Outline, *, gold: bool) -> None:
    axes = figure.subplots(1, 3 if gold else 2, width_ratios=[1.1, 1, 1.35] if gold else [1.1, 1.35])
    _coverage(axes[0], rows)
    if gold:
        _accuracy(axes[1], rows)
    _agreement(axes[-1], counted, outline)
    told = f"{counted.reports:,} reports" + (f", {counted.known:,} with gold answers" if gold else "")
    figure.suptitle(f"Labelling functions: votes on presence ({told})", fontsize=10, x=0.01, ha="left")


def _coverage(axes: Axes, rows: Sequence[Record]) -> None:
    """Bars within bars: all votes, those beside another vote, those against one."""
    _rows(axes, [record.function for record in rows], "share of all reports and findings")
    for height, colour, label, name in (
        (0.74, VOTES, "votes at all", "coverage"),
        (0.5, BESIDE, "another function too", "overlap"),
        (0.26, AGAINST, "another one otherwise", "conflict"),
    ):
        widths = [getattr(record, name).value for record in rows]
        axes.barh(range(len(rows)), widths, height, color=colour, label=label)
    for at, record in enumerate(rows):
        told = f"{record.coverage.value:.3f} ({record.conflict.value:.3f})"
        axes.text(1.02, at, told, va="center", fontsize=8, clip_on=False)
    axes.text(1.02, -0.75, "votes (otherwise)", va="bottom", fontsize=7.5)
    axes.set_xlim(0, 1)
    _legend(axes, 3)


def _accuracy(axes: Axes, rows: Sequence[Record]) -> None:
    """Points with their intervals: the very answer, and present or not."""
    _rows(axes, [""] * len(rows), "share right, where gold answers")
    for shift, colour, label, name in (
        (-0.14, RIGHT, "the very answer", "accuracy"),
        (0.14, BESIDE, "present or not", "two_way"),
    ):
        told = [(at, getattr(record, name)) for at, record in enumerate(rows)]
        told = [(at, share) for at, share in told if share.whole]
        values = [share.value for _, share in told]
        spread = np.array([share.interval for _, share in told]).reshape(-1, 2)
        errors = np.abs(spread.T - values) if told else None
        places = [at + shift for at, _ in told]
        look: dict[str, Any] = {"fmt": "o", "markersize": 4, "elinewidth": 1.2, "clip_on": False}
        axes.errorbar(values, places, xerr=errors, color=colour, label=label, **look)
    for at, record in enumerate(rows):
        axes.text(1.03, at, f"{record.two_way.whole:,}", fontsize=8, va="center")
    axes.text(1.03, -0.75, "votes", va="bottom", fontsize=7.5)
    axes.set_xlim(0, 1)
    _legend(axes, 2)


def _agreement(axes: Axes, counted: Tally, outline: Outline) -> None:
    """Of the votes of two functions on one thing the share that says the same."""
    both = counted.both.astype(float)
    shares = np.divide(counted.agreed, both, out=np.full_like(both, np.nan), where=both > 0)
    never = ~can_agree(counted, outline.questions)
    shown = np.ma.masked_array(shares, np.isnan(shares) | never)
    axes.imshow(shown, vmin=0, vmax=1, cmap=_colours(), aspect="auto")
    for row, column in np.ndindex(shares.shape):
        share, hatched = shares[row, column], never[row, column]
        if hatched:
            axes.add_patch(_hatching(row, column))
        word = "" if hatched else "-" if np.isnan(share) else f"{share:.2f}"
        dark = not hatched and not np.isnan(share) and abs(share - 0.5) > 0.3
        axes.text(column, row, word, ha="center", va="center", fontsize=8, color="white" if dark else INK)
    names = list(outline.functions)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(length=0, colors=INK)
    axes.set_title("agreement: same answer, where both vote", loc="left", fontsize=9)
    told = "-: never both on one thing; hatched: no answer in common"
    axes.set_xlabel(told, fontsize=7.5, loc="right")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _hatching(row: int, column: int) -> Patch:
    from matplotlib.patches import Rectangle

    look: dict[str, Any] = {"facecolor": "none", "edgecolor": LINE, "hatch": "////", "linewidth": 0}
    return Rectangle((column - 0.5, row - 0.5), 1, 1, **look)


def _legend(axes: Axes, columns: int) -> None:
    look: dict[str, Any] = {"fontsize": 7.5, "frameon": False, "borderaxespad": 0, "columnspacing": 1.2}
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=columns, **look)


def can_agree(counted: Tally, questions: Sequence[Question]) -> npt.NDArray[np.bool_]:
    """Which functions have an answer about presence in common, on any question; (functions, functions)."""
    presence = [at for at, question in enumerate(questions) if question.attribute is None]
    given = counted.matched[:, presence].sum(axis=-1) > 0  # (functions, questions, answers)
    flat = given.reshape(len(given), -1).astype(np.int64)
    shared: npt.NDArray[np.bool_] = flat @ flat.T > 0
    return shared


def _colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("agreement", [AGAINST, "#f4ede4", "#20618d"])


def _rows(axes: Axes, names: Sequence[str], title: str) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_title(title, loc="left", fontsize=9)
    axes.grid(True, axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, labelsize=8)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LINE)
