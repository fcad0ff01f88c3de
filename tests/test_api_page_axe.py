"""No view of the page has a fault that axe-core finds: in light and dark, at a desk's width and a phone's."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reportnlp.jobs import label
from reportnlp.jobs.label import LabelSettings
from tests.api_page import chromium, opened, ready
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REPORTS = ROOT / "corpora" / "demo" / "reports.csv"

LOOKS: dict[str, dict[str, Any]] = {
    "desk": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "dark", "viewport": {"width": 375, "height": 812}},
}
"""A scheme and a size of the window. What depends on one of them hardly depends on both."""

OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""All that is on by itself (WCAG 2.2 A and AA, and best practices), and the size of what is pressed."""

View = Callable[["Page", str, Path], None]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a label table, and an archive of which a row cannot be read."""
    folder = tmp_path_factory.mktemp("files")
    label.run(LabelSettings((str(REPORTS),), folder / "labels.jsonl", workers=1))
    with (folder / "archive.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), ("1", "No PE."), ("2", "Acute PE."), ("3", "a", "b")])
    return folder


def labelled(page: Page, site: str, files: Path) -> None:
    page.goto(f"{site}/#/label")
    page.click("#text-example")
    page.click("#label-go")
    page.locator("#label-findings tbody tr").first.wait_for()


def compared(page: Page, site: str, files: Path) -> None:
    page.goto(f"{site}/#/label")
    page.select_option("#label-method", "rules")
    page.select_option("#label-other", "auto")
    page.click("#text-example")
    page.click("#label-go")
    page.locator("#label-findings [data-pair=true]").wait_for()


def refused(page: Page, site: str, files: Path) -> None:
    page.goto(f"{site}/#/label")
    page.fill("#text", "---")
    page.click("#label-go")
    page.locator("#label-notice").wait_for()


def job(page: Page, site: str, files: Path) -> None:
    page.goto(f"{site}/#/archive")
    page.set_input_files("#archive-file", files / "archive.csv")
    page.locator("#archive-unread summary").click()
    assert violations(page) == []
    page.click("#archive-go")
    page.locator("#job-state", has_text="done").wait_for(timeout=120_000)


def review(page: Page, site: str, files: Path) -> None:
    page.goto(f"{site}/#/review")


def reviewing(page: Page, site: str, files: Path) -> None:
    page.goto(f"{site}/#/review")
    page.set_input_files("#review-table", files / "labels.jsonl")
    page.set_input_files("#review-reports", REPORTS)
    page.click("#review-form .main")
    page.locator("#review-desk").wait_for()
    page.keyboard.press("2")


def keys(page: Page, site: str, files: Path) -> None:
    reviewing(page, site, files)
    page.click("#review-keys")
    page.locator("#review-help").wait_for()


def aged(page: Page, site: str, files: Path) -> None:
    compared(page, site, files)
    page.click("#text-edit")
    page.fill("#text", "---")
    page.click("#label-go")
    page.locator(".earlier").wait_for()
    page.locator("#label-notice").wait_for()


def contract(page: Page, site: str, files: Path) -> None:
    page.goto(f"{site}/docs")


VIEWS: tuple[View, ...] = (labelled, compared, refused, aged, job, review, reviewing, keys, contract)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_axe_finds_nothing(browser: Browser, page_site: str, files: Path, view: View, look: str) -> None:
    with opened(browser, page_site, **LOOKS[look]) as page:
        view(ready(page), page_site, files)
        assert violations(page) == []


def test_axe_finds_what_is_planted(browser: Browser, page_site: str) -> None:
    with opened(browser, page_site, **LOOKS["desk"]) as page:
        ready(page).evaluate("find = (name) => document.querySelector(name)")
        page.evaluate("find('#label-title').style.color = '#ddd'")
        page.evaluate("find('[for=label-panel]').remove()")
        found = violations(page)
    assert {line.partition(":")[0] for line in found} == {"color-contrast", "select-name"}


def violations(page: Page) -> list[str]:
    """What axe finds: the rule, the element, and the mend."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{v['id']}: {node['target']}: {node['failureSummary']}" for v in found for node in v["nodes"]]
