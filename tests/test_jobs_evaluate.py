"""Label tables of every shape are compared with gold answers; scores are written whole or not at all."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from reportnlp.errors import InputError, OutputError
from reportnlp.evaluation import tables
from reportnlp.evaluation.read import read_answers
from reportnlp.evaluation.scores import Scores
from reportnlp.jobs.evaluate import EvaluateSettings, run

ROWS = [
    {"report_id": "a", "pe": "present", "pe.p": "1.0000", "pe.location": "main", "pe.location.p": "0.9000"},
    {"report_id": "b", "pe": "absent", "pe.p": "1.0000", "pe.location": "not_applicable"},
    {"report_id": "c", "pe": "present", "pe.p": "1.0000", "pe.location": "lobar", "pe.evidence": "a clot"},
]
ANSWERS = {
    "a": {"pe": "present", "pe.location": "main"},
    "b": {"pe": "absent", "pe.location": "not_applicable"},
    "c": {"pe": "present", "pe.location": "lobar"},
}
COLUMNS = ("report_id", "pe", "pe.p", "pe.location", "pe.location.p", "pe.evidence")
LONG = [
    {"report_id": report, "question": question, "answer": answer, "probability": 1.0}
    for report, row in ANSWERS.items()
    for question, answer in row.items()
]


def write_csv(
    path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str], delimiter: str = ","
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_gold(path: Path) -> Path:
    rows = [
        {"report_id": "a", "pe": "present", "pe.location": "main"},
        {"report_id": "b", "pe": "present", "pe.location": "lobar"},
        {"report_id": "d", "pe": "absent", "pe.location": ""},
    ]
    return write_csv(path, rows, ("report_id", "pe", "pe.location"))


def write_jsonl(path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in LONG), encoding="utf-8")
    return path


def write_parquet(path: Path) -> Path:
    parquet.write_table(pa.Table.from_pylist(LONG), path)
    return path


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "labels.csv", ROWS, COLUMNS)


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_gold(tmp_path / "gold.csv")


def test_every_shape_of_a_label_table_is_read_alike(tmp_path: Path, wide: Path) -> None:
    long = [{key: str(value) for key, value in row.items()} for row in LONG]
    paths = [
        wide,
        write_csv(tmp_path / "labels.tsv", ROWS, COLUMNS, "\t"),
        write_csv(tmp_path / "long.csv", long, list(long[0])),
        write_jsonl(tmp_path / "long.jsonl"),
        write_parquet(tmp_path / "long.parquet"),
    ]
    assert [read_answers(path) for path in paths] == [ANSWERS] * len(paths)


def test_only_wanted_reports_are_kept_and_the_others_counted(wide: Path) -> None:
    assert read_answers(wide, keep=["b"]) == {"a": {}, "b": ANSWERS["b"], "c": {}}


def test_a_table_is_scored_and_what_is_missing_counted(wide: Path, gold: Path) -> None:
    scores = run(EvaluateSettings((str(wide),), gold))
    assert scores.presence[0].confusion == {"present": {"present": 1, "absent": 1}}
    assert (scores.attributes[0].n, scores.attributes[0].accuracy.value) == (2, 0.5)
    assert (scores.coverage.scored, scores.coverage.missing, scores.coverage.extra) == (2, 1, 1)
    [line, *_] = tables.notes(scores)
    assert line == "gold reports 3 = scored 2 + without labels 1; labelled reports without gold answers 1"


def test_scores_are_written_as_csv(wide: Path, gold: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    run(EvaluateSettings((str(wide),), gold, out=out))
    with out.open(encoding="utf-8", newline="") as file:
        rows = {row["question"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["pe", "pe.location", tables.PANEL]
    assert rows["pe"]["recall"] == "0.5000"
    assert rows["pe"]["confusion"] == "present>present=1 present>absent=1"
    assert rows["pe.location"]["f1"] == ""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("scores")] == ["scores.csv"]


def test_scores_are_written_as_json_without_nan(wide: Path, tmp_path: Path) -> None:
    row = {"report_id": "b", "pe": "absent"}
    out = tmp_path / "scores.json"
    run(EvaluateSettings((str(wide),), write_csv(tmp_path / "g.csv", [row], tuple(row)), out=out))
    content = json.loads(out.read_text("utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert content["presence"][0]["f1"] == {"value": None, "low": None, "high": None}
    assert content["coverage"] == {"scored": 1, "missing": 0, "extra": 2, "unanswered": []}


def test_scores_are_not_overwritten_unasked(wide: Path, gold: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    out.write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        run(EvaluateSettings((str(wide),), gold, out=out))
    assert out.read_text() == "mine"
    run(EvaluateSettings((str(wide),), gold, out=out, overwrite=True))
    assert json.loads(out.read_text("utf-8"))["seed"] == 0


def test_scores_have_a_suffix_that_is_known(wide: Path, gold: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.csv or \.json"):
        run(EvaluateSettings((str(wide),), gold, out=tmp_path / "scores.html"))


def test_scores_that_cannot_be_written_are_one_clear_error(wide: Path, gold: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        run(EvaluateSettings((str(wide),), gold, out=tmp_path / "nowhere" / "scores.csv"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"id,pe\na,present\n", "no column 'report_id'"),
        ("t.csv", b"report_id,pe\na,present\na,absent\n", "'a' twice"),
        ("t.csv", b'report_id,pe\na,"present\n', "is broken"),
        ("t.csv", b"report_id,pe\n\xff\xfe,present\n", "is broken"),
        ("t.csv", b"report_id,pe\n,present\n", "report_id that is empty"),
        ("t.csv", b"report_id,pe\n" + b"x" * 300 + b",present\n", "longer than"),
        ("t.jsonl", b'{"report_id": "a", "question": "pe"}\n', "is broken"),
        ("t.jsonl", b"No embolus is seen.\n", "is broken"),
        ("t.jsonl", b"[1]\n", "is broken"),
        ("t.parquet", b"PAR1 and no more", "is broken"),
        ("t.xlsx", b"", r"ends in \.csv"),
    ],
)
def test_a_broken_table_is_one_line_that_quotes_nothing_of_it(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_answers(path)
    assert "\n" not in str(caught.value)
    assert "embolus" not in str(caught.value)
    assert "xxx" not in str(caught.value)
    assert not re.search(r"Arrow|Error", str(caught.value))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*gone\.csv\. Give a label table"):
        read_answers(tmp_path / "gone.csv")


def test_a_parquet_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"report_id": ["a"]}), path)
    with pytest.raises(InputError, match="no column 'question'"):
        read_answers(path)


def test_reports_are_no_label_table(tmp_path: Path, gold: Path) -> None:
    row = {"report_id": "zz", "text": "No nodule."}
    path = write_csv(tmp_path / "reports.csv", [row], tuple(row))
    with pytest.raises(InputError, match="add --panel"):
        run(EvaluateSettings((str(path),), gold))


def test_one_table_at_a_time(gold: Path) -> None:
    with pytest.raises(InputError, match="2 label tables"):
        run(EvaluateSettings(("a.csv", "b.csv"), gold))


REPORTS = [
    {"report_id": "a", "text": "IMPRESSION: Pulmonary embolism in a segmental artery."},
    {"report_id": "b", "text": ""},
    {"report_id": "c", "text": "No pulmonary embolism."},
    {"report_id": "d", "text": "No pulmonary embolism."},
]
LOCATION = "pulmonary_embolism.location"


def label_and_score(
    folder: Path, rows: Sequence[Mapping[str, str]], gold: Sequence[Mapping[str, str]]
) -> Scores:
    reports = write_csv(folder / "reports.csv", rows, ("report_id", "text"))
    columns = ("report_id", "pulmonary_embolism", LOCATION)
    answers = write_csv(folder / "answers.csv", gold, columns)
    return run(EvaluateSettings((str(reports),), answers, panel="pe"))


def test_reports_are_labelled_on_the_way(tmp_path: Path) -> None:
    gold = [
        {"report_id": "a", "pulmonary_embolism": "present", LOCATION: "segmental"},
        {"report_id": "b", "pulmonary_embolism": "absent"},
        {"report_id": "c", "pulmonary_embolism": "absent"},
    ]
    scores = label_and_score(tmp_path, REPORTS, gold)
    assert scores.presence[0].confusion == {"present": {"present": 1}, "absent": {"absent": 1}}
    assert scores.attributes[0].accuracy.value == 1
    # the report without text could not be labelled, and one has no gold answer
    assert (scores.coverage.scored, scores.coverage.missing, scores.coverage.extra) == (2, 1, 1)


def test_a_gold_answer_that_the_panel_does_not_know_is_refused(tmp_path: Path) -> None:
    gold = [{"report_id": "a", "pulmonary_embolism": "present", LOCATION: "lower lobe"}]
    with pytest.raises(InputError, match=f"'a' to {LOCATION} is none of: saddle, main") as caught:
        label_and_score(tmp_path, REPORTS, gold)
    assert "lower lobe" not in str(caught.value)


def test_two_reports_of_one_id_cannot_be_scored(tmp_path: Path) -> None:
    gold = [{"report_id": "a", "pulmonary_embolism": "present"}]
    with pytest.raises(InputError, match="Two reports have the id 'a'"):
        label_and_score(tmp_path, [REPORTS[0], REPORTS[0]], gold)
