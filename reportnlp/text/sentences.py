"""Sentences and list items, split by rules that know how radiology reports are typed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reportnlp.types import Section, Sentence

LONGEST = 2_000
"""Characters a sentence may have."""

LONGEST_DENIAL = 60
"""Characters of a line that only denies."""

DENIAL = "no "
"""What stands for the denial above a list before each of its items."""

_DENIES_BELOW = re.compile(
    r"(?:there (?:is|are) )?(?:no|nil|negative for|absence of|without)"
    r"(?: (?:ct |radiographic |imaging )?(?:evidence|signs?|features?))?(?: of| for)?(?: any)?"
    r"(?: of the following)?\s*:?",
    re.IGNORECASE,
)
_ITEM_AHEAD = re.compile(r"\s*\n\s*(?:[-*>+]|\d{1,2}[.)]|[a-z][.)])\s*$")

# A full stop behind one of these ends no sentence.
_ABBREVIATIONS = (
    "dr|mr|mrs|ms|prof|st|vs|approx|e\\.g|i\\.e|eg|ie|etc|cf|fig|figs|ca|resp|incl|excl|ext|int|lat|ant|post|sup|inf|med|dist"
    "|prox|bilat|poss|prob|min|max|avg|vol|ser|se|img|acc|dept|hosp|tel|ref|pt|pts|yr|yrs|wk|wks|mo|a\\.k\\.a"
)
_ABBREVIATION_END = re.compile(rf"(?:^|[\s(])(?:{_ABBREVIATIONS}|[a-z])$", re.IGNORECASE)
_LIST_MARK = r"(?:\d{1,2}[.)](?!\d)|[a-z][.)]|[-*>+]|\(\d{1,2}\))[ \t]*"

# What may end a sentence: a stop before white space; a stop glued to the next word; a line's end.
_CANDIDATE = re.compile(
    r"(?P<stop>[.!?]+[\"')\]]*(?:,(?=\s))?)(?=\s|$)"
    r"|(?P<glued>(?<=[a-z\d)]{2})\.(?=[A-Z][a-z]|NO\b))"
    r"|(?P<line>[ \t]*\r?\n)"
)
_MARK_AHEAD = re.compile(rf"\s*(?:{_LIST_MARK}|[A-Z][A-Za-z /&-]{{2,40}}:)", re.IGNORECASE)
_NUMBER_MARK = re.compile(r"(?:^|\s)\(?\d{1,2}$")
_LEADING = re.compile(rf"\s*(?:{_LIST_MARK}(?=\S))?\s*", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]")
_BLANK_AHEAD = re.compile(r"[ \t]*\r?\n")


def split_sentences(text: str, sections: list[Section]) -> list[Sentence]:
    """Every sentence of the given sections, in order; list marks and white space are left outside.

    Args:
        text: normalised report text.
        sections: ranges of `text`; sentences never cross their borders.
    """
    wrap_width = _wrap_width(text)
    sentences: list[Sentence] = []
    for section in sections:
        for piece in _pieces(text, section, wrap_width):
            for start, end in [piece] if piece[1] - piece[0] <= LONGEST else _cut(text, *piece):
                sentences.append(Sentence(len(sentences), start, end, section))
    return sentences


def with_denied_items(text: str, sentences: list[Sentence]) -> Iterator[tuple[Sentence, bool]]:
    """Each sentence, and whether it is an item of a list under a bare denial ("No evidence of:")."""
    denying, end = False, 0
    for sentence in sentences:
        denying = denying and bool(_ITEM_AHEAD.fullmatch(text, end, sentence.start))
        yield sentence, denying
        end = sentence.end
        is_short = end - sentence.start <= LONGEST_DENIAL
        denying = denying or (is_short and bool(_DENIES_BELOW.fullmatch(text, sentence.start, end)))


def _pieces(text: str, section: Section, wrap_width: int) -> Iterator[tuple[int, int]]:
    start = section.start
    for match in _CANDIDATE.finditer(text, section.start, section.end):
        if match.start() < start or not _ends_sentence(text, match, start, wrap_width):
            continue
        if trimmed := _trim(text, start, match.end()):
            yield trimmed
        start = match.end()
    if trimmed := _trim(text, start, section.end):
        yield trimmed


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A piece as it is, or, when nobody can have meant it as a sentence, in parts cut at white space."""
    while end - start > LONGEST:
        border = text.rfind(" ", start + 1, start + LONGEST)
        border = border if border > start else start + LONGEST
        if part := _trim(text, start, border):
            yield part
        start = border
    if part := _trim(text, start, end):
        yield part


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    leading = _LEADING.match(text, start, end)
    start = leading.end() if leading else start
    end = start + len(text[start:end].rstrip())
    return (start, end) if _WORD.search(text, start, end) else None


def _ends_sentence(text: str, match: re.Match[str], start: int, wrap_width: int) -> bool:
    if match.start() - start > LONGEST:
        return True
    if match.lastgroup == "glued":
        return True
    if match.lastgroup == "line":
        return _line_ends_sentence(text, match, wrap_width)
    if match["stop"].startswith("."):
        before = text[max(start, match.start() - 12) : match.start()]
        if _NUMBER_MARK.search(before) and not text[start : match.start()].strip(" \t\r\n(").isdigit():
            return not text[match.end() : match.end() + 2].strip().isdigit()
        if _ABBREVIATION_END.search(before):
            return _opens_clearly(text, match.end(), before)
        return not _NUMBER_MARK.search(before)
    said = text[start : match.start()]
    if match["stop"][0] == "?" and (not said or said[-1] in " \t(,;:/-"):
        return False  # "? fracture" asks of what comes next
    return said.count("(") <= said.count(")") and said.strip() != ""


def _opens_clearly(text: str, end: int, before: str) -> bool:
    """Behind a unit or a single letter a stop still ends the sentence when the line ends there too."""
    return bool(_BLANK_AHEAD.match(text, end)) and not before.lower().endswith(("dr", "mr", "vs"))


def _line_ends_sentence(text: str, match: re.Match[str], wrap_width: int) -> bool:
    after = match.end()
    if _BLANK_AHEAD.match(text, after) or _MARK_AHEAD.match(text, after):
        return True
    line_start = text.rfind("\n", 0, match.start()) + 1
    following = text[after : after + 40].lstrip()[:1]
    if following.islower():
        return False
    is_wrapped = match.start() - line_start >= wrap_width
    return not is_wrapped


def _wrap_width(text: str) -> int:
    """Lines at least this long are taken to be broken by a right margin, not by their author."""
    longest = max((len(line) for line in text.split("\n")), default=0)
    return max(45, int(longest * 0.7)) if longest <= 132 else 133
