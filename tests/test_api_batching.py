"""The queue across callers, and what becomes of requests whose worker fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from reportnlp_api.batching import Batcher
from reportnlp_api.catalogue import Method
from reportnlp_api.crew import PIECE
from reportnlp_api.frames import LENGTH, Frame, pack, unpack
from reportnlp_api.hands import HandLostError
from reportnlp_api.metrics import Metrics
from reportnlp_api.pieces import Asked, Piece, Queue
from reportnlp_api.problems import ProblemError
from reportnlp_api.settings import Settings

RULES = Method("rules", "pe", "pe", "rules", "d", "d", False, False, ("q",))
OTHER = Method("auto", "pe", "pe", "auto", "e", "d", True, True, ("q",))


@dataclass(eq=False)
class Hands:
    """Workers that answer each text with itself, unless it is the word that ends them.

    Attributes:
        batches: the texts they were given, batch by batch.
        gate: closed, they wait.
        lost: how many ended.
    """

    fail: str = ""
    batches: list[list[str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    lost: int = 0
    killed: int = 0

    async def start(self) -> Any:
        return self

    async def ask(self, frame: Frame) -> Frame:
        texts = [part.decode() for part in frame.parts]
        if not texts:
            return self.answered([])
        self.batches.append(texts)
        await self.gate.wait()
        if self.fail in texts:
            self.lost += 1
            raise HandLostError("it ended")
        return self.answered(texts)

    def answered(self, texts: list[str]) -> Frame:
        head = {"model": "m", "tokens": [len(text) for text in texts], "loaded": [["pe", "rules"]]}
        return Frame(head, [text.encode() for text in texts])

    def kill(self) -> None:
        self.killed += 1

    async def close(self) -> None:
        pass


def asked(*texts: str) -> list[Asked]:
    return [Asked("", None, text.encode()) for text in texts]


def run(hands: Hands, steps: Callable[[Batcher], Awaitable[None]], **given: Any) -> None:
    async def whole() -> None:
        settings = Settings.model_validate({"workers": 1, "drain_s": 1, **given})
        batcher = Batcher(settings, RULES, hands.start, Metrics())
        await batcher.start()
        try:
            await asyncio.wait_for(steps(batcher), 20)
        finally:
            await batcher.stop()

    asyncio.run(whole())


def label(batcher: Batcher, *texts: str, method: Method = RULES, abstain: bool = False) -> Any:
    return asyncio.create_task(batcher.label(method, asked(*texts), abstain=abstain, deadline_s=10))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_arrives_while_the_worker_is_busy_is_labelled_together_and_told_apart() -> None:
    hands = Hands()

    async def steps(batcher: Batcher) -> None:
        first = label(batcher, "a")
        await settled()
        others = [label(batcher, f"{i}", f"{i}{i}") for i in range(5)]
        await settled()
        hands.gate.set()
        assert (await first).results == [b"a"]
        for i, other in enumerate(others):
            answer = await other
            assert answer.results == [f"{i}".encode(), f"{i}{i}".encode()]
            assert answer.tokens == [1, 2]

    run(hands, steps)
    assert [len(batch) for batch in hands.batches] == [1, 10]


def test_a_batch_has_one_method_and_ends_at_the_budget() -> None:
    hands = Hands()

    async def steps(batcher: Batcher) -> None:
        sent = [label(batcher, "a")]
        await settled()
        sent += [label(batcher, "x" * 600, method=RULES if i % 2 else OTHER) for i in range(4)]
        sent += [label(batcher, "y", abstain=True)]
        await settled()
        hands.gate.set()
        await asyncio.gather(*sent)

    run(hands, steps, batch_tokens=300)
    assert sorted(len(batch) for batch in hands.batches) == [1, 1, 2, 2]


def test_idle_workers_share_a_request() -> None:
    hands = Hands()
    text = "x" * 6 * PIECE

    async def steps(batcher: Batcher) -> None:
        await settled()
        sent = label(batcher, *[text] * 4)
        await settled()
        hands.gate.set()
        assert (await sent).results == [text.encode()] * 4

    run(hands, steps, workers=2, batch_tokens=10 * PIECE)
    assert [len(batch) for batch in hands.batches] == [2, 2]


def test_a_stop_waits_for_what_is_under_way_and_takes_nothing_new() -> None:
    hands = Hands()

    async def steps(batcher: Batcher) -> None:
        sent = [label(batcher, "at work"), label(batcher, "queued")]
        await settled()
        stopping = asyncio.create_task(batcher.stop())
        await settled()
        with pytest.raises(ProblemError) as error:
            await label(batcher, "late")
        assert error.value.slug == "draining"
        assert not stopping.done()
        hands.gate.set()
        await stopping
        assert [(await one).results for one in sent] == [[b"at work"], [b"queued"]]

    run(hands, steps)


def test_a_stop_waits_no_longer_than_it_may() -> None:
    async def steps(batcher: Batcher) -> None:
        sent = label(batcher, "endless")
        await settled()
        await batcher.stop()
        assert not sent.done()
        sent.cancel()

    run(Hands(), steps, drain_s=0.05)


def test_a_lost_worker_is_replaced_and_its_batch_labelled_once_more() -> None:
    hands = Hands(fail="once")

    async def steps(batcher: Batcher) -> None:
        sent = [label(batcher, "once"), label(batcher, "b"), label(batcher, "c")]
        await settled()
        hands.gate.set()
        hands.fail = "once"
        while not hands.lost:
            await asyncio.sleep(0.01)
        hands.fail = ""
        assert [(await one).results for one in sent] == [[b"once"], [b"b"], [b"c"]]

    run(hands, steps)
    assert hands.lost == 1


def test_a_report_that_ends_its_worker_twice_fails_alone() -> None:
    hands = Hands(fail="poison")

    async def steps(batcher: Batcher) -> None:
        first = label(batcher, "first")
        await settled()
        bad, good = label(batcher, "poison"), label(batcher, "good")
        await settled()
        hands.gate.set()
        assert (await first).results == [b"first"]
        assert (await good).results == [b"good"]
        with pytest.raises(ProblemError) as error:
            await bad
        assert (error.value.status, error.value.slug) == (500, "worker-lost")
        assert (await label(batcher, "after")).results == [b"after"]

    run(hands, steps)
    assert hands.lost == 2


def test_a_stuck_worker_is_killed_and_replaced() -> None:
    hands = Hands()

    async def steps(batcher: Batcher) -> None:
        with pytest.raises(ProblemError) as error:
            await label(batcher, "endless")
        assert error.value.status == 500

    run(hands, steps, stuck_s=0.05)
    assert hands.killed == 2


def test_a_worker_that_answers_nonsense_is_replaced_too(caplog: pytest.LogCaptureFixture) -> None:
    hands = Hands()
    hands.gate.set()
    nonsense = ["ZZPATIENTZZ"]

    async def steps(batcher: Batcher) -> None:
        answered = hands.answered
        hands.answered = lambda texts: nonsense.pop() if texts and nonsense else answered(texts)  # type: ignore[assignment,return-value]
        assert (await label(batcher, "a")).results == [b"a"]

    run(hands, steps)
    assert hands.batches == [["a"], ["a"]]
    assert "A worker was lost: AttributeError" in caplog.text
    assert "ZZPATIENTZZ" not in caplog.text


def test_a_method_that_cannot_be_loaded_is_told() -> None:
    hands = Hands()
    told = "The method cannot be loaded (InputError)."

    async def steps(batcher: Batcher) -> None:
        await settled()
        hands.ask = refuse  # type: ignore[method-assign]
        with pytest.raises(ProblemError) as error:
            await label(batcher, "a")
        assert error.value.status == 503
        assert error.value.detail.startswith(told)

    async def refuse(frame: Frame) -> Frame:
        return Frame({"failed": told}, ())

    run(hands, steps)


def test_a_little_wait_lets_a_batch_grow() -> None:
    hands = Hands()
    hands.gate.set()

    async def steps(batcher: Batcher) -> None:
        await settled()
        first = label(batcher, "a")
        await asyncio.sleep(0.02)
        await asyncio.gather(first, label(batcher, "b"))

    run(hands, steps, batch_wait_ms=200)
    assert hands.batches == [["a", "b"]]


def test_an_abandoned_piece_gives_its_place_back() -> None:
    async def steps() -> None:
        queue = Queue(100)
        loop = asyncio.get_running_loop()
        pieces = [Piece((RULES, False), asked("abc"), 7, loop.create_future()) for _ in range(3)]
        for piece in pieces:
            queue.put(piece)
        assert (queue.tokens, len(queue)) == (21, 3)
        queue.abandon(pieces[0])
        queue.abandon(pieces[1])
        assert (queue.tokens, pieces[0].asked) == (7, ())
        assert queue.take(100) == [pieces[2]]
        assert (queue.tokens, len(queue)) == (0, 0)
        assert queue.take(100) == []

    asyncio.run(steps())


def test_a_frame_comes_out_as_it_went_in() -> None:
    frame = Frame({"a": [1, None, "\u00e9"]}, [b"", b"\0\xff", "\u00e9".encode() * 1000])
    packed = pack(frame)
    assert LENGTH.unpack(packed[: LENGTH.size]) == (len(packed) - LENGTH.size,)
    assert unpack(packed[LENGTH.size :]) == frame
