"""An answer of JSON lines that may come in several connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Generic, TypeVar

from reportnlp.client._calls import Call

T = TypeVar("T")


class Lines(Generic[T]):
    """Puts bytes together to lines, and reads each line once.

    Only a line feed ends a line: a report's id may hold other signs that Python takes for line ends.

    Args:
        call: says how a line is read.
    """

    def __init__(self, call: Call[T]) -> None:
        self._read = call.read
        self._taken = 0
        self.restart()

    def restart(self) -> None:
        """A new connection begins: the lines come from the first again."""
        self._seen, self._rest = 0, b""

    def take(self, chunk: bytes) -> Iterator[T]:
        """The lines that became whole and were not read before."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._seen += 1
            if self._seen > self._taken:
                self._taken += 1
                yield self._read(json.loads(line))
