"""Archive jobs, for programs of asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from reportnlp.client import _calls as calls
from reportnlp.client._results import Job, LabelRow, QuarantinedRow
from reportnlp.client._upload import open_upload

if TYPE_CHECKING:
    from reportnlp.client._async import AsyncClient


class AsyncJobs:
    """Archive jobs of the service; see `Client.jobs`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def submit(
        self,
        reports: str | Path | Iterable[calls.ReportLike],
        *,
        id: str | None = None,
        panel: str | None = None,
        method: str | None = None,
        abstain: bool = False,
    ) -> Job:
        """Send reports as a job; what was sent already under the id is the same job."""
        with await asyncio.to_thread(open_upload, reports) as upload:
            return await self._client.send(calls.submit(upload, id, calls.How(panel, method, abstain)))

    async def submit_server_path(
        self,
        path: str | Path,
        *,
        id: str,
        panel: str | None = None,
        method: str | None = None,
        abstain: bool = False,
    ) -> Job:
        """Make a job of a file or folder that lies on the server, under a folder that it allows."""
        return await self._client.send(calls.submit_server_path(path, id, calls.How(panel, method, abstain)))

    async def get(self, id: str) -> Job:
        """How a job is."""
        return await self._client.send(calls.get_job(id))

    async def list(self) -> tuple[Job, ...]:
        """All jobs of this key."""
        return await self._client.send(calls.JOBS)

    async def wait(
        self,
        id: str,
        *,
        progress: Callable[[Job], None] | None = None,
        every_s: float = 0.5,
        timeout_s: float = float("inf"),
    ) -> Job:
        """Wait until a job is done; `progress` hears each time how it is."""
        until = time.monotonic() + timeout_s
        while True:
            job = await self.get(id)
            if progress is not None:
                progress(job)
            if job.is_over:
                return calls.finished(job)
            if time.monotonic() >= until:
                raise calls.late(job, timeout_s)
            await asyncio.sleep(every_s)

    def results(self, id: str) -> AsyncIterator[LabelRow]:
        """The label table of a job that is done, row by row: one per report and question."""
        return self._client.lines(calls.result_rows(id))

    def errors(self, id: str) -> AsyncIterator[QuarantinedRow]:
        """The rows that a job could not label."""
        return self._client.lines(calls.error_rows(id))

    async def cancel(self, id: str) -> Job:
        """Cancel a job and remove its data; one that is over is forgotten."""
        return await self._client.send(calls.cancel(id))
