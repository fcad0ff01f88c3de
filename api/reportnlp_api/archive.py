"""Archive jobs: taken out of the store one by one, and run to their end, whatever ends in between."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from uuid import uuid4

from reportnlp_api.catalogue import Catalogue
from reportnlp_api.door import log_fault
from reportnlp_api.job_files import JobFiles
from reportnlp_api.job_process import STOPPED, Outcome, Task
from reportnlp_api.job_roots import files_of, is_inside
from reportnlp_api.job_run import Run
from reportnlp_api.job_table import CANCELLED, Job
from reportnlp_api.problems import ProblemError
from reportnlp_api.settings import Settings
from reportnlp_api.store import LEASE_S, Store

TICK_S = 0.2
"""Seconds between looks at a running job: how far it is, and whether it was cancelled."""

IDLE_S = 1.0
"""Seconds between looks for a job that another service was given; one's own is seen at once."""

TIDY_EVERY_S = 30.0
"""Seconds between looks for what has expired or was left behind."""

TAKES = 5
"""How often a job is taken up without coming further, before it is given up."""

ENDED = (
    f"The process that labels ended {TAKES} times without coming further; was memory short? Remove the job, "
    "and send it again in parts."
)
NOT_READ = (
    "The input cannot be read as reports: of a known format, each with an id and a text. On the server, "
    "`reportnlp label` with the same file says what is missing."
)
NOT_WRITTEN = (
    "The service could not write the results; its disk may be full. Remove the job, and send it again."
)
NOT_ALLOWED = "The input is not under the service's job roots any more."
NO_METHOD = "The service does not have the job's panel and method any more."


class Jobs:
    """Runs the jobs of the store in a thread of its own, one at a time.

    Args:
        settings: where they lie, and how long they are kept.
        catalogue: what labels.

    Attributes:
        draining: the service is about to stop. A plain flag: signal handlers may take no lock.
        files: the jobs' folders.
        store: the jobs, once it is started.
    """

    store: Store
    _thread: threading.Thread

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.files = JobFiles(settings.data_dir / "jobs")
        self._settings = settings
        self._catalogue = catalogue
        self._worker = uuid4().hex
        self.draining = False
        self._is_open = False
        self._new = threading.Event()
        self._tidied = -TIDY_EVERY_S

    async def start(self) -> None:
        """Open the store, and go on with what is in it.

        Raises:
            StoreError: it cannot be used.
        """
        if not self._is_open:
            await asyncio.to_thread(self.open)
        self._thread = threading.Thread(target=self._serve, name="jobs", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Put the job that runs back into the queue, its finished work kept."""
        self.draining = True
        self._new.set()
        await asyncio.to_thread(self._thread.join)
        self.store.close()
        self._is_open = False

    def look(self) -> None:
        """There is a new job."""
        self._new.set()

    def open(self) -> None:
        """Open the store.

        Raises:
            StoreError: it cannot be used.
        """
        self.store = Store(self._settings.jobs_url, self._settings.job_ttl_s)
        self._is_open = True

    def _serve(self) -> None:
        while not self.draining:
            try:
                self._once()
            except Exception as error:
                # Such as a database that is away: the job's lease runs out, and it is taken again.
                log_fault(error, "jobs")
                time.sleep(IDLE_S)

    def _once(self) -> None:
        self._tidy()
        self._new.clear()
        job = self.store.take(self._worker)
        if job is None:
            self._new.wait(IDLE_S)
        elif job.takes > TAKES:
            self.store.fail(job, ENDED)
        else:
            self._run(job)

    def _run(self, job: Job) -> None:
        task = self._task(job)
        if isinstance(task, str):
            self.store.fail(job, task)
            return
        run = Run(task)
        try:
            self._follow(job, run)
        finally:
            run.kill()
        self._remove_if_cancelled(job)

    def _task(self, job: Job) -> Task | str:
        """What the process is told, or why it cannot be done."""
        try:
            method = self._catalogue.find(job.panel, job.method)
        except ProblemError:
            return NO_METHOD
        source = self.files.uploaded(job.folder)
        if job.path is not None:
            source = Path(job.path)
            if not all(is_inside(path, self._settings.job_roots) for path in files_of(source)):
                return NOT_ALLOWED
        return Task(
            input=str(source),
            format="jsonl" if job.path is None else None,
            table=str(self.files.table(job.folder)),
            panel=method.panel_source or "",
            method=method.source,
            abstain=job.abstain,
            workers=self._settings.job_workers,
        )

    def _follow(self, job: Job, run: Run) -> None:
        """Watch a run until it ends, or is to end."""
        told, renewed = 0, time.monotonic()
        while not self.draining:
            outcome = run.hear(TICK_S)
            if outcome is not None:
                self._conclude(job, outcome)
                return
            if run.done > told or time.monotonic() - renewed > LEASE_S / 4:
                held = self.store.renew(job, done=run.done, total=run.total)
                told, renewed = run.done, time.monotonic()
            else:
                held = self.store.holds(job)
            if not held:
                return
            self._tidy()
        run.stop()
        self.store.park(job)

    def _conclude(self, job: Job, outcome: Outcome) -> None:
        if outcome.counts is not None:
            self.store.finish(job, outcome.counts, outcome.model)
        elif outcome.failed in ("", STOPPED):
            self.store.requeue(job)
        else:
            self.store.fail(job, MESSAGES.get(outcome.failed, outcome.message))

    def _remove_if_cancelled(self, job: Job) -> None:
        now = self.store.get(job.owner, job.id)
        if now is None or now.folder != job.folder or now.state == CANCELLED:
            self.files.remove(job.folder)

    def _tidy(self) -> None:
        """Remove the data of jobs that have expired or were cancelled, and what belongs to no job."""
        if time.monotonic() < self._tidied + min(TIDY_EVERY_S, self._settings.job_ttl_s):
            return
        self._tidied = time.monotonic()
        for job in self.store.expired():
            if self.store.remove(job):
                self.files.remove(job.folder)
        jobs = self.store.all()
        for job in jobs:
            if job.state == CANCELLED:
                self.files.remove(job.folder)
        self.files.remove_orphans({job.folder for job in jobs})


MESSAGES = {"InputError": NOT_READ, "OutputError": NOT_WRITTEN}
"""By the class of the runner's error: its own words name columns or paths, which the sender may not have."""
