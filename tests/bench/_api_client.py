"""A client that costs little: requests over kept connections, written and read as bytes."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

HEAD = (
    "POST /v1/label HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "X-Request-ID: {id}\r\nContent-Length: {length}\r\n\r\n"
)


@dataclass
class Sent:
    """What became of the requests of one run.

    Attributes:
        seconds: how long the run took.
        taken: seconds of each request that was answered with labels.
        refused: seconds of each that was answered with 503.
        wrong: how many answers were another request's, or differ from what the report gets alone.
        other: how many ended in any other way.
        unsent: how many found no free connection when their time had come.
    """

    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    wrong: int = 0
    other: int = 0
    unsent: int = 0

    @property
    def rate(self) -> float:
        """Requests answered with labels, a second."""
        return len(self.taken) / self.seconds

    @property
    def good(self) -> str:
        """That nothing went wrong, or what."""
        bad = {"wrong": self.wrong, "other": self.other, "unsent": self.unsent}
        return ", ".join(f"{number} {name}" for name, number in bad.items() if number) or "all right"


def milliseconds(taken: Sequence[float], share: float) -> float:
    """A percentile."""
    return float(np.percentile(taken, share) * 1000) if taken else float("nan")


class Requests:
    """Requests without end, each with canaries: its id, and ids of its reports that no other has.

    Args:
        texts: taken in turn.
        size: reports of a request.
    """

    def __init__(self, texts: Sequence[str], size: int) -> None:
        self._texts = [json.dumps(text) for text in texts]
        self._size = size
        self._numbers = count()
        self._known: dict[int, bytes] = {}

    def __next__(self) -> tuple[int, bytes]:
        number = next(self._numbers)
        reports = ",".join(
            f'{{"id":"c{number}-{i}","text":{self._texts[self._place(number, i)]}}}'
            for i in range(self._size)
        )
        body = f'{{"reports":[{reports}]}}'.encode()
        head = HEAD.format(id=f"{number:032x}", length=len(body)).encode()
        return number, head + body

    def _place(self, number: int, i: int) -> int:
        return (number * self._size + i) % len(self._texts)

    def is_right(self, number: int, head: bytes, body: bytes) -> bool:
        """Whether an answer is to this request, and gives each report what it got before."""
        if b"x-request-id" in head and f"{number:032x}".encode() not in head:
            return False
        parts = body.split(b'"id"')[1:]
        if len(parts) != self._size:
            return False
        for i, part in enumerate(parts):
            name, _, labels = part.partition(b",")
            if name.strip(b': "') != f"c{number}-{i}".encode():
                return False
            labels = labels.rpartition(b"}")[0].rstrip(b"]}, {")
            if self._known.setdefault(self._place(number, i), labels) != labels:
                return False
        return True


class Line(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiting: asyncio.Future[tuple[bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect an answer."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None:
            return
        head = bytes(self._buffer[:end])
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._buffer) >= end + 4 + length:
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            if not self._waiting.done():
                self._waiting.set_result((head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError())

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Head and body of the answer."""
        if self._transport.is_closing():
            raise ConnectionResetError
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)  # type: ignore[attr-defined]
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


async def connect(port: int, connections: int) -> list[Line]:
    """Connections to the service on this machine."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Line, "127.0.0.1", port))[1] for _ in range(connections)]


async def _one(line: Line, requests: Requests, sent: Sent) -> None:
    number, request = next(requests)
    began = time.perf_counter()
    try:
        head, body = await line.ask(request)
    except OSError:
        sent.other += 1
        return
    taken = time.perf_counter() - began
    status = head[9:12]
    if status == b"200":
        sent.taken.append(taken)
        sent.wrong += not requests.is_right(number, head, body)
    elif status == b"503":
        sent.refused.append(taken)
    else:
        sent.other += 1


async def closed(port: int, requests: Requests, connections: int, seconds: float) -> Sent:
    """Each connection sends its next request when it has the answer to the last."""
    sent = Sent()
    lines = await connect(port, connections)
    began = time.perf_counter()

    async def keep_asking(line: Line) -> None:
        while time.perf_counter() - began < seconds:
            await _one(line, requests, sent)

    await asyncio.gather(*map(keep_asking, lines))
    sent.seconds = time.perf_counter() - began
    for line in lines:
        line.close()
    return sent


async def opened(
    port: int,
    requests: Requests,
    rate: float,
    seconds: float,
    *,
    connections: int,
    tick: Callable[[], None] | None = None,
) -> Sent:
    """Requests come at their own rate, however the service keeps up."""
    # The longest idle is taken first: the service hangs up on connections that nothing comes over for long.
    sent, free = Sent(), deque(await connect(port, connections))
    lines, under_way = list(free), set[asyncio.Task[None]]()
    began = time.perf_counter()

    async def ask(line: Line) -> None:
        await _one(line, requests, sent)
        free.append(line)

    for due in _times(rate, seconds):
        delay = began + due - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        if tick:
            tick()
        if not free:
            sent.unsent += 1
            continue
        task = asyncio.create_task(ask(free.popleft()))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    sent.seconds = time.perf_counter() - began
    in_time = len(sent.taken)
    await asyncio.gather(*under_way)
    del sent.taken[in_time:]
    for line in lines:
        line.close()
    return sent


def _times(rate: float, seconds: float) -> Iterator[float]:
    return (number / rate for number in range(int(rate * seconds)))
