"""What a training tells whoever watches it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A watcher of a long job; the one of a long job over an archive will do. Called from one thread only."""

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        """A new phase begins, of `total` steps where that is known already; its steps are so many `unit`."""

    def expect(self, total: int) -> None:
        """How many steps the phase has in all became known."""

    def advance(self, steps: int) -> None:
        """So many steps more of the phase are done."""

    def note(self, text: str) -> None:
        """A word to show beside the count from now on, until the phase ends."""


class Silent:
    """A watcher that shows nothing."""

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        """Show nothing."""

    def expect(self, total: int) -> None:
        """Show nothing."""

    def advance(self, steps: int) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""
