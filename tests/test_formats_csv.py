import csv
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportnlp.errors import InputError
from reportnlp.formats import csv as wide
from reportnlp.formats._columns import BLANKS
from reportnlp.formats.blocks import ReadOptions, Row
from reportnlp.types import BadRow, Label, LabelledReport, LabelTable, Question, Report, Span


def read(folder: Path, content: str | bytes, options: ReadOptions | None = None) -> list[Row]:
    path = folder / "in.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(wide.read(path, options or ReadOptions()))


@pytest.mark.parametrize(
    "header",
    [
        "id,text",
        "Report_ID,Report Text",
        "AccessionNumber,Narrative",
        "filename,FULL_TEXT",
        "StudyID,report",
        '"Accession No.","Report"',
    ],
)
def test_usual_column_names_are_found(header: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{header}\nA1,Normal.\n") == [Report("A1", "Normal.")]


def test_all_columns_are_found_wherever_they_stand(tmp_path: Path) -> None:
    content = "SITE,Modality,x,StudyDate,subject_id,report,study_id\nEast,CT,9,20190304,77,Normal.,A1\n"
    assert read(tmp_path, content) == [Report("A1", "Normal.", "77", date(2019, 3, 4), "CT", "East")]


def test_named_columns_win(tmp_path: Path) -> None:
    options = ReadOptions(id_column="key", text_columns=("body",), date_column="When")
    content = "id,text,key,body,when\n1,wrong,K,Right.,2020-01-02\n"
    assert read(tmp_path, content, options) == [Report("K", "Right.", exam_date=date(2020, 1, 2))]


def test_several_named_columns_stand_under_headings(tmp_path: Path) -> None:
    options = ReadOptions(text_columns=("Opinion", "free_part"))
    (report,) = read(tmp_path, "id,free_part,opinion\n1,More.,No clot.\n", options)
    assert isinstance(report, Report)
    assert report.text == "OPINION:\nNo clot.\n\nFREE PART:\nMore."


def test_sections_are_joined_in_reading_order(tmp_path: Path) -> None:
    content = (
        "id,Impressions_EN,section_findings,clinical history,addendum,technique\n"
        "1,Normal.,Clear lungs.,Cough.,,CT.\n"
        "2,IMPRESSION: fine.,,,Sorry.,\n"
        "3,,,,,\n"
    )
    first, second, third = read(tmp_path, content)
    assert isinstance(first, Report) and isinstance(second, Report)
    assert first.text == (
        "CLINICAL HISTORY:\nCough.\n\nTECHNIQUE:\nCT.\n\nFINDINGS:\nClear lungs.\n\nIMPRESSIONS:\nNormal."
    )
    assert second.text == "IMPRESSIONS:\nIMPRESSION: fine.\n\nADDENDUM:\nSorry."
    assert third == BadRow("in.csv", 3, "empty text", "3")


def test_a_section_that_has_its_heading_gets_no_second(tmp_path: Path) -> None:
    (report,) = read(tmp_path, "id,findings\n1, Findings: clear.\n")
    assert report == Report("1", " Findings: clear.")


def test_a_separate_addendum_is_not_lost(tmp_path: Path) -> None:
    (report,) = read(tmp_path, "id,text,findings,addendum\n1,No clot.,unused,There is a clot.\n")
    assert report == Report("1", "No clot.\n\nADDENDUM:\nThere is a clot.")


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
def test_the_delimiter_is_the_headers(mark: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"id{mark}text\nA{mark}Normal.\n") == [Report("A", "Normal.")]


def test_line_ends_and_marks_in_a_text_are_kept(tmp_path: Path) -> None:
    text = 'One,\r\ntwo "2"\rthree\n\n  four\u200b\u202e\t'
    quoted = text.replace('"', '""')
    assert read(tmp_path, f'\ufeffid,text\r\nA,"{quoted}"\r\n') == [Report("A", text)]


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    assert read(tmp_path, "\n\nid,text\n\nA,x\n\n") == [Report("A", "x")]


def test_trailing_empty_fields_are_harmless(tmp_path: Path) -> None:
    assert read(tmp_path, "id,text\nA,x,,\n") == [Report("A", "x")]


BAD = {
    b"A,caf\xe9": "not Unicode",
    b"A,no\x00rmal": "NUL",
    b"A,": "empty text",
    b"A,NULL": "empty text",
    "A,\u200b \u00a0.".encode(): "empty text",
    b"A,---": "empty text",
    b",text": "id is missing",
    b"   ,text": "id is missing",
    b"A\xff,text": "report id holds",
    b'"A\nB",text': "report id holds",
    b"A": "has 1 field, the first line 2",
    b"A,one,two": "3 fields, the first line 2",
    b'A,"one"two': "stray or unclosed quote in lines 3 to 3",
    b"A" * 201 + b",text": "over 200 characters",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_row_does_not_stop_the_others(line: bytes, tmp_path: Path) -> None:
    first, bad, last = read(tmp_path, b"id,text\nX,x\n" + line + b"\nY,y\n")
    assert (first, last) == (Report("X", "x"), Report("Y", "y"))
    assert isinstance(bad, BadRow)
    assert (bad.source, bad.offset) == ("in.csv", 2)
    assert BAD[line] in bad.reason


def test_a_bad_patient_is_a_bad_row(tmp_path: Path) -> None:
    (bad,) = read(tmp_path, b"id,patient,text\nA,p\xff,x\n")
    assert isinstance(bad, BadRow) and bad.id == "A" and "patient" in bad.reason


def test_a_quote_that_is_never_closed_tells_which_lines_it_took(tmp_path: Path) -> None:
    first, bad = read(tmp_path, 'id,text\nX,x\nY,"open\nZ,z\n')
    assert first == Report("X", "x")
    assert isinstance(bad, BadRow) and "lines 3 to 4" in bad.reason


def test_an_endless_field_does_not_swallow_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "FIELD_LIMIT", 30)
    rows = read(tmp_path, 'id,text\nX,"open\n' + "".join(f"{at},row\n" for at in range(20)))
    assert isinstance(rows[0], BadRow) and "over-long field" in rows[0].reason
    assert rows[-1] == Report("19", "row")


def test_the_process_wide_field_limit_is_left_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    rows = wide.read(wide.plant(tmp_path, [Report("A", "x"), Report("B", "y" * 200_000)]), ReadOptions())
    for _ in rows:
        assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    "options",
    [
        ReadOptions(id_column="text"),
        ReadOptions(id_column="Text", text_columns=("text",)),
        ReadOptions(text_columns=("text", "id")),
        ReadOptions(patient_column="text"),
    ],
)
def test_a_column_of_text_is_nothing_else(options: ReadOptions, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is read as report text, and as --(id|patient)-column too\. Give"):
        read(tmp_path, "id,text\n1,x\n", options)


def test_a_section_without_a_word_is_left_out(tmp_path: Path) -> None:
    bad, report = read(tmp_path, "id,findings,impression\n1,.,-\n2,.,Normal.\n")
    assert bad == BadRow("in.csv", 1, "empty text", "1")
    assert report == Report("2", "IMPRESSION:\nNormal.")


def test_a_missing_column_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, "id,body,Read by\n1,x,y\n")
    message = str(caught.value)
    assert message.startswith(
        "in.csv: no column for the text. It has: id, body, Read by. Looked for: text, report,"
    )
    assert message.endswith("Name it: --text-column NAME.")
    with pytest.raises(InputError, match=r"no column for the report id\. .* --id-column NAME"):
        read(tmp_path, "body,text\n1,x\n")
    with pytest.raises(InputError, match=r"^in.csv has no column 'bdy' \(--text-column\)\. It has: id, body"):
        read(tmp_path, "id,body\n1,x\n", ReadOptions(text_columns=("bdy",)))
    with pytest.raises(InputError, match="no column for the text"):
        read(tmp_path, "id,indication\n1,x\n")


@pytest.mark.parametrize(
    "first",
    ["A1,No clot seen today anywhere.", "12345678,Normal", '1,"Two\nlines"', "MRN445566,ok", "A,Normal.", ""],
)
def test_a_file_without_a_header_is_not_shown(first: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, first)
    assert not [word for word in ("clot", "Normal", "Two", "44", "678") if word in str(caught.value)]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 columns are called 'text'"):
        read(tmp_path, "id,text,text\n1,x,y\n")
    assert read(tmp_path, "id,Text,text\n1,x,y\n") == [Report("1", "y")]


def test_what_is_only_called_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.csv.gz"
    path.write_bytes(b"id,text\n1,x\n")
    with pytest.raises(InputError, match=r"Cannot open 'in\.csv\.gz': its name says gzip, but it is not"):
        list(wide.read(path, ReadOptions()))
    with pytest.raises(InputError, match=r"Cannot open 'nowhere\.csv': No such file"):
        list(wide.read(tmp_path / "nowhere.csv", ReadOptions()))


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@settings(database=None, derandomize=True, deadline=None)
@given(st.lists(TEXTS.filter(lambda t: any(map(str.isalnum, t)) and t not in BLANKS), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was(texts: list[str]) -> None:
    reports = [Report(f"R{at}", text) for at, text in enumerate(texts)]
    with TemporaryDirectory() as folder:
        assert list(wide.read(wide.plant(Path(folder), reports), ReadOptions())) == reports


@pytest.mark.parametrize("content", [b"", b"\n\n", b'"id,text\nA', b"\xff\xfei\x00d\x00", b"x" * (1 << 20)])
def test_what_has_no_header_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^in\.csv"):
        read(tmp_path, content)


def table(texts: list[str]) -> LabelTable:
    questions = (
        Question("pe", None, ("present",)),
        Question("pe", "side", ("left",)),
        Question("mass", None, ("x",)),
    )
    rows = [
        LabelledReport(
            Report(f"=R{at}", text),
            (
                Label("pe", "present", 0.98765, Span(0, len(text)), "findings"),
                Label("pe.side", "left", 1.0, Span(0, 1)),
                Label("mass", "not_mentioned", 0.5),
            ),
        )
        for at, text in enumerate(texts)
    ]
    return LabelTable(questions, tuple(rows), "rules", "m")


def test_the_wide_table_byte_by_byte(tmp_path: Path) -> None:
    wide.write_shard(tmp_path / "0", table(["Clot, left.", "- clot", "'tis", "a\rb"]))
    wide.merge([tmp_path / "0"], tmp_path / "out", table([]).questions)
    assert (tmp_path / "out").read_bytes() == (
        b"report_id,pe,pe.p,pe.side,pe.side.p,mass,mass.p,pe.evidence,mass.evidence\n"
        b'=R0,present,0.9877,left,1.0000,not_mentioned,0.5000,"Clot, left.",\n'
        b"=R1,present,0.9877,left,1.0000,not_mentioned,0.5000,'- clot,\n"
        b"=R2,present,0.9877,left,1.0000,not_mentioned,0.5000,''tis,\n"
        b'=R3,present,0.9877,left,1.0000,not_mentioned,0.5000,"a\rb",\n'
    )


@pytest.mark.parametrize("first", list("=+-@\t\r\n\uff1d'"))
def test_no_evidence_is_a_formula(first: str, tmp_path: Path) -> None:
    text = f'{first}cmd|" /C calc",A0'
    wide.write_shard(tmp_path / "0", table([text]))
    wide.merge([tmp_path / "0"], tmp_path / "out", table([]).questions)
    with (tmp_path / "out").open(newline="", encoding="utf-8") as lines:
        (row,) = csv.DictReader(lines)
    assert row["pe.evidence"] == f"'{text}"
    assert row["report_id"] == "=R0"
