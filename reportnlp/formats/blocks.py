"""What the formats share: what a format is, the user's options, the check that makes a report.

A format is one file in this folder. One that is read has `TITLE`, `SUFFIXES`, `FOLDERS` (does `read` take
a whole folder?), `read(source, options)` and `plant(folder, reports)`, which lays out reports as the
format has them (the contract tests and benchmarks use it); it may have `claims(folder)`. One that is
written has `TITLE`, `SUFFIXES`, `write_shard(path, table)` and `merge(shards, out, questions, progress)`;
it may have `check(questions)`, which refuses a panel that the format cannot hold, and `OUT_SUFFIXES`, where
fewer suffixes are written than read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reportnlp.formats._files import BREAKS, CONTROLS, decoded, read_whole, reason_of
from reportnlp.types import BadRow, Report

Row = Report | BadRow

ID_LIMIT = 200
"""A longer id is a text that slid into the id column; it must not reach a log."""

CUT_SHORT = "the file ends early or is damaged"
"""How the reason of a row begins that stands for many."""

_SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Column names the user gave; an empty one is found by its usual names."""

    id_column: str = ""
    text_columns: tuple[str, ...] = ()
    date_column: str = ""
    modality_column: str = ""
    site_column: str = ""
    patient_column: str = ""


def cut_short(source: str, offset: int) -> BadRow:
    """The row that stands for everything behind the point where a file breaks off."""
    return BadRow(source, offset, f"{CUT_SHORT} after record {offset - 1}; what came before it was read")


def refused(source: str, offset: int, reason: str, report_id: str) -> BadRow:
    """A bad row that names the report, unless the id itself is nothing to show."""
    return BadRow(source, offset, reason, None if _id_fault(report_id) else report_id)


def _id_fault(report_id: str) -> str:
    if not report_id:
        return "the report id is missing or empty"
    if len(report_id) > ID_LIMIT:
        return f"the report id has over {ID_LIMIT} characters; is it the right column?"
    if CONTROLS.search(report_id):
        return "the report id holds a line end, a control character or bytes that are not UTF-8"
    return ""


def _text_fault(text: str) -> str:
    if "\0" in text:
        return "the text holds a NUL character; export it again as plain text"
    if not text.isascii() and _SURROGATES.search(text):
        return "the text holds bytes or escapes that are not Unicode; save it as UTF-8"
    return "" if _says_something(text) else "empty text"


def _says_something(text: str) -> bool:
    """Blanks, marks nobody sees and punctuation alone are no report."""
    return any(map(str.isalnum, text))


def checked(
    source: str,
    offset: int,
    report_id: str,
    text: str,
    *,
    patient: str | None = None,
    exam_date: date | None = None,
    modality: str | None = None,
    site: str | None = None,
) -> Row:
    """The report, or why it is none. The text is passed on as it is or not at all."""
    report_id = report_id.strip()
    if fault := _id_fault(report_id):
        return BadRow(source, offset, fault)
    if fault := _text_fault(text):
        return BadRow(source, offset, fault, report_id)
    if any(value and CONTROLS.search(value) for value in (patient, modality, site)):
        reason = "its patient, modality or site holds a control character or bytes that are not UTF-8"
        return BadRow(source, offset, reason, report_id)
    return Report(report_id, text, patient or None, exam_date, modality or None, site or None)


def join_sections(sections: Iterable[tuple[str, str]]) -> str:
    """One text out of (heading, body) pairs in reading order; bodies without a letter or digit are left out.

    A body that opens with its own heading, or whose heading is "", is taken as it stands.
    """
    return "\n\n".join(_headed(heading, body) for heading, body in sections if _says_something(body))


def _headed(heading: str, body: str) -> str:
    own = body[: len(heading) + 20].lstrip().upper()
    return body if not heading or own.startswith(f"{heading}:") else f"{heading}:\n{body}"


def text_row(path: Path, source: str, report_id: str, patient: str | None = None) -> Row:
    """The report that is the whole text of one file, line ends and all."""
    try:
        return checked(source, 1, report_id, decoded(read_whole(path)), patient=patient)
    except BREAKS as error:
        return refused(source, 1, f"the file cannot be read to its end: {reason_of(error)}", report_id)
    except ValueError as error:
        return refused(source, 1, str(error), report_id)
