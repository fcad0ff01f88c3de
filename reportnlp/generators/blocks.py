"""What the generators of all panels share: the acts of a report, the style it is written in, and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Literal, TypeVar

from reportnlp.types import Presence

SECTIONS = ("title", "indication", "technique", "comparison", "findings", "impression", "closing", "addendum")
"""In the order in which most reports have them."""

SITES = ("us_academic", "us_community", "british_irish", "australian_indian")

PRESENT, ABSENT, UNCERTAIN, SILENT = (str(presence) for presence in Presence)

Item = TypeVar("Item")
Shape = Literal["both", "body", "conclusion"]
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Style:
    """How one report is written, drawn before its content: content must fit the sections there are.

    Attributes:
        shape: findings and an impression (`both`), one text without an impression (`body`), or an
            impression alone (`conclusion`). What the answers rest on must be said in a section there is.
        register: `full` sentences or `terse` notes.
        layout: `headed`, `organ` (sub-heads), `list` or `paragraph`.
        site: one of `SITES`; spelling and headings follow from it.
        detail: 0 to 1; how much of the rest of the body is described.
    """

    shape: Shape
    register: str
    layout: str
    site: str
    detail: float

    @property
    def british(self) -> bool:
        """Haemorrhage, oedema, tumour."""
        return not self.site.startswith("us_")

    def has(self, section: str) -> bool:
        """Whether the report has findings, or an impression."""
        return self.shape == "both" or self.shape == {"findings": "body", "impression": "conclusion"}[section]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a report says.

    Attributes:
        rule: the grammar's rule that says it.
        section: one of `SECTIONS`.
        topic: the organ under whose sub-head it stands, for acts of `findings`.
        slots: what the rule's `{names}` stand for.
        shows: the findings whose answer it shows; the rule marks the words with `<` and `>`.
    """

    rule: str
    section: str = "findings"
    topic: str = ""
    slots: Mapping[str, str] = field(default_factory=lambda: _NONE)
    shows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What a report is about, before it has words.

    Attributes:
        answers: every question of the panel to its answer.
        acts: what is said, in the order of the telling; sections are put in order later.
        avoid: topics (`heart`) and things (`heart.strain`) that the rest of the report must leave alone.
    """

    answers: Mapping[str, str]
    acts: Sequence[Act]
    avoid: frozenset[str] = frozenset()


def weighted(random: Random, weights: Mapping[Item, float]) -> Item:
    """Draw a key with the chance its weight gives it; the weights need not sum to 1."""
    at = random.random() * sum(weights.values())
    for item, weight in weights.items():
        at -= weight
        if at < 0:
            return item
    return list(weights)[-1]


def happens(random: Random, chance: float) -> bool:
    """True as often as the chance says."""
    return random.random() < chance


def other_side(side: str) -> str:
    """Right for left, left for right."""
    return "right" if side == "left" else "left"


def wanted_or(random: Random, wanted: Mapping[str, str], question: str, weights: Mapping[str, float]) -> str:
    """The answer that is asked for, or one drawn by the weights."""
    return wanted.get(question) or weighted(random, weights)


def presence_of(wanted: Mapping[str, str], finding: str) -> str | None:
    """The presence that is asked for; an attribute's answer asks for `present`, too."""
    attributes = [a for q, a in wanted.items() if q.startswith(f"{finding}.") and a != "not_applicable"]
    return wanted.get(finding) or (Presence.PRESENT.value if attributes else None)
