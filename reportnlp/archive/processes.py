"""Worker processes: started afresh, each given one shard at a time, none left behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import wait
from types import TracebackType

from reportnlp.archive.counts import Counts
from reportnlp.archive.failures import Failure, error_of
from reportnlp.archive.hand import Hand, start
from reportnlp.archive.parties import Identity, Parties
from reportnlp.archive.worker import Task
from reportnlp.errors import ResumeError


class Processes:
    """A crew of processes. They are not forked, so no thread or lock of the caller is copied into them."""

    def __init__(self, parties: Parties, workers: int) -> None:
        self._hands = start(parties, workers)
        self._idle: list[Hand] = []
        self._identity: Identity | None = None
        try:
            while self._identity is None:
                self._hear(block=True)
        except BaseException:
            self._end_now()
            raise

    @property
    def identity(self) -> Identity:
        """What labels."""
        assert self._identity is not None  # the constructor waited for it
        return self._identity

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Counts]:
        """Keep every worker busy, with a task ready for each; tasks are not read further ahead."""
        source = iter(tasks)
        ready: deque[Task] = deque()
        more = True
        while more or ready or any(hand.task for hand in self._hands):
            while ready and self._idle:
                self._idle.pop().give(ready.popleft())
            read_on = more and len(ready) < len(self._hands)
            if read_on:
                following = next(source, None)
                more = following is not None
                ready.extend([following] if following else [])
            yield from self._hear(block=not read_on)

    def _hear(self, *, block: bool) -> list[Counts]:
        """Take what workers have to say, which makes them idle; wait for the first when told to."""
        busy = [hand for hand in self._hands if hand not in self._idle]
        spoke = wait([hand.line for hand in busy], None if block and busy else 0)
        done = []
        for hand in (hand for hand in busy if hand.line in spoke):
            said = hand.receive()
            self._idle.append(hand)
            if isinstance(said, Failure):
                raise error_of(said)
            if isinstance(said, Identity):
                self._agree(said)
            else:
                done.append(said)
        return done

    def _agree(self, identity: Identity) -> None:
        if self._identity not in (None, identity):
            raise ResumeError(
                "The panel or a finding was changed while the work began. Start again with --overwrite."
            )
        self._identity = identity

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._end_now()
        for hand in self._hands:
            hand.line.close()
        for hand in self._hands:
            hand.process.join()

    def _end_now(self) -> None:
        # At any moment this loses no more than the shard a worker is at: what is on disk is whole.
        for hand in self._hands:
            with suppress(OSError):
                hand.process.kill()
            hand.process.join()
