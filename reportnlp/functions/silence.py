"""Named nowhere: of a finding that no part of the report names, the report says nothing."""

from __future__ import annotations

from reportnlp.functions.blocks import RuleVoice, Told
from reportnlp.types import Presence

TITLE = "not_mentioned where the report names the finding nowhere and does not say that all is well"


class Function(RuleVoice):
    """Votes `not_mentioned`, or nothing."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """Not mentioned where no section names it."""
        named = told.stated.get(index) or told.named.get(index) or self.spoken_of(index, told)
        return None if named else Presence.NOT_MENTIONED
