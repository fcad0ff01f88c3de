"""Denied: NegEx's voice (Chapman et al. 2001), over the cues and scopes of `text/context.toml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportnlp.functions.blocks import RuleVoice, Told
from reportnlp.types import Presence

if TYPE_CHECKING:
    from reportnlp.rules.conclude import Placed

TITLE = "absent where the finding is denied as a whole, or said to be normal"


class Function(RuleVoice):
    """Votes `absent`, or nothing.

    A denial of one level, side or time ("no central embolus") is no denial of the finding. That all is well
    ("no acute disease") counts only for what the report does not speak of by name; what is denied of a
    parent holds for its kinds in the same way.
    """

    def presence(self, index: int, told: Told) -> Presence | None:
        """Absent where a whole denial stands."""
        own = told.stated.get(index, ())
        if any(_denies(p, by_name=True) for p in own):
            return Presence.ABSENT
        if any(_is_named(p) for p in own):
            return None
        above = [p for parent in self.parents.get(index, ()) for p in told.stated.get(parent, ())]
        return Presence.ABSENT if any(_denies(p, by_name=False) for p in (*own, *above)) else None


def _is_named(placed: Placed) -> bool:
    from reportnlp.rules.lexicon import Kind

    return placed.mention.kind in (Kind.FINDING, Kind.SIGN, Kind.DOUBTFUL)


def _denies(placed: Placed, *, by_name: bool) -> bool:
    """Whether a mention denies, wholly; `by_name` leaves out statements that all is well."""
    from reportnlp.rules.lexicon import Kind
    from reportnlp.rules.readings import Assertion

    mention = placed.mention
    broad = mention.kind in (Kind.BROAD, Kind.WIDER)
    return mention.assertion is Assertion.ABSENT and not mention.limits and not (by_name and broad)
