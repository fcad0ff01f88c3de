from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from reportnlp.archive.counts import Counts
from reportnlp.archive.disk import quarantine_file, work_folder
from reportnlp.errors import InputError, InvalidDefinitionError, OutputError, ResumeError, UnknownNameError
from reportnlp.jobs import label
from reportnlp.jobs.label import LabelSettings
from tests.test_archive_standins import Stones

TABLE = """report_id,text
a,a stone here
b,nothing
c,
a,again
d,a stone here
e,FAULT of a stone
"""
COUNTS = Counts(read=6, labelled=2, quarantined=3, duplicates=1)


@pytest.fixture(autouse=True)
def _stones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label, "make_labeler", lambda panel, method, abstain, device: Stones(panel))


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "reports.csv"
    path.parent.mkdir()
    path.write_text(TABLE)
    return path


def settings(reports: Path, out: Path, *, panel: str = "pe", resume: bool = False) -> LabelSettings:
    return LabelSettings([reports], out, panel=panel, workers=1, shard_size=2, resume=resume)


def test_a_table_in_a_table_out(reports: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert label.run(settings(reports, out)) == COUNTS
    with out.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["report_id"], row["stone"], row["stone.evidence"]) for row in rows] == [
        ("a", "present", "stone"),
        ("b", "absent", ""),
        ("d", "present", "stone"),
    ]
    lines = [json.loads(line) for line in quarantine_file(out).read_text().splitlines()]
    assert [(line["source"], line["offset"], line["report_id"]) for line in lines] == [
        ("reports.csv", 3, "c"),
        ("reports.csv", 4, "a"),
        ("reports.csv", 6, "e"),
    ]


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_the_shard_size_changes_no_answer(reports: Path, tmp_path: Path, name: str) -> None:
    written = []
    for size in (1, 100):
        out = tmp_path / f"{size}-{name}"
        label.run(LabelSettings([reports], out, workers=1, shard_size=size))
        written.append(out)
    if name != "out.parquet":
        assert written[0].read_bytes() == written[1].read_bytes()
        return
    pq = pytest.importorskip("pyarrow.parquet")
    assert pq.read_table(written[0]).equals(pq.read_table(written[1]))


def test_a_job_that_stopped_is_resumed_under_the_same_settings_only(
    reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    label.run(settings(reports, whole))
    with monkeypatch.context() as patched:
        patched.setattr("reportnlp.formats.csv.merge", _no_room)
        with pytest.raises(OutputError, match="No space left"):
            label.run(settings(reports, out))
    with pytest.raises(ResumeError, match="panel digest"):
        label.run(settings(reports, out, panel="head_ct", resume=True))
    with pytest.raises(ResumeError, match="output format csv, and this is output format jsonl"):
        label.run(LabelSettings([reports], out, format_out="jsonl", workers=1, shard_size=2, resume=True))
    with monkeypatch.context() as patched, pytest.raises(ResumeError, match="version"):
        patched.setattr(label, "__version__", "99")
        label.run(settings(reports, out, resume=True))
    assert label.run(settings(reports, out, resume=True)) == COUNTS
    assert out.read_bytes() == whole.read_bytes()


def _no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("given", ["in", "in/reports.csv", "in/*.csv"])
def test_an_output_among_the_inputs_is_refused(reports: Path, tmp_path: Path, given: str) -> None:
    with pytest.raises(OutputError, match="among the inputs"):
        label.run(LabelSettings([tmp_path / given], reports, overwrite=True))
    assert reports.read_text() == TABLE


@pytest.mark.parametrize("name", ["empty", "dir.csv"])
def test_an_output_that_is_a_folder_is_called_one(reports: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=f"{name} is a folder. Name a file"):
        label.run(settings(reports, tmp_path / name))


def test_reasons_are_counted_by_kind_and_a_break_is_never_left_out(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    reasons = [f"duplicate id, first seen at a.csv, record {n}" for n in range(9)] + ["empty text"] * 3
    reasons += [f"kind {letter}; mend it" for letter in "ABCDE" for _ in range(2)]
    reasons += ["the file ends early or is damaged after record 7; what came before it was read"]
    rows = [{"source": "a.csv", "offset": 8, "report_id": None, "reason": reason} for reason in reasons]
    quarantine_file(out).write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    assert list(label.reasons(out)) == [
        (9, "duplicate id"),
        (3, "empty text"),
        (2, "kind A"),
        (2, "kind B"),
        (1, "the file ends early or is damaged after record 7 (a.csv)"),
    ]


def test_an_output_beside_the_input_is_allowed(reports: Path) -> None:
    assert label.run(settings(reports, reports.with_name("out.csv"))) == COUNTS


def test_mistakes_are_found_before_any_work(reports: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(InputError):
        label.run(settings(tmp_path / "none.csv", out))
    with pytest.raises(OutputError):
        label.run(settings(reports, tmp_path / "out.unknown"))
    with pytest.raises(UnknownNameError):
        label.run(LabelSettings([reports], out, format_in="cvs"))
    with pytest.raises(InvalidDefinitionError, match="workers is -1"):
        LabelSettings([reports], out, workers=-1)
    assert not work_folder(out).exists()


class Watcher:
    def __init__(self) -> None:
        self.done: dict[str, int] = {}
        self.total: int | None = None

    def phase(self, name: str, total: int | None) -> None:
        self.name = name
        self.done[name] = 0

    def expect(self, total: int) -> None:
        self.total = total

    def advance(self, steps: int) -> None:
        self.done[self.name] += steps


def test_a_watcher_sees_all_rows_and_their_total(reports: Path, tmp_path: Path) -> None:
    watcher = Watcher()
    label.run(settings(reports, tmp_path / "out.csv"), watcher)
    assert watcher.done == {"labelling": 6, "writing": 6}
    assert watcher.total == 6
