"""A panel's phrases and the context cues, compiled into one matcher."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from reportnlp.config import package_toml
from reportnlp.errors import InvalidDefinitionError, UnknownNameError
from reportnlp.findings.schema import Attribute, Finding, Panel
from reportnlp.rules.matcher import Matcher
from reportnlp.rules.phrases import Classes, Pattern, compile_phrase
from reportnlp.text.context import Cue, load_cues, load_words

_MATCHED_KEYS = {"phrases", "fallback", "not_with", "ignore", "is_place"}


class Kind(StrEnum):
    """What a phrase of a finding file is for; see `reportnlp.findings.schema`."""

    FINDING = "finding"
    SIGN = "sign"
    DOUBTFUL = "doubtful"
    NORMAL = "normal"
    BROAD = "broad"
    WIDER = "wider"
    INCONCLUSIVE = "inconclusive"
    EXCLUSION = "exclusion"
    SHORTHAND = "shorthand"
    REDEFINED = "redefined"
    RIVAL = "rival"
    SUPPORT = "support"
    VALUE = "value"
    NOT_WITH = "not_with"
    IGNORE = "ignore"
    CUE = "cue"


@dataclass(frozen=True, slots=True)
class Role:
    """What a matched phrase stands for.

    Attributes:
        kind: see `Kind`.
        finding: index in the panel; -1 for a cue and for an attribute's phrases.
        group: of a value, a `not_with` or an `ignore` phrase: index in `Lexicon.groups`.
        answer, is_fallback: of a value.
        cue: of a cue.
    """

    kind: Kind
    finding: int = -1
    group: int = -1
    answer: str = ""
    is_fallback: bool = False
    cue: Cue | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """An attribute that several findings define alike, matched once for all of them.

    `is_place`: it says where, which mentions that stand in one list share; how much, they do not.
    """

    attribute: str
    findings: frozenset[int]
    is_place: bool


@cache
def shared_classes() -> dict[str, tuple[str, ...]]:
    """Phrase classes every finding file may use, from `vocabulary.toml`."""
    table = package_toml("rules", "vocabulary.toml")
    return {name: tuple(phrases) for name, phrases in table.items()}


TOLD, VALUES = 0, 1
"""Tables of a lexicon's matcher: findings and cues; attributes, which most sentences never ask for."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A panel, compiled.

    Attributes:
        matcher: finds every phrase of the panel and every cue.
        kin: pairs of a kind and its parent, as indexes in the panel.
        groups: the panel's attributes.
    """

    matcher: Matcher[Role]
    kin: frozenset[tuple[int, int]]
    groups: tuple[Group, ...]


def compile_panel(panel: Panel) -> Lexicon:
    """Compile everything a panel's rules look for.

    Raises:
        InvalidDefinitionError: a phrase that breaks the phrase language.
        UnknownNameError: a phrase class that does not exist.
    """
    index = {finding.name: i for i, finding in enumerate(panel.findings)}
    kin = {(i, index[p]) for i, finding in enumerate(panel.findings) for p in finding.parents if p in index}
    shared = _shared_attributes(panel)
    groups = tuple(_group(panel, members) for members in shared)
    words = load_words()
    tables = (_told_patterns(panel), _value_patterns(panel, shared))
    matcher = Matcher(tables, words.hard | words.breaks, words.soft | words.lists)
    return Lexicon(matcher, frozenset(kin), groups)


def _group(panel: Panel, members: list[tuple[int, str]]) -> Group:
    index, name = members[0]
    is_place = panel.findings[index].attributes[name].is_place
    return Group(name, frozenset(i for i, _ in members), is_place)


def _shared_attributes(panel: Panel) -> list[list[tuple[int, str]]]:
    """Attributes as pairs of a finding's index and a name, those together that are defined alike."""
    alike: dict[str, list[tuple[int, str]]] = {}
    for i, finding in enumerate(panel.findings):
        for name, attribute in finding.attributes.items():
            phrases = attribute.model_dump(
                mode="json", include={"phrases", "fallback", "not_with", "ignore", "is_place"}
            )
            text = json.dumps([name, phrases])
            classes = {key: words for key, words in finding.classes.items() if f"{{{key}}}" in text}
            alike.setdefault(text + json.dumps(classes), []).append((i, name))
    return list(alike.values())


def _told_patterns(panel: Panel) -> Iterator[tuple[Role, Pattern]]:
    for index, finding in enumerate(panel.findings):
        with _naming(finding):
            yield from _finding_patterns(index, finding, {**shared_classes(), **finding.classes})
    for cue, phrases in load_cues():
        yield from _compiled(Role(Kind.CUE, cue=cue), phrases, shared_classes())


def _value_patterns(panel: Panel, shared: list[list[tuple[int, str]]]) -> Iterator[tuple[Role, Pattern]]:
    for group, members in enumerate(shared):
        finding = panel.findings[members[0][0]]
        classes = {**shared_classes(), **finding.classes}
        with _naming(finding):
            yield from _attribute_patterns(group, finding.attributes[members[0][1]], classes)


@contextmanager
def _naming(finding: Finding) -> Iterator[None]:
    """Say in which finding's file a phrase is wrong."""
    try:
        yield
    except (InvalidDefinitionError, UnknownNameError) as error:
        raise type(error)(f"{finding.name}.toml: {error}") from None


def _finding_patterns(index: int, finding: Finding, classes: Classes) -> Iterator[tuple[Role, Pattern]]:
    groups = {
        Kind.FINDING: finding.phrases,
        Kind.SIGN: finding.signs,
        Kind.DOUBTFUL: finding.doubtful,
        Kind.NORMAL: finding.normal,
        Kind.BROAD: finding.broad,
        Kind.WIDER: finding.wider,
        Kind.INCONCLUSIVE: finding.inconclusive,
        Kind.EXCLUSION: finding.exclusions,
        Kind.SHORTHAND: finding.shorthand,
        Kind.REDEFINED: finding.redefined,
        Kind.RIVAL: finding.rivals,
        Kind.SUPPORT: finding.supports,
    }
    for kind, phrases in groups.items():
        role = Role(kind, index)
        yield from _compiled(role, phrases, classes)


def _attribute_patterns(group: int, attribute: Attribute, classes: Classes) -> Iterator[tuple[Role, Pattern]]:
    for answer, phrases in attribute.phrases.items():
        yield from _compiled(Role(Kind.VALUE, group=group, answer=answer), phrases, classes)
    for answer, phrases in attribute.fallback.items():
        role = Role(Kind.VALUE, group=group, answer=answer, is_fallback=True)
        yield from _compiled(role, phrases, classes)
    yield from _compiled(Role(Kind.NOT_WITH, group=group), attribute.not_with, classes)
    yield from _compiled(Role(Kind.IGNORE, group=group), attribute.ignore, classes)


def _compiled(role: Role, phrases: Iterable[str], classes: Classes) -> Iterator[tuple[Role, Pattern]]:
    for phrase in phrases:
        yield from ((role, pattern) for pattern in compile_phrase(phrase, classes))
