"""`reportnlp weak votes`: the matrix, the figures and the faults of a job, and that the counts add up."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from reportnlp.errors import InputError, OutputError, ResumeError
from reportnlp.findings import load_panel
from reportnlp.functions._tally import tally
from reportnlp.functions.blocks import Joined, reader_of
from reportnlp.jobs import votes as job
from reportnlp.jobs._votes_picture import can_agree
from reportnlp.jobs._votes_warned import FEWEST
from reportnlp.jobs.votes import FAULTS, FIGURES_CSV, FIGURES_JSON, PICTURE, VotesSettings
from reportnlp.types import ABSTAIN, Votes
from reportnlp.votes import META, TABLE, read_votes
from tests.conftest import Command

PANEL = load_panel("pe")
PE = "pulmonary_embolism"
MINE = """
def vote(report):
    if "CASE" in report.text:
        raise ValueError(report.text)
    return {"pulmonary_embolism": "present"} if "clot" in report.text.lower() else None
"""
ROWS = (
    ("a", "A large clot in the left main pulmonary artery."),
    ("b", "No pulmonary embolism."),
    ("c", "CASE of a clot."),
    ("d", ""),
    ("e", "No pulmonary embolism."),
    ("a", "Another text of the same id."),
)


@pytest.fixture(scope="module", autouse=True)
def reader() -> object:
    return reader_of(PANEL)  # so that the rules are compiled once


def planted(folder: Path, rows: Sequence[tuple[str, str]] = ROWS) -> Path:
    path = folder / "reports.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("report_id", "text"), *rows])
    (folder / "mine.py").write_text(MINE, "utf-8")
    return path


def settings(folder: Path, **more: Any) -> VotesSettings:
    told: dict[str, Any] = {"functions": ("rules", "negation"), "files": (folder / "mine.py",), "workers": 1}
    return VotesSettings((folder / "reports.csv",), folder / "votes", "pe", **{**told, **more})


def test_votes_are_those_of_each_function_on_each_report(tmp_path: Path) -> None:
    planted(tmp_path)
    outcome = job.run(settings(tmp_path))
    votes, meta = read_votes(tmp_path / "votes")
    assert votes.report_ids == ("a", "b", "c", "e")
    assert votes.functions == ("rules", "negation", "mine")
    assert votes.questions == PANEL.questions
    assert votes.values[:, :, 0].tolist() == [
        [0, ABSTAIN, 0],
        [1, 1, ABSTAIN],
        [0, ABSTAIN, ABSTAIN],
        [1, 1, ABSTAIN],
    ]
    counts = outcome.counts
    assert (counts.read, counts.labelled, counts.quarantined, counts.duplicates) == (6, 3, 2, 1)
    assert (meta["read"], meta["voted_on"], meta["quarantined"]) == (6, 4, 2)
    assert (meta["panel"], meta["panel_digest"]) == ("pe", PANEL.digest)
    quarantined = (tmp_path / "votes" / f"{TABLE}.quarantine.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["report_id"] for line in quarantined] == ["d", "a"]


def test_a_function_that_raises_is_counted_listed_and_told(tmp_path: Path) -> None:
    planted(tmp_path)
    outcome = job.run(settings(tmp_path))
    assert outcome.faults == {"mine": {"ValueError": 1}}
    assert outcome.warnings == [
        "the function 'mine' failed on 1 of 4 reports (ValueError: 1); faults.json lists them"
    ]
    listed = (tmp_path / "votes" / FAULTS).read_text("utf-8")
    assert json.loads(listed) == {"mine": {"ValueError": ["c"]}}
    assert read_votes(tmp_path / "votes")[1]["faults"] == {
        "rules": {},
        "negation": {},
        "mine": {"ValueError": 1},
    }
    assert not any(b"CASE" in path.read_bytes() for path in (tmp_path / "votes").iterdir())


def test_a_function_that_always_raises_and_one_that_never_votes_are_told(tmp_path: Path) -> None:
    planted(tmp_path, [("a", "CASE"), ("b", "CASE too")])
    outcome = job.run(settings(tmp_path, functions=("addendum",)))
    assert outcome.warnings == [
        "the function 'mine' failed on ALL 2 of 2 reports (ValueError: 2); faults.json lists them",
        "voted on no report: addendum",
    ]


def test_a_function_that_fails_on_all_reports_has_failed(tmp_path: Path) -> None:
    planted(tmp_path, [("a", "CASE"), ("b", "CASE too")])
    assert job.run(settings(tmp_path)).failed == ("mine",)
    planted(tmp_path, [("a", "CASE"), ("b", "Some text.")])
    assert job.run(settings(tmp_path, overwrite=True)).failed == ()


def test_a_panel_of_other_exams_is_told(tmp_path: Path) -> None:
    rows = [(str(at), f"CT of the head, patient {at}. No hemorrhage.") for at in range(FEWEST)]
    planted(tmp_path, rows)
    [told] = job.run(settings(tmp_path, functions=("rules",), files=())).warnings
    assert told.startswith("the reports say next to nothing of the panel 'pe'")
    planted(tmp_path, [*rows[:5], *((str(at), f"No pulmonary embolism. {at}") for at in range(5, FEWEST))])
    assert job.run(settings(tmp_path, functions=("rules",), files=(), overwrite=True)).warnings == []


@pytest.mark.parametrize(
    ("ids", "matched", "warnings"),
    [
        ("ac", 2, []),
        ("xyz", 0, ["'other': none of its 3 ids is among the reports; compare them"]),
    ],
)
def test_how_many_ids_of_a_table_are_among_the_reports_is_told(
    ids: str, matched: int, warnings: list[str], tmp_path: Path
) -> None:
    planted(tmp_path)
    rows = "".join(f"{one},1\n" for one in ids)
    (tmp_path / "labels.csv").write_text(f"report_id,{PE}\n{rows}", "utf-8")
    option = f"other.file={tmp_path / 'labels.csv'}"
    told = settings(tmp_path, functions=("rules", "other=chexpert_csv"), files=(), options=(option,))
    outcome = job.run(told)
    assert outcome.joined == {"other": Joined(matched, len(ids))}
    assert outcome.warnings == warnings


def test_gold_answers_change_the_figures_and_no_vote(tmp_path: Path) -> None:
    planted(tmp_path)
    job.run(settings(tmp_path))
    blind = pq.read_table(tmp_path / "votes" / TABLE)
    gold = tmp_path / "gold.csv"
    gold.write_text(f"report_id,{PE}\na,present\nb,present\nc,present\ne,absent\n", "utf-8")
    outcome = job.run(settings(tmp_path, gold=gold, overwrite=True))
    assert pq.read_table(tmp_path / "votes" / TABLE) == blind
    figures = {(r.function, r.question): r for r in outcome.records}
    assert (figures["rules", PE].accuracy.part, figures["rules", PE].accuracy.whole) == (3, 4)
    assert (figures["negation", PE].accuracy.part, figures["negation", PE].accuracy.whole) == (1, 2)
    assert (figures["mine", PE].found.part, figures["mine", PE].found.whole) == (1, 3)
    assert outcome.tally.known == 4


def test_the_figures_are_in_a_table_a_document_and_a_picture(tmp_path: Path) -> None:
    planted(tmp_path)
    gold = tmp_path / "gold.csv"
    gold.write_text(f"report_id,{PE}\na,present\nb,absent\n", "utf-8")
    job.run(settings(tmp_path, gold=gold))
    with (tmp_path / "votes" / FIGURES_CSV).open(encoding="utf-8", newline="") as file:
        rows = {(row["function"], row["question"]): row for row in csv.DictReader(file)}
    assert rows["negation", PE]["votes"] == "2"
    assert rows["negation", PE]["coverage"] == "0.5000"
    assert (rows["negation", PE]["accuracy"], rows["negation", PE]["accuracy.n"]) == ("1.0000", "1")
    assert (rows["mine", PE]["absent.accuracy"], rows["mine", PE]["absent.n"]) == ("", "0")
    document = json.loads((tmp_path / "votes" / FIGURES_JSON).read_text("utf-8"))
    assert (document["reports"], document["reports_with_gold"]) == (4, 2)
    assert document["agreement"]["votes_of_both"][0] == [4, 2, 1]
    assert (tmp_path / "votes" / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_functions_without_an_answer_in_common_are_known() -> None:
    values = np.full((2, 3, len(PANEL.questions)), ABSTAIN)
    values[:, 0, 0], values[:, 1, 0], values[1, 2, 0] = 0, 1, 1
    values[0, :2, 1] = 0  # an attribute is not presence
    votes = Votes(values, ("a", "b"), ("yes", "no", "no_too"), PANEL.questions)
    counted = tally(votes, np.full((2, len(PANEL.questions)), ABSTAIN))
    assert can_agree(counted, PANEL.questions).tolist() == [
        [True, False, False],
        [False, True, True],
        [False, True, True],
    ]


def test_the_same_job_gives_the_same_bytes_whatever_the_workers(tmp_path: Path) -> None:
    planted(tmp_path, [(str(at), f"Clot {at % 3}.") for at in range(12)])
    (tmp_path / "labels.csv").write_text(f"report_id,{PE}\n3,1\n7,0\n", "utf-8")
    option = f"chexpert_csv.file={tmp_path / 'labels.csv'}"
    told: dict[str, Any] = {"functions": ("chexpert_csv",), "options": (option,), "shard_size": 5}
    job.run(settings(tmp_path, **told))
    first = {path.name: path.read_bytes() for path in (tmp_path / "votes").iterdir()}
    job.run(settings(tmp_path, **told, workers=2, overwrite=True))
    assert read_votes(tmp_path / "votes")[0].values[7, :, 0].tolist() == [1, 0]
    assert {path.name: path.read_bytes() for path in (tmp_path / "votes").iterdir()} == first


def test_a_function_that_looks_at_more_than_the_text_is_asked_about_every_report(tmp_path: Path) -> None:
    planted(tmp_path, [("a", "The same."), ("b", "The same.")])
    (tmp_path / "mine.py").write_text(
        f"def vote(report):\n    return {{'{PE}': 'present' if report.id == 'b' else 'absent'}}\n", "utf-8"
    )
    outcome = job.run(settings(tmp_path, functions=("rules",)))
    assert read_votes(tmp_path / "votes")[0].values[:, 1, 0].tolist() == [1, 0]
    assert outcome.counts.duplicates == 1


def test_a_folder_of_votes_is_kept(tmp_path: Path) -> None:
    planted(tmp_path)
    job.run(settings(tmp_path))
    before = (tmp_path / "votes" / META).read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        job.run(settings(tmp_path))
    assert (tmp_path / "votes" / META).read_bytes() == before
    with pytest.raises(OutputError, match="holds other things than votes"):
        job.run(VotesSettings((tmp_path / "reports.csv",), tmp_path.parent, "pe"))
    (tmp_path / "other").write_text("a file", "utf-8")
    with pytest.raises(OutputError, match="is a file"):
        job.run(VotesSettings((tmp_path / "reports.csv",), tmp_path / "other", "pe"))


def test_a_stopped_job_goes_on_under_the_same_functions_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(tmp_path)

    def stop(*given: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("reportnlp.jobs._votes_table.VotesWriter.merge", stop)
        with pytest.raises(OutputError, match="--resume"):
            job.run(settings(tmp_path))
    with pytest.raises(ResumeError, match="functions"):
        job.run(settings(tmp_path, functions=("rules",), resume=True))
    (tmp_path / "mine.py").write_text(f"{MINE}\n# changed\n", "utf-8")
    with pytest.raises(ResumeError, match="model"):
        job.run(settings(tmp_path, resume=True))
    (tmp_path / "mine.py").write_text(MINE, "utf-8")
    assert job.run(settings(tmp_path, resume=True)).counts.read == 6


def test_no_reports_are_no_votes(tmp_path: Path) -> None:
    planted(tmp_path, [])
    outcome = job.run(settings(tmp_path))
    assert outcome.counts.read == outcome.tally.reports == 0
    assert read_votes(tmp_path / "votes")[0].values.shape == (0, 3, 4)


def test_gold_answers_that_the_panel_does_not_know_are_refused_before_the_work(tmp_path: Path) -> None:
    planted(tmp_path)
    gold = tmp_path / "gold.csv"
    gold.write_text(f"report_id,{PE}\na,perhaps\n", "utf-8")
    with pytest.raises(InputError, match="none of: present"):
        job.run(settings(tmp_path, gold=gold))
    assert not (tmp_path / "votes").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (f"report_id,{PE}\nx1,present\n", r"No report has gold answers in .*\(1 reports, 'x1' first\)"),
        ("report_id,infarct\na,present\n", "none of the questions of the panel 'pe'.*, but infarct"),
        (f"report_id,{PE}\na,\n", "none of the questions of the panel 'pe'"),
    ],
)
def test_gold_answers_of_other_reports_or_questions_are_refused_before_the_work(
    table: str, message: str, tmp_path: Path
) -> None:
    planted(tmp_path)
    (tmp_path / "gold.csv").write_text(table, "utf-8")
    with pytest.raises(InputError, match=message):
        job.run(settings(tmp_path, gold=tmp_path / "gold.csv"))
    assert not (tmp_path / "votes").exists()


def test_a_folder_that_is_kept_is_known_before_the_functions_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(tmp_path)
    job.run(settings(tmp_path))
    monkeypatch.setattr(job, "choose", None)
    with pytest.raises(OutputError, match="exists already"):
        job.run(settings(tmp_path))


def test_the_command_prints_tables_counts_and_warnings(desk: Path, reportnlp: Command) -> None:
    planted(desk)
    (desk / "gold.csv").write_text(f"report_id,{PE}\na,present\nb,absent\n", "utf-8")
    words = "weak votes reports.csv -o votes --panel pe --functions rules,n=negation --function mine.py"
    code, out, err = reportnlp(*words.split(), "--labels", "gold.csv", "--workers", "1")
    assert code == 3  # rows are in quarantine
    assert "read 6 = voted on 3 + quarantined 2 + duplicates 1" in out
    assert "reports with gold answers: 2 of 4" in out
    for part in (
        "Votes on presence",
        "Presence against gold",
        "coverage",
        "conflict",
        "1.000 (1)",
        "found: ",
    ):
        assert part in out
    assert "reportnlp: warning: the function 'mine' failed on 1 of 4 reports" in err
    assert "listed in votes/votes.parquet.quarantine.jsonl" in err


def test_a_function_that_always_fails_ends_with_the_code_for_problems(desk: Path, reportnlp: Command) -> None:
    planted(desk, [("a", "CASE"), ("b", "A clot; CASE too")])
    words = "weak votes reports.csv -o votes --panel pe --functions rules --function mine.py --workers 1"
    code, out, err = reportnlp(*words.split())
    assert code == 3
    assert "read 2 = voted on 2" in out
    assert "failed on ALL 2 of 2 reports" in err
    assert (desk / "votes" / TABLE).is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--functions ruls", "Did you mean 'rules'?"),
        ("--option chat.modl=x", "Did you mean 'model'?"),
        ("--option classifier", "no name.key=value"),
        ("--function gone.py", "There is no file gone.py"),
        ("--panel chest_xry", "Did you mean 'chest_xray'?"),
    ],
)
def test_a_mistake_is_one_line_with_the_mend(
    words: str, message: str, desk: Path, reportnlp: Command
) -> None:
    planted(desk, [("a", "Some text.")])
    code, out, err = reportnlp(
        *["weak", "votes", "reports.csv", "-o", "votes", "--panel", "pe", "--workers", "1"], *words.split()
    )
    assert (code, out) == (2, "")
    assert err.startswith("reportnlp: ") and err.count("\n") == 1
    assert message in err
