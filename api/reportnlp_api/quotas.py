"""How many reports a key may send in a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

from reportnlp_api.problems import ProblemError

MINUTE = 60.0


class Quotas:
    """A token bucket for each caller: it holds a minute's reports, and fills evenly.

    A request is let in while there is anything in the bucket, up to all of it, and may leave it in debt: so
    one that is larger than a minute's quota can be sent, and is paid for afterwards.

    Args:
        per_minute: reports; 0: any number.
        clock: seconds, monotonic.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, reports: int) -> None:
        """Take reports out of a caller's bucket.

        Raises:
            ProblemError: it holds too few; 429, with the seconds after which it will hold enough.
        """
        if not self._per_minute:
            return
        level = self._level(caller)
        missing = min(reports, self._per_minute) - level
        if missing > 0:
            detail = f"A key may send {self._per_minute} reports a minute. Wait, or ask for more."
            wait = missing * MINUTE / self._per_minute
            raise ProblemError(429, "quota-used-up", detail, retry_after=wait + 0.5)
        self._levels[caller] = (level - reports, self._clock())

    def _level(self, caller: str) -> float:
        now = self._clock()
        level, since = self._levels.get(caller, (float(self._per_minute), now))
        return min(self._per_minute, level + (now - since) * self._per_minute / MINUTE)

    def check(self, caller: str) -> None:
        """Whether a caller may send anything at all.

        Raises:
            ProblemError: the bucket is empty.
        """
        if self._per_minute and self._level(caller) < 1:
            self.take(caller, 1)
