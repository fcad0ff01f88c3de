"""What is too much is refused at once, with a word on when to come again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient

import reportnlp
from reportnlp_api.problems import ProblemError
from reportnlp_api.quotas import Quotas
from tests.api_service import app_in, load, serving

TEXT = "No pulmonary embolism."
JSON = {"Content-Type": "application/json"}


class Held:
    """A labeler that labels when it is let."""

    def __init__(self) -> None:
        self._inner = load("pe", method="rules", abstain=False)
        self.digest, self.model, self.questions = self._inner.digest, self._inner.model, self._inner.questions
        self.go = Event()
        self.at_work = Event()

    def label_and_read(self, reports: list[reportnlp.Report]) -> Any:
        self.at_work.set()
        assert self.go.wait(20)
        return self._inner.label_and_read(reports)


@contextmanager
def held(folder: Path, **given: Any) -> Iterator[tuple[TestClient, Held]]:
    """A service of one worker that is at its first report until `go` is set."""
    labeler = Held()
    with serving(app_in(folder, lambda *_, **__: labeler, **given)) as client:
        try:
            yield client, labeler
        finally:
            labeler.go.set()


def post(client: TestClient, *texts: str, **options: Any) -> Any:
    reports = [{"id": str(i), "text": text} for i, text in enumerate(texts or (TEXT,))]
    return client.post("/v1/label", json={"reports": reports, "options": options})


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def in_the_background(pool: ThreadPoolExecutor, client: TestClient, labeler: Held) -> Future[Any]:
    """A request that a worker is at."""
    labeler.at_work.clear()
    sent = pool.submit(post, client)
    assert labeler.at_work.wait(20)
    return sent


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit(tmp_path: Path, declared: bool) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 1024

    with serving(app_in(tmp_path, max_body_bytes=20_000)) as client:
        body = b"".join(parts()) if declared else parts()
        answer = client.post("/v1/label", content=body, headers=JSON)
        assert (answer.status_code, slug(answer)) == (413, "body-too-big")
        assert "20000 bytes" in answer.json()["detail"]


def test_a_report_over_the_limit(tmp_path: Path) -> None:
    with serving(app_in(tmp_path, max_report_chars=len(TEXT))) as client:
        assert post(client, TEXT).status_code == 200
        answer = post(client, TEXT, f"{TEXT} ")
        assert (answer.status_code, slug(answer)) == (413, "report-too-long")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/reports/1/text"]
        alone = client.post("/v1/label", json={"report": {"text": f"{TEXT} "}})
        assert alone.json()["errors"][0]["pointer"] == "/report/text"


def test_more_reports_than_the_limit(tmp_path: Path) -> None:
    with serving(app_in(tmp_path, max_batch=2)) as client:
        assert post(client, TEXT, TEXT).status_code == 200
        answer = post(client, TEXT, TEXT, TEXT)
        assert (answer.status_code, slug(answer)) == (413, "too-many-reports")


def test_a_full_queue_refuses_in_milliseconds(tmp_path: Path) -> None:
    with held(tmp_path, queue_tokens=24) as (client, labeler), ThreadPoolExecutor(4) as pool:
        first = in_the_background(pool, client, labeler)
        waiting = [pool.submit(post, client) for _ in range(2)]
        until(lambda: "reportnlp_queue_tokens 8.0" in client.get("/metrics").text)
        began = time.perf_counter()
        answer = client.post("/v1/label", content=b"{" * 150, headers=JSON)
        taken = time.perf_counter() - began
        assert (answer.status_code, slug(answer)) == (503, "queue-full")
        assert int(answer.headers["Retry-After"]) >= 1
        assert taken < 0.5  # ten times what is promised, since tests share a machine
        labeler.go.set()
        assert [sent.result().status_code for sent in (first, *waiting)] == [200] * 3
        assert 'reportnlp_refusals_total{problem="queue-full"} 1.0' in client.get("/metrics").text


def until(true: Any) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_request_larger_than_the_queue_is_let_in_when_nothing_waits(tmp_path: Path) -> None:
    with serving(app_in(tmp_path, queue_tokens=2)) as client:
        assert post(client, *[TEXT] * 5).status_code == 200


def test_past_its_deadline_a_request_is_given_up_and_its_place_is_free(tmp_path: Path) -> None:
    with held(tmp_path, deadline_s=0.5) as (client, labeler), ThreadPoolExecutor(1) as pool:
        first = in_the_background(pool, client, labeler)
        answer = post(client, deadline_s=0.05)
        assert (answer.status_code, slug(answer)) == (504, "deadline-passed")
        assert "0.05 s" in answer.json()["detail"]
        assert first.result().status_code == 504  # a deadline that none names is the service's
        labeler.go.set()
        assert post(client).status_code == 200
        assert "reportnlp_queue_tokens 0.0" in client.get("/metrics").text


def test_no_request_may_take_longer_than_the_service_allows(tmp_path: Path) -> None:
    with held(tmp_path, deadline_s=0.1) as (client, _):
        assert post(client, deadline_s=1000).status_code == 504


def test_a_draining_service_takes_nothing_new_and_finishes_what_it_has(tmp_path: Path) -> None:
    labeler = Held()
    app = app_in(tmp_path, lambda *_, **__: labeler)
    with serving(app) as client, ThreadPoolExecutor(2) as pool:
        sent = [in_the_background(pool, client, labeler), pool.submit(post, client)]
        until(lambda: "reportnlp_queue_tokens 4.0" in client.get("/metrics").text)
        app.state.batcher.draining = True
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200
        answer = post(client)
        assert (answer.status_code, slug(answer)) == (503, "draining")
        assert "Retry-After" in answer.headers
        labeler.go.set()
        assert [one.result().status_code for one in sent] == [200, 200]


def test_a_quota_is_counted_in_reports(tmp_path: Path) -> None:
    with serving(app_in(tmp_path, quota_per_minute=3)) as client:
        assert post(client, TEXT, TEXT).status_code == 200
        answer = post(client, TEXT, TEXT)
        assert (answer.status_code, slug(answer)) == (429, "quota-used-up")
        assert 1 <= int(answer.headers["Retry-After"]) <= 61
        assert post(client, TEXT).status_code == 200
        # Now nothing is left, and nobody reads the body any more.
        assert client.post("/v1/label", content=b"{", headers=JSON).status_code == 429


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_quota_fills_evenly_and_up_to_a_minutes() -> None:
    clock = Clock()
    quotas = Quotas(60, clock)
    quotas.take("a", 60)
    with pytest.raises(ProblemError) as error:
        quotas.take("a", 10)
    assert error.value.headers["Retry-After"] == "10"
    quotas.take("b", 60)
    clock.now += 10.0
    quotas.take("a", 10)
    clock.now += 3600.0
    quotas.take("a", 60)
    with pytest.raises(ProblemError):
        quotas.check("a")


def test_more_than_a_minutes_quota_at_once_is_paid_for_afterwards() -> None:
    clock = Clock()
    quotas = Quotas(60, clock)
    quotas.take("a", 120)
    with pytest.raises(ProblemError) as error:
        quotas.check("a")
    assert error.value.headers["Retry-After"] == "62"
    clock.now += 61.0
    quotas.take("a", 1)
