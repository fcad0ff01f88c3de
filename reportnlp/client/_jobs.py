"""Archive jobs, for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reportnlp.client import _calls as calls
from reportnlp.client._results import Job, LabelRow, QuarantinedRow
from reportnlp.client._upload import open_upload

if TYPE_CHECKING:
    from reportnlp.client._sync import Client


class Jobs:
    """Archive jobs of the service."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def submit(
        self,
        reports: str | Path | Iterable[calls.ReportLike],
        *,
        id: str | None = None,
        panel: str | None = None,
        method: str | None = None,
        abstain: bool = False,
    ) -> Job:
        """Send reports as a job; what was sent already under the id is the same job.

        Args:
            reports: a file in any format that `reportnlp label` reads, or reports.
            id: what to call it, of letters, digits, '.', '_' and '-'; None: a name made of the content.
            panel: see `Client.label`.
            method: see `Client.label`.
            abstain: see `Client.label`.

        Raises:
            InputError: the file cannot be read.
            ServiceError: the service refused: with status 409, the id has other content.
            UnreachableError: it did not answer.
        """
        with open_upload(reports) as upload:
            return self._client.send(calls.submit(upload, id, calls.How(panel, method, abstain)))

    def submit_server_path(
        self,
        path: str | Path,
        *,
        id: str,
        panel: str | None = None,
        method: str | None = None,
        abstain: bool = False,
    ) -> Job:
        """Make a job of a file or folder that lies on the server, under a folder that it allows."""
        return self._client.send(calls.submit_server_path(path, id, calls.How(panel, method, abstain)))

    def get(self, id: str) -> Job:
        """How a job is."""
        return self._client.send(calls.get_job(id))

    def list(self) -> tuple[Job, ...]:
        """All jobs of this key."""
        return self._client.send(calls.JOBS)

    def wait(
        self,
        id: str,
        *,
        progress: Callable[[Job], None] | None = None,
        every_s: float = 0.5,
        timeout_s: float = float("inf"),
    ) -> Job:
        """Wait until a job is done; `progress` hears each time how it is.

        Raises:
            JobError: it failed, was cancelled, or is not over after `timeout_s`.
        """
        until = time.monotonic() + timeout_s
        while True:
            job = self.get(id)
            if progress is not None:
                progress(job)
            if job.is_over:
                return calls.finished(job)
            if time.monotonic() >= until:
                raise calls.late(job, timeout_s)
            time.sleep(every_s)

    def results(self, id: str) -> Iterator[LabelRow]:
        """The label table of a job that is done, row by row: one per report and question."""
        return self._client.lines(calls.result_rows(id))

    def errors(self, id: str) -> Iterator[QuarantinedRow]:
        """The rows that a job could not label."""
        return self._client.lines(calls.error_rows(id))

    def cancel(self, id: str) -> Job:
        """Cancel a job and remove its data; one that is over is forgotten."""
        return self._client.send(calls.cancel(id))
