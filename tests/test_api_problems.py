"""Errors are problem details, and nothing that was sent is in them, or in a log, or in a metric."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import reportnlp
from reportnlp_api.problems import Problem, faults_of
from tests.api_service import app_in, audited, load, serving

SECRET = "ZZPATIENTZZ"
GOOD = {"id": SECRET, "text": f"{SECRET}: Acute PE."}


class Breaking:
    """A labeler that fails on one word, and says what it read."""

    def __init__(self, panel: str, method: str, abstain: bool) -> None:
        self._inner = load(panel, method=method, abstain=abstain)
        self.digest, self.model, self.questions = self._inner.digest, self._inner.model, self._inner.questions

    def label_and_read(self, reports: list[reportnlp.Report]) -> Any:
        if any("breaks" in report.text for report in reports):
            raise ValueError(reports[0].text)
        return self._inner.label_and_read(reports)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    app = app_in(folder, lambda panel, *, method, abstain: Breaking(panel, method, abstain))

    @app.get("/v1/fault", include_in_schema=False)
    async def fault() -> None:
        raise ValueError(SECRET)

    with serving(app) as client:
        yield client


def problem_of(answer: Any, status: int) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == status
    assert problem.request_id == answer.headers["X-Request-ID"]
    return problem


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({}, "", "Give either report or reports."),
        ({"report": GOOD, "reports": [GOOD]}, "", "Give either"),
        ({"reports": []}, "/reports", "a length of at least 1"),
        ({"reports": [GOOD, {"id": "x"}]}, "/reports/1/text", "missing"),
        ({"report": {"id": "x", "text": 7}}, "/report/text", "a string"),
        ({"report": {"id": "x" * 257, "text": "x"}}, "/report/id", "at most 256"),
        ({"report": {"id": f"{SECRET}\n", "text": "x"}}, "/report/id", "not allowed"),
        ({"report": {"id": "x", "text": f"{SECRET}\0"}}, "/report/text", "not allowed"),
        ({"report": GOOD, SECRET: 1}, "", "not known"),
        ({"report": {**GOOD, SECRET: 1}}, "/report", "not known"),
        ({"report": GOOD, "options": {SECRET: 1}}, "/options", "not known"),
        ({"report": GOOD, "panel": SECRET}, "/panel", "Allowed: chest_ct, chest_xray, head_ct, pe."),
        ({"report": GOOD, "panel": "../pe"}, "/panel", "no such panel"),
        ({"report": GOOD, "method": SECRET}, "/method", "Allowed: auto, rules."),
        ({"report": GOOD, "method": "/etc"}, "/method", "no such method"),
        ({"report": GOOD, "options": {"questions": [SECRET]}}, "/options/questions/0", "no such question"),
        ({"report": GOOD, "options": {"deadline_s": 0}}, "/options/deadline_s", "greater than 0"),
        ({"report": GOOD, "options": {"abstain": SECRET}}, "/options/abstain", "true or false"),
        ([SECRET], "", "an object"),
        (SECRET, "", "an object"),
    ],
)
def test_a_request_that_breaks_the_contract(client: TestClient, body: Any, pointer: str, detail: str) -> None:
    answer = client.post("/v1/label", json=body)
    [fault] = problem_of(answer, 422).errors
    assert fault.pointer == pointer
    assert detail in fault.detail
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        f'{{"report": {SECRET}}}'.encode(),
        b'{"report": {"text": "\xff"}}',
        b'{"report": {"text": "\\ud800"}}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/label", content=body, headers={"Content-Type": "application/json"})
    assert problem_of(answer, 400).type == "urn:reportnlp:problem:malformed-json"
    assert SECRET not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded", SECRET])
def test_a_body_of_another_kind(client: TestClient, kind: str) -> None:
    answer = client.post("/v1/label", content=b'{"report": {"text": "x"}}', headers={"Content-Type": kind})
    problem_of(answer, 415)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/{SECRET}", 404),
        ("GET", f"/v1/findings/{SECRET}", 404),
        ("GET", f"/v1/findings/{SECRET * 20}", 422),
        ("GET", f"/web/../{SECRET}", 404),
        ("GET", "/web/%2e%2e/app.py", 404),
        ("GET", "/v1/label", 405),
        ("DELETE", "/v1/panels", 405),
        ("OPTIONS", "/v1/label", 405),
    ],
)
def test_a_wrong_address_or_method(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    problem_of(answer, status)
    assert SECRET not in answer.text


def test_a_fault_tells_nothing(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        problem = problem_of(client.get("/v1/fault"), 500)
    assert problem.type == "urn:reportnlp:problem:fault"
    assert f"{problem.request_id}: ValueError at " in caplog.text
    assert SECRET not in caplog.text


def test_a_report_that_breaks_the_labeler_stops_no_other(client: TestClient) -> None:
    bad = {"id": "bad", "text": f"{SECRET} breaks. Acute PE."}
    answer = client.post("/v1/label", json={"reports": [{"id": "a", "text": "No PE."}, bad]})
    good, broken = answer.json()["results"]
    assert good["labels"][0]["answer"] == "absent"
    reason = "The labeler failed on it (ValueError). Please report the fault."
    assert broken["error"] == {"reason": reason}
    assert SECRET not in answer.text


def test_nothing_that_was_sent_is_in_a_log_or_metric(
    client: TestClient,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        headers = {"X-Request-ID": SECRET, "User-Agent": SECRET, "Cookie": SECRET}
        assert client.post("/v1/label", json={"report": GOOD}, headers=headers).status_code == 200
        client.post("/v1/label", json={"report": {**GOOD, SECRET: SECRET}}, headers=headers)
        client.post("/v1/label", json={"report": {"text": f"{SECRET} breaks"}}, headers=headers)
        last = client.request(SECRET, f"/v1/{SECRET}?{SECRET}={SECRET}", headers=headers)
    said = client.get("/metrics").text + "".join(audited(folder, last))
    assert SECRET not in said + "".join(capfd.readouterr())
    assert SECRET not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("reportnlp"))


def test_the_audit_log_says_who_asked_what(client: TestClient, folder: Path) -> None:
    answer = client.post("/v1/label", json={"reports": [GOOD, GOOD], "panel": "pe"})
    *_, line = audited(folder, answer)
    told = json.loads(line)
    assert told.pop("time").endswith("+00:00")
    assert told.pop("milliseconds") > 0
    assert told == {
        "request_id": answer.headers["X-Request-ID"],
        "caller": "local",
        "route": "/v1/label",
        "method": "POST",
        "status": 200,
        "panel": "pe",
        "labelled_by": "rules",
        "reports": 2,
        "tokens": 10,
    }
    assert (folder / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_a_number_past_its_bound_is_told_the_bound() -> None:
    errors = [
        {"type": "less_than_equal", "loc": ("options", "deadline_s"), "ctx": {"le": 86_400.0}},
        {"type": "greater_than", "loc": ("options", "deadline_s"), "ctx": {"gt": 0.0}},
    ]
    told = [fault.detail for fault in faults_of(errors)]
    assert told == ["It should be at most 86400.", "It should be greater than 0."]
