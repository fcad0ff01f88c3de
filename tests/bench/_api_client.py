"""A client that costs next to nothing: kept connections, polled, written and read as bytes, without asyncio.

It shares the machine with what it measures, so that every microsecond it takes is one that the service lacks.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

HEAD = (
    b"POST /v1/label HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"X-Request-ID: %032x\r\nContent-Length: %d\r\n\r\n"
)

CHUNK = 1 << 15
"""Bytes read at once."""

TICK = 0.002
"""Seconds between two looks where requests come at their own rate: to wake up for each would cost more."""


@dataclass
class Sent:
    """What became of the requests of one run.

    Attributes:
        seconds: how long the run took.
        taken: seconds of each request that was answered with labels within the run.
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
        bad = {
            "refused": len(self.refused),
            "wrong": self.wrong,
            "other": self.other,
            "unsent": self.unsent,
        }
        return ", ".join(f"{number:,} {name}" for name, number in bad.items() if number) or "all right"


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
        self._texts = [json.dumps(text).encode() for text in texts]
        self._size = size
        self._numbers = count()
        self._known: dict[int, bytes] = {}

    def __next__(self) -> tuple[int, bytes]:
        number = next(self._numbers)
        reports = b",".join(
            b'{"id":"c%d-%d","text":%b}' % (number, i, self._texts[self._place(number, i)])
            for i in range(self._size)
        )
        return number, HEAD % (number, len(reports) + 14) + b'{"reports":[' + reports + b"]}"

    def _place(self, number: int, i: int) -> int:
        return (number * self._size + i) % len(self._texts)

    def is_right(self, number: int, head: bytes, body: bytes) -> bool:
        """Whether an answer is to this request, and gives each report what it got before."""
        if b"x-request-id" in head and b"%032x" % number not in head:
            return False
        parts = body.split(b'"id"')[1:]
        if len(parts) != self._size:
            return False
        for i, part in enumerate(parts):
            name, _, labels = part.partition(b",")
            if name.strip(b': "') != b"c%d-%d" % (number, i):
                return False
            labels = labels.rpartition(b"}")[0].rstrip(b"]}, {")
            if self._known.setdefault(self._place(number, i), labels) != labels:
                return False
        return True


class Line:
    """One kept connection, one request at a time.

    Args:
        port: of the service on this machine.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = -1
        self.since = 0.0
        self._buffer = b""

    def ask(self, request: tuple[int, bytes]) -> None:
        """Send a request."""
        self.number, data = request
        self.since = time.perf_counter()
        self.socket.sendall(data)

    def answer(self) -> tuple[bytes, bytes] | None:
        """Head and body of the answer, once it is whole.

        Raises:
            ConnectionResetError: there will be none.
        """
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionResetError
        self._buffer = self._buffer + data if self._buffer else data
        head, _, body = self._buffer.partition(b"\r\n\r\n")
        if len(head) == len(self._buffer):
            return None
        start = head.lower().find(b"content-length:") + 15
        if len(body) < int(head[start : start + 12].split(b"\r", 1)[0]):
            return None
        self._buffer = b""
        return head, body


class Crowd:
    """Many lines to one service, and what became of what went over them.

    Args:
        port: of the service on this machine.
        requests: what is sent.
        connections: how many lines.
    """

    def __init__(self, port: int, requests: Requests, connections: int) -> None:
        self._requests = requests
        # The longest idle is taken first: the service hangs up on lines that nothing comes over for long.
        self._free = deque(Line(port) for _ in range(connections))
        self._by_number = {line.socket.fileno(): line for line in self._free}
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)
        self.sent = Sent()

    def closed(self, seconds: float) -> Sent:
        """Each line sends its next request when it has the answer to the last."""
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            while self._free:
                self._ask()
            self._receive(0.1)
        return self._end(began)

    def opened(self, rate: float, seconds: float, tick: Callable[[], None] | None = None) -> Sent:
        """Requests come at their own rate, however the service keeps up."""
        began = time.perf_counter()
        due = 0
        while (now := time.perf_counter() - began) < seconds:
            while due <= now * rate:
                due += 1
                if self._free:
                    self._ask()
                else:
                    self.sent.unsent += 1
            if tick:
                tick()
            time.sleep(TICK)
            self._receive(0.0)
        return self._end(began)

    def _ask(self) -> None:
        line = self._free.popleft()
        try:
            line.ask(next(self._requests))
        except OSError:
            self._lose(line)

    def _receive(self, most: float) -> None:
        """Take what has come, or comes within `most` seconds."""
        for number, _ in self._poll.poll(most):
            line = self._by_number[number]
            try:
                answer = line.answer()
            except OSError:
                self._lose(line)
                continue
            if answer:
                self._free.append(line)
                self._count(line, *answer)

    def _count(self, line: Line, head: bytes, body: bytes) -> None:
        taken = time.perf_counter() - line.since
        status = head[9:12]
        if status == b"200":
            self.sent.taken.append(taken)
            self.sent.wrong += not self._requests.is_right(line.number, head, body)
        elif status == b"503":
            self.sent.refused.append(taken)
        else:
            self.sent.other += 1

    def _lose(self, line: Line) -> None:
        self.sent.other += 1
        self._by_number.pop(line.socket.fileno())
        line.socket.close()

    def _end(self, began: float) -> Sent:
        """Stop the clock; what comes later is looked at, but does not count as answered in time."""
        sent = self.sent
        sent.seconds = time.perf_counter() - began
        in_time = len(sent.taken)
        while len(self._free) < len(self._by_number):
            self._receive(1.0)
        del sent.taken[in_time:]
        self._poll.close()
        for line in self._by_number.values():
            line.socket.close()
        return sent
