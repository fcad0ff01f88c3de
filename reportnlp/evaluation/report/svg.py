"""Drawings of matplotlib as SVG within a page: colours and letters are the page's, light or dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reportnlp.errors import MissingExtraError
from reportnlp.evaluation.report.markup import Markup, escaped, tag

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, GRID = "#010101", "#010102", "#010103"
SERIES = ("#010111", "#010112", "#010113", "#010114", "#010115", "#010116", "#010117", "#010118")
"""Stand-ins: matplotlib draws in them, the page puts its own colours in their place."""

LARGEST = 1.6
"""How far a picture is drawn out where there is room: its letters grow with it."""

_COLOURS = {INK: "--ink", FAINT: "--faint", GRID: "--line"} | {
    colour: f"--series-{at}" for at, colour in enumerate(SERIES)
}
_COLOUR = re.compile("|".join(_COLOURS))
_FONT = re.compile(r"font: (?:[a-z]+ |\d+ )*([\d.]+)px [^;\"]*")
_LONG_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")
_ID = re.compile(r' id="([^"]+)"')


class Drawing:
    """Axes side by side in one picture.

    Args:
        width, height: of the picture, in inches of 72 of the page's pixels.
        columns: axes.
        left, bottom, top, right: room around them, in inches.
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        columns: int = 1,
        left: float = 0.55,
        bottom: float = 0.5,
        top: float = 0.35,
        right: float = 0.12,
    ) -> None:
        try:
            from matplotlib.backends.backend_svg import FigureCanvasSVG
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("Drawing", "evaluate") from error
        self._figure = Figure(figsize=(width, height))
        FigureCanvasSVG(self._figure)
        self._figure.patch.set_visible(False)
        self.axes: list[Axes] = [self._figure.add_subplot(1, columns, at + 1) for at in range(columns)]
        self._figure.subplots_adjust(
            left=left / width,
            right=1 - right / width,
            bottom=bottom / height,
            top=1 - top / height,
            wspace=columns * (left + 0.1) / max(width - left - right, 1),
        )
        for axes in self.axes:
            _dress(axes)

    def figure(self, name: str, title: str, told: str, caption: str) -> Markup:
        """The picture with its texts.

        Args:
            name: unlike any other's on the page.
            title: what it shows, for who does not see it.
            told: what it says, in words.
            caption: below it.
        """
        inner = tag("title", title) + tag("desc", told)
        head, _, body = _slim(self._svg(), name).partition(">")
        drawn = Markup(f'{head} role="img" aria-label="{escaped(title)}">{inner}{body}')
        return tag("figure", tag("div", drawn, class_="drawn"), tag("figcaption", caption))

    def _svg(self) -> str:
        out = io.StringIO()
        with warnings.catch_warnings():
            # the reader's own fonts draw the letters, whatever matplotlib's have
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self._figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        return out.getvalue()


@contextmanager
def drawing_style() -> Iterator[None]:
    """The same bytes each time, words as words."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError("Drawing", "evaluate") from error
    settings: dict[Any, Any] = {
        "svg.hashsalt": "reportnlp",
        "svg.fonttype": "none",
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "text.parse_math": False,
    }
    with matplotlib.rc_context(settings):
        yield


def _dress(axes: Axes) -> None:
    axes.patch.set_visible(False)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, length=0, labelsize=9)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(GRID)


def _slim(svg: str, name: str) -> str:
    """Only the drawing, in the page's colours, with ids of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg [^>]*viewBox="([^"]+)"[^>]*>', _opening, svg, count=1, flags=re.DOTALL)
    svg = _COLOUR.sub(lambda match: f"var({_COLOURS[match[0]]})", svg)
    svg = _FONT.sub(r"font-size: \1px", svg)
    svg = _LONG_NUMBER.sub(r"\1", svg)
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = _ID.sub(lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{name}-", svg)
    return re.sub(r"\n\s*", "\n", svg).strip()


def _opening(match: re.Match[str]) -> str:
    width = float(match[1].split()[2])
    return (
        f'<svg viewBox="{match[1]}" style="max-width:{width * LARGEST:.0f}px;--legible:{width:.0f}px" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
