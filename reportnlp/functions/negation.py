"""Denied: NegEx's voice (Chapman et al. 2001), over the cues and scopes of `text/context.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reportnlp.findings.schema import Finding
from reportnlp.functions.blocks import RuleVoice, Told, current
from reportnlp.types import Presence

if TYPE_CHECKING:
    from reportnlp.rules.conclude import Placed

TITLE = "absent where the finding is denied, or all is said to be well"


class Function(RuleVoice):
    """Votes `absent`, or nothing.

    A whole denial by name always counts. One of a level, a side or a time ("no central embolus"), and a
    statement that all is well, count where the report does not affirm or doubt the finding elsewhere: 8,710
    of 8,712 such answers were right on Open-I outside its test list, and 59 of 64 on the written reports on
    pulmonary embolism that are for rules and training. What is denied of a parent as a whole holds for its
    kinds.
    """

    def presence(self, index: int, told: Told) -> Presence | None:
        """Absent where a denial stands, and no more than that."""
        own = current(told.stated.get(index, ()))
        if any(_denies(p) and not _is_broad(p) and not p.mention.limits for p in own):
            return Presence.ABSENT
        if any(not _denies(p) for p in own):
            return None
        above = [p for parent in self.parents.get(index, ()) for p in told.stated.get(parent, ())]
        return Presence.ABSENT if own or any(_denies(p) and not p.mention.limits for p in above) else None

    def nothing_else(self, finding: Finding, votes: Mapping[str, str], told: Told) -> Presence | None:
        """Present where all that the report speaks of is denied."""
        counted = [(i, other) for i, other in self.findings if other.name not in finding.exempt]
        spoken = [other.name for i, other in counted if current(told.stated.get(i, ()))]
        denied = [name for name in spoken if votes.get(name) == Presence.ABSENT]
        return Presence.PRESENT if spoken and denied == spoken else None


def _denies(placed: Placed) -> bool:
    from reportnlp.rules.readings import Assertion

    return placed.mention.assertion is Assertion.ABSENT


def _is_broad(placed: Placed) -> bool:
    """Whether it says that all is well, and does not name the finding."""
    from reportnlp.rules.lexicon import Kind

    return placed.mention.kind in (Kind.BROAD, Kind.WIDER)
