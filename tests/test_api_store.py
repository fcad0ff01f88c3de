"""The jobs' database: no change of state is made twice, and nobody's job is lost.

On SQLite and on PostgreSQL: one out of a wheel, or, where REPORTNLP_TEST_POSTGRES is the SQLAlchemy URL of an
empty database, that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

from reportnlp_api.database import StoreError
from reportnlp_api.job_table import METADATA, Job, NewJob
from reportnlp_api.store import LEASE_S, Store
from tests.api_postgres import postgres

TTL_S = 100.0
COUNTS = {"read": 6, "labelled": 3, "quarantined": 2, "duplicates": 1}
POSTGRES = os.environ.get("REPORTNLP_TEST_POSTGRES", "")


@dataclass
class Clock:
    """Time that passes when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """The URL of an empty database of PostgreSQL."""
    if POSTGRES:
        yield POSTGRES
        return
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'deep' / 'jobs.sqlite'}"
        return
    database: str = request.getfixturevalue("empty")
    yield database
    engine = create_engine(database)
    METADATA.drop_all(engine)
    engine.dispose()


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[Store]:
    made = Store(url, TTL_S, clock=clock)
    yield made
    made.close()


@pytest.fixture
def other(store: Store, url: str, clock: Clock) -> Iterator[Store]:
    """The same database, as another service has it."""
    made = Store(url, TTL_S, clock=clock)
    yield made
    made.close()


def new(id: str = "a", owner: str = "radiology", **given: str) -> NewJob:
    return NewJob(owner, id, uuid4().hex, given.get("digest", "d"), "pe", "rules", False, None)


def added(store: Store, id: str = "a", owner: str = "radiology") -> Job:
    job = store.add(new(id, owner))
    assert job is not None
    return job


def taken(store: Store, worker: str = "w1") -> Job:
    job = store.take(worker)
    assert job is not None
    return job


def seen(store: Store, job: Job) -> Job:
    found = store.get(job.owner, job.id)
    assert found is not None
    return found


def test_a_job_is_kept_as_it_was_made(store: Store, other: Store) -> None:
    made = new()
    job = store.add(made)
    assert job == other.get("radiology", "a")
    assert job is not None
    assert (job.state, job.done, job.takes, job.expires) == ("queued", 0, 0, None)
    assert {field.name: getattr(job, field.name) for field in fields(NewJob)} == asdict(made)


def test_an_id_is_its_owners_and_taken_once(store: Store) -> None:
    first = added(store)
    assert store.add(new()) is None
    assert added(store, owner="other").folder != first.folder
    assert store.get("nobody", "a") is None
    assert seen(store, first).folder == first.folder


def test_an_owner_sees_its_own_jobs_the_newest_first(store: Store) -> None:
    for id in ("a", "b", "c"):
        added(store, id)
    added(store, "d", owner="other")
    assert [job.id for job in store.of("radiology")] == ["c", "b", "a"]
    assert [job.id for job in store.all()] == ["a", "b", "c", "d"]


def test_of_many_services_one_makes_and_one_takes_each_job(store: Store, other: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: (store, other)[n % 2].add(new(f"job-{n // 4}")), range(40)))
    assert sum(job is not None for job in made) == 10
    with ThreadPoolExecutor(8) as pool:
        took = list(pool.map(lambda n: (store, other)[n % 2].take(f"w{n}"), range(40)))
    names = [job.id for job in took if job is not None]
    assert sorted(names) == sorted(f"job-{n}" for n in range(10))


def test_the_oldest_job_is_taken_first(store: Store) -> None:
    for id in ("z", "y"):
        added(store, id)
    assert [taken(store).id, taken(store).id] == ["z", "y"]
    assert store.take("w1") is None


def test_a_lease_that_is_renewed_is_kept_and_one_that_ran_out_is_anybodys(
    store: Store, other: Store, clock: Clock
) -> None:
    added(store)
    job = taken(store)
    for _ in range(3):
        clock.now += LEASE_S * 0.8
        assert store.renew(job, done=0, total=None)
        assert other.take("w2") is None
    clock.now += LEASE_S * 1.1
    again = taken(other, "w2")
    assert (again.folder, again.takes) == (job.folder, 2)
    assert not store.renew(job, done=5, total=6)
    assert not store.finish(job, COUNTS, "m")
    assert not store.park(job) and not store.requeue(job) and not store.fail(job, "no")
    assert not store.holds(job) and other.holds(again)
    assert other.finish(again, COUNTS, "m")


def test_progress_never_goes_back(store: Store) -> None:
    added(store)
    job = taken(store)
    store.renew(job, done=512, total=2000)
    store.park(job)
    job = taken(store)
    store.renew(job, done=256, total=2000)
    assert seen(store, job).done == 512
    store.renew(job, done=768, total=1900)
    assert (seen(store, job).done, seen(store, job).total) == (768, 1900)


def test_takes_without_progress_are_counted(store: Store, clock: Clock) -> None:
    added(store)
    for takes in (1, 2, 3):
        job = taken(store)
        assert job.takes == takes
        store.requeue(job)
    job = taken(store)
    store.renew(job, done=256, total=None)
    clock.now += LEASE_S * 2
    assert taken(store).takes == 2  # the last one came further
    store.park(seen(store, job))
    assert seen(store, job).takes == 1  # a stop is no failure


def test_a_job_that_is_done_has_its_counts_and_goes_in_its_time(store: Store, clock: Clock) -> None:
    added(store)
    job = taken(store)
    assert store.finish(job, COUNTS, "rules-1")
    done = seen(store, job)
    assert (done.state, done.done, done.total, done.model, done.worker) == ("done", 6, 6, "rules-1", None)
    assert {name: getattr(done, name) for name in COUNTS} == COUNTS
    assert done.expires == pytest.approx(clock.now + TTL_S, abs=1)
    clock.now += TTL_S * 0.9
    assert store.expired() == []
    clock.now += TTL_S * 0.2
    [gone] = store.expired()
    assert store.remove(gone) and not store.remove(gone)
    assert store.get(job.owner, job.id) is None


def test_a_job_that_waits_never_expires(store: Store, clock: Clock) -> None:
    added(store)
    clock.now += TTL_S * 10
    assert store.expired() == []
    assert not store.remove(store.all()[0])


def test_a_failure_is_told(store: Store) -> None:
    added(store)
    job = taken(store)
    assert store.fail(job, "The input cannot be read.")
    assert (seen(store, job).state, seen(store, job).error) == ("failed", "The input cannot be read.")
    assert store.take("w1") is None


@pytest.mark.parametrize("runs", [False, True])
def test_a_cancelled_job_stays_so_and_its_id_is_free(store: Store, other: Store, runs: bool) -> None:
    job = added(store)
    if runs:
        job = taken(store)
    assert other.cancel(job)
    assert not other.cancel(job) and not other.cancel(seen(store, job))
    assert not store.holds(job) and not store.renew(job, done=1, total=1)
    assert not store.finish(job, COUNTS, "m")
    assert seen(store, job).state == "cancelled"
    assert store.take("w1") is None
    again = added(store)
    assert again.folder != job.folder and seen(store, again).state == "queued"


def test_a_cancel_that_comes_too_late_changes_nothing(store: Store) -> None:
    waiting = added(store)
    job = taken(store)
    assert not store.cancel(waiting)  # it runs by now
    store.finish(job, COUNTS, "m")
    assert not store.cancel(job)
    assert seen(store, job).state == "done"


def test_two_services_that_start_together_make_the_table_once(url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: Store(url, TTL_S), range(6)))
    assert added(stores[0]).id == "a"
    for one in stores:
        assert one.get("radiology", "a") is not None
        one.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "ArgumentError"),
        ("sqlite:////proc/none/jobs.sqlite", "No such file"),
        ("oracle://scott:tiger@db/jobs", "No module named"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(url: str, why: str) -> None:
    with pytest.raises(StoreError, match="REPORTNLP_JOBS_URL") as error:
        Store(url, TTL_S)
    assert why in str(error.value)
    assert "tiger" not in str(error.value)


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"jobs\.sqlite cannot be made or opened: DatabaseError"):
        Store(f"sqlite:///{tmp_path / 'jobs.sqlite'}", TTL_S)
