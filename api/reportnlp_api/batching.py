"""Requests of all callers, batched by a budget of tokens and labelled by worker processes.

What arrives while every worker is busy waits in one bounded queue, and a worker that is free takes what is
there, up to the budget, of the method whose turn it is: batches grow with the load and cost an idle service
no time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress

from reportnlp_api.catalogue import Method
from reportnlp_api.crew import PIECE, Crew
from reportnlp_api.hands import Start
from reportnlp_api.metrics import Metrics
from reportnlp_api.pieces import Answer, Asked, Key, Piece, Queue
from reportnlp_api.problems import ProblemError
from reportnlp_api.settings import Settings


class Batcher:
    """The queue and the workers.

    Args:
        settings: sizes and times.
        default: what every worker has loaded before it counts as ready.
        start: starts a worker.
        metrics: what is counted.

    Attributes:
        expected: tokens of requests that have come and are about to queue.
        open: requests that are being labelled, or wait for it.
        draining: whether new ones are refused, since the service is told to stop.
    """

    def __init__(self, settings: Settings, default: Method, start: Start, metrics: Metrics) -> None:
        self._settings = settings
        self._queue = Queue(settings.queue_tokens)
        self._crew = Crew(settings, default, start, self._queue, metrics)
        self._closed = asyncio.Event()
        self._closed.set()
        self.expected = 0
        self.open = 0
        self.draining = False

    async def start(self) -> None:
        """Start the workers."""
        await self._crew.begin()

    async def stop(self) -> None:
        """Refuse new work, finish what is under way within `drain_s`, and end the workers."""
        self.draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_s):
                await self._closed.wait()
        await self._crew.end()

    @property
    def queued(self) -> int:
        """Tokens that wait."""
        return self._queue.tokens

    @property
    def ready(self) -> int:
        """Workers that have loaded."""
        return self._crew.ready

    def has_loaded(self, method: Method) -> bool:
        """Whether some worker has a method ready."""
        return self._crew.has_loaded(method)

    @property
    def is_ready(self) -> bool:
        """Whether it takes work: some worker has loaded, and it is not told to stop."""
        return self.ready > 0 and not self.draining

    def check(self, tokens: int = 1) -> None:
        """Whether so many tokens may come in.

        Raises:
            ProblemError: not now.
        """
        if self.draining:
            detail = "The service is about to stop. Send the request to another, or later."
            raise ProblemError(503, "draining", detail, retry_after=self._settings.drain_s)
        # What is larger than the whole queue is let in when nothing waits.
        waiting = self._queue.tokens + self.expected
        if waiting and waiting + tokens > self._queue.most:
            wait = waiting / self._crew.rate if self._crew.rate else 1.0
            raise ProblemError(503, "queue-full", "More waits than may. Try again later.", retry_after=wait)

    async def label(
        self, method: Method, asked: Sequence[Asked], *, abstain: bool, deadline_s: float
    ) -> Answer:
        """Label reports, in their order.

        Raises:
            ProblemError: the queue is full, the deadline has passed, or the labelling failed.
        """
        self.check(sum(one.tokens for one in asked))
        pieces = list(self._pieces((method, abstain), asked))
        self.open += 1
        self._closed.clear()
        try:
            async with asyncio.timeout(deadline_s):
                answers = await asyncio.gather(*(piece.answer for piece in pieces))
        except TimeoutError:
            detail = f"It could not be labelled within its deadline of {deadline_s:g} s."
            raise ProblemError(504, "deadline-passed", detail) from None
        finally:
            for piece in pieces:
                self._queue.abandon(piece)
            self.open -= 1
            if not self.open:
                self._closed.set()
        return Answer(
            answers[0].model,
            [tokens for answer in answers for tokens in answer.tokens],
            [result for answer in answers for result in answer.results],
        )

    def _pieces(self, key: Key, asked: Sequence[Asked]) -> Iterator[Piece]:
        """Queue a request's reports, in pieces that idle workers can share."""
        loop = asyncio.get_running_loop()
        start = tokens = 0
        for end, one in enumerate(asked, start=1):
            tokens += one.tokens
            if tokens >= PIECE or end == len(asked):
                piece = Piece(key, asked[start:end], tokens, loop.create_future())
                self._queue.put(piece)
                yield piece
                start, tokens = end, 0
