"""HTML out of values: what is not markup already is escaped, so that an id or an answer stays what it is."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence

from reportnlp.evaluation.bootstrap import Figure

UNDEFINED = "-"
DASH = "\N{EN DASH}"
"""Between two numbers that are not below 0."""

Content = str | int | float | None
Row = list[Content]
Rows = Iterable[Row]


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(content: Content) -> Markup:
    """Markup as it is, anything else as text."""
    if isinstance(content, Markup):
        return content
    return Markup("" if content is None else html.escape(str(content)))


def join(parts: Iterable[Content]) -> Markup:
    """Several contents, one after another."""
    return Markup("".join(map(escaped, parts)))


def tag(name: str, *content: Content, **attributes: Content) -> Markup:
    """An element; a trailing `_` of an attribute's name is dropped, an inner one is a hyphen."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{said}>{join(content)}</{name}>")


def table(
    caption: Content,
    columns: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    *,
    kind: str = "",
    headed: int = 1,
) -> Markup:
    """A table in a frame that scrolls; a row's first `headed` cells are its headers, the last stays put."""
    head = tag("tr", *(_head(column, at < headed) for at, column in enumerate(columns)))
    body = join(_row(row, headed) for row in rows)
    inner = tag(
        "table",
        tag("caption", tag("span", caption)),
        tag("thead", head),
        tag("tbody", body),
        class_=" ".join(filter(None, (kind, "two" if headed == 2 else ""))) or None,
    )
    return tag("div", inner, class_="scroll", tabindex=0, role="region", aria_label=plain(caption))


def _head(column: Content, left: bool) -> Markup:
    if isinstance(column, Markup) and column.startswith("<th"):
        return column
    return tag("th", column, scope="col", class_="text" if left else None)


def _row(cells: Sequence[Content], headed: int) -> Markup:
    return tag("tr", *(_cell(cell, at < headed) for at, cell in enumerate(cells)))


def _cell(cell: Content, header: bool) -> Markup:
    if isinstance(cell, Markup) and cell.startswith(("<td", "<th")):
        return cell
    return tag("th", breakable(cell), scope="row") if header else tag("td", cell)


def breakable(content: Content) -> Markup:
    """A name that may go on in the next line after a dot or an underscore."""
    if isinstance(content, Markup):
        return content
    return Markup(re.sub(r"([._])(?=\w)", r"\1<wbr>", escaped(content)))


def plain(content: Content) -> str:
    """Only what a caption says, without its elements."""
    text, depth = [], 0
    for letter in escaped(content):
        depth += letter == "<"
        if not depth:
            text.append(letter)
        depth -= letter == ">"
    return html.unescape("".join(text))


def number(value: float, digits: int = 3) -> str:
    """A number, or `UNDEFINED`."""
    return UNDEFINED if math.isnan(value) else f"{value:.{digits}f}"


def interval(figure: Figure, between: str = " to ") -> str:
    """The interval in short, or "" where there is none."""
    return "" if math.isnan(figure.low) else f"{figure.low:.2f}{between}{figure.high:.2f}"


def cell(figure: Figure | None, *, signed: bool = False) -> Markup:
    """A figure with its interval below, in a cell that sorts by value."""
    if figure is None or math.isnan(figure.value):
        return tag("td", tag("span", UNDEFINED, title="undefined: nothing to divide by"), data_value=-9)
    shown = f"{figure.value:+.3f}" if signed else number(figure.value)
    value = round(figure.value, 6)
    return tag(
        "td",
        tag("b", shown),
        tag("small", interval(figure, DASH if figure.low >= 0 else " to ")),
        class_="figure",
        data_value=value,
    )


def p_value(p: float | None) -> str:
    """In three digits, or below the least of them."""
    if p is None or math.isnan(p):
        return UNDEFINED
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def section(anchor: str, title: str, *content: Content) -> Markup:
    """A headed part of the page."""
    return tag("section", tag("h2", title), *content, id=anchor)


def details(summary: Content, *content: Content, open_: bool = False) -> Markup:
    """A part that folds."""
    inner = join([tag("summary", summary), *content])
    return Markup(f"<details{' open' if open_ else ''}>{inner}</details>")
