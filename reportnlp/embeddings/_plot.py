"""A picture of chosen words: their vectors laid out in the plane, near words near one another.

By principal components, or by t-SNE (van der Maaten & Hinton 2008, JMLR 9:2579), which keeps neighbourhoods
and lets go of distances. Labels are put where they cover neither points nor one another, as far as there is
room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings.blocks import Matrix
from reportnlp.errors import InputError, MissingExtraError, OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

SUFFIXES = (".svg", ".png")
Layout = Literal["pca", "tsne"]
Points = npt.NDArray[np.float64]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#8c564b")
"""Told apart by colour-blind readers too, the first six (Okabe & Ito 2008)."""

EXACT = 200
"""Words up to which t-SNE is not approximated."""

REACH = (5.0, 9.0, 14.0, 20.0, 28.0, 38.0, 50.0)
"""How far from its point a label may lie, in printer's points."""

ANGLES = np.deg2rad((0, 180, 90, 270, 45, 135, 225, 315, 22, 158, 202, 338))
"""To which side of it, the best first."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A word to draw.

    Attributes:
        word: its label.
        group: words of a group share a colour; None: there are no groups.
        chosen: drawn larger and bold: the user named it.
    """

    word: str
    group: int | None
    chosen: bool = True


def lay_out(matrix: Matrix, layout: Layout, *, seed: int) -> Points:
    """(words, 2): the words' places in the plane.

    Args:
        matrix: (words, width) float32, rows of length 1.
        layout: principal components or t-SNE.
        seed: of t-SNE.

    Raises:
        InputError: fewer than three words.
        MissingExtraError: t-SNE without scikit-learn.
    """
    if len(matrix) < 3:
        raise InputError(f"{len(matrix)} words cannot be laid out. Name three or more.")
    # t-SNE's map is turned so that it lies as wide as it can.
    return _pca(_tsne(matrix, seed)) if layout == "tsne" else _pca(matrix)


def _pca(matrix: Matrix | Points) -> Points:
    centred = matrix.astype(np.float64) - matrix.mean(axis=0, dtype=np.float64)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    points: Points = np.zeros((len(matrix), 2))
    kept = min(2, len(lengths))
    points[:, :kept] = left[:, :kept] * lengths[:kept]
    # Of the two mirror images the one whose farthest point is on the positive side.
    ends = points[np.abs(points).argmax(axis=0), (0, 1)]
    return points * np.where(ends < 0, -1, 1)


def _tsne(matrix: Matrix, seed: int) -> Points:
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise MissingExtraError("t-SNE", "evaluate") from error
    # Perplexity: t-SNE needs it well below the number of words; 30 is the authors' middle value.
    perplexity = min(30.0, (len(matrix) - 1) / 3)
    # Exact for as many as a picture can hold: the approximation's threads cost more than they save.
    way = "exact" if len(matrix) <= EXACT else "barnes_hut"
    model = TSNE(2, perplexity=perplexity, init="pca", metric="cosine", method=way, random_state=seed)
    points: Points = model.fit_transform(np.ascontiguousarray(matrix)).astype(np.float64)
    return points


def draw(path: Path, dots: Sequence[Dot], points: Points, *, title: str, note: str) -> None:
    """Draw the words into an SVG or PNG file, which is whole or not there.

    Args:
        path: its suffix tells which.
        dots: the words.
        points: (words, 2) their places.
        title: what is shown.
        note: how it was made, in small letters.

    Raises:
        OutputError: another suffix, or it cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    check_suffix(path)
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("Drawing", "evaluate") from error
    # The same file each time; words stay words in an SVG, which can be searched then.
    settings: dict[Any, Any] = {
        "svg.hashsalt": "reportnlp",
        "svg.fonttype": "none",
        "font.family": "DejaVu Sans",
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=_page(len(dots), points), layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        _dress(axes, title, note)
        _scatter(axes, dots, points)
        _label(axes, canvas, dots, points)
        draft = path.with_name(f"{path.name}.part")
        kind = path.suffix[1:].lower()
        try:
            figure.savefig(draft, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
            draft.replace(path)
        except OSError as error:
            raise OutputError(f"Cannot write {path}: {error.strerror}.") from error


def _page(dots: int, points: Points) -> tuple[float, float]:
    """Width and height in inches: larger for more words, as high as the layout needs, within limits."""
    width = 7.5 + 0.1 * min(dots, 100)
    wide, high = np.maximum(np.ptp(points, axis=0), 1e-9)
    return width, width * float(np.clip(1.1 * high / wide, 0.55, 0.95))


def check_suffix(path: Path) -> None:
    """Refuse a file of another kind.

    Raises:
        OutputError: it is none of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"Cannot draw into {path.name}. Let its name end in {' or '.join(SUFFIXES)}.")


def _dress(axes: Axes, title: str, note: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=12)
    # Directions and distances of a layout have no unit: no ticks.
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.14)
    for spine in axes.spines.values():
        spine.set_color("#cccccc")
    axes.set_xlabel(note, loc="left", fontsize=8, color="#666666")


def _colour(dot: Dot) -> str:
    return COLOURS[(dot.group or 0) % len(COLOURS)]


def _scatter(axes: Axes, dots: Sequence[Dot], points: Points) -> None:
    colours = [_colour(dot) for dot in dots]
    sizes = [42 if dot.chosen else 14 for dot in dots]
    axes.scatter(points[:, 0], points[:, 1], s=sizes, c=colours, linewidths=0, alpha=0.9, zorder=3)


def _label(axes: Axes, canvas: Any, dots: Sequence[Dot], points: Points) -> None:
    """Labels one by one, those of chosen words first, each to the free place nearest its point."""
    canvas.draw()  # from here on it is known where on the page things are
    placed = _Placed(axes, canvas, points)
    for place in sorted(range(len(dots)), key=lambda place: not dots[place].chosen):
        placed.put(dots[place], points[place])


class _Placed:
    """What on the page is taken already."""

    def __init__(self, axes: Axes, canvas: Any, points: Points) -> None:
        self._axes = axes
        self._renderer = canvas.get_renderer()
        self._scale = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
        dots = axes.transData.transform(points)
        around = 4 * self._scale
        self._boxes = np.column_stack((dots - around, dots + around))
        self._page = _corners(axes.get_window_extent(self._renderer))

    def put(self, dot: Dot, point: Points) -> None:
        label = self._axes.annotate(
            dot.word.replace("_", " "),
            xy=(float(point[0]), float(point[1])),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=10 if dot.chosen else 8,
            fontweight="bold" if dot.chosen and dot.group is not None else "normal",
            color=_colour(dot) if dot.chosen and dot.group is not None else "#333333",
            ha="center",
            va="center",
            zorder=4,
        )
        box = _corners(label.get_window_extent(self._renderer))
        offset, taken = self._best(box)
        label.set_position((offset[0] / self._scale, offset[1] / self._scale))
        self._boxes = np.vstack((self._boxes, taken))
        self._lead(label, dot, point, offset, box)

    def _best(self, box: Points) -> tuple[Points, Points]:
        """Of the places around a point the first that is free, else the least covered; and its box."""
        half = (box[2:] - box[:2]) / 2
        best, least = None, np.inf
        for cost, offset in _offsets(half, self._scale):
            moved = box + np.tile(offset, 2)
            score = self._covered(moved) + cost
            if score < least:
                best, least = (offset, moved), score
        assert best is not None
        return best

    def _covered(self, box: Points) -> float:
        """The area that is taken or off the page, as a share of the box."""
        low = np.maximum(box[:2], self._boxes[:, :2])
        high = np.minimum(box[2:], self._boxes[:, 2:])
        overlap = np.clip(high - low, 0, None).prod(axis=1).sum()
        area = (box[2:] - box[:2]).prod()
        inside = np.clip(np.minimum(box[2:], self._page[2:]) - np.maximum(box[:2], self._page[:2]), 0, None)
        return float((overlap + 2 * (area - inside.prod())) / area)

    def _lead(self, label: Annotation, dot: Dot, point: Points, offset: Points, box: Points) -> None:
        """A thin line from a label that lies apart to its point."""
        half = (box[2:] - box[:2]) / 2
        gap = np.linalg.norm(np.clip(np.abs(offset) - half, 0, None)) / self._scale
        if gap < REACH[2]:
            return
        self._axes.annotate(
            "",
            xy=(float(point[0]), float(point[1])),
            xytext=label.get_position(),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": "#aaaaaa", "linewidth": 0.6, "shrinkA": 6, "shrinkB": 3},
            zorder=2,
        )


def _offsets(half: Points, scale: float) -> Iterator[tuple[float, Points]]:
    """Places of a label's middle around its point, the nearest first, with what it costs to be far."""
    for far, reach in enumerate(REACH):
        for turn, angle in enumerate(ANGLES):
            toward = np.array((np.cos(angle), np.sin(angle)))
            yield 0.04 * far + 0.002 * turn, toward * (half + reach * scale)


def _corners(box: Bbox) -> Points:
    return np.array((box.x0, box.y0, box.x1, box.y1))
