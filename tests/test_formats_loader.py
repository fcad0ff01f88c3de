import os
from datetime import date, datetime
from pathlib import Path

import pytest

from reportnlp.errors import InputError, OutputError, UnknownNameError
from reportnlp.formats import loader
from reportnlp.formats._dates import parse_date
from reportnlp.formats.blocks import ReadOptions
from reportnlp.types import Report


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def ids(*inputs: str | Path, format: str | None = None) -> list[str | None]:
    return [row.id for row in loader.read_reports(inputs, format=format)]


def test_inputs_keep_their_order_and_a_glob_is_sorted(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        put(tmp_path / f"{name}.csv", f"id,text\n{name},x\n")
    put(tmp_path / ".hidden.csv", "id,text\nhidden,x\n")
    put(tmp_path / "z.jsonl", '{"id": "z", "text": "x"}')
    assert ids(tmp_path / "z.jsonl", tmp_path / "c.csv", f"{tmp_path}/*.csv") == ["z", "c", "a", "b", "c"]
    assert ids(tmp_path, format="csv") == ["a", "b", "c"]


def test_relative_globs_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "in" / "deep" / "a.csv", "id,text\na,x\n")
    monkeypatch.chdir(tmp_path)
    assert ids("in/**/*.csv") == ids("in/*") == ids("./in") == ["a"]


def test_a_name_with_brackets_is_a_name_first(tmp_path: Path) -> None:
    assert ids(put(tmp_path / "in[1].csv", "id,text\na,x\n")) == ["a"]


def test_a_folder_of_two_formats_is_not_guessed_at(tmp_path: Path) -> None:
    put(tmp_path / "reports.csv", "id,text\na,x\n")
    put(tmp_path / "README.txt", "How these were exported.")
    with pytest.raises(InputError, match=r"several formats \(csv, txt\).*--format"):
        ids(tmp_path)
    assert ids(tmp_path, format="csv") == ["a"]
    assert ids(tmp_path, format="txt") == ["README"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.csv", "There is no file or folder"),
        ("*.csv", "There is no file or folder"),
        ("a.docx", r"Cannot tell the format of 'a.docx'.*\.csv, \.tsv.*--format csv\|"),
        ("empty", "holds no file of"),
        ("a**b.csv", "no valid file name or glob"),
        ("x" * 5000, "Cannot look for the input '.*': File name too long"),
    ],
)
def test_a_wrong_input_is_told_by_the_call_itself(given: str, message: str, tmp_path: Path) -> None:
    put(tmp_path / "a.docx", "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        loader.read_reports([tmp_path / given])


def test_a_pipe_is_refused_by_its_whole_path(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.csv")
    with pytest.raises(InputError, match=f"^'{tmp_path}/in.csv' is a pipe or a device.*Save it as a file"):
        loader.read_reports([tmp_path / "in.csv"])


def test_no_input_and_unknown_formats_are_told() -> None:
    with pytest.raises(InputError, match="No input was given"):
        loader.read_reports([])
    with pytest.raises(UnknownNameError, match=r"No input format is called 'cvs'\. Did you mean 'csv'"):
        loader.read_reports(["x"], format="cvs")
    with pytest.raises(UnknownNameError, match="No output format is called 'openi'"):
        loader.writer_for(Path("x"), "openi")


def test_a_missing_column_in_a_later_file_is_told_before_the_work(tmp_path: Path) -> None:
    first = put(tmp_path / "a.csv", "id,text\na,x\n")
    second = put(tmp_path / "b.csv", "id,body\nb,x\n")
    with pytest.raises(InputError, match=r"^b\.csv: no column for the text"):
        loader.read_reports([first, second])
    options = ReadOptions(text_columns=("body",))
    assert list(loader.read_reports([second], options=options)) == [Report("b", "x")]


@pytest.mark.parametrize("name", ["out.tsv", "out.csv.gz", "out.txt", "out"])
def test_what_cannot_be_written_is_told(name: str) -> None:
    with pytest.raises(
        OutputError, match=r"end in one of: \.chexpert\.csv, \.csv, .* --out-format chexpert\|csv"
    ):
        loader.writer_for(Path(name))


def test_a_command_without_the_option_is_not_sent_to_it() -> None:
    with pytest.raises(OutputError, match=r"end in one of: .*, \.pq\.$"):
        loader.writer_for(Path("out.txt"), can_be_named=False)


def test_the_longest_suffix_picks_the_writer() -> None:
    assert loader.writer_for(Path("train.chexpert.csv")).__name__.endswith("chexpert")
    assert loader.writer_for(Path("train.csv")).__name__.endswith("csv")


@pytest.mark.parametrize(
    "given",
    [
        "2019-03-14", "2019-03-14 10:11:12", "2019-03-14T10:11:12Z", "2019/03/14", "2019/3/14", "20190314",
        "14.03.2019", "14.3.2019 10:11", "14 Mar 2019", "14-MAR-2019", "14th March 2019", "March 14, 2019",
        "Mar 14th 2019", "14/03/2019", "03/14/2019", "3-14-2019", 20190314,
        date(2019, 3, 14), datetime(2019, 3, 14, 23, 59),
    ],
)  # fmt: skip
def test_dates_in_common_forms(given: object) -> None:
    assert parse_date(given) == date(2019, 3, 14)


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "03/04/2019",
        "2019",
        "2019-02-30",
        "14 Foo 2019",
        "yesterday",
        2.5,
        "201903144",
        "99/99/2019",
    ],
)
def test_what_could_be_two_days_is_no_date(given: object) -> None:
    assert parse_date(given) is None
    assert parse_date("04/04/2019") == date(2019, 4, 4)
