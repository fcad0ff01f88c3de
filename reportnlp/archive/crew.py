"""Who does the shards: worker processes, or, for a single worker, this process itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, TypeVar

from reportnlp.archive.counts import Counts
from reportnlp.archive.failures import Failure, error_of
from reportnlp.archive.parties import Identity, Parties
from reportnlp.archive.worker import Task, attempt, build

T = TypeVar("T")


class Crew(Protocol):
    """Does shards, in whatever order they get done."""

    @property
    def identity(self) -> Identity:
        """What labels."""

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Counts]:
        """Do the tasks, taking a new one only when there are hands for it."""

    def __enter__(self) -> Crew: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def crew(parties: Parties, workers: int) -> Crew:
    """Processes for several workers, none for one."""
    if workers == 1:
        return Alone(parties)
    from reportnlp.archive.processes import Processes  # multiprocessing is not needed for one

    return Processes(parties, workers)


def checked(outcome: T | Failure) -> T:
    """The outcome; a failure is raised here as the error it was there."""
    if isinstance(outcome, Failure):
        raise error_of(outcome)
    return outcome


class Alone:
    """This process."""

    def __init__(self, parties: Parties) -> None:
        self._worker = checked(build(parties))
        self._out = parties.out

    @property
    def identity(self) -> Identity:
        """What labels."""
        return self._worker.identity

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Counts]:
        """Do one task after the other."""
        for task in tasks:
            yield checked(attempt(self._worker, task, self._out))

    def __enter__(self) -> Alone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
