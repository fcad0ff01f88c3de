"""A small grammar of phrases: rules of alternatives, read from TOML, expanded at random.

A template is text with `(this|that)`, an optional `[part]` (there half of the time), `{name}` for a rule or a
slot that the act fills, and `<words>` for the evidence. A backslash takes the next sign as it is. An
alternative that begins with `@terse ` or `@full ` belongs to that register alone; `3* ` makes it three times
as likely. A slot whose value names a rule (`{where}` filled with `where_lobar`) is expanded as that rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from reportnlp.errors import InvalidDefinitionError, unknown_name

OPEN, CLOSE = "\ue000", "\ue001"
"""Private-use characters that stand around the evidence until its place is read off the finished text."""

GAP = "\ue002"
"""Stands for a name or a date that de-identification takes out; `_common.toml` has it as the rule `gap`."""

REGISTERS = ("full", "terse")

_PREFIX = re.compile(r"(?:(\d+)\* )?(?:@(\w+) )?")
_SPECIAL = re.compile(r"[()\[\]{}<>|\\]")


@dataclass(frozen=True, slots=True)
class Reference:
    """`{name}`: a slot of the act, or a rule."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several parts, each as likely as it is often there."""

    options: tuple[Part, ...]


Part: TypeAlias = "str | Reference | Choice | tuple[Part, ...]"


class Grammar:
    """Rules, compiled for each register.

    Args:
        rules: rule name to its alternatives, as templates.
        where: what the rules are called in messages ("pe.toml").
        slots: names that acts fill; any other `{name}` must be a rule.

    Raises:
        InvalidDefinitionError: a template with an unclosed bracket, or a rule without an alternative.
        UnknownNameError: a template names neither a rule nor a slot.
    """

    def __init__(
        self, rules: Mapping[str, Sequence[str]], *, where: str, slots: frozenset[str] = frozenset()
    ) -> None:
        self._rules = {
            register: {name: _rule(name, lines, register, where) for name, lines in rules.items()}
            for register in REGISTERS
        }
        self._where, self._slots = where, slots
        for parts in self._rules["full"].values():
            self._check(parts)

    def _check(self, part: Part) -> None:
        for name in references(part):
            if name not in self._slots and name not in self:
                raise unknown_name(f"rule or slot of {self._where}", name, self._rules["full"])

    def __contains__(self, name: str) -> bool:
        return name in self._rules["full"]

    def names(self) -> tuple[str, ...]:
        """Every rule's name."""
        return tuple(self._rules["full"])

    def expand(
        self, name: str, random: Random, *, register: str = "full", slots: Mapping[str, str] | None = None
    ) -> str:
        """One realisation of a rule, with the marks of its evidence.

        Raises:
            UnknownNameError: there is no such rule.
        """
        rules = self._rules[register]
        if name not in rules:
            raise unknown_name(f"rule of {self._where}", name, rules)
        pieces: list[str] = []
        _expand(rules[name], rules, slots or {}, random.random, pieces)
        return "".join(pieces)

    def count(self, name: str, register: str = "full", slots: Mapping[str, str] | None = None) -> int:
        """How many ways there are through a rule (different ways may give the same words)."""
        return _count(self._rules[register][name], self._rules[register], slots or {})


def _rule(name: str, lines: Sequence[str], register: str, where: str) -> Choice:
    options: list[Part] = []
    for line in lines:
        head = _PREFIX.match(line)
        assert head is not None  # it matches the empty string
        if head[2] not in (None, *REGISTERS):
            raise unknown_name(f"register ({where}, rule '{name}')", head[2], REGISTERS)
        if head[2] in (None, register):
            options += [_parse(line[head.end() :], f"{where}, rule '{name}'")] * int(head[1] or 1)
    if not options:
        raise InvalidDefinitionError(f"{where}: the rule '{name}' has no alternative for '{register}'.")
    return Choice(tuple(options))


def _parse(template: str, where: str) -> Part:
    part, end = _alternatives(template, 0, "", where)
    if end != len(template):
        raise InvalidDefinitionError(f"{where}: '{template[end]}' closes nothing in {template!r}.")
    return part


def _alternatives(template: str, at: int, closing: str, where: str) -> tuple[Part, int]:
    """Parse up to the closing bracket; returns what was read, and where it stopped."""
    options: list[Part] = []
    parts: list[Part] = []
    while True:
        special = _SPECIAL.search(template, at)
        if special is None:
            if closing:
                raise InvalidDefinitionError(f"{where}: a '{closing}' is missing in {template!r}.")
            parts.append(template[at:])
            return _chosen(options, parts), len(template)
        if special.start() > at:
            parts.append(template[at : special.start()])
        sign, at = special[0], special.end()
        if sign in ")]}" and sign != closing:
            return _chosen(options, parts), at - 1
        if sign == closing:
            return _chosen(options, parts), at
        if sign == "|":
            options.append(tuple(parts))
            parts = []
        else:
            part, at = _special(template, sign, at, where)
            parts.append(part)


def _special(template: str, sign: str, at: int, where: str) -> tuple[Part, int]:
    if sign == "\\":
        return template[at : at + 1], at + 1
    if sign in "<>":
        return (OPEN if sign == "<" else CLOSE), at
    if sign == "{":
        end = template.find("}", at)
        if end < 0:
            raise InvalidDefinitionError(f"{where}: a '}}' is missing in {template!r}.")
        return Reference(template[at:end]), end + 1
    inner, end = _alternatives(template, at, ")" if sign == "(" else "]", where)
    return (inner if sign == "(" else Choice((inner, ""))), end


def _chosen(options: list[Part], parts: list[Part]) -> Part:
    last: Part = parts[0] if len(parts) == 1 else tuple(parts)
    return Choice((*options, last)) if options else last


def references(part: Part) -> Iterator[str]:
    """Every name that a part refers to."""
    if isinstance(part, Reference):
        yield part.name
    elif isinstance(part, Choice | tuple):
        for each in part.options if isinstance(part, Choice) else part:
            yield from references(each)


def _expand(
    part: Part,
    rules: Mapping[str, Choice],
    slots: Mapping[str, str],
    draw: Callable[[], float],
    pieces: list[str],
) -> None:
    if isinstance(part, str):
        pieces.append(part)
    elif isinstance(part, tuple):
        for each in part:
            _expand(each, rules, slots, draw, pieces)
    elif isinstance(part, Choice):
        options = part.options
        _expand(options[int(draw() * len(options))], rules, slots, draw, pieces)
    else:
        value = slots.get(part.name)
        if value is not None and value not in rules:
            pieces.append(value)
        else:
            _expand(rules[value or part.name], rules, slots, draw, pieces)


def _count(part: Part, rules: Mapping[str, Choice], slots: Mapping[str, str]) -> int:
    if isinstance(part, str):
        return 1
    if isinstance(part, tuple):
        product = 1
        for each in part:
            product *= _count(each, rules, slots)
        return product
    if isinstance(part, Choice):
        return sum(_count(each, rules, slots) for each in dict.fromkeys(part.options))
    value = slots.get(part.name)
    if value is not None and value not in rules:
        return 1
    return _count(rules[value or part.name], rules, slots)
