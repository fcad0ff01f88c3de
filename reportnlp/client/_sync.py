"""The client for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from reportnlp.client import _calls as calls
from reportnlp.client._jobs import Jobs
from reportnlp.client._lines import Lines
from reportnlp.client._results import Answers, Finding, Model, Panel
from reportnlp.client._retries import Attempts, Retries
from reportnlp.client._wire import URL, arguments, httpx

T = TypeVar("T")


class Client:
    """Talks to the service; made anew it costs little, kept it holds its connections.

    Refusals for lack of room (429, 503) and broken connections are tried again, after the time that the
    service asks for. That is safe: to label has no effect, and a job is the same however often it is sent.

    Args:
        url: of the service.
        key: API key, where the service wants one.
        timeout_s: for each part of a request: to connect, to send on, to hear more.
        retries: how often it is tried, and how far apart.
        transport: of httpx, in place of the network.

    Raises:
        MissingExtraError: httpx is not installed.
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
        self._http = httpx().Client(transport=transport, **arguments(url, key, timeout_s))
        self._retries = retries or Retries()
        self._random = self._retries.random()
        self.jobs = Jobs(self)

    def label(
        self,
        reports: str | calls.ReportLike | Sequence[str | calls.ReportLike],
        *,
        panel: str | None = None,
        method: str | None = None,
        abstain: bool = False,
        questions: Sequence[str] | None = None,
        deadline_s: float | None = None,
    ) -> Answers:
        """Label reports in one request.

        Args:
            reports: a text, a report, or several; as many as the service takes at once.
            panel: what to look for; None: the service's own choice, or the model's panel.
            method: `rules`, `auto`, or the name of a model that the service has; None: the service's choice.
            abstain: leave answers blank within a model's band of doubt.
            questions: which to answer; None: all of the panel.
            deadline_s: give up after so many seconds.

        Raises:
            ServiceError: the service refused.
            UnreachableError: it did not answer.
        """
        return self.send(calls.label(reports, panel, method, abstain, questions, deadline_s))

    def panels(self) -> tuple[Panel, ...]:
        """What can be looked for together."""
        return self.send(calls.PANELS)

    def findings(self) -> tuple[Finding, ...]:
        """What can be looked for."""
        return self.send(calls.FINDINGS)

    def models(self) -> tuple[Model, ...]:
        """What can label."""
        return self.send(calls.MODELS)

    def send(self, call: calls.Call[T]) -> T:
        """Send a request until it is answered.

        Raises:
            ServiceError: the service refused.
            UnreachableError: it did not answer.
        """
        attempts = self._attempts()
        while True:
            try:
                response = self._http.request(
                    call.method,
                    call.path,
                    params=call.parameters,
                    json=call.body,
                    content=call.upload.chunks() if call.upload else None,
                    headers=call.headers,
                )
                pause = attempts.refused(response.status_code, response.headers)
            except httpx().TransportError as error:
                pause = attempts.broken(error)
            if pause is None:
                return calls.answer(call, response)
            time.sleep(pause)

    def lines(self, call: calls.Call[T]) -> Iterator[T]:
        """Stream an answer line by line; a connection that breaks is taken up where it broke."""
        attempts, lines = self._attempts(), Lines(call)
        pause: float | None = 0.0
        while pause is not None:
            time.sleep(pause)
            lines.restart()
            try:
                with self._http.stream(call.method, call.path) as response:
                    pause = attempts.refused(response.status_code, response.headers)
                    if pause is None:
                        yield from self._lines_of(response, lines)
            except httpx().TransportError as error:
                pause = attempts.broken(error)

    def _lines_of(self, response: Any, lines: Lines[T]) -> Iterator[T]:
        if not response.is_success:
            response.read()
            raise calls.refusal(response)
        for chunk in response.iter_bytes():
            yield from lines.take(chunk)

    def _attempts(self) -> Attempts:
        return Attempts(self._retries, self._random)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
