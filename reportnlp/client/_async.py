"""The client for programs of asyncio: `Client`, but waited for. Each method does what its twin there does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from reportnlp.client import _calls as calls
from reportnlp.client._lines import Lines
from reportnlp.client._results import Answers, Finding, Job, LabelRow, Model, Panel, QuarantinedRow
from reportnlp.client._retries import Attempts, Retries
from reportnlp.client._upload import Upload, open_upload
from reportnlp.client._wire import URL, arguments, httpx

T = TypeVar("T")


class AsyncClient:
    """Talks to the service from asyncio; see `Client` for what it is told and what it raises.

    Args:
        url, key, timeout_s, retries, transport: see `Client`.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        retries: Retries | None = None,
        transport: Any = None,
    ) -> None:
        self._http = httpx().AsyncClient(transport=transport, **arguments(url, key, timeout_s))
        self._retries = retries or Retries()
        self._random = self._retries.random()
        self.jobs = AsyncJobs(self)

    async def label(
        self,
        reports: str | calls.ReportLike | Sequence[str | calls.ReportLike],
        *,
        panel: str | None = None,
        method: str | None = None,
        abstain: bool = False,
        questions: Sequence[str] | None = None,
        deadline_s: float | None = None,
    ) -> Answers:
        """Label reports in one request; see `Client.label`."""
        return await self.send(calls.label(reports, panel, method, abstain, questions, deadline_s))

    async def panels(self) -> tuple[Panel, ...]:
        """What can be looked for together."""
        return await self.send(calls.PANELS)

    async def findings(self) -> tuple[Finding, ...]:
        """What can be looked for."""
        return await self.send(calls.FINDINGS)

    async def models(self) -> tuple[Model, ...]:
        """What can label."""
        return await self.send(calls.MODELS)

    async def send(self, call: calls.Call[T]) -> T:
        """Send a request until it is answered; see `Client.send`."""
        attempts = self._attempts()
        while True:
            try:
                response = await self._http.request(
                    call.method,
                    call.path,
                    params=call.parameters,
                    json=call.body,
                    content=_chunks(call.upload) if call.upload else None,
                    headers=call.headers,
                )
                pause = attempts.refused(response.status_code, response.headers)
            except httpx().TransportError as error:
                pause = attempts.broken(error)
            if pause is None:
                return calls.answer(call, response)
            await asyncio.sleep(pause)

    async def lines(self, call: calls.Call[T]) -> AsyncIterator[T]:
        """Stream an answer line by line; see `Client.lines`."""
        attempts, lines = self._attempts(), Lines(call)
        pause: float | None = 0.0
        while pause is not None:
            await asyncio.sleep(pause)
            lines.restart()
            try:
                async with self._http.stream(call.method, call.path) as response:
                    pause = attempts.refused(response.status_code, response.headers)
                    if pause is None:
                        async for value in self._lines_of(response, lines):
                            yield value
            except httpx().TransportError as error:
                pause = attempts.broken(error)

    async def _lines_of(self, response: Any, lines: Lines[T]) -> AsyncIterator[T]:
        if not response.is_success:
            await response.aread()
            raise calls.refusal(response)
        async for chunk in response.aiter_bytes():
            for value in lines.take(chunk):
                yield value

    def _attempts(self) -> Attempts:
        return Attempts(self._retries, self._random)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _chunks(upload: Upload) -> AsyncIterator[bytes]:
    chunks = upload.chunks()
    while chunk := await asyncio.to_thread(next, chunks, b""):
        yield chunk


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
