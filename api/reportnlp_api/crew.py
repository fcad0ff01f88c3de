"""The workers: each takes what waits when it is free, and is replaced when it is lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from reportnlp_api.catalogue import Method
from reportnlp_api.frames import Frame
from reportnlp_api.hands import Hand, HandLostError, Start
from reportnlp_api.metrics import Metrics
from reportnlp_api.pieces import Answer, Asked, Key, Piece, Queue
from reportnlp_api.problems import ProblemError
from reportnlp_api.settings import Settings

LOG = logging.getLogger("reportnlp_api")

PIECE = 1024
"""Tokens from which on a request is shared out among idle workers: smaller shares gain no time."""

LOADING_S = 120.0
"""How long a worker may take to start and load."""

LONGEST_PAUSE = 10.0
"""Seconds at most between attempts to start a worker that dies at once."""


class Crew:
    """As many workers as are set, at work on one queue.

    Args:
        settings: sizes and times.
        default: what every worker has loaded before it counts as ready.
        start: starts a worker.
        queue: what waits.
        metrics: what is counted.
    """

    def __init__(
        self, settings: Settings, default: Method, start: Start, queue: Queue, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._default = default
        self._start = start
        self._queue = queue
        self._metrics = metrics
        self._tenders: list[asyncio.Task[None]] = []
        self._loaded: dict[Hand, frozenset[tuple[str | None, str]]] = {}
        self._idle = 0
        self.ready = 0
        self.rate = 0.0

    async def begin(self) -> None:
        """Start the workers; `ready` counts those that have loaded, `rate` is theirs in tokens a second."""
        self._tenders = [asyncio.create_task(self._tend()) for _ in range(self._settings.processes)]

    async def end(self) -> None:
        """End the workers, whatever they are at."""
        for tender in self._tenders:
            tender.cancel()
        await asyncio.gather(*self._tenders, return_exceptions=True)

    def has_loaded(self, method: Method) -> bool:
        """Whether some worker has a method ready."""
        return any((method.panel_source, method.source) in loaded for loaded in self._loaded.values())

    async def _tend(self) -> None:
        """Keep one worker at work, and put another in its place when it dies."""
        pause = 0.0
        while True:
            began = time.monotonic()
            try:
                await self._employ()
            except Exception as error:
                # Whatever it was, the next worker begins afresh. Only our own messages hold no text.
                reason = str(error) if isinstance(error, HandLostError) else type(error).__name__
                LOG.error("A worker was lost: %s", reason)
                self._metrics.workers_lost.inc()
            lasted = time.monotonic() - began
            pause = 0.1 if lasted > LONGEST_PAUSE else min(LONGEST_PAUSE, pause * 2 + 0.1)
            await asyncio.sleep(pause)

    async def _employ(self) -> None:
        hand = await self._start()
        try:
            await self._work(hand)
        finally:
            self._loaded.pop(hand, None)
            await hand.close()

    async def _work(self, hand: Hand) -> None:
        answer = await self._ask(hand, (self._default, False), [], LOADING_S)
        if isinstance(answer, ProblemError):
            raise HandLostError(answer.detail)
        self.ready += 1
        try:
            while True:
                batch = await self._next_batch()
                try:
                    await self._do(hand, batch)
                except Exception:
                    self._again(batch)
                    raise
        finally:
            self.ready -= 1

    async def _next_batch(self) -> list[Piece]:
        self._idle += 1
        try:
            while True:
                await self._queue.arrival.wait()
                await self._gather()
                share = -(-self._queue.tokens // self._idle)
                if batch := self._queue.take(min(self._settings.batch_tokens, max(PIECE, share))):
                    return batch
        finally:
            self._idle -= 1

    async def _gather(self) -> None:
        """Wait a little for more, where that is wanted and a batch is not full yet."""
        left = self._queue.oldest() + self._settings.batch_wait_ms / 1000 - time.monotonic()
        if 0 < left < float("inf") and self._queue.tokens < self._settings.batch_tokens:
            await asyncio.sleep(left)

    async def _do(self, hand: Hand, batch: list[Piece]) -> None:
        began = time.monotonic()
        asked = [one for piece in batch for one in piece.asked]
        answer = await self._ask(hand, batch[0].key, asked, self._settings.stuck_s)
        taken = time.monotonic() - began
        self._metrics.batch_reports.observe(len(asked))
        self._metrics.batch_seconds.observe(taken)
        if isinstance(answer, ProblemError):
            for piece in batch:
                if not piece.answer.done():
                    piece.answer.set_exception(answer)
            return
        rate = sum(piece.tokens for piece in batch) / max(taken, 1e-6) * max(1, self.ready)
        self.rate = 0.8 * self.rate + 0.2 * rate if self.rate else rate
        _hand_out(answer, batch)

    async def _ask(
        self, hand: Hand, key: Key, asked: Sequence[Asked], limit_s: float
    ) -> Answer | ProblemError:
        method, abstain = key
        head = {
            "panel": method.panel_source,
            "source": method.source,
            "digest": method.digest,
            "abstain": abstain,
            "reports": [(one.id, one.questions) for one in asked],
        }
        try:
            async with asyncio.timeout(limit_s):
                frame = await hand.ask(Frame(head, [one.text for one in asked]))
        except TimeoutError:
            hand.kill()
            raise HandLostError("it was stuck, and was killed") from None
        if "failed" in frame.head:
            return ProblemError(
                503, "method-unavailable", f"{frame.head['failed']} Tell who runs the service."
            )
        self._loaded[hand] = frozenset((panel, source) for panel, source in frame.head["loaded"])
        return Answer(frame.head["model"], frame.head["tokens"], list(frame.parts))

    def _again(self, batch: list[Piece]) -> None:
        """Once more, each piece alone: one that ends a worker takes no other request with it."""
        for piece in batch:
            if piece.answer.done():
                continue
            if not piece.again:
                self._queue.put_back(piece)
                continue
            detail = "The worker that labelled it ended, twice. Please report the fault."
            piece.answer.set_exception(ProblemError(500, "worker-lost", detail))


def _hand_out(answer: Answer, batch: list[Piece]) -> None:
    """Give each piece the answers to its own reports."""
    start = 0
    for piece in batch:
        end = start + len(piece.asked)
        if not piece.answer.done():
            piece.answer.set_result(Answer(answer.model, answer.tokens[start:end], answer.results[start:end]))
        start = end
