"""The phrase language of finding files, and its compilation to literal parts.

A phrase is words in a row, with four more signs:

- ``(clot|thrombus)``: one of several; ``(acute|)`` may be left out;
- ``{artery}``: any phrase of the class of that name (classes stand in `vocabulary.toml`, or in the file);
  a class whose phrases have gaps can only be a whole phrase by itself;
- ``...``: a gap of up to 4 tokens, ``...8`` of up to 8, never across a clause's end; ``..`` and ``..8`` the
  same, and not across a comma, "and" or "or" either.

Words are matched by their canonical form (`reportnlp.text.tokens.canonical`), so case, plurals and British
spelling need no second phrase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from reportnlp.errors import InvalidDefinitionError, unknown_name

DEFAULT_GAP = 4
MOST_LITERALS = 20_000
"""A part that unfolds to more literal phrases than this is a mistake in the file."""

Literal = tuple[str, ...]
Classes = Mapping[str, Sequence[str]]

_TOKEN = re.compile(r"\{(?P<class>\w+)\}|(?P<open>\()|(?P<close>\))|(?P<bar>\|)|(?P<word>[^\s(){}|]+)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled phrase: parts that follow one another within gaps.

    Attributes:
        parts: for each part every literal that fulfils it, each a tuple of raw words.
        gaps: most tokens between a part and the next; one fewer than parts.
        narrow: for each gap, whether it ends at a comma, "and" or "or".
    """

    parts: tuple[frozenset[Literal], ...]
    gaps: tuple[int, ...]
    narrow: tuple[bool, ...] = ()


_GAP = re.compile(r"(?<!\S)(\.{2,3})(\d*)(?!\S)")
_WHOLE_CLASS = re.compile(r"\{(\w+)\}")


def compile_phrase(phrase: str, classes: Classes) -> list[Pattern]:
    """Compile one phrase; one that is nothing but a class gives the patterns of the class, gaps included.

    Raises:
        InvalidDefinitionError: unbalanced brackets, an empty phrase, or one that unfolds too far.
        UnknownNameError: a class that does not exist.
    """
    whole = _WHOLE_CLASS.fullmatch(phrase)
    if whole and whole[1] in classes:
        return [pattern for member in classes[whole[1]] for pattern in compile_phrase(member, classes)]
    return [_compile(phrase, classes)]


def _compile(phrase: str, classes: Classes) -> Pattern:
    parts: list[frozenset[Literal]] = []
    gaps: list[int] = []
    narrow: list[bool] = []
    position = 0
    for match in [*_GAP.finditer(phrase), None]:
        piece = phrase[position : match.start() if match else len(phrase)].strip()
        parts.append(frozenset(_unfold(piece, classes, phrase)))
        if match:
            gaps.append(int(match[2] or DEFAULT_GAP))
            narrow.append(len(match[1]) == 2)
            position = match.end()
    if any(not part or () in part for part in parts):
        raise InvalidDefinitionError(
            f"The phrase '{phrase}' has an empty part. A gap '...' stands between words that must match."
        )
    return Pattern(tuple(parts), tuple(gaps), tuple(narrow))


def _unfold(piece: str, classes: Classes, phrase: str) -> list[Literal]:
    tokens = list(_TOKEN.finditer(piece))
    literals, rest = _alternatives(tokens, 0, classes, phrase)
    if rest != len(tokens):
        raise InvalidDefinitionError(f"The phrase '{phrase}' closes a bracket that was never opened.")
    if len(literals) > MOST_LITERALS:
        raise InvalidDefinitionError(
            f"The phrase '{phrase}' unfolds to {len(literals)} literals, over {MOST_LITERALS}. Split it."
        )
    return literals


def _alternatives(
    tokens: Sequence[re.Match[str]], at: int, classes: Classes, phrase: str
) -> tuple[list[Literal], int]:
    """Parse ``sequence | sequence | ...`` from `at`; returns the literals and where parsing stopped."""
    found: list[Literal] = []
    options: list[list[Literal]] = []
    while at < len(tokens):
        token = tokens[at]
        if token["close"]:
            break
        at += 1
        if token["bar"]:
            found.extend(_join(options))
            options = []
        elif token["open"]:
            inner, at = _alternatives(tokens, at, classes, phrase)
            if at >= len(tokens):
                raise InvalidDefinitionError(f"The phrase '{phrase}' opens a bracket that is never closed.")
            options.append(inner)
            at += 1
        elif token["class"]:
            options.append(_class_literals(token["class"], classes, phrase))
        else:
            options.append([(token["word"],)])
    found.extend(_join(options))
    return found, at


def _join(options: list[list[Literal]]) -> list[Literal]:
    return [tuple(word for literal in choice for word in literal) for choice in product(*options)]


def _class_literals(name: str, classes: Classes, phrase: str) -> list[Literal]:
    if name not in classes:
        raise unknown_name(f"class (used in the phrase '{phrase}')", name, classes)
    return [literal for text in classes[name] for literal in _unfold(text, classes, text)]
