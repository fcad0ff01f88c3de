"""Only asked about or past: a finding that is named as a history, a request or a comparison, and no more."""

from __future__ import annotations

from reportnlp.functions.blocks import PROTOCOL_SECTIONS, RuleVoice, Told, naming
from reportnlp.types import Presence

TITLE = "not_mentioned where the finding is only a history, a request, a comparison or a warning"


class Function(RuleVoice):
    """Votes `not_mentioned`, or nothing."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """Not mentioned where it is named, and nothing is said of it as of this exam."""
        if self.spoken_of(index, told):
            return None
        asked = (p for p in told.named.get(index, ()) if p.section not in PROTOCOL_SECTIONS)
        named = naming((*told.stated.get(index, ()), *asked))
        return Presence.NOT_MENTIONED if named else None
