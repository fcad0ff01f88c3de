"""The client for programs of asyncio: `Client`, but waited for. Each method does what its twin there does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from reportnlp.client import _calls as calls
from reportnlp.client._async_jobs import AsyncJobs
from reportnlp.client._lines import Lines
from reportnlp.client._results import Answers, Finding, Model, Panel
from reportnlp.client._retries import Attempts, Retries
from reportnlp.client._upload import Upload
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
