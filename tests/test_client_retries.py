"""The client against a stand-in for the service: what it sends, and how it keeps asking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from reportnlp import AsyncClient, Client, Report
from reportnlp.client import JobError, Retries, ServiceError, UnreachableError
from reportnlp.errors import InputError, InvalidDefinitionError

SEEN = "IMPRESSION: Acute segmental pulmonary embolism in the right lower lobe."
UNSEEN = "IMPRESSION: No pulmonary embolism."
REPORTS = [
    Report("r1", SEEN, patient="p", exam_date=date(2024, 5, 1)),
    Report("r2", UNSEEN),
    Report("r3", " "),
]
PE = "pulmonary_embolism"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits are written down instead of waited for."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def replies(*given: httpx.Response | Exception) -> tuple[Client, list[httpx.Request]]:
    """A client whose service gives one reply after the other; and the requests that came."""
    left, asked = list(given), []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        asked.append(request)
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    retries = Retries(attempts=4, first_s=0.5, longest_s=10, seed=1)
    return Client("http://service", transport=httpx.MockTransport(answer), retries=retries), asked


def busy(status: int = 503, after: str = "2") -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": after})


PANELS: dict[str, list[str]] = {"panels": []}


def test_files_of_other_formats_are_sent_as_lines(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"report_id,report_text\nr1,{SEEN}\nr2,{UNSEEN}\n")
    job = job_json("x")
    client, asked = replies(*(httpx.Response(201, json=job) for _ in range(3)))
    client.jobs.submit(tmp_path / "in.csv", panel="pe", abstain=True)
    client.jobs.submit([Report("r1", SEEN), Report("r2", UNSEEN)], panel="pe", abstain=True)
    (tmp_path / "in.jsonl").write_bytes(asked[0].content)
    client.jobs.submit(str(tmp_path / "in.jsonl"), panel="pe", abstain=True)
    assert len({(request.url, request.content) for request in asked}) == 1  # the content names the job
    assert [json.loads(line) for line in asked[0].content.splitlines()] == [
        {"id": "r1", "text": SEEN},
        {"id": "r2", "text": UNSEEN},
    ]
    assert asked[0].url.params == httpx.QueryParams({"panel": "pe", "abstain": "true"})
    assert asked[0].headers["Content-Length"] == str(len(asked[0].content))


def test_all_that_is_known_of_a_report_is_sent_with_a_job() -> None:
    client, asked = replies(httpx.Response(201, json=job_json("x")))
    client.jobs.submit(REPORTS[:1], id="x")
    assert json.loads(asked[0].content) == {
        "id": "r1",
        "text": SEEN,
        "patient": "p",
        "exam_date": "2024-05-01",
    }


def job_json(id: str, **given: Any) -> dict[str, Any]:
    now = "2026-01-01T00:00:00.000+00:00"
    job: dict[str, Any] = {
        "id": id,
        "state": "queued",
        "created": now,
        "updated": now,
        "expires": None,
        "panel": "pe",
    }
    job |= {"method": "rules", "model": None, "total": None, "done": 0, "counts": None, "error": None}
    return {**job, "a_field_of_tomorrow": 1, **given}


def test_a_file_that_is_not_there_or_holds_no_report_is_told(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("report_id,report_text\n,x\n")
    client, asked = replies()
    with pytest.raises(InputError, match=r"Row 1 of in\.csv is no report"):
        client.jobs.submit(tmp_path / "in.csv")
    with pytest.raises(InputError, match="No such file"):
        client.jobs.submit(tmp_path / "none.jsonl")
    assert asked == []


@pytest.mark.usefixtures("waits")
def test_a_job_that_fails_or_takes_too_long_is_an_error() -> None:
    client, _ = replies(
        httpx.Response(200, json=job_json("a")),
        httpx.Response(200, json=job_json("a", state="failed", error="The disk is full.")),
        httpx.Response(200, json=job_json("a", state="running", done=7)),
    )
    with pytest.raises(JobError, match=r"'a' failed: The disk is full\."):
        client.jobs.wait("a")
    with pytest.raises(JobError, match="'a' is running after 0 s, with 7 rows done"):
        client.jobs.wait("a", timeout_s=0)


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_lack_of_room_is_tried_again_after_the_time_it_asks_for(
    status: int, waits: list[float]
) -> None:
    client, asked = replies(busy(status), busy(status), httpx.Response(200, json=PANELS))
    assert client.panels() == ()
    assert len(asked) == 3
    assert 2 <= waits[0] <= 2.5 and 2 <= waits[1] <= 3  # jitter of a bound that doubles is added


def test_a_date_is_as_good_as_a_number_of_seconds(waits: list[float]) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)
    client, _ = replies(busy(503, soon), busy(503, "soon"), httpx.Response(200, json=PANELS))
    client.panels()
    assert 3 < waits[0] <= 5.5 and waits[1] <= 1


def test_a_broken_connection_is_tried_again_and_an_upload_sent_from_its_start(waits: list[float]) -> None:
    broken = (httpx.ConnectError("no"), httpx.ReadError("cut"))
    client, asked = replies(*broken, httpx.Response(201, json=job_json("x")))
    client.jobs.submit(REPORTS, id="x")
    assert len({request.content for request in asked}) == 1 and len(asked) == 3
    assert asked[0].content.count(b"\n") == 3
    assert len(waits) == 2 and max(waits) <= 1


def test_it_is_given_up_in_the_end(waits: list[float]) -> None:
    client, asked = replies(*[httpx.ConnectError("no")] * 4)
    with pytest.raises(UnreachableError, match=r"no answer in 4 attempts \(ConnectError\)"):
        client.panels()
    client, asked = replies(*[busy() for _ in range(4)])
    with pytest.raises(ServiceError, match="answered 503"):
        client.panels()
    assert len(asked) == 4 and len(waits) == 6


@pytest.mark.parametrize("reply", [httpx.Response(500), httpx.Response(404), busy(503, "3600")])
def test_what_time_does_not_mend_is_not_tried_again(reply: httpx.Response, waits: list[float]) -> None:
    client, asked = replies(reply)
    with pytest.raises(ServiceError, match=f"answered {reply.status_code}"):
        client.panels()
    assert len(asked) == 1 and waits == []


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, text="<p>Sent: Smith</p>"),
        httpx.Response(200, json={"Smith": 1}),
        httpx.Response(400, text="Smith"),
        httpx.Response(400, json={"detail": "Smith"}),
        httpx.Response(400, text="Smith", headers={"Content-Type": "application/problem+json"}),
    ],
)
def test_nothing_is_shown_of_what_the_service_did_not_write(reply: httpx.Response) -> None:
    client, _ = replies(reply)
    with pytest.raises(ServiceError, match="That is no answer of this service") as error:
        client.panels()
    assert "Smith" not in str(error.value)


ROWS = [
    {"source": "in", "offset": n, "report_id": "a\u2028b", "reason": "line\u0085end"} for n in range(1, 6)
]
LINES = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in ROWS)


class Broken(httpx.SyncByteStream):
    """A body that ends too early."""

    def __iter__(self) -> Iterator[bytes]:
        yield LINES[:100]
        yield LINES[100:300]
        raise httpx.ReadError("cut")


@pytest.mark.usefixtures("waits")
def test_lines_that_break_off_are_taken_up_again_each_of_them_once() -> None:
    client, asked = replies(httpx.Response(200, stream=Broken()), httpx.Response(200, content=LINES))
    assert [row.offset for row in client.jobs.errors("a")] == [1, 2, 3, 4, 5]
    assert len(asked) == 2
    client, _ = replies(httpx.Response(409))
    with pytest.raises(ServiceError, match="409"):
        list(client.jobs.results("a"))


def test_a_key_is_sent_and_shown_nowhere() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=PANELS)

    client = Client("http://service", key="secret", transport=httpx.MockTransport(answer))
    client.panels()
    assert asked[0].headers["Authorization"] == "Bearer secret"
    assert "secret" not in repr(client)


def test_retries_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="attempts is 0"):
        Retries(attempts=0)


def test_the_client_of_asyncio_asks_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    left: list[httpx.Response | Exception] = [busy(), httpx.ConnectError("no")]
    left += [
        httpx.Response(200, json=PANELS),
        busy(),
        httpx.ReadError("cut"),
        httpx.Response(200, content=LINES),
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def use() -> None:
        async with AsyncClient("http://service", transport=httpx.MockTransport(answer)) as client:
            monkeypatch.setattr("asyncio.sleep", sleep)
            assert await client.panels() == ()
            assert [row.offset async for row in client.jobs.errors("a")] == [1, 2, 3, 4, 5]

    asyncio.run(use())
    assert left == [] and [wait >= 2 for wait in waits] == [True, False, False, True, False]
