"""Hands that label: each one worker, from the service's end of the line."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing import get_context
from typing import Protocol

from reportnlp_api.frames import LENGTH, Frame, pack, unpack
from reportnlp_api.worker import serve

END_S = 5.0
"""How long a worker may take to end once nobody speaks to it, before it is killed."""


class HandLostError(Exception):
    """The worker died, or was killed, before it answered."""


class Hand(Protocol):
    """Something that answers one frame at a time."""

    async def ask(self, frame: Frame) -> Frame:
        """The answer to a frame.

        Raises:
            HandLostError: there will be none, now or ever.
        """

    def kill(self) -> None:
        """End it at once, whatever it is at."""

    async def close(self) -> None:
        """End it, and wait until it has."""


Start = Callable[[], Awaitable[Hand]]
"""Makes a hand."""


class ProcessHand:
    """A worker process. It is spawned, not forked, so no thread or lock of the service is copied into it."""

    def __init__(self, loaded: int) -> None:
        ours, theirs = socket.socketpair()
        self._line = ours
        self._process = get_context("spawn").Process(target=serve, args=(theirs, loaded), daemon=True)
        self._process.start()
        # The service must not hold the worker's end: the line would never end when the worker does.
        theirs.close()

    @classmethod
    async def start(cls, loaded: int) -> ProcessHand:
        """Start one."""
        hand = await asyncio.to_thread(cls, loaded)
        hand._reader, hand._writer = await asyncio.open_connection(sock=hand._line)
        return hand

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid or 0

    async def ask(self, frame: Frame) -> Frame:
        """The answer to a frame; see `Hand`."""
        try:
            self._writer.write(pack(frame))
            await self._writer.drain()
            (size,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            return unpack(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise HandLostError("it ended by itself, or was killed") from error

    def kill(self) -> None:
        """End it at once, whatever it is at."""
        self._process.kill()

    async def close(self) -> None:
        """Hang up, which ends it, and wait until it has ended."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._process.join(END_S)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._process.close()
