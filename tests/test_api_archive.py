"""How a service takes jobs out of the store and runs them, with a stand-in for the process that labels."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy.exc import OperationalError

from reportnlp_api import archive
from reportnlp_api.archive import TAKES, Jobs
from reportnlp_api.catalogue import Catalogue, read_catalogue
from reportnlp_api.job_process import STOPPED, Outcome, Task
from reportnlp_api.job_table import Job, NewJob
from reportnlp_api.settings import Settings
from reportnlp_api.store import LEASE_S, Store
from tests.api_service import settings_in
from tests.conftest import ROOT

COUNTS = {"read": 4, "labelled": 4, "quarantined": 0, "duplicates": 0}
DONE = Outcome(COUNTS, "rules-1")


class StandIn:
    """A run that ends as it is told: with the next of `outcomes`, or, without one, not by itself."""

    outcomes: ClassVar[list[Outcome]] = []
    begun: ClassVar[list[Task]] = []
    ended: ClassVar[list[str]] = []
    lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, task: Task) -> None:
        with self.lock:
            self.begun.append(task)
            self._outcome = self.outcomes.pop(0) if self.outcomes else None
        self.done, self.total = 0, 4

    def hear(self, seconds: float) -> Outcome | None:
        time.sleep(0.01)
        return self._outcome

    def stop(self) -> None:
        self.ended.append("stopped")

    def kill(self) -> None:
        self.ended.append("killed")


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    monkeypatch.setattr(archive, "Run", StandIn)
    monkeypatch.setattr(archive, "IDLE_S", 0.02)
    for name in ("outcomes", "begun", "ended"):
        monkeypatch.setattr(StandIn, name, [])
    return StandIn


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """With the shipped model as a user's own."""
    models = tmp_path_factory.mktemp("models")
    (models / "mine").mkdir()
    for file in (ROOT / "reportnlp" / "models" / "pe").iterdir():
        (models / "mine" / file.name).write_bytes(file.read_bytes())
    return read_catalogue(settings_in(models, model_roots=[models], panel="head_ct"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@contextmanager
def working(settings: Settings, catalogue: Catalogue) -> Iterator[Jobs]:
    jobs = Jobs(settings, catalogue)
    asyncio.run(jobs.start())
    try:
        yield jobs
    finally:
        asyncio.run(jobs.stop())


def add(store: Store, id: str, method: str = "rules") -> Job:
    job = store.add(NewJob("local", id, id * 32, "d", "pe", method, False, None))
    assert job is not None
    return job


def seen(store: Store, id: str) -> Job:
    job = store.get("local", id)
    assert job is not None
    return job


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_two_services_run_each_job_once(
    settings: Settings, catalogue: Catalogue, runs: type[StandIn]
) -> None:
    runs.outcomes.extend([DONE] * 20)
    with working(settings, catalogue) as one, working(settings, catalogue):
        for id in "abcdefgh":
            add(one.store, id)
        until(lambda: all(job.state == "done" for job in one.store.all()))
        assert [job.read for job in one.store.all()] == [4] * 8
    assert len({task.table for task in runs.begun}) == len(runs.begun) == 8


def test_a_job_whose_process_ends_is_run_again(
    settings: Settings, catalogue: Catalogue, runs: type[StandIn]
) -> None:
    runs.outcomes.extend([Outcome(), Outcome(failed=STOPPED), DONE])
    with working(settings, catalogue) as jobs:
        add(jobs.store, "a")
        until(lambda: seen(jobs.store, "a").state == "done")
    assert len(runs.begun) == 3


def test_a_job_whose_process_always_ends_is_given_up(
    settings: Settings, catalogue: Catalogue, runs: type[StandIn]
) -> None:
    runs.outcomes.extend([Outcome()] * 99)
    with working(settings, catalogue) as jobs:
        add(jobs.store, "a")
        until(lambda: seen(jobs.store, "a").state == "failed")
    assert len(runs.begun) == TAKES


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(failed="InputError", message="no column 'Smith'"), archive.NOT_READ),
        (Outcome(failed="OutputError", message="/var/data"), archive.NOT_WRITTEN),
        (Outcome(failed="ReportNLPError", message="Internal error: KeyError."), "Internal error: KeyError."),
    ],
)
def test_a_failure_is_told_in_words_for_the_sender(
    settings: Settings, catalogue: Catalogue, runs: type[StandIn], outcome: Outcome, told: str
) -> None:
    runs.outcomes.append(outcome)
    with working(settings, catalogue) as jobs:
        add(jobs.store, "a")
        until(lambda: seen(jobs.store, "a").state == "failed")
        assert seen(jobs.store, "a").error == told


def test_a_stop_parks_the_job_and_the_next_service_takes_it_at_once(
    settings: Settings, catalogue: Catalogue, runs: type[StandIn]
) -> None:
    with working(settings, catalogue) as jobs:
        add(jobs.store, "a")
        until(lambda: runs.begun)
    assert runs.ended == ["stopped", "killed"]
    began = time.monotonic()
    runs.outcomes.append(DONE)
    with working(settings, catalogue) as jobs:
        assert seen(jobs.store, "a").takes <= 1
        until(lambda: seen(jobs.store, "a").state == "done")
    assert time.monotonic() - began < LEASE_S


def test_a_service_that_lost_its_lease_ends_its_run_and_says_nothing(
    settings: Settings, catalogue: Catalogue, runs: type[StandIn]
) -> None:
    with working(settings, catalogue) as jobs:
        add(jobs.store, "a")
        until(lambda: runs.begun)
        later = Store(settings.jobs_url, 60.0, clock=lambda: time.time() + LEASE_S * 2)
        taken = later.take("another")
        assert taken is not None
        until(lambda: runs.ended == ["killed"])
        assert later.holds(taken)
        later.close()
    assert len(runs.begun) == 1


def test_a_database_that_is_away_for_a_while_is_waited_for(
    settings: Settings,
    catalogue: Catalogue,
    runs: type[StandIn],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = [OperationalError("SELECT 'Smith'", {}, Exception("Smith"))] * 3
    take = Store.take

    def flaky(store: Store, worker: str) -> Job | None:
        if broken:
            raise broken.pop()
        return take(store, worker)

    monkeypatch.setattr(Store, "take", flaky)
    runs.outcomes.append(DONE)
    with working(settings, catalogue) as jobs:
        add(jobs.store, "a")
        until(lambda: seen(jobs.store, "a").state == "done")
    assert caplog.text.count("jobs: OperationalError at") == 3
    assert "Smith" not in caplog.text


def test_a_model_folder_labels_with_its_own_panel(
    settings: Settings, catalogue: Catalogue, runs: type[StandIn]
) -> None:
    runs.outcomes.extend([DONE, DONE])
    with working(settings, catalogue) as jobs:
        add(jobs.store, "a", "mine")
        add(jobs.store, "b", "rules")
        until(lambda: all(job.state == "done" for job in jobs.store.all()))
    mine, rules = runs.begun
    assert (mine.panel, Path(mine.method).name) == ("", "mine")
    assert (rules.panel, rules.method) == ("pe", "rules")
