"""A service that is killed or stopped in the middle of a job: the next one finishes it, to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fastapi.testclient import TestClient

import reportnlp
from reportnlp.generators import Generator
from reportnlp_api.job_table import Job
from reportnlp_api.store import Store
from tests.api_service import app_in, serving
from tests.test_api_processes import served

GENERATED, COPIES = 60, 40
SENT = GENERATED * COPIES
NAME = "Zebulon Quintrell"
COUNTS = {"read": SENT + 3, "labelled": SENT, "quarantined": 2, "duplicates": 1}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports that differ, each with a name in it; one of them twice; and two rows that are none."""
    write = Generator("pe", seed=5).write
    texts = [write(number).report.text for number in range(GENERATED)]
    reports = [
        {"id": f"{copy}-{number}", "text": f"Dr. {NAME}, visit {copy}.\n{text}"}
        for copy in range(COPIES)
        for number, text in enumerate(texts)
    ]
    lines = [json.dumps(report) for report in (*reports, {**reports[7], "id": "again"})]
    lines[500:500] = [f'{{"id": "{NAME}"}}', NAME]
    path = tmp_path_factory.mktemp("archive") / "input.ndjson"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(archive: Path) -> Path:
    """The table of a run that nothing disturbs."""
    out = archive.with_name("whole.jsonl")
    reportnlp.label_archive(
        reportnlp.LabelSettings((archive,), out, "pe", format_in="jsonl", workers=1, overwrite=True)
    )
    return out


def until(client: httpx.Client | TestClient, holds: Callable[[Any], bool]) -> Any:
    """The job as soon as that holds of it."""
    end = time.monotonic() + 60
    while not holds(job := client.get("/v1/jobs/long").json()):
        assert job["state"] in ("queued", "running") and time.monotonic() < end, job
        time.sleep(0.02)
    return job


def is_midway(job: Any) -> bool:
    return bool(job["state"] == "running" and 0 < job["done"] < COUNTS["read"])


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


def stored(folder: Path) -> Job:
    store = Store(f"sqlite:///{folder / 'data' / 'jobs.sqlite'}", 60.0)
    job = store.get("local", "long")
    store.close()
    assert job is not None
    return job


def test_a_job_outlives_its_services(root: Path, tmp_path: Path, archive: Path, whole: Path) -> None:
    said: list[str] = []
    options = ("--data", "data")
    kind = {"Content-Type": "application/x-ndjson"}

    with served(root, tmp_path, *options) as (process, url), httpx.Client(base_url=url) as client:
        made = client.put("/v1/jobs/long", content=archive.read_bytes(), headers=kind)
        assert made.status_code == 201
        midway = until(client, is_midway)
        family = family_of(process)
        process.kill()
        assert psutil.wait_procs(family, timeout=20)[1] == []
        said += process.communicate()
    assert stored(tmp_path).state == "running"  # nobody could say that it does not

    with served(root, tmp_path, *options) as (process, url), httpx.Client(base_url=url) as client:
        again = until(client, lambda job: is_midway(job) and job["done"] > midway["done"])
        assert again["created"] == midway["created"]
        family = family_of(process)
        for one in (process, *family):  # as a terminal or a supervisor does, to the whole group
            os.kill(one.pid, signal.SIGTERM)
        assert process.wait(30) == 0
        assert psutil.wait_procs(family, timeout=20)[1] == []
        said += process.communicate()
    parked = stored(tmp_path)
    assert (parked.state, parked.worker, parked.done >= again["done"]) == ("queued", None, True)

    with serving(app_in(tmp_path)) as client:
        done = until(client, lambda job: job["state"] == "done")
        table = client.get("/v1/jobs/long/results").content
        errors = client.get("/v1/jobs/long/errors").content
        metrics = client.get("/metrics").text
        same = client.put("/v1/jobs/long", content=archive.read_bytes(), headers=kind)

    assert (done["counts"], done["done"], done["total"]) == (COUNTS, SENT + 3, SENT + 3)
    assert (same.status_code, same.json()) == (200, done)
    assert table == whole.read_bytes()
    assert errors == whole.with_name("whole.jsonl.quarantine.jsonl").read_bytes()
    rows = Counter((row["report_id"], row["question"]) for row in map(json.loads, table.splitlines()))
    assert len({report for report, _ in rows}) == SENT + 1
    assert set(rows.values()) == {1}
    assert_is_nowhere(NAME, tmp_path, [*said, json.dumps(done), metrics, errors.decode()])


def assert_is_nowhere(name: str, folder: Path, shown: list[str]) -> None:
    """Only the job's own folder, which goes with it, may hold what was sent."""
    kept = [path for path in folder.rglob("*") if path.is_file() and path.parent.parent.name != "jobs"]
    assert {path.name for path in kept} >= {"audit.jsonl", "jobs.sqlite"}
    shown = [*shown, *(path.read_bytes().decode("latin-1") for path in kept)]
    assert not any(part in text for text in shown for part in name.split())
    assert [text for text in shown[:4] if text] == []
