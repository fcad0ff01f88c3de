"""CSV and TSV: reports in, the wide label table out.

Read: the delimiter is the one of `,` tab `;` `|` that is commonest in the first line. A record is taken as it
is written or not at all: one with stray quotes, another number of fields, a NUL or bytes that are not
UTF-8 becomes a `BadRow`.

Written: `report_id`, then `<question>` and `<question>.p` for each question, then `<finding>.evidence`, the
report's own words. A spreadsheet runs a cell that begins with `= + - @` as a formula, and a report is
somebody else's text, with many a list item that begins with `-`: such evidence is given a leading
apostrophe (as is evidence that begins with one, so it can be undone). Ids are keys into other tables and
are never altered. The long formats hold exact offsets.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from reportnlp.errors import InputError
from reportnlp.formats._columns import find_columns, to_row
from reportnlp.formats._files import BREAKS, open_bytes, source_name
from reportnlp.formats._writing import Progress, concatenate, csv_line, writing
from reportnlp.formats.blocks import ReadOptions, Row, cut_short
from reportnlp.types import BadRow, Label, LabelledReport, LabelTable, Question, Report

if TYPE_CHECKING:
    from _csv import Reader

TITLE = "CSV or TSV, one report a row; written: one row a report, one column a question"
SUFFIXES = (".csv", ".tsv")
OUT_SUFFIXES = (".csv",)
FOLDERS = False

DELIMITERS = (",", "\t", ";", "|")
HEADER_LIMIT = 1 << 20
FIELD_LIMIT = 1 << 26
"""Characters. Ends the harm of a quote that is never closed, which would swallow the rest of the file."""

_FORMULA = re.compile(r"[=+\-@'\t\r\n\uff0b\uff0d\uff1d\uff20]")


def read(source: Path, options: ReadOptions) -> Iterator[Row]:
    """Stream the reports of a table whose first line names the columns.

    Raises:
        InputError: it cannot be opened, or has no column for the id or the text.
    """
    name = source_name(source)
    with open_bytes(source) as stream:
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader, header = _opened(lines, name)
        columns = find_columns(header, options, name)
        for offset, record in enumerate(_records(reader), start=1):
            if record is None:
                yield cut_short(name, offset)
            elif isinstance(record, str):
                yield BadRow(name, offset, record)
            elif fault := _width_fault(record, len(header)):
                yield BadRow(name, offset, fault)
            else:
                yield to_row(record, columns, name, offset)


def _opened(lines: io.TextIOWrapper, name: str) -> tuple[Reader, list[str]]:
    """The reader, standing behind the header, and the names in the header."""
    try:
        first = _first_line(lines)
        if first.startswith(("\udcff\udcfe", "\udcfe\udcff")):
            raise InputError(f"{name} is UTF-16 text; save it as UTF-8.")
        if not first or len(first) >= HEADER_LIMIT:
            raise InputError(f"{name} has no line of column names: it is empty or no CSV file.")
        reader = csv.reader(chain([first], lines), delimiter=_delimiter(first), strict=True)
        return reader, [column.strip() for column in _next(reader)]
    except (csv.Error, StopIteration, *BREAKS) as error:
        raise InputError(
            f"{name}: the line of column names cannot be read; is it a whole CSV file?"
        ) from error


def _first_line(lines: io.TextIOWrapper) -> str:
    """The first line that is not blank."""
    first = lines.readline(HEADER_LIMIT)
    while first and first.isspace() and len(first) < HEADER_LIMIT:
        first = lines.readline(HEADER_LIMIT)
    return first


def _delimiter(header: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=outside_quotes.count)


def _next(reader: Reader) -> list[str]:
    """The next record. The limit is the whole process's, so it is put back at once."""
    before = csv.field_size_limit(FIELD_LIMIT)
    try:
        return next(reader)
    finally:
        csv.field_size_limit(before)


def _records(reader: Reader) -> Iterator[list[str] | str | None]:
    """Each record; what is wrong with one that cannot be read; None, last, where the file breaks off."""
    while True:
        began = reader.line_num + 1
        try:
            record = _next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "over-long field" if "limit" in str(error) else "stray or unclosed quote"
            yield f"{reason} in lines {began} to {reader.line_num}; double a quote that is part of a text"
        except BREAKS:
            yield None
            return
        else:
            if record:
                yield record


def _width_fault(record: list[str], width: int) -> str:
    if len(record) == width or (len(record) > width and not any(record[width:])):
        return ""
    counts = f"the row has {len(record)} field{'s' * (len(record) != 1)}, the first line {width}"
    return f"{counts}; quote a text that holds a comma or a line end"


def plant(folder: Path, reports: Sequence[Report]) -> Path:
    """Lay out reports as a CSV file in the folder."""
    path = folder / "reports.csv"
    with writing(path) as out:
        out.write(csv_line(("report_id", "patient_id", "exam_date", "modality", "site", "text")))
        for r in reports:
            day = r.exam_date.isoformat() if r.exam_date else ""
            out.write(csv_line((r.id, r.patient or "", day, r.modality or "", r.site or "", r.text)))
    return path


def write_shard(path: Path, table: LabelTable) -> None:
    """Write the table's rows, without the header.

    Raises:
        OutputError: no room, no permission.
    """
    evidence = tuple(_evidence_questions(table.questions).values())
    with writing(path) as out:
        out.writelines(csv_line(_cells(row, evidence)) for row in table.rows)


def merge(
    shards: Iterable[Path], out: Path, questions: tuple[Question, ...], progress: Progress | None = None
) -> None:
    """Write the header and the shards' rows, in order, to `out`; `progress` hears how many are done.

    Raises:
        OutputError: no room, no permission.
    """
    answers = chain.from_iterable((q.name, f"{q.name}.p") for q in questions)
    evidence = (f"{finding}.evidence" for finding in _evidence_questions(questions))
    with writing(out) as target:
        target.write(csv_line(("report_id", *answers, *evidence)))
        concatenate(shards, target, progress)


def _evidence_questions(questions: Sequence[Question]) -> dict[str, int]:
    """For each finding the question whose evidence is shown: its presence, else its first."""
    shown: dict[str, int] = {}
    for at, question in enumerate(questions):
        if question.attribute is None or question.finding not in shown:
            shown[question.finding] = at
    return shown


def _cells(row: LabelledReport, evidence: Sequence[int]) -> Iterator[str]:
    yield row.report.id
    for label in row.labels:
        yield label.answer
        yield f"{label.probability:.4f}"
    for at in evidence:
        yield _evidence(row.report.text, row.labels[at])


def _evidence(text: str, label: Label) -> str:
    if label.evidence is None:
        return ""
    words = text[label.evidence.start : label.evidence.end]
    return f"'{words}" if _FORMULA.match(words) else words
