"""What waits to be labelled: pieces of requests, in a queue that is measured in tokens."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reportnlp_api.catalogue import Method

BYTES_PER_TOKEN = 6
"""What a token of a report takes: the queue is measured before anything is read."""

Key = tuple[Method, bool]
"""What must be the same in a batch: the method, and whether it may abstain."""


class Asked(NamedTuple):
    """A report in the queue: its id, the questions asked of it (None: all), and its text in UTF-8."""

    id: str
    questions: list[str] | None
    text: bytes

    @property
    def tokens(self) -> int:
        """About how many it has."""
        return 1 + len(self.text) // BYTES_PER_TOKEN


class Answer(NamedTuple):
    """What became of some reports.

    Attributes:
        model: what labelled.
        tokens: how many were read of each report.
        results: one per report, as JSON.
    """

    model: str
    tokens: list[int]
    results: list[bytes]


@dataclass(eq=False, slots=True)
class Piece:
    """Reports of one request that stay together; None of two requests share a piece.

    Attributes:
        key: what labels them.
        asked: the reports.
        tokens: about how many they have.
        answer: what the request waits for.
        since: when it was queued, by the monotonic clock.
        again: whether a worker died over it already.
        waits: whether it is in the queue.
    """

    key: Key
    asked: Sequence[Asked]
    tokens: int
    answer: asyncio.Future[Answer]
    since: float = field(default_factory=time.monotonic)
    again: bool = False
    waits: bool = False


class Queue:
    """Pieces that wait, by key, measured in tokens.

    Args:
        most: tokens that may wait.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.tokens = 0
        self.arrival = asyncio.Event()
        self._waiting: dict[Key, deque[Piece]] = {}
        self._again: deque[Piece] = deque()

    def __len__(self) -> int:
        return len(self._again) + sum(map(len, self._waiting.values()))

    def put(self, piece: Piece) -> None:
        """Have a piece wait."""
        self._waiting.setdefault(piece.key, deque()).append(piece)
        self._in(piece)

    def put_back(self, piece: Piece) -> None:
        """Have a piece wait before all others, to be labelled alone."""
        piece.again = True
        self._again.append(piece)
        self._in(piece)

    def abandon(self, piece: Piece) -> None:
        """Nobody waits for a piece any longer: what it took in the queue is free at once."""
        if piece.waits:
            self.tokens -= piece.tokens
            piece.tokens, piece.asked = 0, ()
        piece.answer.cancel()

    def take(self, limit: int) -> list[Piece]:
        """The pieces whose turn it is, of one key: one if any waits, and more up to `limit` tokens."""
        self._drop_abandoned()
        if self._again:
            return [self._out(self._again)]
        heads = [(pieces[0].since, key) for key, pieces in self._waiting.items()]
        if not heads:
            self.arrival.clear()
            return []
        pieces = self._waiting[min(heads, key=lambda head: head[0])[1]]
        batch = [self._out(pieces)]
        tokens = batch[0].tokens
        while pieces and tokens + pieces[0].tokens <= limit:
            batch.append(self._out(pieces))
            tokens += batch[-1].tokens
        return [piece for piece in batch if not piece.answer.done()]

    def oldest(self) -> float:
        """Since when the piece waits whose turn it is; infinite without any."""
        self._drop_abandoned()
        return min((pieces[0].since for pieces in self._waiting.values()), default=float("inf"))

    def _drop_abandoned(self) -> None:
        for pieces in (self._again, *self._waiting.values()):
            while pieces and pieces[0].answer.done():
                self._out(pieces)
        self._waiting = {key: pieces for key, pieces in self._waiting.items() if pieces}

    def _in(self, piece: Piece) -> None:
        piece.waits = True
        self.tokens += piece.tokens
        self.arrival.set()

    def _out(self, pieces: deque[Piece]) -> Piece:
        piece = pieces.popleft()
        piece.waits = False
        self.tokens -= piece.tokens
        return piece
