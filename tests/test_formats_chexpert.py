import csv
import re
from itertools import product
from pathlib import Path

import pytest

from reportnlp.errors import OutputError
from reportnlp.formats import chexpert, loader
from reportnlp.types import Label, LabelledReport, LabelTable, Presence, Question, Report

ANSWERS = tuple(presence.value for presence in Presence)
FINDINGS = [f for findings in chexpert.COLUMNS.values() for f in findings if f != "pleural_other"]
QUESTIONS = (
    *(Question(finding, None, ANSWERS) for finding in FINDINGS),
    Question("pneumonia", "severity", ("mild",)),
)


def written(folder: Path, report: Report, **answers: str) -> dict[str, str]:
    labels = [Label(q.name, answers.get(q.name, "not_mentioned"), 1.0) for q in QUESTIONS]
    table = LabelTable(QUESTIONS, (LabelledReport(report, tuple(labels)),), "rules", "m")
    chexpert.write_shard(folder / "0", table)
    chexpert.merge([folder / "0"], folder / "train.chexpert.csv", QUESTIONS)
    with (folder / "train.chexpert.csv").open(newline="", encoding="utf-8") as lines:
        (row,) = csv.DictReader(lines)
    return row


@pytest.mark.parametrize(
    ("answer", "code"), [("present", "1"), ("absent", "0"), ("uncertain", "-1"), ("not_mentioned", "")]
)
def test_every_answer_has_its_code(answer: str, code: str, tmp_path: Path) -> None:
    row = written(tmp_path, Report("A", "t"), **dict.fromkeys(FINDINGS, answer))
    assert {row[column] for column in chexpert.COLUMNS} == {code}


def test_the_strongest_of_two_findings_counts(tmp_path: Path) -> None:
    order = ["present", "uncertain", "absent", "not_mentioned"]
    for mass, nodule in product(order, order):
        row = written(tmp_path, Report("A", "t"), mass=mass, nodule=nodule)
        strongest = min(mass, nodule, key=order.index)
        assert row["Lung Lesion"] == {"present": "1", "uncertain": "-1", "absent": "0"}.get(strongest, "")


def test_the_columns_both_loaders_ask_for_are_there(tmp_path: Path) -> None:
    row = written(tmp_path, Report("s50414267", "t", patient="p10000032"), pulmonary_edema="present")
    assert (row["subject_id"], row["study_id"]) == ("10000032", "50414267")
    assert row["Path"] == "train/patient10000032/study50414267/view1.jpg"
    assert {row[name] for name in ("Sex", "Age", "Frontal/Lateral", "AP/PA")} == {""}
    assert row["Edema"] == "1"
    assert len(chexpert.COLUMNS) == 14


def test_other_ids_stand_as_they_are(tmp_path: Path) -> None:
    row = written(tmp_path, Report("a/b,c", "secret words"))
    assert (row["subject_id"], row["study_id"]) == ("a/b,c", "a/b,c")
    assert re.fullmatch(r"train/patient\d+/studya%2Fb%2Cc/view1\.jpg", row["Path"])
    assert "secret" not in (tmp_path / "train.chexpert.csv").read_text("utf-8")
    again = written(tmp_path, Report("other", "t", patient="a/b,c"))
    assert again["Path"].split("/")[1] == row["Path"].split("/")[1]


def test_a_panel_without_the_findings_is_refused_before_the_work(tmp_path: Path) -> None:
    few = tuple(question for question in QUESTIONS if question.finding not in ("mass", "nodule", "fracture"))
    message = r"findings that this panel has not: Lung Lesion \(mass or nodule\), Fracture \(fracture\)"
    with pytest.raises(OutputError, match=message):
        loader.check_writer(chexpert, few)
    with pytest.raises(OutputError, match=message):
        chexpert.merge([], tmp_path / "out", few)
    loader.check_writer(chexpert, QUESTIONS)
    loader.check_writer(loader.writer_for(Path("x.csv")), few)
