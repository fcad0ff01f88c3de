"""Parquet: reports in, the long label table out.

A Parquet file is described by its end, so one that is cut short cannot be read at all (`InputError`); one
that is damaged in the middle is read up to there. Written: zstd, one row group a shard; the same table
gives the same bytes under one version of pyarrow. It is imported where it is used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from reportnlp.errors import InputError
from reportnlp.formats._columns import find_columns, to_row
from reportnlp.formats._files import BREAKS, GZIP_MAGIC, open_bytes, reason_of, source_name
from reportnlp.formats._writing import Progress, writing
from reportnlp.formats.blocks import ReadOptions, Row, cut_short
from reportnlp.types import Label, LabelTable, Question, Report

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

TITLE = "Parquet, one report a row; written: one row per report and question"
SUFFIXES = (".parquet", ".pq")
FOLDERS = False

BATCH = 256
"""Rows decoded at once: few, because a report can have 10 MB."""

BUFFER = 1 << 20
"""Bytes read ahead per column; without it pyarrow holds a whole row group."""


def read(source: Path, options: ReadOptions) -> Iterator[Row]:
    """Stream the reports; only the columns in use are decoded.

    Raises:
        InputError: it is no whole Parquet file, or has no column for the id or the text.
    """
    name = source_name(source)
    with _seekable(source, name) as stream:
        file, names = _opened(stream, name)
        columns = find_columns(names, options, name)
        used = frozenset(names[at] for at in columns.used())
        offset = 0
        try:
            for batch in file.iter_batches(batch_size=BATCH, columns=sorted(used)):
                for values in zip(*_cells(batch, names, used), strict=False):
                    offset += 1
                    yield to_row(values, columns, name, offset)
        except _damage():
            yield cut_short(name, offset + 1)


def _opened(stream: BinaryIO, name: str) -> tuple[pq.ParquetFile, list[str]]:
    """The file and its column names, both out of its end."""
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(stream, buffer_size=BUFFER, pre_buffer=False)
        return file, file.schema_arrow.names
    except _damage() as error:
        problem = "is no Parquet file, or its end is missing or damaged"
        raise InputError(f"{name} {problem}; copy or export it again.") from error


def _damage() -> tuple[type[Exception], ...]:
    import pyarrow as pa

    return (pa.ArrowException, ValueError, KeyError, *BREAKS)


@contextmanager
def _seekable(source: Path, name: str) -> Iterator[BinaryIO]:
    """The file; when it is gzip, a nameless unpacked copy, since Parquet is read from its end."""
    with open_bytes(source) as stream, tempfile.TemporaryFile() as unpacked:
        if not _is_gzip(source):
            yield stream
            return
        try:
            copyfileobj(stream, unpacked, BUFFER)
        except BREAKS as error:
            raise InputError(f"{name} cannot be unpacked: {reason_of(error)}.") from error
        yield cast(BinaryIO, unpacked)


def _is_gzip(source: Path) -> bool:
    with source.open("rb") as stream:
        return stream.read(2) == GZIP_MAGIC


def _cells(batch: pa.RecordBatch, names: Sequence[str], used: frozenset[str]) -> list[Iterable[object]]:
    """The columns in the file's order; one that is not used gives None for ever."""
    return [_values(batch.column(name)) if name in used else repeat(None) for name in names]


def _values(column: Any) -> list[object]:
    """Python values; strings that are not UTF-8 come as bytes, so that only their own rows are refused."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.date32())
    try:
        return cast(list[object], column.to_pylist())
    except UnicodeDecodeError:
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        return cast(list[object], plain.cast(pa.large_binary()).to_pylist())


def plant(folder: Path, reports: Sequence[Report]) -> Path:
    """Lay out reports as a Parquet file in the folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "reports.parquet"
    fields = {"report_id": "id", "patient_id": "patient", "exam_date": "exam_date", "modality": "modality"}
    names = {**fields, "site": "site", "text": "text"}
    types = [pa.date32() if name == "exam_date" else pa.string() for name in names]
    data = {name: [getattr(report, field) for report in reports] for name, field in names.items()}
    with writing(path) as out:
        pq.write_table(pa.table(data, schema=pa.schema(list(zip(names, types, strict=True)))), out)
    return path


def write_shard(path: Path, table: LabelTable) -> None:
    """Write the table's rows as a whole small Parquet file.

    Raises:
        OutputError: no room, no permission.
    """
    import pyarrow.parquet as pq

    with writing(path) as out:
        pq.write_table(_long(table), out, compression="zstd")


def merge(
    shards: Iterable[Path], out: Path, questions: tuple[Question, ...], progress: Progress | None = None
) -> None:
    """Write the shards' row groups, one at a time and in order, to `out`; `progress` hears how many are done.

    Raises:
        OutputError: no room, no permission.
    """
    import pyarrow.parquet as pq

    with writing(out) as target, pq.ParquetWriter(target, _schema(), compression="zstd") as writer:
        for done, shard in enumerate(shards, start=1):
            with pq.ParquetFile(shard) as body:
                for group in range(body.num_row_groups if body.metadata.num_rows else 0):
                    writer.write_table(body.read_row_group(group))
            if progress is not None:
                progress(done)


def _schema() -> pa.Schema:
    import pyarrow as pa

    text, offset = pa.string(), pa.int32()
    types = {
        "report_id": text,
        "question": text,
        "answer": text,
        "probability": pa.float32(),
        "evidence_start": offset,
        "evidence_end": offset,
        "section": text,
        "method": text,
        "model": text,
    }
    return pa.schema(list(types.items()))


def _long(table: LabelTable) -> pa.Table:
    """The long table; what repeats is repeated by Arrow, not by Python."""
    import pyarrow as pa

    labels: list[Label] = [label for row in table.rows for label in row.labels]
    rows, width = len(table.rows), len(table.questions)
    spans = [label.evidence or (None, None) for label in labels]
    columns = [
        pa.array(table.report_ids, pa.string()).take(pa.array(np.repeat(np.arange(rows), width))),
        pa.array([q.name for q in table.questions], pa.string()).take(
            pa.array(np.tile(np.arange(width), rows))
        ),
        pa.array([label.answer for label in labels], pa.string()),
        pa.array([label.probability for label in labels], pa.float32()),
        pa.array([start for start, _ in spans], pa.int32()),
        pa.array([end for _, end in spans], pa.int32()),
        pa.array([label.section for label in labels], pa.string()),
        pa.repeat(pa.scalar(table.method, pa.string()), rows * width),
        pa.repeat(pa.scalar(table.model, pa.string()), rows * width),
    ]
    return pa.table(columns, schema=_schema())
