"""In the exam's name: "CT PE protocol" asks for a finding and states none."""

from __future__ import annotations

from reportnlp.functions.blocks import PROTOCOL_SECTIONS, RuleVoice, Told, naming
from reportnlp.types import Presence

TITLE = (
    "not_mentioned where the exam's title or technique names the finding, and the report says no more of it"
)


class Function(RuleVoice):
    """Votes `not_mentioned`, or nothing."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """Not mentioned where the title or the technique names it, and nothing is said of it as of now."""
        named = naming(p for p in told.named.get(index, ()) if p.section in PROTOCOL_SECTIONS)
        return Presence.NOT_MENTIONED if named and not self.spoken_of(index, told) else None
