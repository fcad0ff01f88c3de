"""The page sends a file as a job and follows it, in a real browser."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import reportnlp
from reportnlp_api import keys
from tests.api_page import chromium, opened, ready, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Route

TEXTS = (
    "FINDINGS: Kein Befund für Müller. No pulmonary embolism.",
    "IMPRESSION: Acute pulmonary embolism,\nin a segmental artery.",
    "IMPRESSION: Equivocal for pulmonary embolism.",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, page_site: str) -> Iterator[Page]:
    with opened(browser, f"{page_site}/#/archive") as page:
        yield ready(page)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three reports, one text again, one without a word, and a row that is none."""
    path = tmp_path / "archive.csv"
    rows = [*enumerate(TEXTS), ("again", TEXTS[0]), ("empty", "---")]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([("Accession Number", "Report Text"), *rows])
        file.write("bad,two,three\n")
    return path


def send(page: Page, path: Path) -> str:
    """Send a file, and return the job's id."""
    page.set_input_files("#archive-file", path)
    page.locator("#archive-go:enabled").click()
    page.wait_for_url("**/#/archive/page-*")
    return page.url.rpartition("/")[2]


def until(page: Page, state: str) -> None:
    page.locator("#job-state", has_text=state).wait_for(timeout=120_000)


def download(page: Page, button: str, path: Path) -> list[dict[str, object]]:
    with page.expect_download() as held:
        page.click(button)
    held.value.save_as(path)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_file_is_labelled_its_rows_add_up_and_the_page_may_come_back_later(
    page: Page, archive: Path, tmp_path: Path
) -> None:
    page.set_input_files("#archive-file", archive)
    page.locator("#archive-unread summary").click()
    assert "5 reports to send, 1 row left out" in page.locator("#archive-about").inner_text()
    assert "Row 6: it has 3 fields" in page.locator("#archive-unread").inner_text()
    job = send(page, archive)
    assert page.locator("#archive-unread").is_hidden()
    page.reload()  # the address says which job it is
    until(page, "done")

    assert page.locator("#job-title").inner_text() == job
    assert page.locator(f"#jobs a[href='#/archive/{job}']").count() == 1
    counts = {
        name: int(page.locator(f"[data-count='{name}']").inner_text())
        for name in ("read", "labelled", "quarantined", "duplicates")
    }
    assert counts == {"read": 5, "labelled": 3, "quarantined": 1, "duplicates": 1}
    rows = download(page, "#job-results", tmp_path / "results.jsonl")
    labeler = reportnlp.load("pe")
    given = {(row["report_id"], row["question"]): row["answer"] for row in rows}
    for report, text in [*enumerate(TEXTS), ("again", TEXTS[0])]:
        for question, answer in labeler(text).answers.items():
            assert given[str(report), question] == answer
    errors = download(page, "#job-errors", tmp_path / "errors.jsonl")
    assert [error["report_id"] for error in errors] == ["empty"]


JOB = {
    "id": "",
    "panel": "pe",
    "method": "rules",
    "model": None,
    "total": 5,
    "done": 0,
    "counts": None,
    "error": None,
}


def test_progress_is_shown_and_a_refusal_on_the_way_passes(page: Page, archive: Path) -> None:
    refusal = {"title": "Busy", "status": 503, "detail": "The queue is full.", "errors": []}
    looks = iter([(201, JOB | {"state": "queued"}), (503, refusal)])
    running, failed = {"state": "running", "done": 2}, {"state": "failed", "error": "The disk is full."}
    seen: list[str] = []

    def answer(route: Route) -> None:
        status, body = next(looks, (200, JOB | (failed if seen else running)))
        route.fulfill(status=status, headers={"Retry-After": "1"}, json=body)

    page.route("**/v1/jobs/page-*", answer)
    send(page, archive)
    page.locator("#job-notice", has_text=re.compile(r"is full\.\s*Try again in 1 s\.")).wait_for()
    page.locator("#job-status", has_text="2 of 5 done").wait_for()
    assert page.locator("#job-progress").evaluate("bar => bar.value / bar.max") == pytest.approx(0.4)
    assert not page.locator("#job-notice").is_visible()
    seen.append("progress")
    until(page, "failed")

    assert "The disk is full." in page.locator("#job-notice").inner_text()
    assert not page.locator("#job-results").is_visible()


def test_how_far_a_job_is_is_not_said_before_it_is_known(page: Page, archive: Path) -> None:
    looks = iter(
        [JOB | {"state": "queued"}, *(JOB | {"state": "running", "total": None, "done": n} for n in (0, 3))]
    )
    last = JOB | {"state": "done", "done": 5}
    page.route("**/v1/jobs/page-*", lambda route: route.fulfill(json=next(looks, last)))
    send(page, archive)
    bar = page.locator("#job-progress")

    for said in ("Starting", "3 rows done"):
        page.locator("#job-status", has_text=said).wait_for()
        assert bar.get_attribute("value") is None
    until(page, "done")
    assert bar.evaluate("bar => bar.value / bar.max") == 1


def test_the_list_says_of_a_job_what_its_card_says(page: Page, archive: Path) -> None:
    states = iter(["queued", "queued", "running", "done"])
    now = {"state": "queued"}
    listed = JOB | {"created": "2026-01-02T03:04:05.000+00:00"}

    def look(route: Route) -> None:
        now["state"] = next(states, "done")
        route.fulfill(json=JOB | now)

    page.route("**/v1/jobs/page-*", look)
    page.route("**/v1/jobs", lambda route: route.fulfill(json={"jobs": [listed | now | {"id": "one"}]}))
    send(page, archive)
    line = page.locator("#jobs li", has_text="one")

    for state in ("running", "done"):
        until(page, state)
        line.locator(".badge", has_text=state).wait_for(timeout=2_000)


def answered(page: Page, accept: bool) -> list[str]:
    """What the page asks a person, from now on, who always says the same."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if accept else dialog.dismiss()

    page.on("dialog", answer)
    return asked


def test_a_job_with_results_is_deleted_only_after_a_question(page: Page, archive: Path) -> None:
    job = send(page, archive)
    until(page, "done")
    asked = answered(page, accept=False)
    page.click("#job-cancel")
    page.reload()
    until(ready(page), "done")

    assert len(asked) == 1
    assert "results" in asked[0]
    assert page.locator("#job-title").inner_text() == job


def test_a_job_that_is_done_by_now_is_not_deleted_by_who_would_cancel_it(page: Page, archive: Path) -> None:
    asked = answered(page, accept=True)
    gone: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "DELETE":
            gone.append(route.request.url)
        route.fulfill(json=JOB | {"state": "done" if asked else "running", "id": "page-x"})

    page.route("**/v1/jobs/page-*", answer)
    send(page, archive)
    page.locator("#job-state", has_text="running").wait_for()
    page.click("#job-cancel")
    until(page, "done")

    assert len(asked) == 1
    assert gone == []


def test_a_job_is_cancelled_and_then_deleted(page: Page, tmp_path: Path) -> None:
    answered(page, accept=True)
    path = tmp_path / "many.jsonl"
    lines = (json.dumps({"id": str(n), "text": f"{n} lobes. Pulmonary embolism {n}."}) for n in range(20_000))
    path.write_text("\n".join(lines), "utf-8")
    job = send(page, path)
    page.locator("#job-cancel", has_text="Cancel the job").click()
    until(page, "cancelled")
    assert not page.locator("#job-results").is_visible()
    page.locator("#job-cancel", has_text="Delete the job").click()

    page.locator("#job").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.id") == "archive-open"
    page.locator(f"#jobs a[href='#/archive/{job}']").wait_for(state="detached")


def test_a_job_that_is_not_there_is_told(browser: Browser, page_site: str) -> None:
    with opened(browser, f"{page_site}/#/archive/none-such") as page:
        ready(page).locator("#job-notice").wait_for()

        assert "no job" in page.locator("#job-notice").inner_text()


def test_a_service_that_is_gone_is_told(page: Page, archive: Path) -> None:
    page.set_input_files("#archive-file", archive)
    page.route("**/v1/jobs/**", lambda route: route.abort())
    page.click("#archive-go")
    page.locator("#archive-notice").wait_for()

    assert "cannot be reached" in page.locator("#archive-notice").inner_text()
    assert page.locator("#archive-go").is_enabled()


@pytest.mark.parametrize("name", ["reports.csv", "reports.pdf"])
def test_a_file_that_holds_no_reports_is_refused(page: Page, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("patient,comment\nMiller,ill\n", "utf-8")
    page.set_input_files("#archive-file", tmp_path / name)
    page.locator("#archive-notice").wait_for()

    assert "Miller" not in page.locator("#archive-notice").inner_text()
    assert page.locator("#archive-go").is_disabled()


def test_a_key_is_asked_for_and_kept_for_the_tab_alone(browser: Browser, tmp_path: Path) -> None:
    key = keys.add(tmp_path / "keys.json", "page")
    with (
        served(tmp_path, keys_file=tmp_path / "keys.json") as site,
        opened(browser, f"{site}/#/archive") as page,
    ):
        page.locator("#key-form").wait_for()
        give(page, "wrong")
        page.locator("#key-note", has_text="does not know").wait_for()
        give(page, key)
        ready(page)
        assert not page.locator("#key-form").is_visible()
        assert page.evaluate("Object.values(sessionStorage)") == [key]
        assert page.evaluate("localStorage.length + document.cookie.length") == 0
        page.click("#forget-key")
        page.locator("#key-form").wait_for()
        assert page.evaluate("sessionStorage.length") == 0


def give(page: Page, key: str) -> None:
    page.fill("#key", key)
    page.click("#key-form button")
