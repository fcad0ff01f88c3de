"""The page reviews a label table with the keyboard, and its gold answers are those that training reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import reportnlp
from reportnlp.classifiers._questions import Columns
from reportnlp.evaluation.read import read_answers
from reportnlp.jobs import _train_data, label
from reportnlp.jobs._train_data import Source
from reportnlp.jobs.label import LabelSettings
from tests.api_page import chromium, opened, ready
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

REPORTS = ROOT / "corpora" / "demo" / "reports.csv"

PE = "pulmonary_embolism"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, page_site: str) -> Iterator[Page]:
    with opened(browser, f"{page_site}/#/review") as page:
        yield ready(page)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo reports' label table, as the command line writes it."""
    path = tmp_path_factory.mktemp("table") / "labels.jsonl"
    label.run(LabelSettings((str(REPORTS),), path, workers=1))
    return path


def begin(page: Page, table: Path, reports: Path = REPORTS) -> None:
    page.set_input_files("#review-table", table)
    page.set_input_files("#review-reports", reports)
    page.click("#review-form .main")
    page.locator("#review-desk").wait_for()


def press(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def answers(page: Page) -> dict[str, str]:
    """The answers shown, by question."""
    lines = page.locator("#review-questions li").all()
    texts = {
        line.get_attribute("data-question") or "": line.locator(".badge").text_content() for line in lines
    }
    return {question: (text or "").lstrip("+\u2212?\u00b7") for question, text in texts.items()}


def at(page: Page) -> tuple[str, str]:
    """Which report is looked at, and which question."""
    line = page.locator("#review-questions li[aria-current]")
    return page.locator("#review-id").inner_text(), line.get_attribute("data-question") or ""


def go_to(page: Page, question: str) -> None:
    page.locator(f"li[data-question='{question}'] .head").click()


def gold(page: Page, path: Path) -> Path:
    with page.expect_download() as held:
        page.click("#review-gold")
    assert held.value.suggested_filename == "gold.csv"
    held.value.save_as(path)
    return path


def test_the_gold_answers_of_a_review_are_read_by_training(page: Page, table: Path, tmp_path: Path) -> None:
    given = read_answers(table)
    begin(page, table)
    first, _ = at(page)
    go_to(page, PE)
    press(page, "2a")  # absent, whatever the table says
    second, _ = at(page)
    press(page, "s")
    while page.locator("#review-status", has_text="none open").count() == 0:
        press(page, "a")
    path = gold(page, tmp_path / "gold.csv")

    read = read_answers(path)
    assert set(read) == set(given) - {second}
    assert set(read[first].values()) == {"absent", "not_applicable"}
    assert {report: read[report] for report in read if report != first} == {
        report: answers for report, answers in given.items() if report not in (first, second)
    }
    with path.open(encoding="utf-8", newline="") as file, (ROOT / "corpora/demo/gold.csv").open() as demo:
        assert next(csv.reader(file)) == next(csv.reader(demo))
    columns = Columns(reportnlp.load("pe").questions)
    learned = _train_data.read(Source((str(REPORTS),), (path,)), columns)
    assert len(learned) == len(given) - 1


def test_the_least_certain_report_comes_first(page: Page, table: Path) -> None:
    labeler = reportnlp.load("pe")
    sureness = {}
    for report in reportnlp.read_reports([REPORTS]):
        assert isinstance(report, reportnlp.Report)
        result = labeler(report.text)
        sureness[report.id] = min(
            round(result.probabilities[question], 4)
            for question, answer in result.answers.items()
            if answer != "not_applicable"
        )
    begin(page, table)
    seen = []
    for _ in sureness:
        seen.append(at(page)[0])
        press(page, "n")

    assert sorted(seen) == sorted(sureness)
    assert [sureness[report] for report in seen] == sorted(sureness.values())


def test_attributes_follow_presence(page: Page, table: Path, tmp_path: Path) -> None:
    begin(page, table)
    report, _ = at(page)
    go_to(page, PE)
    press(page, "2")
    assert answers(page) == {PE: "absent"}
    press(page, "1")
    assert answers(page) == {
        PE: "present",
        **dict.fromkeys((f"{PE}.chronicity", f"{PE}.location", f"{PE}.laterality"), "unspecified"),
    }
    assert "was" not in page.locator(f"li[data-question='{PE}']").inner_text()
    press(page, "j1jja")
    assert read_answers(gold(page, tmp_path / "gold.csv")) == {
        report: {
            PE: "present",
            f"{PE}.chronicity": "acute",
            f"{PE}.location": "unspecified",
            f"{PE}.laterality": "unspecified",
        }
    }


def test_an_answer_left_out_is_blank_and_so_are_its_attributes(
    page: Page, table: Path, tmp_path: Path
) -> None:
    begin(page, table)
    report, _ = at(page)
    go_to(page, PE)
    press(page, "xa")

    assert set(read_answers(gold(page, tmp_path / "gold.csv"))[report].values()) == {""}


def test_what_was_done_can_be_undone(page: Page, table: Path) -> None:
    begin(page, table)
    start, before = at(page), answers(page)
    go_to(page, PE)
    press(page, "2as")
    assert "1 accepted, 1 skipped, 38 open" in page.locator("#review-status").inner_text()
    press(page, "uuu")

    assert (at(page)[0], answers(page)) == (start[0], before)
    assert "0 accepted, 0 skipped, 40 open" in page.locator("#review-status").inner_text()
    assert page.locator("#review-undo").is_disabled()
    assert page.locator("#review-gold").is_disabled()


def test_keys_move_through_questions_and_light_their_words(page: Page, table: Path) -> None:
    begin(page, table)
    go_to(page, PE)
    questions = list(answers(page))
    for question in questions[1:]:
        press(page, "j")
        assert at(page)[1] == question
        lit = page.locator("#review-text mark.lit").first
        if lit.count():
            assert question in (lit.get_attribute("data-keys") or "")
    press(page, "jkk")
    assert at(page)[1] == questions[-3]
    assert page.locator("#review-text mark").count() > 0


def test_keys_can_be_turned_off_and_buttons_do_the_same(page: Page, table: Path) -> None:
    begin(page, table)
    press(page, "?")
    page.locator("#review-help[open]").wait_for()
    page.click("#review-keyboard")
    page.click("#review-help button")
    press(page, "as")
    assert "0 accepted, 0 skipped" in page.locator("#review-status").inner_text()
    page.click("#review-accept")
    page.click("#review-skip")

    assert "1 accepted, 1 skipped" in page.locator("#review-status").inner_text()


def test_a_review_is_kept_where_that_is_wanted_and_without_a_word_of_a_report(
    page: Page, table: Path
) -> None:
    begin(page, table)
    press(page, "as")
    assert page.evaluate("localStorage.length") == 0
    page.click("#review-keep")
    press(page, "a")
    kept = page.evaluate("JSON.stringify(Object.values(localStorage))")
    page.reload()
    begin(ready(page), table)

    assert "2 accepted, 1 skipped, 37 open" in page.locator("#review-status").inner_text()
    texts = [row.text for row in reportnlp.read_reports([REPORTS]) if isinstance(row, reportnlp.Report)]
    words = {word for text in texts for word in text.split() if len(word) > 9 and word.isalpha()}
    assert len(words) > 20
    assert not [word for word in words if word in kept]
    page.click("#review-keep")
    assert page.evaluate("localStorage.length") == 0


def test_a_wide_table_can_be_reviewed(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    label.run(LabelSettings((str(REPORTS),), path, workers=1))
    begin(page, path)
    while page.locator("#review-status", has_text="none open").count() == 0:
        press(page, "a")

    assert read_answers(gold(page, tmp_path / "gold.csv")) == read_answers(path)


def test_the_results_of_a_job_can_be_reviewed(page: Page) -> None:
    page.click("nav a[href='#/archive']")
    page.set_input_files("#archive-file", REPORTS)
    page.click("#archive-go")
    page.locator("#job-review").click(timeout=120_000)
    page.locator("#review-desk").wait_for()

    assert "40 open" in page.locator("#review-status").inner_text()
    assert page.locator("#review-text mark").count() > 0


def test_a_long_report_id_makes_nothing_wider_than_a_phone(browser: Browser, page_site: str) -> None:
    ids = [f"{'1.2.840.113619.2.55.3.' * 5}{number}" for number in range(3)]
    cell = {"question": PE, "answer": "present", "probability": 0.9, "section": "impression", "model": "m"}
    lines = [json.dumps(cell | {"report_id": one, "evidence_start": 0, "evidence_end": 4}) for one in ids]
    with opened(browser, f"{page_site}/#/review", viewport={"width": 360, "height": 700}) as page:
        give(ready(page), "#review-table", "labels.jsonl", "\n".join(lines))
        give(page, "#review-reports", "reports.csv", "\n".join(["id,text", *(f"{one},Clot." for one in ids)]))
        page.click("#review-form .main")
        page.locator("#review-desk").wait_for()
        press(page, "a")
        page.locator("#review-status", has_text="1 accepted").wait_for()

        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def give(page: Page, field: str, name: str, content: str) -> None:
    page.set_input_files(field, {"name": name, "mimeType": "text/plain", "buffer": content.encode()})


def test_what_a_job_gives_stands_in_the_place_of_a_file_until_one_is_chosen(page: Page, table: Path) -> None:
    page.goto(page.url.replace("#/review", "#/review/page-7"))

    assert "page-7" in page.locator("#review-job").inner_text()
    assert not page.locator("#review-table").is_visible()
    assert page.locator("#review-reports").is_visible()
    page.set_input_files("#review-table", table)
    page.locator("#review-table").wait_for()
    assert not page.locator("#review-job").is_visible()


def test_the_fields_stand_in_line_whatever_is_said_beside_them(page: Page) -> None:
    page.goto(page.url.replace("#/review", "#/review/page-7"))
    parts = page.locator("#review-job, #review-reports, #review-form .main")
    boxes = parts.evaluate_all("parts => parts.map((part) => part.getBoundingClientRect().toJSON())")
    middles = [box["top"] + box["height"] / 2 for box in boxes]

    assert max(middles) - min(middles) < 4


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"report_id": "a"}\n', "Line 1"),
        ("Miller has a clot\n", "Line 1"),
        ("", "no labels"),
        ('{"report_id": "other", "question": "a", "answer": "present"}\n', "No report has an id"),
    ],
)
def test_a_file_that_is_no_label_table_is_refused(
    page: Page, tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(content, "utf-8")
    page.set_input_files("#review-table", path)
    page.set_input_files("#review-reports", REPORTS)
    page.click("#review-form .main")
    page.locator("#review-notice").wait_for()

    assert told in page.locator("#review-notice").inner_text()
    assert "Miller" not in page.locator("#review-notice").inner_text()


def test_closing_a_review_asks_before_answers_are_lost(page: Page, table: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    begin(page, table)
    press(page, "a")
    page.click("#review-close")
    assert len(asked) == 1
    assert page.locator("#review-desk").is_visible()
    gold(page, tmp_path / "gold.csv")
    page.click("#review-close")

    assert page.locator("#review-form").is_visible()
    assert len(asked) == 1
