"""What an addendum says: it corrects the report, and has the last word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reportnlp.functions.blocks import RuleVoice, Told, affirmed
from reportnlp.types import Presence

if TYPE_CHECKING:
    from reportnlp.rules.conclude import Placed

TITLE = "present, absent or uncertain as the addendum says, where there is one"


class Function(RuleVoice):
    """Votes as an addendum says, or not at all."""

    def presence(self, index: int, told: Told) -> Presence | None:
        """The answer of the addendum alone."""
        from reportnlp.rules.conclude import conclude

        verdict = conclude(_within(told.stated.get(index, ())))
        return None if verdict.answer is Presence.NOT_MENTIONED else verdict.answer

    def showing(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """Affirmed mentions in the addendum."""
        return affirmed(_within(placed))


def _within(placed: Sequence[Placed]) -> list[Placed]:
    return [p for p in placed if p.section == "addendum"]
