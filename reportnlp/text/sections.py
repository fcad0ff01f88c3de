"""Sections of a report, found by their headings in the ways hospitals write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from reportnlp.config import package_toml
from reportnlp.types import Section

BODY = "findings"
"""Section of text that stands before, or without, any heading."""

TITLE = "title"
"""Section of what stands above the first heading and only names the exam."""

SHORTEST_REPORT = 120
"""Characters behind a request's first sentence, on its line, that are taken for the report itself."""

LONGEST_HEADING = 90
"""Characters before a colon in which a heading inside a line is looked for."""

_SPACE = re.compile(r"\s+")
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*")
# A line that a right margin did not break: short, or followed by a capital.
_NEW_LINE = re.compile(r"\n(?=[ \t]*[A-Z])|(?<![^\n]{50})\n(?=[ \t]*\w)")
_LINE = re.compile(r"[^\n]*\n?")
_STATES = re.compile(
    r"\b(?:no|not|nil|without|normal|clear|there|is|are|was|were|seen|shows?|showing|demonstrat\w+|negative|neg"
    r"|positive|unremarkable|unchanged|acute|large|small|bilateral|left|right|multiple|evidence|consistent"
    r"|extensive|saddle|new|has|have|stable|within)\b|\+|[.:;]\s+\S",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.?](?=\s)")
_EXAM = re.compile(
    r"\b(?:ct|cta|ctpa|mri?|x-?rays?|cxr|xr|nm|pet|v/?q|hrct|exam|examination|scan|study|angiogra\w+|radiograph"
    r"|chest|thorax|head|brain|report|protocol|views?)\b",
    re.IGNORECASE,
)


class _Tree(dict[str, "_Tree"]):
    """Characters to what may follow them; "" where a heading may end."""


@dataclass(frozen=True, slots=True)
class Headings:
    """The heading table.

    Attributes:
        canonical: folded heading to canonical section name.
        read: names of the sections whose text states findings of this exam.
        opening: finds headings that open a line.
        inside: finds one inside a line, in the text up to its colon.
    """

    canonical: dict[str, str]
    read: frozenset[str]
    opening: re.Pattern[str]
    inside: re.Pattern[str]

    def name(self, heading: str) -> str:
        """Canonical section name of a heading as it was written."""
        return self.canonical[_SPACE.sub(" ", heading).lower()]


def _alternatives(headings: Iterable[str]) -> str:
    """A pattern for any of the headings, the longest that fits: a prefix tree, which fails at once."""
    tree = _Tree()
    for heading in headings:
        node = tree
        for character in heading:
            node = node.setdefault(character, _Tree())
        node[""] = _Tree()
    return _branch(tree)


def _branch(node: _Tree) -> str:
    branches = [
        (r"[ \t]+" if character == " " else re.escape(character)) + _branch(child)
        for character, child in sorted(node.items())
        if character
    ]
    if not branches:
        return ""
    whole = f"(?:{'|'.join(branches)})" if len(branches) > 1 or "" in node else branches[0]
    return f"{whole}?" if "" in node else whole


@cache
def load_headings() -> Headings:
    """Read `sections.toml` once."""
    table = package_toml("text", "sections.toml")
    canonical = {heading: name for name, row in table.items() for heading in row["headings"]}
    words = _alternatives(list(canonical))
    main = _alternatives([heading for row in table.values() for heading in row.get("inline", [])])
    start = r"^[ \t]*(?:[-*#>\[(]+[ \t]*|\d{1,2}[.)][ \t]*|<b>)?"
    date = r"[\d/.-]{4,10}(?:[ \t]+\d{1,2}[:.]\d\d(?:[ \t]*(?:am|pm|hrs?|h))?)?[^\n:]{0,12}"
    extra = (
        r"(?:[ \t]*\([^()\n]{1,40}\))?"
        rf"(?:[ \t]+(?:#?\d{{1,2}}|dated?[ \t][^\n:]{{1,24}}|by[ \t][^\n:]{{1,30}}|{date}))?"
    )
    opening = (
        rf"{start}(?P<line>{words}){extra}[ \t]*\**[ \t]*(?::|[-=]{{1,3}}[ \t](?!\d)|\.[ \t]*$|,[ \t]*$)"
        rf"|{start}(?P<stopped>(?-i:(?=[A-Z]))(?:{main}))\.[ \t]+(?=\S)"
        rf"|{start}(?P<bare>{words}){extra}[ \t]*\**[ \t]*$"
    )
    # Inside a line a heading counts with a capital and a colon behind a sentence's end; behind a bare word
    # only those few count that no sentence uses so.
    inside = (
        rf"(?:(?:(?<=[.;:,)?!*\]])|(?<=[ ][ ]))[ \t]*(?P<inline>(?-i:(?=[A-Z]))(?:{words}))"
        rf"|(?<=[\w][ ])(?P<glued>(?-i:(?=[A-Z]))(?:{main}))){extra}[ \t]*\Z"
    )
    return Headings(
        canonical=canonical,
        read=frozenset(name for name, row in table.items() if row["read"]),
        opening=re.compile(opening, re.IGNORECASE | re.MULTILINE),
        inside=re.compile(inside, re.IGNORECASE),
    )


def _candidates(text: str, headings: Headings) -> list[tuple[int, int, str]]:
    """Start, end and section name of every heading, in order."""
    found: list[tuple[int, int, str]] = []
    for match in headings.opening.finditer(text):
        kind = match.lastgroup or "line"
        if kind == "line" and match[kind].islower() and text[match.end() - 1] != ":":
            continue  # an ordinary sentence: "clinical - ...", "compared. "
        found.append((match.start(), match.end(), headings.name(match[kind])))
    ends = {end for _, end, _ in found}
    colon = text.find(":")
    while colon >= 0:
        inside = headings.inside.search(text, max(0, colon - LONGEST_HEADING), colon)
        if inside and colon + 1 not in ends:
            found.append((inside.start(), colon + 1, headings.name(inside[inside.lastgroup or 0])))
        colon = text.find(":", colon + 1)
    return sorted(found)


def find_sections(text: str) -> list[Section]:
    """Cut a report into sections, in order, covering all of it but the headings.

    A request or a technique that no findings heading follows ends with its paragraph: what comes then is
    the report itself. An exam's name above the first heading is `title`.

    Args:
        text: normalised report text.

    Returns:
        At least one section. Text without any heading is `findings`.
    """
    sections = _cut_at_headings(text)
    resumed = [part for i, s in enumerate(sections) for part in _resume(text, s, sections[i + 1 :])]
    if not any(s.name in load_headings().read for s in resumed):
        resumed = [part for s in resumed for part in _after_first_sentence(text, s, s is resumed[-1])]
    return [s for s in resumed if text[s.start : s.end].strip()] or [Section(BODY, 0, len(text))]


def _cut_at_headings(text: str) -> list[Section]:
    headings = load_headings()
    sections: list[Section] = []
    name, start = TITLE, 0
    for heading_start, heading_end, heading in _candidates(text, headings):
        if heading_start >= start:
            sections.append(Section(name, start, heading_start))
            name, start = heading, heading_end
    sections.append(Section(name, start, len(text)))
    return [s for s in (*_without_title(text, sections[0]), *sections[1:]) if text[s.start : s.end].strip()]


def _without_title(text: str, first: Section) -> list[Section]:
    """Split the exam's name ("CT CHEST PE PROTOCOL") from the words above the first heading."""
    border = first.start
    for line in _LINE.finditer(text, first.start, first.end):
        if line[0].strip() and not _is_title(line[0]):
            break
        border = line.end()
    if border >= len(text):
        border = first.start
    return [first._replace(end=border), Section(BODY, border, first.end)]


def _is_title(line: str) -> bool:
    return len(line) <= 90 and bool(_EXAM.search(line)) and not _STATES.search(line)


def _resume(text: str, section: Section, later: list[Section]) -> list[Section]:
    """Split what only looks like a request, technique or title at the end of its paragraph."""
    unread = section.name not in load_headings().read and section.name not in (TITLE, "recommendation")
    if not unread or any(s.name == BODY for s in later):
        return [section]
    body = text[section.start : section.end]
    lead = len(body) - len(body.lstrip())
    ends = _PARAGRAPH.search(body, lead) or _NEW_LINE.search(body, lead) or _STOP.search(body, lead)
    rest = body[ends.end() :].strip() if ends else ""
    if ends is None or not rest:
        return [section]
    if ends.re is _STOP and section.name == "indication" and len(rest) < SHORTEST_REPORT:
        return [section]
    border = section.start + ends.end()
    return [section._replace(end=border), Section(BODY, border, section.end)]


def _after_first_sentence(text: str, section: Section, is_last: bool) -> list[Section]:
    """In a report that is all request and technique, what follows the last one's first sentence is read."""
    stop = _STOP.search(text, section.start, section.end) if is_last else None
    if stop is None:
        return [section]
    return [section._replace(end=stop.end()), Section(BODY, stop.end(), section.end)]
