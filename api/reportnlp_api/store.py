"""Archive jobs in a database: any that SQLAlchemy knows, shared by any number of services.

Every change of state is one UPDATE that names the state it starts from, so that of two services only one can
make it. A running job is leased: its service renews the lease while it lives, and a job whose lease ran out
is anybody's to take up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from time import time
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from reportnlp_api.database import open_database
from reportnlp_api.job_table import CANCELLED, DONE, FAILED, JOBS, QUEUED, RUNNING, Job, NewJob

LEASE_S = 5.0
"""How long a job stays with a service that is not heard of. It is renewed several times a second."""


class Store:
    """The jobs. Blocks; its methods may be called from any thread.

    Args:
        url: of SQLAlchemy.
        ttl_s: how long a job that is over is kept.
        clock: Unix time, in seconds.

    Raises:
        StoreError: the database cannot be reached, or its driver is not installed.
    """

    def __init__(self, url: str, ttl_s: float, *, clock: Callable[[], float] = time) -> None:
        self._ttl_s = ttl_s
        self._clock = clock
        self._engine = open_database(url)

    def add(self, new: NewJob) -> Job | None:
        """Queue a new job; None where the owner has one of this id already, unless that was cancelled."""
        now = self._clock()
        first = {"state": QUEUED, "created": now, "updated": now, "takes": 0, "done": 0}
        values = {field.name: getattr(new, field.name) for field in fields(NewJob)}
        same = _is(new.owner, new.id)
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(JOBS).where(same, JOBS.c.state == CANCELLED))
                connection.execute(insert(JOBS).values(**values, **first))
        except IntegrityError:
            return None
        return self.get(new.owner, new.id)

    def get(self, owner: str, id: str) -> Job | None:
        """An owner's job; None where there is none."""
        return next(self._where(_is(owner, id)), None)

    def of(self, owner: str) -> list[Job]:
        """All jobs of an owner, the newest first."""
        return list(self._where(JOBS.c.owner == owner))[::-1]

    def all(self) -> list[Job]:
        """All jobs, the oldest first."""
        return list(self._where(true()))

    def holds(self, job: Job) -> bool:
        """Whether a job that was taken is this service's still: nobody cancelled it."""
        return any(self._where(_held(job)))

    def take(self, worker: str) -> Job | None:
        """Take up the oldest job that waits, or whose service is gone; None where there is none."""
        now = self._clock()
        free = or_(JOBS.c.state == QUEUED, and_(JOBS.c.state == RUNNING, JOBS.c.lease < now))
        for job in self._where(free):
            taken = {"state": RUNNING, "worker": worker, "lease": now + LEASE_S, "takes": JOBS.c.takes + 1}
            if self._change(and_(JOBS.c.folder == job.folder, free), taken):
                return self.get(job.owner, job.id)
        return None

    def renew(self, job: Job, *, done: int, total: int | None) -> bool:
        """Tell how far a job is, and keep it; False where it is not this service's any more.

        A job that is taken up again passes over what is done, so `done` counts from where it was.
        """
        progress: dict[str, Any] = {"lease": self._clock() + LEASE_S, "total": total}
        if done > job.done:
            progress |= {"done": done, "takes": 1}
        return self._change(_held(job), progress)

    def park(self, job: Job) -> bool:
        """Give a job back to the queue, unharmed."""
        return self._change(_held(job), {"state": QUEUED, **FREE, "takes": JOBS.c.takes - 1})

    def requeue(self, job: Job) -> bool:
        """Give a job back to the queue whose run broke."""
        return self._change(_held(job), {"state": QUEUED, **FREE})

    def finish(self, job: Job, counts: Mapping[str, int], model: str | None) -> bool:
        """A job is done: `counts` has read, labelled, quarantined and duplicates."""
        read = counts["read"]
        return self._end(_held(job), DONE, {**counts, "done": read, "total": read, "model": model})

    def fail(self, job: Job, error: str) -> bool:
        """A job cannot be done."""
        return self._end(_held(job), FAILED, {"error": error})

    def cancel(self, job: Job) -> bool:
        """Cancel a job that is in the state that was seen; False where it is not, or is over."""
        if job.is_over:
            return False
        seen = and_(JOBS.c.folder == job.folder, JOBS.c.state == job.state)
        return self._end(seen, CANCELLED, {})

    def remove(self, job: Job) -> bool:
        """Forget a job that is over."""
        over = JOBS.c.state.in_((DONE, FAILED, CANCELLED))
        with self._engine.begin() as connection:
            return bool(connection.execute(delete(JOBS).where(JOBS.c.folder == job.folder, over)).rowcount)

    def expired(self) -> list[Job]:
        """The jobs whose time is over."""
        return list(self._where(JOBS.c.expires < self._clock()))

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def _end(self, where: ColumnElement[bool], state: str, values: Mapping[str, Any]) -> bool:
        expires = self._clock() + self._ttl_s
        return self._change(where, {"state": state, "expires": expires, **FREE, **values})

    def _change(self, where: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
        changed = update(JOBS).where(where).values({**values, "updated": self._clock()})
        with self._engine.begin() as connection:
            return connection.execute(changed).rowcount == 1

    def _where(self, where: ColumnElement[bool]) -> Iterator[Job]:
        found = select(JOBS).where(where).order_by(JOBS.c.created, JOBS.c.folder)
        with self._engine.connect() as connection:
            rows = connection.execute(found).mappings().all()
        return (Job(**row) for row in rows)


FREE = {"worker": None, "lease": None}


def _is(owner: str, id: str) -> ColumnElement[bool]:
    return and_(JOBS.c.owner == owner, JOBS.c.id == id)


def _held(job: Job) -> ColumnElement[bool]:
    """Still the job that this service took: not one that lost its lease and was taken by another."""
    return and_(JOBS.c.folder == job.folder, JOBS.c.state == RUNNING, JOBS.c.worker == job.worker)
