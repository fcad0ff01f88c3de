"""How much of a report the rules read: it is told with every answer, since nothing is cut off unsaid."""

from __future__ import annotations

import re

from reportnlp.text.normalise import normalise
from reportnlp.text.sections import find_sections, load_headings
from reportnlp.types import Read

_TOKEN = re.compile(r"\w+|[^\w\s]")


def read_by_rules(text: str) -> Read:
    """The sections that state findings of this exam, by name, and the words and signs in them."""
    plain = normalise(text).text
    sections = [s for s in find_sections(plain) if s.name in load_headings().read]
    tokens = sum(len(_TOKEN.findall(plain, s.start, s.end)) for s in sections)
    return Read(tokens, tuple(s.name for s in sections))
