"""Affirmed in the impression: the reader's last word on what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reportnlp.functions.blocks import RuleVoice, Told, affirmed
from reportnlp.types import Presence

if TYPE_CHECKING:
    from reportnlp.rules.conclude import Placed

TITLE = "present where the impression affirms the finding, with the attributes it gives there"


class Function(RuleVoice):
    """Votes `present`, or nothing."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """Present where the impression affirms it."""
        return Presence.PRESENT if self.showing(told.stated.get(index, ())) else None

    def showing(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """Affirmed mentions in the impression."""
        return affirmed(p for p in placed if p.section == "impression")
