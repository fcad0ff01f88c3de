"""The page labels a report, and compares two methods, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import reportnlp
from tests.api_page import chromium, opened, ready, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

TEXT = (
    "CT \U0001fac1 für Frau Müller \U0001f469\u200d⚕️, 肺栓塞?\r\n"
    "FINDINGS: Filling defect in a right lower lobe segmental artery. No pneumothorax.\r\n"
    "IMPRESSION: Acute segmental pulmonary embolism in the right lower lobe."
)
"""Signs of one, two and more UTF-16 units stand before the evidence; line ends are Windows'."""

TWO_WAYS = "CTPA. Main and lobar arteries clear. Small clot LLL basal branches, old vs new. Strain pattern."
"""The rules and the shipped model differ on it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, page_site: str) -> Iterator[Page]:
    with opened(browser, f"{page_site}/") as page:
        yield ready(page)


def label(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.click("#label-go")
    page.locator(".findings").wait_for()


def row(page: Page, question: str) -> str:
    return page.locator(f"tr[data-question='{question}'] td").first.inner_text()


def answers(line: Locator) -> list[str]:
    """The answers of a row, without their signs."""
    return [
        text.lstrip("+\u2212?\u00b7").replace(" ", "_") for text in line.locator(".badge").all_text_contents()
    ]


def marked(page: Page, question: str) -> str:
    return "".join(page.locator(f"mark[data-keys~='{question}']").all_inner_texts())


def test_findings_are_those_of_the_library_with_their_words_marked(page: Page) -> None:
    label(page, TEXT)
    expected = reportnlp.load("pe")(TEXT.replace("\r\n", "\n"))

    for question, answer in expected.answers.items():
        assert answer.replace("_", " ") in row(page, question)
        assert f"{round(expected.probabilities[question] * 100)} %" in row(page, question)
        assert expected[question].section in row(page, question)
    assert len(expected.evidence) == 4
    assert {question: marked(page, question) for question in expected.evidence} == expected.evidence
    assert page.locator("#text-shown").inner_text() == TEXT.replace("\r\n", "\n")


def test_the_keyboard_alone_labels(page: Page) -> None:
    page.locator("#text").focus()
    page.keyboard.insert_text(TEXT)
    page.keyboard.press("Control+Enter")
    page.locator(".findings").wait_for()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("mark.lit").count():
            break

    assert page.locator("mark.lit").inner_text() == marked(page, "pulmonary_embolism")


def test_a_question_in_focus_lights_its_words_and_brings_them_into_view(page: Page) -> None:
    label(page, "FINDINGS: " + "The heart is normal.\n" * 200 + "IMPRESSION: Pulmonary embolism.")
    pane = page.locator("#text-shown")
    mark = page.locator("mark[data-keys~='pulmonary_embolism']")
    assert pane.evaluate("pane => pane.scrollTop") == 0
    page.locator("tr[data-question='pulmonary_embolism'] button").focus()

    assert "lit" in (mark.get_attribute("class") or "")
    assert pane.evaluate("pane => pane.scrollTop") > 0
    inner, outer = mark.bounding_box(), pane.bounding_box()
    assert inner and outer
    assert outer["y"] <= inner["y"] <= outer["y"] + outer["height"]
    page.locator("#text-edit").focus()
    assert "lit" not in (mark.get_attribute("class") or "")


def test_answers_are_told_apart_without_their_colour(page: Page) -> None:
    page.select_option("#label-panel", "chest_xray")
    label(page, "FINDINGS: No pneumothorax. Possible pneumonia. Cardiomegaly.")
    page.get_by_role("button", name="findings not mentioned").click()

    signs = {
        finding: row(page, finding).split()[0]
        for finding in ("pneumothorax", "pneumonia", "cardiomegaly", "fracture")
    }
    assert signs == {"pneumothorax": "\u2212", "pneumonia": "?", "cardiomegaly": "+", "fracture": "\u00b7"}


def test_overlapping_evidence_keeps_the_text_whole(page: Page) -> None:
    pieces = page.evaluate(
        """async () => {
          const { pieces } = await import("/web/highlight.js");
          const spans = [[0, 6, "a"], [2, 4, "b"], [4, 9, "c"], [9, 9, "d"]];
          const made = spans.map(([start, end, key]) => ({ start, end, key, tone: "present", source: 0 }));
          const cut = pieces("\U0001fac1bcdefghij", made);
          return cut.map((piece) => [piece.text, piece.spans.map((span) => span.key)]);
        }"""
    )

    assert pieces == [
        ["\U0001fac1b", ["a"]],
        ["cd", ["a", "b"]],
        ["ef", ["a", "c"]],
        ["ghi", ["c"]],
        ["j", []],
    ]


def test_two_methods_stand_side_by_side_and_what_differs_is_marked(page: Page) -> None:
    page.select_option("#label-method", "rules")
    page.select_option("#label-other", "auto")
    label(page, TWO_WAYS)
    rules, auto = (reportnlp.load("pe", method=method)(TWO_WAYS).answers for method in ("rules", "auto"))
    differing = [question for question in rules if rules[question] != auto[question]]

    assert differing
    for question in rules:
        line = page.locator(f"tr[data-question='{question}']")
        assert answers(line) == [rules[question], auto[question]]
        assert ("differs" in line.locator("th").inner_text()) == (question in differing)
    assert f"{len(differing)} answer" in page.locator("#label-status").inner_text()


def test_another_method_labels_at_once(page: Page) -> None:
    label(page, TEXT)
    page.select_option("#label-panel", "chest_xray")

    page.locator("tr[data-question='pneumothorax']").wait_for()
    assert page.locator("#label-about").inner_text().count("chest_xray") == 1


def test_a_text_file_is_read_and_one_that_is_no_utf8_is_refused(page: Page, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    (tmp_path / "report.txt").write_bytes("\ufeffLungenembolie für Müller".encode())
    (tmp_path / "old.txt").write_bytes("Müller".encode("latin-1"))
    page.set_input_files("#text-file", tmp_path / "report.txt")
    expect(page.locator("#text")).to_have_value("Lungenembolie für Müller")
    page.set_input_files("#text-file", tmp_path / "old.txt")
    page.locator("#label-notice").wait_for()

    assert "old.txt is not UTF-8" in page.locator("#label-notice").inner_text()


def test_a_file_dropped_on_the_report_takes_its_place(page: Page) -> None:
    from playwright.sync_api import expect

    page.evaluate(
        """() => {
          const held = new DataTransfer();
          held.items.add(new File(["Dropped report."], "report.txt", { type: "text/plain" }));
          const drop = new DragEvent("drop", { dataTransfer: held, bubbles: true, cancelable: true });
          document.querySelector("#text").dispatchEvent(drop);
        }"""
    )
    expect(page.locator("#text")).to_have_value("Dropped report.")


def test_a_text_without_words_is_told_and_stays(page: Page) -> None:
    page.fill("#text", "--- ...")
    page.click("#label-go")
    page.locator("#label-notice").wait_for()

    assert "letter" in page.locator("#label-notice").inner_text()
    assert page.input_value("#text") == "--- ..."


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("one.pdf", b"%PDF\0\x01", "no text"),
        ("two.pdf", b"%PDF-1.7\n1 0 obj", "a PDF file"),
        ("note.txt", b"{\\rtf1\\ansi Pulmonary embolism.}", "an RTF file"),
        ("reports.csv", b"id,text\n1,Clot.\n", "many reports"),
    ],
)
def test_a_file_that_is_no_report_is_refused_and_the_text_stays(
    page: Page, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    page.fill("#text", "Typed.")
    page.set_input_files("#text-file", tmp_path / name)
    page.locator("#label-notice", has_text=told).wait_for()

    assert page.input_value("#text") == "Typed."


REFUSAL = {"title": "Quota used up", "status": 429, "detail": "Enough for now.", "errors": []}


def refuse(page: Page) -> None:
    page.route(
        "**/v1/label", lambda route: route.fulfill(status=429, headers={"Retry-After": "9"}, json=REFUSAL)
    )


def test_what_was_found_stays_after_a_refusal_and_is_said_to_be_from_before(page: Page) -> None:
    label(page, TEXT)
    before = row(page, "pulmonary_embolism")
    refuse(page)
    page.select_option("#label-panel", "chest_xray")
    page.locator("#label-notice", has_text="Try again in 9 s.").wait_for()

    assert "from before" in page.locator("#label-status").inner_text()
    assert row(page, "pulmonary_embolism") == before
    assert marked(page, "pulmonary_embolism")
    assert page.locator("#text-shown").is_visible()


def test_findings_of_a_text_that_was_changed_are_said_to_be_of_the_earlier_one(page: Page) -> None:
    label(page, TEXT)
    page.click("#text-edit")
    page.locator("#label-status", has_text="before it was edited").wait_for()
    refuse(page)
    page.fill("#text", "No pulmonary embolism.")
    page.click("#label-go")
    page.locator("#label-notice").wait_for()

    assert "earlier text" in page.locator("#label-status").inner_text()
    assert "present" in row(page, "pulmonary_embolism")
    assert page.input_value("#text") == "No pulmonary embolism."
    page.unroute("**/v1/label")
    page.click("#label-go")
    page.locator("#label-status", has_text="1 absent").wait_for()
    assert page.locator(".earlier").count() == 0


def test_another_report_has_none_of_the_findings_of_the_one_before(page: Page) -> None:
    label(page, TEXT)
    page.click("#text-example")

    assert page.locator(".findings").count() == 0
    assert page.locator("#label-status").inner_text() == "Nothing is labelled yet."


@pytest.mark.parametrize(
    ("pointer", "detail", "told"),
    [
        ("/reports/2/text", "It should not be empty.", "Report 3: It should not be empty."),
        ("/method", "There is no such method. See GET /v1/models.", "Method: There is no such method."),
        ("/query/panel", "There is no such panel.", "Panel: There is no such panel."),
    ],
)
def test_a_place_in_a_request_is_told_in_the_words_of_the_page(
    page: Page, pointer: str, detail: str, told: str
) -> None:
    problem = {
        "title": "Invalid request",
        "status": 422,
        "detail": "See errors, and /openapi.json.",
        "errors": [{"pointer": pointer, "detail": detail}],
    }
    page.route("**/v1/label", lambda route: route.fulfill(status=422, json=problem))
    page.fill("#text", "Clot.")
    page.click("#label-go")
    page.locator("#label-notice").wait_for()

    assert page.locator("#label-notice").inner_text().split("\n\n") == ["Invalid request.", told]


def test_keys_are_named_where_there_is_a_keyboard_and_not_where_there_is_a_finger(
    browser: Browser, page_site: str
) -> None:
    narrow = {"width": 390, "height": 844}
    with opened(browser, f"{page_site}/", viewport=narrow) as page:
        assert ready(page).locator("#label-go kbd").is_visible()
    with opened(browser, f"{page_site}/", viewport=narrow, has_touch=True, is_mobile=True) as page:
        assert not ready(page).locator("#label-go kbd").is_visible()


def test_a_number_is_not_parted_from_its_sign_and_sections_stand_in_line(page: Page) -> None:
    page.select_option("#label-method", "rules")
    page.select_option("#label-other", "auto")
    label(page, "IMPRESSION: Acute segmental pulmonary embolism in the right lower lobe.")
    boxes = (
        "cells => cells.map((cell) => cell.getBoundingClientRect()).map(({ left, height }) => [left, height])"
    )
    numbers = page.locator("td:last-child .number").evaluate_all(boxes)
    sections = page.locator("td:last-child .section").evaluate_all(boxes)

    assert len({height for _, height in numbers}) == 1
    assert len({left for left, _ in sections}) == 1


def test_markup_in_a_report_is_text(page: Page) -> None:
    text = "IMPRESSION: <img src=x onerror=alert(1)> Pulmonary embolism <b>present</b>."
    label(page, text)

    assert page.locator("#text-shown").inner_text() == text
    assert page.locator("#text-shown img, #text-shown b").count() == 0


def test_a_report_past_the_limit_is_told_the_limit_once_and_in_words(
    browser: Browser, tmp_path: Path
) -> None:
    with served(tmp_path, max_report_chars=50) as site, opened(browser, f"{site}/") as page:
        ready(page).fill("#text", "Pulmonary embolism. " * 9)
        page.click("#label-go")
        page.locator("#label-notice").wait_for()

        told = page.locator("#label-notice").inner_text()
        assert told.count("A report may have 50 characters.") == 1
        assert "/" not in told
        assert page.locator("#label-status").inner_text() == ""
        assert "Pulmonary" not in told


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(browser: Browser, page_site: str, scheme: str) -> None:
    context = {"viewport": {"width": 360, "height": 700}, "color_scheme": scheme}
    with opened(browser, f"{page_site}/", **context) as page:
        ready(page).select_option("#label-other", "auto")
        label(page, TWO_WAYS + " " + "x" * 300)
        for view in ("label", "archive", "review"):
            page.click(f"nav a[href='#/{view}']")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
