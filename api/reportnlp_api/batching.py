"""Requests of all callers, batched by a budget of tokens and labelled by worker processes.

What arrives while every worker is busy waits in one bounded queue, and a worker that is free takes what is
there, up to the budget, of the method whose turn it is: batches grow with the load and cost an idle service
no time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reportnlp_api.catalogue import Method
from reportnlp_api.frames import Frame
from reportnlp_api.hands import Hand, HandLostError, Start
from reportnlp_api.metrics import Metrics
from reportnlp_api.problems import ProblemError
from reportnlp_api.settings import Settings

LOG = logging.getLogger("reportnlp_api")

BYTES_PER_TOKEN = 6
"""What a token of a report takes: the queue is measured before anything is read."""

PIECE = 1024
"""Tokens from which on a request is shared out among idle workers: smaller shares gain no time."""

LOADING_S = 120.0
"""How long a worker may take to start and load."""

LONGEST_PAUSE = 10.0
"""Seconds at most between attempts to start a worker that dies at once."""

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


class Batcher:
    """The queue and the workers.

    Args:
        settings: sizes and times.
        default: what every worker has loaded before it counts as ready.
        start: starts a worker.
        metrics: what is counted.
    """

    def __init__(self, settings: Settings, default: Method, start: Start, metrics: Metrics) -> None:
        self._settings = settings
        self._default = default
        self._start = start
        self._metrics = metrics
        self._queue = Queue(settings.queue_tokens)
        self._tenders: list[asyncio.Task[None]] = []
        self._idle = 0
        self.open = 0
        self._closed = asyncio.Event()
        self._closed.set()
        self._rate = 0.0
        self.ready = 0
        self.draining = False
        self._loaded: dict[Hand, frozenset[tuple[str, str]]] = {}

    async def start(self) -> None:
        """Start the workers; `ready` counts those that have loaded."""
        self._tenders = [asyncio.create_task(self._tend()) for _ in range(self._settings.processes)]

    async def stop(self) -> None:
        """Refuse new work, finish what is under way within `drain_s`, and end the workers."""
        self.draining = True
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self._closed.wait()
        except TimeoutError:
            pass
        for tender in self._tenders:
            tender.cancel()
        await asyncio.gather(*self._tenders, return_exceptions=True)

    @property
    def queued(self) -> int:
        """Tokens that wait."""
        return self._queue.tokens

    def has_loaded(self, method: Method) -> bool:
        """Whether some worker has a method ready."""
        return any((method.panel, method.source) in loaded for loaded in self._loaded.values())

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
        if self._queue.tokens and self._queue.tokens + tokens > self._queue.most:
            wait = self._queue.tokens / self._rate if self._rate else 1.0
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
        self._rate = 0.8 * self._rate + 0.2 * rate if self._rate else rate
        _hand_out(answer, batch)

    async def _ask(
        self, hand: Hand, key: Key, asked: Sequence[Asked], limit_s: float
    ) -> Answer | ProblemError:
        method, abstain = key
        head = {
            "panel": method.panel,
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
