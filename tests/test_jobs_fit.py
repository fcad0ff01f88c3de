"""`weak fit`: a label table of votes, a classifier that learned it, and a page that compares."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from reportnlp.cli import app
from reportnlp.errors import InputError, OutputError
from reportnlp.evaluation.read import read_answers, read_labels
from reportnlp.findings import load_panel
from reportnlp.jobs.fit import FitSettings, answered, read_balance, run
from reportnlp.labelmodels.loader import load
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, Presence, Votes
from reportnlp.votes import read_votes, write_votes

REPORTS = 120
PANEL = load_panel("pe")
TEXTS = {
    "present": "IMPRESSION: Acute pulmonary embolism in the right lower lobe, number {}.",
    "absent": "IMPRESSION: No pulmonary embolism is seen, number {}.",
    "uncertain": "IMPRESSION: Possible pulmonary embolism, number {}.",
    "not_mentioned": "IMPRESSION: Sternal wires, number {}.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Reports, gold answers of them all, and votes of four functions that are often right."""
    generator = np.random.default_rng(0)
    truth = generator.choice(4, size=REPORTS, p=[0.25, 0.35, 0.1, 0.3])
    names = list(TEXTS)
    with (tmp_path / "reports.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("report_id", "text"))
        rows.writerows((f"r{n}", TEXTS[names[answer]].format(n)) for n, answer in enumerate(truth))
    with (tmp_path / "gold.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("report_id", "pulmonary_embolism"))
        rows.writerows((f"r{n}", names[answer]) for n, answer in enumerate(truth))
    values = np.full((REPORTS, 4, len(PANEL.questions)), ABSTAIN)
    for function, accuracy in enumerate((0.9, 0.8, 0.8, 0.7)):
        wrong = generator.integers(0, 4, REPORTS)
        values[:, function, 0] = np.where(generator.random(REPORTS) < accuracy, truth, wrong)
    ids = tuple(f"r{n}" for n in range(REPORTS))
    votes = Votes(values, ids, ("a", "b", "c", "d"), PANEL.questions)
    write_votes(tmp_path / "votes", votes, meta={"panel": "pe"})
    return tmp_path


def settings(folder: Path, out: str = "labels.parquet", **others: object) -> FitSettings:
    return replace(FitSettings(folder / "votes", folder / out), **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("out", ["labels.parquet", "labels.jsonl", "labels.csv"])
def test_labels_are_better_than_each_function(folder: Path, out: str) -> None:
    fitted = run(settings(folder, out))
    gold, found = read_answers(folder / "gold.csv"), read_labels(folder / out)
    right = [found.answers[r]["pulmonary_embolism"] == row["pulmonary_embolism"] for r, row in gold.items()]
    assert np.mean(right) > 0.9
    assert found.posteriors is not None and found.method in ("data_programming", out)
    assert fitted.reports == REPORTS and fitted.silent == 0
    assert set(fitted.open) == {q.name for q in PANEL.questions[1:]}


def test_the_model_that_is_kept_labels_other_votes(folder: Path) -> None:
    run(settings(folder, keep=folder / "model"))
    votes, _ = read_votes(folder / "votes")
    found = load(folder / "model").predict(votes)
    table = read_labels(folder / "labels.parquet").answers
    there = Presence.PRESENT
    likeliest = ["present" if row[0, 0] > 0.5 else "" for row in found.values]
    assert [report for report, answer in zip(votes.report_ids, likeliest, strict=True) if answer] == [
        report for report, row in table.items() if row["pulmonary_embolism"] == there
    ]


def test_same_votes_and_seed_give_the_same_bytes(folder: Path) -> None:
    run(settings(folder, "one.parquet"))
    run(settings(folder, "two.parquet"))
    assert (folder / "one.parquet").read_bytes() == (folder / "two.parquet").read_bytes()


def test_nothing_is_overwritten(folder: Path) -> None:
    run(settings(folder))
    with pytest.raises(OutputError, match="add --overwrite"):
        run(settings(folder))
    run(settings(folder, overwrite=True))


def test_a_balance_is_read_question_by_question(tmp_path: Path) -> None:
    path = tmp_path / "balance.toml"
    path.write_text(
        "[pulmonary_embolism]\npresent = 0.2\n[pulmonary_embolism.location]\nsaddle = 1\n", "utf-8"
    )
    found = read_balance(path)
    assert found == {"pulmonary_embolism": {"present": 0.2}, "pulmonary_embolism.location": {"saddle": 1.0}}
    path.write_text("[pulmonary_embolism]\npresent = 'often'\n", "utf-8")
    with pytest.raises(InputError, match="no number"):
        read_balance(path)
    path.write_text("pulmonary_embolism = 0.2\n", "utf-8")
    with pytest.raises(InputError, match="is no table"):
        read_balance(path)


def test_questions_that_nobody_votes_on_are_left_out(folder: Path) -> None:
    votes, _ = read_votes(folder / "votes")
    assert [q.name for q in answered(votes).questions] == ["pulmonary_embolism"]
    values = votes.values.copy()
    values[:, :, 0], values[:, :, 1] = ABSTAIN, 0
    assert answered(replace(votes, values=values)).questions == ()


def test_attributes_apply_where_the_finding_is_present(folder: Path) -> None:
    votes, _ = read_votes(folder / "votes")
    values = votes.values.copy()
    values[:, :2, 1] = np.where(values[:, :2, 0] == 0, 0, ABSTAIN)
    write_votes(folder / "more", replace(votes, values=values), meta={"panel": "pe"})
    run(replace(settings(folder), votes=folder / "more"))
    for row in read_labels(folder / "labels.parquet").answers.values():
        applies = row["pulmonary_embolism"] == Presence.PRESENT
        assert (row["pulmonary_embolism.chronicity"] != NOT_APPLICABLE) == applies


def test_the_command_trains_and_compares(folder: Path) -> None:
    arguments = ["weak", "fit", str(folder / "votes"), "-o", str(folder / "labels.csv")]
    arguments += ["--label-model", "dawid_skene", "--model-set", "restarts=0"]
    arguments += ["--reports", str(folder / "reports.csv"), "--architecture", "linear"]
    arguments += ["--set", "buckets=512", "--classifier", str(folder / "linear")]
    arguments += ["--labels", str(folder / "gold.csv"), "--report", str(folder / "page.html")]
    arguments += ["--sizes", "40,80", "--resamples", "20"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "labelled 120 reports by the votes of 4 functions" in result.output
    for place in ("labels in {}/labels.csv", "    model in {}/linear", "page in {}/page.html"):
        assert place.format(folder) in result.output
    for name in ("a", "majority", "dawid_skene", "linear on dawid_skene", "linear on gold"):
        assert re.search(
            rf"^    {name} +precision \S+  recall \S+  F1 [01]\.\d+$", result.output, re.MULTILINE
        )
    assert (folder / "linear" / "model.onnx").is_file()
    page = (folder / "page.html").read_text("utf-8")
    for told in ("dawid_skene", "majority", "linear on dawid_skene", "linear on gold", "As the number of"):
        assert told in page
    assert "Acute pulmonary embolism in the right" not in page
    assert "&lt;" not in page.partition("<script")[0]
    assert "https://" not in page and "src=" not in page


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--architecture", "linear"], "--architecture and --reports go together"),
        (["--report", "page.html"], "Give --labels and --report"),
        (["--classifier", "model"], "--classifier needs to know what to train"),
        (["--architecture", "linear", "--reports", "x.csv"], "kept nowhere"),
    ],
)
def test_options_that_mean_nothing_alone_are_refused(folder: Path, options: list[str], told: str) -> None:
    arguments = ["weak", "fit", str(folder / "votes"), "-o", str(folder / "labels.csv"), *options]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, InputError)
    assert told in str(result.exception)


def test_gold_of_other_reports_is_refused(folder: Path) -> None:
    (folder / "other.csv").write_text("report_id,pulmonary_embolism\nx1,present\n", "utf-8")
    arguments = ["weak", "fit", str(folder / "votes"), "-o", str(folder / "labels.csv")]
    arguments += ["--labels", str(folder / "other.csv"), "--report", str(folder / "page.html")]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, InputError)
    assert "Compare the ids" in str(result.exception)
