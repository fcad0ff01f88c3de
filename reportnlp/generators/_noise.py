"""What dictation, typing and de-identification do to a finished page, evidence marks untouched.

Nothing here may change what a report says: slips are out of a list, typing spares short words (denials are
short), and the scrubber takes only words of its own list, outside of the evidence.
"""

from __future__ import annotations

import re
import textwrap
from random import Random

from pydantic import BaseModel, ConfigDict

from reportnlp.config import check, package_toml
from reportnlp.generators._grammar import CLOSE, GAP, OPEN

_WORD = re.compile(r"[a-z]{6,}", re.IGNORECASE)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYS = {key: row[max(at - 1, 0) : at] + row[at + 1 : at + 2] for row in _ROWS for at, key in enumerate(row)}
"""Each letter's neighbours in its row."""
_EVIDENCE = re.compile(f"{OPEN}.|{CLOSE}", re.DOTALL)
_NEVER = re.compile(
    r"without|negative|absent|absence|exclud|resolv|unlikely|possib|indetermin|equivocal|suspic"
)


class Noise(BaseModel):
    """`_noise.toml`: how often each thing happens, and its words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chances: dict[str, float]
    slips: dict[str, tuple[str, ...]]
    gaps: dict[str, tuple[str, ...]]
    scrubbed: dict[str, tuple[str, ...]]
    short: dict[str, tuple[str, ...]] = {}


class Blur:
    """Applies what a report's chances give it.

    Args:
        level: factor on all chances; 0 leaves pages as they are.
    """

    def __init__(self, level: float = 1.0) -> None:
        self._level = level
        self._noise = check(Noise, package_toml("generators", "_noise.toml"), where="_noise.toml")
        slips = "|".join(sorted(self._noise.slips, key=len, reverse=True))
        self._slips = re.compile(rf"\b(?:{slips})\b", re.IGNORECASE)
        short = "|".join(sorted(self._noise.short, key=len, reverse=True))
        self._short = re.compile(rf"(?<![\w-])(?:{short})(?![\w-])", re.IGNORECASE)
        self._scrub = re.compile(rf"\b(?:{'|'.join(self._noise.scrubbed['words'])})\b", re.IGNORECASE)

    def apply(self, text: str, random: Random) -> str:
        """The page as it would be found in an archive."""
        chances = self._noise.chances.items()
        happens = {name: random.random() < self._level * chance for name, chance in chances}
        sign = random.choice(self._noise.gaps["signs" if happens["gaps"] else "usual"])
        text = text.replace(GAP, sign)
        if happens["shortened"] or happens["shortened_much"]:
            text = self._shortened(text, random, 0.9 if happens["shortened_much"] else 0.35)
        if happens["dictation"]:
            text = self._misheard(text, random)
        if happens["typing"]:
            text = _mistyped(text, random)
        if happens["scrubbed"]:
            text = self._scrubbed(text, random)
        if happens["unpunctuated"]:
            text = re.sub(r"\.(?= [A-Z])", lambda _: "" if random.random() < 0.4 else ".", text)
        if happens["space_lost"]:
            text = re.sub(
                r"(?<=[a-z]{2}[.,]) (?=[A-Za-z])", lambda _: "" if random.random() < 0.2 else " ", text
            )
        if happens["space_added"]:
            text = re.sub(r"(?<=[a-z]{2})(?=[.,] )", lambda _: " " if random.random() < 0.2 else "", text)
        if happens["double_spaced"]:
            text = text.replace(". ", ".  ")
        if happens["wrapped"]:
            text = _wrapped(text, random.choice((64, 72, 80)))
        if happens["capitals"]:
            return text.upper()
        return text.lower() if happens["lower"] else text

    def _shortened(self, text: str, random: Random, share: float) -> str:
        """Long forms become abbreviations, some or nearly all of them."""
        return self._short.sub(
            lambda found: (
                random.choice(self._noise.short[found[0].lower()]) if random.random() < share else found[0]
            ),
            text,
        )

    def _misheard(self, text: str, random: Random) -> str:
        places = list(self._slips.finditer(text))
        for found in sorted(random.sample(places, min(len(places), random.choice((1, 1, 2)))), key=_back):
            heard = random.choice(self._noise.slips[found[0].lower()])
            if found[0][0].isupper():
                heard = heard[0].upper() + heard[1:]
            text = text[: found.start()] + heard + text[found.end() :]
        return text

    def _scrubbed(self, text: str, random: Random) -> str:
        pieces = re.split(f"({OPEN}.[^{CLOSE}]*{CLOSE})", text, flags=re.DOTALL)
        for place in range(0, len(pieces), 2):
            pieces[place] = self._scrub.sub(
                lambda found: "XXXX" if random.random() < 0.5 else found[0], pieces[place]
            )
        return "".join(pieces)


def _back(found: re.Match[str]) -> int:
    return -found.start()


def _mistyped(text: str, random: Random) -> str:
    """A few long words with two letters swapped, one dropped or one doubled."""
    places = [found for found in _WORD.finditer(text) if not _NEVER.search(found[0].lower())]
    for found in sorted(random.sample(places, min(len(places), random.choice((1, 1, 2, 3)))), key=_back):
        text = text[: found.start()] + _slipped(found[0], random) + text[found.end() :]
    return text


def _slipped(word: str, random: Random) -> str:
    """Two letters swapped, one dropped, doubled, or hit beside its key; or two words run together."""
    at = random.randrange(2, len(word) - 1)
    kind = random.random()
    if kind < 0.33:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.63:
        return word[:at] + word[at + 1 :]
    if kind < 0.8:
        return word[:at] + word[at] + word[at:]
    beside = _KEYS.get(word[at].lower(), word[at])
    return word[:at] + random.choice(beside) + word[at + 1 :]


def _wrapped(text: str, width: int) -> str:
    """Lines broken as an old system breaks them; marks count as no width, near enough."""
    lines = (
        textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
        for line in text.split("\n")
    )
    return "\n".join("\n".join(each) for each in lines)
