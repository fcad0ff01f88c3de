"""Label tables of every shape are compared with gold answers; scores are written whole or not at all."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from reportnlp.errors import InputError, OutputError, UnknownNameError
from reportnlp.evaluation import tables
from reportnlp.evaluation.compare import PANEL
from reportnlp.evaluation.labelled import Evidence, Labelled
from reportnlp.evaluation.read import read_answers, read_labels
from reportnlp.evaluation.record import Evaluation
from reportnlp.evaluation.scores import Scores
from reportnlp.jobs._labelled import TrainRow
from reportnlp.jobs.evaluate import EvaluateSettings, run
from reportnlp.types import Report
from tests.conftest import Command

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
    evaluation = run(EvaluateSettings((str(wide),), gold))
    scores = evaluation.scores
    assert scores.presence[0].confusion == {"present": {"present": 1, "absent": 1}}
    assert (scores.attributes[0].n, scores.attributes[0].accuracy.value) == (2, 0.5)
    assert (scores.coverage.scored, scores.coverage.missing, scores.coverage.extra) == (2, 1, 1)
    [line, *_] = tables.notes(evaluation)
    assert line == "gold reports 3 = scored 2 + without labels 1; labelled reports without gold answers 1"


def test_scores_are_written_as_csv(wide: Path, gold: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    run(EvaluateSettings((str(wide),), gold, out=out))
    with out.open(encoding="utf-8", newline="") as file:
        rows = {row["question"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["pe", "pe.location", PANEL]
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
    with pytest.raises(OutputError, match=r"\.html, \.json or \.csv"):
        run(EvaluateSettings((str(wide),), gold, out=tmp_path / "scores.xlsx"))


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
    return run(EvaluateSettings((str(reports),), answers, panel="pe")).scores


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


def test_probabilities_of_a_wide_table_are_read(wide: Path) -> None:
    labelled = read_labels(wide)
    assert labelled.answers == ANSWERS
    assert labelled.shared and labelled.method == "labels.csv"
    assert labelled.posteriors is not None
    location = [question.name for question in labelled.posteriors.questions].index("pe.location")
    assert labelled.posteriors.values[0, location].max() == pytest.approx(0.9)


LONG_ROWS: list[dict[str, str | int | float | None]] = [
    {
        **{"report_id": "a", "question": "pe", "answer": "present", "probability": 0.75},
        **{
            "evidence_start": 3,
            "evidence_end": 9,
            "section": "impression",
            "method": "rules",
            "model": "m-1",
        },
    },
    {
        **{"report_id": "b", "question": "pe", "answer": "absent", "probability": 0.5},
        **{"evidence_start": None, "evidence_end": None, "section": "", "method": "rules", "model": "m-1"},
    },
]


def write_long(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        cells = [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
        write_csv(path, cells, list(cells[0]))
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_a_long_table_is_read_with_all_it_knows(tmp_path: Path, suffix: str) -> None:
    labelled = read_labels(write_long(tmp_path / f"long{suffix}", LONG_ROWS))
    assert labelled.evidence == {("a", "pe"): Evidence(3, 9, "impression")}
    assert (labelled.method, labelled.model) == ("rules", "m-1")
    assert labelled.posteriors is not None
    values = labelled.posteriors.values[:, 0, :2].ravel()
    assert values == pytest.approx([0.75, 0.25 / 3, 0.5 / 3, 0.5])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("probability", "1.5", "number from 0 to 1"),
        ("probability", "likely", "number from 0 to 1"),
        ("probability", "nan", "number from 0 to 1"),
        ("evidence_start", "10", "pair of offsets"),
        ("evidence_start", "the clot", "pair of offsets"),
    ],
)
def test_what_is_no_probability_or_offset_is_refused(
    tmp_path: Path, column: str, value: str, message: str
) -> None:
    path = write_long(tmp_path / "long.csv", [{**LONG_ROWS[0], column: value}])
    with pytest.raises(InputError, match=f"report 'a' that is no {message}") as caught:
        read_labels(path)
    assert value not in str(caught.value).removeprefix(str(path))


def write_reports(folder: Path, rows: int = 24) -> tuple[Path, Path]:
    """Reports of three sites and four years, with gold answers; a patient has two."""
    reports, gold = [], []
    for i in range(rows):
        present = i % 3 != 0
        reports.append(
            {
                "report_id": f"r{i:02}",
                "patient_id": f"p{i // 2}",
                "site": ("north", "south", "west")[i // 2 % 3],
                "exam_date": f"{2020 + 4 * i // rows}-01-{1 + i:02}",
                "text": f"IMPRESSION {i}: {'Segmental' if present else 'No'} pulmonary embolism.",
            }
        )
        answer = "present" if present and i != 5 else "absent"
        location = "segmental" if answer == "present" else "not_applicable"
        gold.append({"report_id": f"r{i:02}", "pulmonary_embolism": answer, LOCATION: location})
    columns = ("report_id", "patient_id", "site", "exam_date", "text")
    return (
        write_csv(folder / "reports.csv", reports, columns),
        write_csv(folder / "truth.csv", gold, ("report_id", "pulmonary_embolism", LOCATION)),
    )


@pytest.fixture
def settings(tmp_path: Path) -> EvaluateSettings:
    reports, gold = write_reports(tmp_path)
    return EvaluateSettings((str(reports),), gold, panel="pe", resamples=20)


def strata_of(evaluation: Evaluation) -> list[tuple[str, str, int]]:
    return [(one.by, one.value, one.n) for one in evaluation.strata]


def test_reports_are_scored_by_site_and_year(settings: EvaluateSettings) -> None:
    evaluation = run(settings)
    assert strata_of(evaluation) == [
        *(("site", site, 8) for site in ("north", "south", "west")),
        *(("year", str(year), 6) for year in range(2020, 2024)),
    ]
    [mistake] = [one for one in evaluation.mistakes if one.question == "pulmonary_embolism"]
    assert (mistake.report, mistake.kind) == ("r05", "false alarm")
    assert mistake.start is not None and mistake.section == "impression"
    assert evaluation.about.method == "rules"
    assert evaluation.about.model.startswith("rules-")
    assert len(evaluation.about.gold_digest) == 64


@pytest.mark.parametrize(
    ("kind", "told"),
    [("random", "random, 25 % of the reports tested, seed 0"), ("temporal", "temporal, 25 %")],
)
def test_only_the_test_side_of_a_split_is_scored(settings: EvaluateSettings, kind: str, told: str) -> None:
    evaluation = run(replace(settings, split=kind, test_share=0.25))  # type: ignore[arg-type]
    assert evaluation.scores.coverage.scored == 6
    assert evaluation.scores.coverage.missing == evaluation.scores.coverage.extra == 0
    assert evaluation.about.split.startswith(told)
    assert evaluation.about.train == 18
    assert evaluation.audit is None


def test_each_site_is_tested_in_turn_and_pooled(settings: EvaluateSettings) -> None:
    evaluation = run(replace(settings, split="site"))
    assert evaluation.scores.coverage.scored == 24
    assert [one for one in strata_of(evaluation) if one[0] == "site"] == [
        ("site", site, 8) for site in ("north", "south", "west")
    ]
    assert "each of 3 in turn" in evaluation.about.split
    one = run(replace(settings, split="site", site="west"))
    assert (one.scores.coverage.scored, one.about.split) == (8, "site west")


def test_a_split_needs_reports(settings: EvaluateSettings, wide: Path, gold: Path) -> None:
    with pytest.raises(InputError, match="--panel"):
        run(EvaluateSettings((str(wide),), gold, split="random"))
    with pytest.raises(UnknownNameError, match="'south'"):
        run(replace(settings, split="site", site="sout"))


def test_what_labels_is_given_the_training_side(settings: EvaluateSettings) -> None:
    calls: list[tuple[set[str], set[str]]] = []

    def label(reports: Sequence[Report], train: Sequence[TrainRow]) -> Labelled:
        calls.append(({report.id for report in reports}, {row.report.id for row in train}))
        assert all(row.answers["pulmonary_embolism"] for row in train)
        answers = {report.id: {"pulmonary_embolism": "present"} for report in reports}
        return Labelled(answers, method="always")

    evaluation = run(replace(settings, split="site"), label=label)
    assert [(len(test), len(train)) for test, train in calls] == [(8, 16)] * 3
    assert all(not test & train for test, train in calls)
    assert evaluation.about.method == "always"
    assert evaluation.scores.presence[0].recall.value == 1
    assert evaluation.audit is not None
    assert evaluation.audit.reports == 24


def test_methods_are_compared(settings: EvaluateSettings, tmp_path: Path) -> None:
    same = run(replace(settings, against="rules"))
    assert same.comparison is not None
    assert {one.difference.value for one in same.comparison.differences} == {0.0}
    table = run(replace(settings, against=str(settings.gold)))
    assert table.comparison is not None
    assert (table.comparison.second, table.comparison.n) == ("truth.csv", 24)
    assert table.comparison.tests[0].mcnemar.only_b == 1
    with pytest.raises(UnknownNameError, match="rulse"):
        run(replace(settings, against="rulse"))


def test_tables_are_compared(wide: Path, gold: Path) -> None:
    evaluation = run(EvaluateSettings((str(wide),), gold, against=str(gold), resamples=20))
    assert evaluation.comparison is not None
    assert (evaluation.comparison.first, evaluation.comparison.second) == ("labels.csv", "gold.csv")


def test_training_answers_are_audited(settings: EvaluateSettings) -> None:
    evaluation = run(replace(settings, train_gold=settings.gold))
    assert evaluation.audit is not None
    assert {(row.answer, row.n) for row in evaluation.audit.rows} == {
        *(("present", 15), ("absent", 9)),
        ("segmental", 15),
    }


def test_a_report_is_written_and_holds_no_text(settings: EvaluateSettings, tmp_path: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        run(replace(settings, out=tmp_path / name, against="rules"))
        pages.append((tmp_path / name).read_text("utf-8"))
    assert pages[0] == pages[1]
    assert pages[0].startswith("<!DOCTYPE html>")
    assert "r05" in pages[0]
    assert "Segmental pulmonary" not in pages[0]
    run(replace(settings, out=tmp_path / "one.json"))
    content = (tmp_path / "one.json").read_text("utf-8")
    assert "Segmental pulmonary" not in content
    assert json.loads(content)["mistakes"][0]["report"] == "r05"


def test_the_command_line_compares_and_splits(settings: EvaluateSettings, reportnlp: Command) -> None:
    [reports] = settings.inputs
    folder = settings.gold.parent
    code, out, err = reportnlp(
        *("evaluate", reports, "--panel", "pe", "--labels", str(settings.gold), "--against", "rules"),
        *("--split", "temporal", "--test-share", "0.25", "--resamples", "10", "--date", "2026-11-25"),
        *("--train-labels", str(settings.gold), "-o", str(folder / "report.json")),
    )
    assert (code, err) == (0, "")
    assert "rules (first) against rules" in out
    assert "split: temporal, 25 % of the reports tested; 18 reports on a training side" in out
    content = json.loads((folder / "report.json").read_text("utf-8"))
    assert content["about"]["date"] == "2026-11-25"
    assert content["audit"]["reports"] == 24
