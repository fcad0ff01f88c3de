import gzip
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reportnlp.errors import InputError
from reportnlp.formats import parquet
from reportnlp.formats.blocks import ReadOptions, Row
from reportnlp.types import BadRow, Label, LabelledReport, LabelTable, Question, Report, Span


def read(folder: Path, columns: dict[str, Any], **how: Any) -> list[Row]:
    path = folder / "in.parquet"
    pq.write_table(pa.table(columns), path, **how)
    return list(parquet.read(path, ReadOptions()))


def not_utf8(values: list[bytes]) -> pa.Array:
    offsets = [0]
    for value in values:
        offsets.append(offsets[-1] + len(value))
    buffers = [
        None,
        pa.py_buffer(b"".join(o.to_bytes(4, "little") for o in offsets)),
        pa.py_buffer(b"".join(values)),
    ]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def test_columns_of_many_types_are_read(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        {
            "accession_number": pa.array([12.0, 13.0, None]),
            "unused": [1, 2, 3],
            "text": pa.array(["a", "b", "c"], pa.large_string()).dictionary_encode(),
            "study_date": pa.array(
                [datetime(2020, 1, 2, 3, 4, 5, 6, UTC), None, None], pa.timestamp("ns", "UTC")
            ),
            "patient_id": pa.array([b"P", None, b"\xff"]),
        },
    )
    assert rows[:2] == [Report("12", "a", "P", date(2020, 1, 2)), Report("13", "b")]
    assert isinstance(rows[2], BadRow) and "not UTF-8" in rows[2].reason


@pytest.mark.parametrize("dictionary", [True, False])
def test_only_the_rows_with_bad_bytes_are_refused(dictionary: bool, tmp_path: Path) -> None:
    texts = not_utf8([b"one", b"caf\xe9", b"three"])
    rows = read(tmp_path, {"id": ["A", "B", "C"], "text": texts}, use_dictionary=dictionary)
    assert (rows[0], rows[2]) == (Report("A", "one"), Report("C", "three"))
    assert isinstance(rows[1], BadRow) and "not UTF-8" in rows[1].reason


def test_a_text_that_is_no_text_is_a_bad_row(tmp_path: Path) -> None:
    first, second = read(tmp_path, {"id": ["A", "B"], "text": [["x"], ["y"]]})
    assert isinstance(first, BadRow) and "holds a list" in first.reason
    assert isinstance(second, BadRow) and second.offset == 2


def test_a_damaged_page_ends_the_file_with_one_bad_row(tmp_path: Path) -> None:
    many = [Report(f"R{at:05}", f"{at * 7919} {at * 104729}") for at in range(2000)]
    path = tmp_path / "in.parquet"
    columns = {"report_id": [r.id for r in many], "text": [r.text for r in many]}
    pq.write_table(pa.table(columns), path, row_group_size=500, compression="zstd")
    data = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    data[start : start + 200] = bytes(200)
    path.write_bytes(data)
    rows = list(parquet.read(path, ReadOptions()))
    assert rows[:-1] == many[: len(rows) - 1]
    # Batches of 256 rows span the row groups, so up to one batch before the break is lost with it.
    assert 1000 - parquet.BATCH < len(rows) <= 1001
    assert rows[-1] == BadRow(
        "in.parquet",
        len(rows),
        f"the file ends early or is damaged after record {len(rows) - 1}; what came before it was read",
    )


def test_a_missing_end_is_told(tmp_path: Path) -> None:
    path = parquet.plant(tmp_path, [Report("A", "x")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(InputError, match=r"reports\.parquet is no Parquet file, or its end is missing"):
        list(parquet.read(path, ReadOptions()))
    path.write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(InputError, match=r"reports\.parquet cannot be unpacked: it is cut short"):
        list(parquet.read(path, ReadOptions()))


def test_a_missing_column_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"It has: id, body\. .*--text-column NAME"):
        read(tmp_path, {"id": ["A"], "body": ["x"]})


def test_the_merged_long_table(tmp_path: Path) -> None:
    questions = (Question("pe", None, ("present",)), Question("mass", None, ("x",)))
    for at in range(3):
        labels = (Label("pe", "present", 0.75, Span(3, 9), "findings"), Label("mass", "x", 0.5))
        rows = tuple(LabelledReport(Report(f"R{at}{each}", "x" * 10), labels) for each in range(at))
        parquet.write_shard(tmp_path / str(at), LabelTable(questions, rows, "rules", "rules-1"))
    parquet.merge([tmp_path / str(at) for at in range(3)], tmp_path / "out", questions)
    file = pq.ParquetFile(tmp_path / "out")
    assert file.num_row_groups == 2
    table = file.read()
    assert table.schema.field("probability").type == pa.float32()
    assert table.column("report_id").to_pylist() == ["R10", "R10", "R20", "R20", "R21", "R21"]
    assert table.slice(2, 2).to_pylist() == [
        {"report_id": "R20", "question": "pe", "answer": "present", "probability": 0.75, "evidence_start": 3,
         "evidence_end": 9, "section": "findings", "method": "rules", "model": "rules-1"},
        {"report_id": "R20", "question": "mass", "answer": "x", "probability": 0.5, "evidence_start": None,
         "evidence_end": None, "section": "", "method": "rules", "model": "rules-1"},
    ]  # fmt: skip
