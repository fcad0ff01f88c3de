"""Doubted or questioned: the voice of hedges ("possible", "cannot exclude", "versus")."""

from __future__ import annotations

from reportnlp.functions.blocks import RuleVoice, Told
from reportnlp.types import Presence

TITLE = "uncertain where the report doubts or questions the finding"


class Function(RuleVoice):
    """Votes `uncertain`, or nothing."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """Uncertain where a section that states findings is in doubt."""
        from reportnlp.rules.readings import Assertion

        doubts = (Assertion.UNCERTAIN, Assertion.QUESTIONED)
        placed = told.stated.get(index, ())
        return Presence.UNCERTAIN if any(p.mention.assertion in doubts for p in placed) else None
