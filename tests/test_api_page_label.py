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


def test_markup_in_a_report_is_text(page: Page) -> None:
    text = "IMPRESSION: <img src=x onerror=alert(1)> Pulmonary embolism <b>present</b>."
    label(page, text)

    assert page.locator("#text-shown").inner_text() == text
    assert page.locator("#text-shown img, #text-shown b").count() == 0


def test_a_report_past_the_limit_is_told_with_the_place_and_the_limit(
    browser: Browser, tmp_path: Path
) -> None:
    with served(tmp_path, max_report_chars=50) as site, opened(browser, f"{site}/") as page:
        ready(page).fill("#text", "Pulmonary embolism. " * 9)
        page.click("#label-go")
        page.locator("#label-notice").wait_for()

        told = page.locator("#label-notice").inner_text()
        assert "/reports/0/text" in told
        assert "50" in told
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
