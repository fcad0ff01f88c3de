"""Exam dates in the forms that exports write. A date that could mean two days is none."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?!\d)")
_DAY_MONTH_DOT = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_SLASHED = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?!\d)")
_DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3})[a-z]*\.?,?[ -](\d{4})(?!\d)", re.I)
_NAME_DAY = re.compile(r"([a-z]{3})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)", re.I)


def parse_date(value: object) -> date | None:
    """The calendar day of a date, a time stamp or a string; None when it is not plain which day.

    Read are `2019-03-04` (also with `/`, `.`, nothing between, and a time behind it), `4 Mar 2019`,
    `Mar 4, 2019`, `04.03.2019` (day first, as everybody who writes dots does), and `15/03/2019` or
    `03/15/2019`. `03/04/2019` is April in one country and March in another, so it is None.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return _parsed(str(value).strip()) if isinstance(value, str | int) else None


@lru_cache(maxsize=8192)
def _parsed(text: str) -> date | None:
    parts = _parts(text)
    if parts is None:
        return None
    try:
        return date(*parts)
    except ValueError:
        return None


def _parts(text: str) -> tuple[int, int, int] | None:
    """Year, month, day as they are written; not yet checked against the calendar."""
    if found := _YEAR_FIRST.match(text):
        return int(found[1]), int(found[3]), int(found[4])
    if found := _DAY_MONTH_DOT.match(text):
        return int(found[3]), int(found[2]), int(found[1])
    if found := _SLASHED.match(text):
        return _slashed(int(found[1]), int(found[3]), int(found[4]))
    if found := _DAY_NAME.match(text):
        return int(found[3]), _month(found[2]), int(found[1])
    if found := _NAME_DAY.match(text):
        return int(found[3]), _month(found[1]), int(found[2])
    return None


def _slashed(first: int, second: int, year: int) -> tuple[int, int, int] | None:
    if first > 12 or first == second:
        return year, second, first
    return (year, first, second) if second > 12 else None


def _month(name: str) -> int:
    """1 to 12, or 0 (which no calendar has) for a word that is no month."""
    lowered = name.lower()
    return _MONTHS.index(lowered) + 1 if lowered in _MONTHS else 0
