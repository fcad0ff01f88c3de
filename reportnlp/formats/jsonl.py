"""JSON lines: reports in, the long label table out.

Read: one object a line, its keys found like column names; lines may have different keys. Written: one object
per report and question, keys in the long table's order, the probability with four decimals.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from reportnlp.errors import InputError
from reportnlp.formats._columns import Columns, find_columns, to_row
from reportnlp.formats._files import BREAKS, decoded, open_bytes, source_name
from reportnlp.formats._writing import Progress, concatenate, writing
from reportnlp.formats.blocks import ReadOptions, Row, cut_short
from reportnlp.types import BadRow, Label, LabelledReport, LabelTable, Question, Report

TITLE = "JSON lines, one report a line; written: one line per report and question"
SUFFIXES = (".jsonl", ".ndjson")
FOLDERS = False

LOOK_AHEAD = 32
"""Lines among which one must have an id and a text, or the file is refused as a whole."""

Record = dict[str, object]

_DECODER = json.JSONDecoder(strict=False)
"""Not strict: a tab that was not escaped is still that tab."""


def read(source: Path, options: ReadOptions) -> Iterator[Row]:
    """Stream the reports.

    Raises:
        InputError: it cannot be opened, or its first lines have no key for the id or the text.
    """
    name = source_name(source)
    with open_bytes(source) as stream:
        records = _records(stream, name)
        head = list(islice(records, LOOK_AHEAD))
        objects = [record for record in head if isinstance(record, dict)]
        if objects:
            find_columns(list(dict.fromkeys(chain.from_iterable(objects))), options, name)
        elif len(head) == LOOK_AHEAD:
            raise InputError(
                f"{name}: none of its first {LOOK_AHEAD} lines is a JSON object; is it JSON lines?"
            )
        finder = _Finder(options, name)
        for offset, record in enumerate(chain(head, records), start=1):
            yield finder.row(record, offset) if isinstance(record, dict) else record


class _Finder:
    """Finds the columns once for each set of keys."""

    def __init__(self, options: ReadOptions, name: str) -> None:
        self._options, self._name = options, name
        self._known: dict[tuple[str, ...], Columns | None] = {}

    def row(self, record: Record, offset: int) -> Row:
        keys = tuple(record)
        if keys not in self._known:
            self._known[keys] = self._find(keys)
        columns = self._known[keys]
        if columns is None:
            return BadRow(self._name, offset, "the line has no key for the report id or none for the text")
        return to_row(tuple(record.values()), columns, self._name, offset)

    def _find(self, keys: tuple[str, ...]) -> Columns | None:
        try:
            return find_columns(keys, self._options, self._name)
        except InputError:
            return None


def _records(stream: BinaryIO, name: str) -> Iterator[Record | BadRow]:
    offset = 0
    try:
        for line in stream:
            if not line.isspace():
                offset += 1
                yield _record(line, name, offset)
    except BREAKS:
        yield cut_short(name, offset + 1)


def _record(line: bytes, name: str, offset: int) -> Record | BadRow:
    try:
        value: object = _DECODER.decode(decoded(line))
    except json.JSONDecodeError as error:
        return BadRow(name, offset, f"no valid JSON from column {error.colno}; is the line whole?")
    except RecursionError:
        return BadRow(name, offset, "the JSON is nested too deeply")
    except ValueError as error:
        return BadRow(name, offset, str(error))
    return value if isinstance(value, dict) else BadRow(name, offset, "the line is not a JSON object")


def plant(folder: Path, reports: Sequence[Report]) -> Path:
    """Lay out reports as a JSON lines file in the folder."""
    path = folder / "reports.jsonl"
    with writing(path) as out:
        for r in reports:
            day = r.exam_date.isoformat() if r.exam_date else None
            fields = {"report_id": r.id, "patient_id": r.patient, "exam_date": day, "modality": r.modality}
            line = json.dumps({**fields, "site": r.site, "text": r.text}, ensure_ascii=False)
            out.write(f"{line}\n".encode())
    return path


def write_shard(path: Path, table: LabelTable) -> None:
    """Write the table's rows.

    Raises:
        OutputError: no room, no permission.
    """
    tail = f'"method": {_string(table.method)}, "model": {_string(table.model)}}}\n'
    with writing(path) as out:
        for row in table.rows:
            out.write("".join(_lines(row, tail)).encode("utf-8"))


def merge(
    shards: Iterable[Path], out: Path, questions: tuple[Question, ...], progress: Progress | None = None
) -> None:
    """Write the shards' rows, in order, to `out`; `progress` hears how many are done.

    Raises:
        OutputError: no room, no permission.
    """
    with writing(out) as target:
        concatenate(shards, target, progress)


def _lines(row: LabelledReport, tail: str) -> Iterator[str]:
    head = f'{{"report_id": {_string(row.report.id)}, '
    for label in row.labels:
        yield head + _label(label) + tail


def _label(label: Label) -> str:
    start, end = label.evidence or ("null", "null")
    return (
        f'"question": {_string(label.question)}, "answer": {_string(label.answer)}, '
        f'"probability": {label.probability:.4f}, "evidence_start": {start}, "evidence_end": {end}, '
        f'"section": {_string(label.section)}, '
    )


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
