"""What a long job tells whoever watches it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A watcher of a long job, whose steps are rows. Called from the job's own thread only."""

    def phase(self, name: str, total: int | None) -> None:
        """A new phase begins, of `total` steps where that is known already."""

    def expect(self, total: int) -> None:
        """How many steps the phase has in all became known."""

    def advance(self, steps: int) -> None:
        """So many steps more of the phase are done."""


class Silent:
    """A watcher that shows nothing."""

    def phase(self, name: str, total: int | None) -> None:
        """Show nothing."""

    def expect(self, total: int) -> None:
        """Show nothing."""

    def advance(self, steps: int) -> None:
        """Show nothing."""
