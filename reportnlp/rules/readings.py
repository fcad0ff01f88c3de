"""What reading a sentence gives: mentions of findings, and what context makes of each."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from reportnlp.rules import matcher
from reportnlp.rules.lexicon import Kind, Role

Found = matcher.Found[Role]
"""A phrase of the panel or a cue, and where it stands."""


class Assertion(StrEnum):
    """What a sentence says of a thing it mentions."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"
    QUESTIONED = "questioned"
    HISTORY = "history"
    HYPOTHETICAL = "hypothetical"
    SOMEBODY_ELSE = "somebody_else"


class Value(NamedTuple):
    """An attribute's answer and the characters that give it: of the sentence, or in the end of the report.

    `is_fallback`: it counts only where no other value is found.
    """

    attribute: str
    answer: str
    start: int
    end: int
    is_fallback: bool = False


class Loose(NamedTuple):
    """An attribute's answer that no mention of its sentence owns, and the findings it may belong to."""

    findings: frozenset[int]
    value: Value


class Mention(NamedTuple):
    """One mention of a finding.

    Attributes:
        finding: index in the panel.
        kind: which group of phrases it matched.
        assertion: what the sentence says of it.
        limits: words that limit a denial ("acute", "central", "left"); empty when it is whole.
        start, end: characters of the evidence, cue included, relative to the sentence.
        values: attribute answers that belong to it.
        is_weak: a doubt that only says the exam cannot exclude it.
        is_alternative: a doubt that only names it beside another reading ("atelectasis versus pneumonia").
    """

    finding: int
    kind: Kind
    assertion: Assertion
    limits: frozenset[str]
    start: int
    end: int
    values: tuple[Value, ...] = ()
    is_weak: bool = False
    is_alternative: bool = False


class Reading(NamedTuple):
    """All that one sentence says.

    Attributes:
        mentions: in order.
        loose: attribute answers that no mention of this sentence owns.
        continues: whether it goes on speaking of what the sentence before it mentioned.
        is_bare: whether it is nothing but attribute answers ("Acute.").
        hints: what it says of the meaning of shorthand, as kind and finding's index.
        shorthand: indexes of mentions that rest on a shorthand with other meanings.
    """

    mentions: tuple[Mention, ...]
    loose: tuple[Loose, ...] = ()
    continues: bool = False
    is_bare: bool = False
    hints: frozenset[tuple[Kind, int]] = frozenset()
    shorthand: frozenset[int] = frozenset()
