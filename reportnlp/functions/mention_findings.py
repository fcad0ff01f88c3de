"""Affirmed in the findings: what the body of the report describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reportnlp.functions.blocks import RuleVoice, Told, affirmed
from reportnlp.text.sections import BODY
from reportnlp.types import Presence

if TYPE_CHECKING:
    from reportnlp.rules.conclude import Placed

TITLE = "present where the body of the report affirms the finding, with the attributes it gives there"


class Function(RuleVoice):
    """Votes `present`, or nothing."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """Present where the body affirms it."""
        return Presence.PRESENT if self.showing(told.stated.get(index, ())) else None

    def showing(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """Affirmed mentions in the body."""
        return affirmed(p for p in placed if p.section == BODY)
