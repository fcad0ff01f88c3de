import json
from datetime import date
from pathlib import Path

import pytest

from reportnlp.errors import InputError
from reportnlp.formats import jsonl
from reportnlp.formats.blocks import ReadOptions, Row
from reportnlp.types import BadRow, Label, LabelledReport, LabelTable, Question, Report, Span


def read(folder: Path, content: str | bytes, options: ReadOptions | None = None) -> list[Row]:
    path = folder / "in.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(jsonl.read(path, options or ReadOptions()))


def test_keys_may_differ_from_line_to_line(tmp_path: Path) -> None:
    lines = [
        {"id": 7, "text": "One.\r\n"},
        {"Findings": "Two.", "study_id": "B", "impression": None, "exam_date": "2020-02-03"},
        {"id": 8.0, "report": "Three.", "site": float("nan"), "patient": 12},
        {"id": "D"},
    ]
    first, second, third, fourth = read(tmp_path, "\n".join(json.dumps(line) for line in lines))
    assert first == Report("7", "One.\r\n")
    assert second == Report("B", "FINDINGS:\nTwo.", exam_date=date(2020, 2, 3))
    assert third == Report("8", "Three.", patient="12")
    assert isinstance(fourth, BadRow) and "no key" in fourth.reason


BAD = {
    b'{"id": "A", "text": "caf\xe9"}': "not UTF-8 from byte 24",
    rb'{"id": "A", "text": "no\u0000rmal"}': "NUL",
    rb'{"id": "A", "text": "half \ud800"}': "not Unicode",
    rb'{"id": "A\nB", "text": "x"}': "report id holds",
    b'{"id": "A", "text": null}': "empty text",
    b'{"id": null, "text": "x"}': "id is missing",
    b'{"id": "A", "text": ["x"]}': "holds a list",
    b'{"id": "A", "text": 12.5}': "the text is no string: its cell holds a float",
    b'{"id": "A", "findings": 3, "impression": "x"}': "the text is no string: its cell holds a int",
    b'{"id": true, "text": "x"}': "holds a bool",
    b'{"id": "A", "text": "x': "no valid JSON from column",
    b'["A", "x"]': "not a JSON object",
    b"[" * 100_000: "nested too deeply",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_does_not_stop_the_others(line: bytes, tmp_path: Path) -> None:
    first, bad, last = read(tmp_path, b'{"id":"X","text":"x"}\n\n' + line + b'\r\n{"id":"Y","text":"y"}')
    assert (first, last) == (Report("X", "x"), Report("Y", "y"))
    assert isinstance(bad, BadRow)
    assert (bad.source, bad.offset) == ("in.jsonl", 2)
    assert BAD[line] in bad.reason


def test_an_unescaped_tab_is_a_tab(tmp_path: Path) -> None:
    assert read(tmp_path, '\ufeff{"id": "A", "text": "a\tb"}') == [Report("A", "a\tb")]


def test_a_missing_key_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no column for the text\. It has: id, body, more\. .*--text-column NAME"
    ):
        read(tmp_path, '{"id": 1, "body": "x"}\n{"id": 2, "more": "x"}')
    assert read(tmp_path, '{"id": 1, "body": "x"}', ReadOptions(text_columns=("body",))) == [Report("1", "x")]


def test_what_is_no_json_lines_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its first 32 lines"):
        read(tmp_path, "Clear lungs.\n" * 40)
    assert read(tmp_path, "") == []


def test_the_long_table_byte_by_byte(tmp_path: Path) -> None:
    questions = (Question("pe", None, ("present",)), Question("mass", None, ("x",)))
    labels = (Label("pe", "present", 0.98765, Span(3, 9), "findings"), Label("mass", "not_mentioned", 0.5))
    row = LabelledReport(Report('A"é', "x" * 10), labels)
    jsonl.write_shard(tmp_path / "0", LabelTable(questions, (row,), "rules", "rules-1"))
    jsonl.merge([tmp_path / "0"], tmp_path / "out", questions)
    assert (tmp_path / "out").read_text("utf-8") == (
        '{"report_id": "A\\"é", "question": "pe", "answer": "present", "probability": 0.9877, '
        '"evidence_start": 3, "evidence_end": 9, "section": "findings", '
        '"method": "rules", "model": "rules-1"}\n'
        '{"report_id": "A\\"é", "question": "mass", "answer": "not_mentioned", "probability": 0.5000, '
        '"evidence_start": null, "evidence_end": null, "section": "", '
        '"method": "rules", "model": "rules-1"}\n'
    )
