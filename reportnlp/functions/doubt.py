"""Doubted or questioned: the voice of hedges ("possible", "cannot exclude", "versus")."""

from __future__ import annotations

from reportnlp.functions.blocks import RuleVoice, Told, current
from reportnlp.types import Presence

TITLE = "uncertain where the report doubts the finding, or questions it and says no more"


class Function(RuleVoice):
    """Votes `uncertain`, or nothing.

    A mere question ("?PE") counts where nothing else is said of the finding: beside a denial or an
    affirmation 3 of 36 answers were uncertain, in the corpora that rules were written or models trained on.
    """

    def presence(self, index: int, told: Told) -> Presence | None:
        """Uncertain where a section that states findings is in doubt."""
        from reportnlp.rules.readings import Assertion

        said = {p.mention.assertion for p in current(told.stated.get(index, ()))}
        doubted = Assertion.UNCERTAIN in said or said == {Assertion.QUESTIONED}
        return Presence.UNCERTAIN if doubted else None
