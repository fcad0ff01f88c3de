"""Acts become sentences, sentences sections, sections a page, in the report's own style."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from reportnlp.config import check, package_toml
from reportnlp.generators._grammar import CLOSE, OPEN, Grammar
from reportnlp.generators.blocks import SECTIONS, SITES, Act, Style, weighted

FIRST_MARK = 0xE100
"""The character after `OPEN` is this one plus the evidence's number."""

HEADED = ("indication", "impression", "technique")
"""Sections that may have a heading in a report without headings."""

BARE = ("indication", "technique", "comparison")
"""Sections whose last sentence may lack its full stop."""
JOINTS = (", ", ", ", ", ", ", ", "; ", " - ")

_FIRST = re.compile(r"[A-Za-z0-9]")
_ARTICLE = re.compile(
    r"\b([Aa])(?= (?:\ue000.)?(?:[aeioAEIO]|u[nlp](?!i)|[ULR]?[AEFHILMNORSX]{2,}\b|8|1[18]\b))"
)
_SPACES = re.compile(r" {2,}| (?=[,.;:])")
_NEXT = re.compile(r"(?<=\. )(?:\ue000.)?[a-z]", re.DOTALL)
_DENIES = re.compile(
    r"(?:\ue000.)?(?:no|nil|not|without|negative|neither|none|absent)\b", re.IGNORECASE | re.DOTALL
)
_CAPITAL = re.compile(r"\A((?:\ue000.)?)([A-Z])(?=[a-z ])", re.DOTALL)
_ENDS = (".", ":", "?", "!", ";")


class Page(BaseModel):
    """`_layout.toml`: headings by the kind of English, and pairs of spellings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shapes: dict[str, float]
    layouts: dict[str, float]
    looks: dict[str, float]
    signs: dict[str, tuple[str, ...]]
    headings: dict[str, dict[str, tuple[str, ...]]]
    british: dict[str, str]


class _Sentence(NamedTuple):
    text: str
    topic: str


class Layout:
    """Draws styles and sets pages."""

    def __init__(self) -> None:
        page = check(Page, package_toml("generators", "_layout.toml"), where="_layout.toml")
        self._page = page
        words = "|".join(sorted(page.british, key=len, reverse=True))
        self._american = re.compile(rf"\b({words})", re.IGNORECASE)

    def style(self, random: Random) -> Style:
        """Draw how a report is written."""
        layout = weighted(random, self._page.layouts)
        shape = "both" if layout == "organ" else weighted(random, self._page.shapes)
        register = "terse" if random.random() < (0.45 if layout == "list" else 0.2) else "full"
        return Style(shape, register, layout, random.choice(SITES), random.random())  # type: ignore[arg-type]

    def set(
        self,
        acts: Sequence[Act],
        shown: Mapping[int, int],
        style: Style,
        grammar: Grammar,
        topics: Mapping[str, tuple[str, ...]],
        random: Random,
    ) -> str:
        """The page without noise, with the marks around the acts that `shown` numbers."""
        sections: dict[str, list[_Sentence]] = {name: [] for name in SECTIONS}
        once: dict[str, str] = {}
        for place, act in enumerate(acts):
            slots = _settled(act.slots, once, style, grammar, random)
            words = grammar.expand(act.rule, random, register=style.register, slots=slots)
            sections[act.section].append(_Sentence(_sentence(_marked(words, shown.get(place))), act.topic))
        text = _Page(style, self._page, topics, random).set(sections)
        return self._american.sub(self._anglicise, text) if style.british else text

    def _anglicise(self, found: re.Match[str]) -> str:
        word = found[0]
        british = self._page.british[word.lower()]
        return british.upper() if word.isupper() else british.capitalize() if word[0].isupper() else british


def _settled(
    slots: Mapping[str, str], once: dict[str, str], style: Style, grammar: Grammar, random: Random
) -> Mapping[str, str]:
    """Slots in which each `!rule` has become its words, the same in every sentence of the report."""
    drawn = {name: value[1:] for name, value in slots.items() if value.startswith("!")}
    if not drawn:
        return slots
    plain = {name: drawn.get(name, value) for name, value in slots.items()}
    for name, rule in drawn.items():
        if rule not in once:
            without = {key: value for key, value in plain.items() if key != name}
            once[rule] = grammar.expand(rule, random, register=style.register, slots=without)
    return {**slots, **{name: once[rule] for name, rule in drawn.items()}}


def _marked(words: str, number: int | None) -> str:
    """Number the marks around the evidence, or take them out where it is not needed."""
    if number is None:
        return words.replace(OPEN, "").replace(CLOSE, "")
    return words.replace(OPEN, OPEN + chr(FIRST_MARK + number))


def _sentence(text: str) -> str:
    """Capital letter, full stop, "an" before a vowel, single spaces."""
    text = _SPACES.sub(lambda found: " " if found[0].isspace() and len(found[0]) > 1 else "", text.strip())
    text = _ARTICLE.sub(r"\1n", text)
    first = _FIRST.search(text)
    if first:
        text = text[: first.start()] + first[0].upper() + text[first.end() :]
    text = _NEXT.sub(lambda found: found[0][:-1] + found[0][-1].upper(), text)
    bare = text.rstrip(CLOSE)
    return text if not bare or bare.endswith(_ENDS) else f"{text}."


class _Page:
    """One page under way: draws once how it looks, then sets section after section."""

    def __init__(
        self, style: Style, page: Page, topics: Mapping[str, tuple[str, ...]], random: Random
    ) -> None:
        self.style, self.topics, self.random = style, topics, random
        self.headings = page.headings["british" if style.british else "american"]
        self.look = {name: random.random() < chance for name, chance in page.looks.items()}
        signs = {name: random.choice(options) for name, options in page.signs.items()}
        self.bullet, self.number, self.colon, self.organ_colon = (
            signs[name] for name in ("bullet", "number", "colon", "organ_colon")
        )
        self.loud = self.look["loud_british" if style.british else "loud_american"]
        self.gap = signs["gap"]
        self.stops = random.random() < 0.4
        self.joins = random.random() * 0.5
        self.numbered = self.look["numbered_british" if style.british else "numbered_american"]

    def set(self, sections: Mapping[str, list[_Sentence]]) -> str:
        order = [name for name in SECTIONS if sections[name]]
        if self.style.layout != "paragraph" and self.look["impression_first"]:
            order.sort(key=lambda name: name == "findings")
        if "addendum" in order and self.random.random() < 0.5:
            order.sort(key=lambda name: name != "addendum")
        if self.style.layout == "paragraph":
            return self._finished(self._plain(order, sections))
        return self._finished(self._sections(order, sections))

    def _finished(self, text: str) -> str:
        if self.look["last_stop_lost"]:
            text = text.removesuffix(".")
        return text.replace("\n", " \n") if self.look["trailing"] else text

    def _plain(self, order: list[str], sections: Mapping[str, list[_Sentence]]) -> str:
        """No headings but, now and then, those of the details in front and of the conclusion."""
        parts = []
        for name in order:
            body = self._body(name, sections[name])
            chance = 0.75 if name in ("comparison", "addendum") else 0.35 if name in HEADED else 0
            parts.append(f"{self._heading(name)}: {body}" if self.random.random() < chance else body)
        return self.random.choice(("\n\n", "\n", " ", " ")).join(
            part if part.rstrip(CLOSE).endswith(_ENDS) else f"{part}." for part in parts
        )

    def _sections(self, order: list[str], sections: Mapping[str, list[_Sentence]]) -> str:
        pieces: list[str] = []
        for name in order:
            text = self._section(name, sections[name])
            if pieces and self.gap == " " and not pieces[-1].rstrip(CLOSE).endswith(_ENDS):
                pieces[-1] += "."
            pieces.append(text)
        if pieces and order[0] == "title" and self.look["title_runs_on"] and len(pieces) > 1:
            first = pieces.pop(0)
            sign = "" if first.endswith(_ENDS) else self.random.choice((".", ".", ":", " -"))
            pieces[0] = f"{first}{sign} {pieces[0]}"
        elif len(pieces) > 1 and self.gap == "\n" and self.look["title_apart"] and order[0] == "title":
            pieces[0] += "\n"
        return self.gap.join(pieces)

    def _section(self, name: str, sentences: list[_Sentence]) -> str:
        if name == "closing":
            return self._body(name, sentences)
        if name == "title":
            return self._title(sentences[0].text.rstrip("."))
        body = self._body(name, sentences)
        alone = self.style.shape != "both" and name in ("findings", "impression")
        if self.random.random() < (0.3 if alone else 0.1 if name in ("indication", "findings") else 0):
            return body
        return f"{self._heading(name)}{self._break(name, body)}{body}"

    def _title(self, text: str) -> str:
        if ":" not in text and self.look["title_headed"]:
            text = f"{self.random.choice(self.headings['title'])}: {text}".removeprefix(": ")
        return text.upper() if self.loud or self.look["loud_title"] else text

    def _break(self, name: str, body: str) -> str:
        """What stands between a heading and its text."""
        listed = "\n" in body and (self.style.layout in ("list", "organ") or name == "impression")
        below = self.look["below"] and self.gap != " "
        if listed or body.startswith((self.bullet, "1", "(1", "•")):
            below = self.gap != " " or "\n" in body
        if below:
            return "\n" if self.look["bare_headings"] else ":\n"
        return f"{self.colon} "

    def _heading(self, name: str) -> str:
        heading = self.random.choice(self.headings[name])
        if self.look["small_headings"]:
            return heading.lower()
        return heading.upper() if self.loud else heading.title() if self.look["title_case"] else heading

    def _body(self, name: str, sentences: list[_Sentence]) -> str:
        texts = [sentence.text for sentence in sentences]
        if name in BARE and not self.stops:
            texts[-1] = texts[-1].removesuffix(".")
        if name == "findings":
            return self._findings(sentences, texts)
        if name == "impression" and self.numbered and len(texts) > 1 and self.style.layout != "paragraph":
            return self._numbers(texts)
        if name == "impression" and len(texts) > 1 and self.look["impression_lines"] and self.gap != " ":
            return "\n".join(self._lines(texts))
        if name == "impression":
            return " ".join(texts)
        return " ".join(self._joined(texts, [sentence.topic for sentence in sentences]))

    def _findings(self, sentences: list[_Sentence], texts: list[str]) -> str:
        if self.style.layout == "organ":
            return self._organs(sentences)
        if self.style.layout == "list":
            return "\n".join(self.bullet + text for text in self._lines(texts))
        if self.look["line_each"] and self.gap != " " and self.style.layout == "headed":
            return "\n".join(self._lines(texts))
        if self.style.detail > 0.6 and self.look["paragraphs"] and self.gap != " ":
            groups = self._groups(sentences).items()
            return self.random.choice(("\n", "\n\n")).join(
                " ".join(self._joined(group, [topic] * len(group))) for topic, group in groups
            )
        return " ".join(self._joined(texts, [sentence.topic for sentence in sentences]))

    def _numbers(self, texts: list[str]) -> str:
        """Numbered points, one below the other or all in a line."""
        inline = self.look["numbers_inline"] or self.gap == " "
        texts = texts if inline else self._lines(texts)
        numbers = (self.number.replace("1", str(place)) for place in range(1, len(texts) + 1))
        points = [number + text for number, text in zip(numbers, texts, strict=True)]
        return (" " if inline else "\n").join(points)

    def _lines(self, texts: list[str]) -> list[str]:
        """Points of a list may lack their full stops."""
        return [text.removesuffix(".") for text in texts] if self.look["no_stops"] else texts

    def _joined(self, texts: list[str], topics: list[str]) -> list[str]:
        """Some short sentences run on into the next, if of the same organ, or denials both."""
        joined = texts[:1]
        for place, text in enumerate(texts[1:], start=1):
            denies = (_denies(joined[-1]), _denies(text))
            alike = topics[place] == topics[place - 1] or all(denies)
            if alike and self.random.random() < self.joins and _is_short(joined[-1]) and _is_short(text):
                joined[-1] = joined[-1].rstrip(".") + self._joint(*denies) + _small(text)
            else:
                joined.append(text)
        return joined

    def _joint(self, first: bool, second: bool) -> str:
        """A denial runs on into another one only: "no fracture, mass" would deny the mass too."""
        if first and second:
            return ", "
        return "; " if first or second else self.random.choice(JOINTS)

    def _groups(self, sentences: list[_Sentence]) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for text, topic in sentences:
            groups.setdefault(topic, []).append(text)
        return groups

    def _organs(self, sentences: list[_Sentence]) -> str:
        run_on = self.look["organs_run_on"] or self.gap == " "
        lines = [self._organ(topic, texts) for topic, texts in self._groups(sentences).items()]
        return (" " if run_on else "\n").join(lines if run_on else self._lines(lines))

    def _organ(self, topic: str, texts: list[str]) -> str:
        body = " ".join(self._joined(texts, [topic] * len(texts)))
        if topic not in self.topics:
            return body
        head = self.random.choice(self.topics[topic])
        head = head.upper() if self.look["loud_organs"] else head
        return f"{head}{self.organ_colon}{_small(body) if self.look['small_organs'] else body}"


def _denies(text: str) -> bool:
    """Whether its last sentence begins with a denial."""
    return bool(_DENIES.match(text.rsplit(". ", 1)[-1]))


def _is_short(text: str) -> bool:
    return text.endswith(".") and text.count(" ") < 9 and "?" not in text


def _small(text: str) -> str:
    """The text with a small first letter, unless its first word is an abbreviation."""
    return _CAPITAL.sub(lambda found: found[1] + found[2].lower(), text, count=1)


def place_of(text: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """Take the marks out of a finished text, and tell where the evidence of each stood.

    A mark is `OPEN`, a character that numbers it, the words, and `CLOSE`.
    """
    pieces: list[str] = []
    places: dict[int, tuple[int, int]] = {}
    length, opened = 0, (-1, 0)
    for piece in re.split(f"({OPEN}.|{CLOSE})", text, flags=re.DOTALL):
        if piece.startswith(OPEN):
            opened = (ord(piece[1]) - FIRST_MARK, length)
        elif piece == CLOSE:
            places[opened[0]] = (opened[1], length)
        else:
            pieces.append(piece)
            length += len(piece)
    return "".join(pieces), places
