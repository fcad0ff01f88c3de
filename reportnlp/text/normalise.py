"""Folding of characters for matching, with a way back to the report's own offsets."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

# Zero-width, bidirectional and soft-hyphen characters carry no meaning in a report and split words apart.
_INVISIBLE = (
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2066\u2067\u2068\u2069\ufeff"
)
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"
_SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u00b4`"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f"
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"

_FOLD = str.maketrans(
    {
        **dict.fromkeys(_DASHES, "-"),
        **dict.fromkeys(_SINGLE_QUOTES, "'"),
        **dict.fromkeys(_DOUBLE_QUOTES, '"'),
        **dict.fromkeys(_SPACES, " "),
        **dict.fromkeys("\u2028\u2029\x85\x0b\x0c", "\n"),
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width letters and signs
        "\u2022": "-",
        "\u00b7": "-",
        "\u25cf": "-",
        "\u0000": " ",
        "\u0130": "I",
    }
)
# Beside invisible characters: white space beyond one space, and any around a line's end.
_SUPERFLUOUS = re.compile(f"[{_INVISIBLE}]+|[ \t\r]+(?=\n)|(?<=\n)[ \t\r]+|(?<=[ \t])[ \t\r]+")


@dataclass(frozen=True, slots=True)
class NormalisedText:
    """A report's text with look-alike characters folded and superfluous ones left out.

    Attributes:
        text: what the rules read.
        cuts: positions in `text` in front of which characters were left out, ascending.
        shifts: how many were left out up to and with each cut.
    """

    text: str
    cuts: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original text that `text[start:end]` came from."""
        if end <= start:
            return self._original(start), self._original(start)
        return self._original(start), self._original(end - 1) + 1

    def _original(self, position: int) -> int:
        passed = bisect_right(self.cuts, position)
        return position + (self.shifts[passed - 1] if passed else 0)


def normalise(text: str) -> NormalisedText:
    """Fold dashes, quotes and spaces one for one; drop invisible characters and repeated white space."""
    folded = text.translate(_FOLD) if not text.isascii() or "\x00" in text else text
    cuts: list[int] = []
    shifts: list[int] = []
    kept: list[str] = []
    position = dropped = 0
    for match in _SUPERFLUOUS.finditer(folded):
        kept.append(folded[position : match.start()])
        position = match.end()
        cuts.append(match.start() - dropped)
        dropped += match.end() - match.start()
        shifts.append(dropped)
    if not cuts:
        return NormalisedText(folded)
    kept.append(folded[position:])
    return NormalisedText("".join(kept), tuple(cuts), tuple(shifts))
