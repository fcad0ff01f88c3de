"""Archive jobs over HTTP: what they take, what they give, whose they are, and how they end."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import reportnlp
from reportnlp_api import keys
from reportnlp_api.archive import TAKES
from reportnlp_api.job_intake import NDJSON
from reportnlp_api.job_table import NewJob
from reportnlp_api.store import Store
from tests.api_service import app_in, load, serving

SEEN = "IMPRESSION: Acute segmental pulmonary embolism in the right lower lobe."
UNSEEN = "IMPRESSION: No pulmonary embolism."
REPORTS = [{"id": "r1", "text": SEEN}, {"id": "r2", "text": UNSEEN}, {"id": "r3", "text": SEEN}]
BROKEN = b'{"id": "r4", "text": "  "}\n{"id": "r5"}\nno JSON\n'

JSON, LINES = {"Content-Type": "application/json"}, {"Content-Type": NDJSON}
Folders = Callable[[], set[Path]]


def lines(reports: Iterable[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(report).encode() + b"\n" for report in reports)


GOOD = lines(REPORTS)
HEADS = lines(
    [
        {"id": "h1", "text": "IMPRESSION: Acute subdural hematoma. No acute infarct."},
        {"id": "h2", "text": "IMPRESSION: No intracranial hemorrhage."},
    ]
)


def put(client: TestClient, id: str, content: bytes = GOOD, **query: Any) -> Any:
    return client.put(f"/v1/jobs/{id}", content=content, headers=LINES, params=query)


def wait(client: TestClient, id: str, **options: Any) -> dict[str, Any]:
    """The job when it is over."""
    end = time.monotonic() + 120
    while (job := client.get(f"/v1/jobs/{id}", **options).json())["state"] in ("queued", "running"):
        assert time.monotonic() < end, job
        time.sleep(0.02)
    found: dict[str, Any] = job
    return found


def rows(client: TestClient, id: str, part: str) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/jobs/{id}/{part}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, NDJSON)
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the service that most tests share."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    """A job root, and things that lie outside of it."""
    place = folder / "archive"
    (place / "year").mkdir(parents=True)
    (place / "some.jsonl").write_bytes(GOOD)
    (place / "year" / "some.jsonl").write_bytes(HEADS)
    (place / "some.weird").write_bytes(GOOD)
    (folder / "outside.jsonl").write_bytes(GOOD)
    (place / "link.jsonl").symlink_to(folder / "outside.jsonl")
    (place / "leads_out").mkdir()
    (place / "leads_out" / "link.jsonl").symlink_to(folder / "outside.jsonl")
    return place


@pytest.fixture(scope="module")
def client(folder: Path, archive: Path) -> Iterator[TestClient]:
    with serving(app_in(folder, job_roots=[archive])) as made:
        yield made


@pytest.fixture(scope="module")
def paused(folder: Path, archive: Path) -> Iterator[TestClient]:
    """A service whose jobs all wait: it takes none up, as one that is about to stop."""
    app = app_in(folder / "paused", job_roots=[archive], job_max_bytes=2**16)
    app.state.jobs.draining = True
    with serving(app) as made:
        yield made


@pytest.fixture
def folders(folder: Path) -> Folders:
    """The folders of the jobs that wait."""
    return lambda: set((folder / "paused" / "data" / "jobs").glob("*"))


def test_a_job_is_done_and_its_table_is_that_of_the_library(client: TestClient, tmp_path: Path) -> None:
    answer = put(client, "first", GOOD + BROKEN)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["id"], made["state"], made["panel"], made["method"]) == ("first", "queued", "pe", "rules")
    assert (made["total"], made["done"], made["counts"], made["error"]) == (None, 0, None, None)
    done = wait(client, "first")
    assert done["state"] == "done"
    assert done["counts"] == {"read": 6, "labelled": 2, "quarantined": 3, "duplicates": 1}
    assert done["done"] == done["total"] == 6
    assert done["model"] == load("pe", method="rules", abstain=False).model
    assert done["created"] <= done["updated"] < done["expires"]

    (tmp_path / "in.jsonl").write_bytes(GOOD + BROKEN)
    reportnlp.label_archive(
        reportnlp.LabelSettings((tmp_path / "in.jsonl",), tmp_path / "out.jsonl", "pe", workers=1)
    )
    assert client.get(done["links"]["results"]).content == (tmp_path / "out.jsonl").read_bytes()
    questions = len(load("pe", method="rules", abstain=False).questions)
    assert [row["report_id"] for row in rows(client, "first", "results")] == [
        id for id in ("r1", "r2", "r3") for _ in range(questions)
    ]
    errors = rows(client, "first", "errors")
    assert [(row["offset"], row["report_id"]) for row in errors] == [(4, "r4"), (5, None), (6, None)]
    assert all(row["reason"] for row in errors)


def test_the_same_job_again_is_found_and_another_of_its_id_refused(paused: TestClient) -> None:
    made = put(paused, "twice")
    again = put(paused, "twice")
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == made.json()
    for other in (put(paused, "twice", GOOD + BROKEN), put(paused, "twice", panel="head_ct")):
        assert other.status_code == 409
        assert other.json()["type"].endswith(":other-content")
    assert put(paused, "twice", panel="pe", method="rules", abstain="false").status_code == 200


@pytest.mark.parametrize("path", ["some.jsonl", "year", "{root}/some.jsonl", "year/../some.jsonl"])
def test_a_file_or_folder_under_a_job_root_can_be_named(paused: TestClient, archive: Path, path: str) -> None:
    body = {"path": path.format(root=archive)}
    made, again = (paused.put("/v1/jobs/path", json=body) for _ in range(2))
    assert (made.status_code, again.status_code) == (201, 200)
    other = paused.put("/v1/jobs/path", json={"path": "leads/../some.jsonl", "panel": "head_ct"})
    assert other.status_code == 409
    assert [paused.delete("/v1/jobs/path").json()["state"] for _ in range(2)] == ["cancelled", "cancelled"]


def test_a_file_that_changed_is_another_job(paused: TestClient, archive: Path) -> None:
    file = archive / "changing.jsonl"
    file.write_bytes(GOOD)
    assert paused.put("/v1/jobs/changing", json={"path": file.name}).status_code == 201
    file.write_bytes(GOOD + BROKEN)
    assert paused.put("/v1/jobs/changing", json={"path": file.name}).status_code == 409


@pytest.mark.parametrize(
    "path",
    ["../outside.jsonl", "{folder}/outside.jsonl", "/etc/passwd", "link.jsonl", "leads_out", "../../nothing"],
)
def test_nothing_else_of_the_server_can_be_named(paused: TestClient, folder: Path, path: str) -> None:
    answer = paused.put("/v1/jobs/out", json={"path": path.format(folder=folder)})
    assert answer.status_code == 403
    assert answer.json()["type"].endswith(":path-not-allowed")
    assert path not in answer.text and str(folder) not in answer.text and "passwd" not in answer.text
    assert paused.get("/v1/jobs/out").status_code == 404


def test_without_job_roots_no_path_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "some.jsonl").write_bytes(GOOD)
    with serving(app_in(tmp_path)) as client:
        answer = client.put("/v1/jobs/a", json={"path": str(tmp_path / "some.jsonl")})
        assert answer.status_code == 403


def test_a_folder_of_the_server_is_labelled_as_it_is_told(client: TestClient) -> None:
    body = {"path": "year", "panel": "head_ct", "method": "rules"}
    assert client.put("/v1/jobs/year", json=body).status_code == 201
    done = wait(client, "year")
    assert done["counts"] == {"read": 2, "labelled": 2, "quarantined": 0, "duplicates": 0}
    assert done["panel"] == "head_ct"
    found = {
        row["question"]: row["answer"] for row in rows(client, "year", "results") if row["report_id"] == "h1"
    }
    assert found["subdural_hemorrhage"] == "present"
    assert found["acute_infarct"] == "absent"
    assert rows(client, "year", "errors") == []


def test_an_input_that_cannot_be_read_fails_the_job_with_the_mend(client: TestClient) -> None:
    client.put("/v1/jobs/weird", json={"path": "some.weird"})
    failed = wait(client, "weird")
    assert (failed["state"], failed["counts"]) == ("failed", None)
    assert "reportnlp label" in failed["error"]
    assert failed["expires"] is not None
    answer = client.get("/v1/jobs/weird/results")
    assert (answer.status_code, answer.json()["type"][-9:]) == (409, ":not-done")


@pytest.mark.parametrize(
    ("status", "content", "content_type", "query"),
    [
        (415, GOOD, "text/plain", {}),
        (422, b" \n\n", NDJSON, {}),
        (422, GOOD, NDJSON, {"panel": "hearts"}),
        (422, GOOD, NDJSON, {"method": "../models"}),
        (422, GOOD, NDJSON, {"abstain": "perhaps"}),
        (422, GOOD, NDJSON, {"colour": "red"}),
        (413, b"x" * (2**16 + 1), NDJSON, {}),
        (400, b"{", "application/json", {}),
        (422, b"[]", "application/json", {}),
        (422, b'{"path": "none.jsonl"}', "application/json", {}),
        (422, b'{"path": "a", "colour": "red"}', "application/json", {}),
        (422, b'{"path": "some.jsonl"}', "application/json", {"panel": "pe"}),
    ],
)
def test_a_request_that_is_no_job_is_refused_and_leaves_nothing(
    paused: TestClient,
    folders: Folders,
    status: int,
    content: bytes,
    content_type: str,
    query: dict[str, str],
) -> None:
    before = folders()
    answer = paused.put("/v1/jobs/bad", content=content, headers={"Content-Type": content_type}, params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert paused.get("/v1/jobs/bad").status_code == 404
    assert folders() == before


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(paused: TestClient, folders: Folders) -> None:
    before = folders()
    pieces = (GOOD for _ in range(2**16 // len(GOOD) + 1))
    answer = paused.put("/v1/jobs/endless", content=pieces, headers=LINES)
    assert answer.status_code == 413
    assert folders() == before


@pytest.mark.parametrize("id", ["a b", "a%2Fb", "x" * 65, "j%C3%B6b"])
def test_an_id_of_other_signs_is_refused(paused: TestClient, id: str) -> None:
    assert put(paused, id).status_code in (404, 422)


def test_what_is_not_there_is_told(paused: TestClient) -> None:
    for answer in (
        paused.get("/v1/jobs/none"),
        paused.get("/v1/jobs/none/results"),
        paused.get("/v1/jobs/none/errors"),
        paused.delete("/v1/jobs/none"),
    ):
        assert (answer.status_code, answer.json()["type"][-12:]) == (404, ":no-such-job")


def test_a_jobs_folder_is_private_and_goes_with_it(paused: TestClient, folders: Folders) -> None:
    before = folders()
    put(paused, "private")
    [mine] = folders() - before
    assert stat.S_IMODE(mine.stat().st_mode) == 0o700
    cancelled = paused.delete("/v1/jobs/private")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert not mine.exists()
    assert put(paused, "private").status_code == 201  # the id is free again
    assert paused.delete("/v1/jobs/private").json()["state"] == "cancelled"
    assert paused.delete("/v1/jobs/private").status_code == 200
    assert paused.get("/v1/jobs/private").status_code == 404
    assert folders() == before


def test_a_job_that_runs_is_cancelled_and_its_data_goes(client: TestClient, folder: Path) -> None:
    before = set((folder / "data" / "jobs").iterdir())
    put(client, "long", lines({"id": str(n), "text": f"{SEEN} Case {n}."} for n in range(20_000)))
    until(lambda: client.get("/v1/jobs/long").json()["done"] > 0)
    job = client.get("/v1/jobs/long").json()
    assert job["state"] == "running" and 0 < job["done"] < job["total"]
    answer = client.delete("/v1/jobs/long")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    until(lambda: set((folder / "data" / "jobs").iterdir()) == before)
    assert client.get("/v1/jobs/long").json()["state"] == "cancelled"


def until(holds: Any) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_job_expires_with_its_data(tmp_path: Path) -> None:
    app = app_in(tmp_path, job_ttl_s=0.5)
    store = Store(app.state.settings.jobs_url, 0.5)
    name = app.state.jobs.files.make()
    store.add(NewJob("local", "short", name, "d", "pe", "a_model_that_went", False, None))
    store.close()
    with serving(app) as client:
        until(lambda: client.get("/v1/jobs/short").status_code == 404)
        until(lambda: not app.state.jobs.files.folder(name).exists())
        assert client.get("/v1/jobs").json() == {"jobs": []}


def test_a_key_has_its_own_jobs_only(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    ours, theirs = ({"X-API-Key": keys.add(file, name)} for name in ("ours", "theirs"))
    app = app_in(tmp_path, keys_file=file)
    app.state.jobs.draining = True
    with serving(app) as client:
        assert put(client, "mine").status_code == 401
        assert client.put("/v1/jobs/mine", content=GOOD, headers=LINES | ours).status_code == 201
        for part in ("", "/results", "/errors"):
            assert client.get(f"/v1/jobs/mine{part}", headers=theirs).status_code == 404
        assert client.delete("/v1/jobs/mine", headers=theirs).status_code == 404
        assert client.get("/v1/jobs", headers=theirs).json() == {"jobs": []}
        assert client.put("/v1/jobs/mine", content=BROKEN, headers=LINES | theirs).status_code == 201
        assert client.get("/v1/jobs/mine/results", headers=ours).status_code == 409
        assert [job["id"] for job in client.get("/v1/jobs", headers=ours).json()["jobs"]] == ["mine"]


def test_a_job_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    app = app_in(tmp_path)
    store = Store(app.state.settings.jobs_url, 60.0)
    store.add(NewJob("local", "deadly", "f" * 32, "d", "pe", "rules", False, None))
    for _ in range(TAKES):
        job = store.take("gone")
        assert job is not None
        store.requeue(job)
    outside = str(tmp_path / "outside.jsonl")
    store.add(NewJob("local", "outside", "e" * 32, "d", "pe", "rules", False, outside))
    store.add(NewJob("local", "gone", "d" * 32, "d", "pe", "a_model_that_went", False, None))
    store.close()
    with serving(app) as client:
        errors = {id: wait(client, id)["error"] for id in ("deadly", "outside", "gone")}
    assert f"ended {TAKES} times" in errors["deadly"]
    assert errors["outside"] == "The input is not under the service's job roots any more."
    assert errors["gone"] == "The service does not have the job's panel and method any more."


def test_what_belongs_to_no_job_is_removed_once_it_is_old(tmp_path: Path) -> None:
    old, young = (tmp_path / "data" / "jobs" / name for name in ("a" * 32, "b" * 32))
    for place in (old, young):
        place.mkdir(parents=True)
    os.utime(old, (0, 0))
    with serving(app_in(tmp_path)):
        until(lambda: not old.exists())
        assert young.exists()


def test_a_name_in_good_and_bad_requests_is_nowhere_but_in_the_jobs_own_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    name = "Zebulon Quintrell"
    good = lines([{"id": "1", "text": f"{name}: {SEEN}"}])
    broken = f'{{"id": "2", "text": "{name}\n{name}\n{{"{name}": 1}}\n'.encode()
    app = app_in(tmp_path, job_roots=[tmp_path])
    app.state.jobs.draining = True
    with serving(app) as client:
        answers = [
            put(client, "taken", good + broken),
            put(client, "taken", good),
            put(client, "panel", panel=name),
            client.put("/v1/jobs/field", params={name: "x"}, content=good, headers=LINES),
            put(client, name),
            client.put("/v1/jobs/path", json={"path": f"{name}.jsonl"}),
            client.put("/v1/jobs/path", json={"path": f"/{name}.jsonl"}),
            client.put("/v1/jobs/json", content=f'{{"path": "{name}', headers=JSON),
        ]
        assert [answer.status_code for answer in answers] == [201, 409, 422, 422, 422, 422, 403, 400]
        answers += [client.get(f"/v1/jobs/taken{part}") for part in ("", "/results", "/errors")]
        answers += [client.get("/v1/jobs"), client.get("/metrics")]
    shown = [answer.text for answer in answers] + [caplog.text, *capfd.readouterr()]
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.parent.name != "jobs"]
    assert {path.name for path in kept} >= {"audit.jsonl", "jobs.sqlite"}
    shown += [path.read_bytes().decode("latin-1") for path in kept]
    assert not any(part in text for text in shown for part in name.split())
