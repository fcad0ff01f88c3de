"""The page reads files as the command line does: the same reports out of the same bytes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import reportnlp
from reportnlp.formats import _columns
from tests.api_page import chromium, opened, ready

if TYPE_CHECKING:
    from playwright.sync_api import Page

READ = """async ([name, bytes]) => {
  const { readReports } = await import("/web/reports.js");
  const body = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
  try {
    return await readReports(new File([body], name));
  } catch (error) {
    return { refused: error.message };
  }
}"""

FILES: dict[str, str | bytes] = {
    "plain.csv": "report_id,text\na,One lung.\nb,Two lungs.\n",
    "marked.csv": "\ufeffreport_id,text\r\na,Lungenembolie für Müller\r\n",
    "quoted.csv": 'report_id,text\na,"He said ""none"".\r\n\r\nTwo, lines"\nb,"x"\n',
    "lone_returns.csv": "report_id,text\ra,One\rb,Two\r",
    "semicolons.csv": 'Accession Number;Findings;Impression\n7;"Clot; left";PE\n8;;No PE\n',
    "tabs.tsv": "id\treport\na\tOne, two\n",
    "sections.csv": "id,impression,findings,history\na,IMPRESSION: PE,Clot,Pain\nb,NULL,Clot,\n",
    "addendum.csv": "id,text,addendum\na,No PE.,PE after all.\nb,No PE.,\n",
    "suffixes.csv": "volumename,Findings_EN,Impressions_EN\na,Clot,PE\n",
    "blank_lines.csv": "\n\nid,text\n\na,One\n\n\nb,Two",
    "widths.csv": "id,text\na,One\nb,Two,three\nc\nd,Four,,\n",
    "stray.csv": 'id,text\na,"One" two\nb,Three\n',
    "unclosed.csv": 'id,text\na,One\nb,"Two\nc,Three\n',
    "inner.csv": 'id,text\na,One "quoted" word\n',
    "exact.csv": "id,ID,text\na,x,One\n",
    "no_text.csv": "id,comment\na,One\n",
    "no_id.csv": "text\nOne\n",
    "twice.csv": "Id,ID,text\na,b,One\n",
    "empty.csv": "",
    "lines.jsonl": '{"report_id": "a", "text": "One\\nTwo"}\n\n{"id": 7, "findings": "", "opinion": "PE"}\n',
    "faults.ndjson": '{"id": "a", "text": "One"}\nnot json\n[1]\n{"id": "b"}\n{"id": "c", "text": 3}\n',
    "nothing.jsonl": '{"a": 1}\n' * 40,
    "paths.jsonl": '{"id": "a", "text": "One \U0001fac1 \\ud83e\\udec1"}\r\n{"id": " b ", "text": "Two"}\r\n',
}


@pytest.fixture(scope="module")
def page(page_site: str) -> Iterator[Page]:
    with chromium() as browser, opened(browser, f"{page_site}/") as page:
        yield ready(page)


def by_page(page: Page, path: Path) -> Any:
    return page.evaluate(READ, [path.name, base64.b64encode(path.read_bytes()).decode()])


@pytest.mark.parametrize("name", FILES)
def test_the_page_reads_a_file_as_the_command_line_does(page: Page, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = FILES[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = by_page(page, path)
    try:
        rows = list(reportnlp.read_reports([path]))
    except reportnlp.ReportNLPError:
        assert told["refused"]
        return

    assert [(one["id"], one["text"]) for one in told["reports"] if said(one["text"])] == [
        (row.id, row.text) for row in rows if isinstance(row, reportnlp.Report)
    ]
    assert len(told["unread"]) + len(told["reports"]) == len(rows)


def said(text: str) -> bool:
    """Whether it is a report at all; the service quarantines the others."""
    return any(map(str.isalnum, text))


@pytest.mark.parametrize("name", ["ID_NAMES", "TEXT_NAMES", "SECTION_NAMES", "CORE_SECTIONS"])
def test_the_page_knows_the_command_lines_names(page: Page, name: str) -> None:
    known = page.evaluate("async (name) => (await import('/web/columns.js'))[name]", name)

    assert tuple(known) == getattr(_columns, name)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_what_is_wrong_with_a_row_is_told_without_its_content(
    page: Page, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"secret.{suffix}"
    path.write_text(
        'id,text\nMiller,"Smith" Jones\n' if suffix == "csv" else '{"id": "Miller"\n' * 2, "utf-8"
    )
    told = by_page(page, path)

    assert not any(name in str(told) for name in ("Miller", "Smith", "Jones"))


@pytest.mark.parametrize("number", ["12345678901234567890", "1.5"])
def test_an_id_that_a_browser_would_change_is_not_read(page: Page, tmp_path: Path, number: str) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_text(f'{{"id": {number}, "text": "One"}}\n{{"id": 2, "text": "Two"}}\n', "utf-8")
    told = by_page(page, path)

    assert [report["id"] for report in told["reports"]] == ["2"]
    assert [row["row"] for row in told["unread"]] == [1]


def test_what_is_written_is_what_csv_readers_read(page: Page) -> None:
    import csv

    cells = ["plain", 'with "quotes"', "a,b", "line\nend", "lone\rreturn", "", "Müller \U0001fac1"]
    line = page.evaluate("async (cells) => (await import('/web/csv.js')).csvLine(cells)", cells)

    assert next(csv.reader([line], strict=True)) == cells
