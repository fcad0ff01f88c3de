"""Only the exam's name: "CT PE protocol" asks for a finding and states none."""

from __future__ import annotations

from reportnlp.functions.blocks import PROTOCOL_SECTIONS, RuleVoice, Told
from reportnlp.types import Presence

TITLE = "not_mentioned where the finding is named in the exam's title or technique alone"


class Function(RuleVoice):
    """Votes `not_mentioned`, or nothing."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """Not mentioned where only the title or the technique names it."""
        named = told.named.get(index, ())
        alone = bool(named) and all(p.section in PROTOCOL_SECTIONS for p in named)
        if not alone or told.stated.get(index) or self.spoken_of(index, told):
            return None
        return Presence.NOT_MENTIONED
