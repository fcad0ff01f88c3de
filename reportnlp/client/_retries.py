"""When to try again, and how long to wait before: exponential back-off with full jitter.

Full jitter (Brooker 2015, "Exponential Backoff And Jitter", AWS Architecture Blog): each wait is drawn evenly
from zero to a bound that doubles, so that callers who were refused together do not come back together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from reportnlp.client._errors import UnreachableError
from reportnlp.errors import InvalidDefinitionError

AGAIN = (429, 503)
"""Statuses by which the service asks to come back later."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and how far apart.

    Attributes:
        attempts: requests in all; 1 is no retry.
        first_s: bound of the first wait, in seconds; each further one doubles it.
        longest_s: bound of any wait. Where the service asks for more, its refusal is raised at once.
        seed: of the jitter; None draws another each time, as is wanted of many clients.

    Raises:
        InvalidDefinitionError: no attempt at all, or a negative wait.
    """

    attempts: int = 6
    first_s: float = 0.25
    longest_s: float = 30.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.first_s, self.longest_s) < 0:
            raise InvalidDefinitionError(
                f"attempts is {self.attempts}, first_s {self.first_s} and longest_s {self.longest_s}; they "
                "must be at least 1, 0 and 0."
            )

    def random(self) -> Random:
        """Where the jitter comes from."""
        return Random(self.seed)


@dataclass(slots=True)
class Attempts:
    """One request's attempts so far.

    Attributes:
        retries: how many there may be.
        random: where the jitter comes from.
    """

    retries: Retries
    random: Random
    made: int = field(default=0, init=False)

    def refused(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait before asking again; None where this answer stands."""
        self.made += 1
        if status not in AGAIN or self.made >= self.retries.attempts:
            return None
        asked = seconds(headers.get("retry-after", ""))
        if asked > self.retries.longest_s:
            return None
        return asked + self._jitter()

    def broken(self, error: Exception) -> float:
        """Seconds to wait after a connection that failed.

        Raises:
            UnreachableError: it was tried often enough.
        """
        self.made += 1
        if self.made >= self.retries.attempts:
            raise UnreachableError(
                f"The service gave no answer in {self.made} attempts ({type(error).__name__}). Is it "
                "running, and is this its address? reportnlp serve starts one."
            ) from error
        return self._jitter()

    def _jitter(self) -> float:
        bound = min(self.retries.longest_s, self.retries.first_s * 2.0 ** (self.made - 1))
        return self.random.uniform(0, bound)


def seconds(retry_after: str) -> float:
    """What a Retry-After header asks for (RFC 9110, 10.2.3), a number or a date; 0 without one."""
    try:
        return max(0.0, float(int(retry_after)))
    except ValueError:
        pass
    try:
        day = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    at = day if day.tzinfo else day.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
