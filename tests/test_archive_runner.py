from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reportnlp.archive.counts import Counts
from reportnlp.archive.disk import quarantine_file, work_folder
from reportnlp.archive.lock import locked
from reportnlp.archive.parties import Parties, Placed
from reportnlp.archive.runner import run
from reportnlp.errors import (
    InputError,
    MissingExtraError,
    OutputError,
    ReportNLPError,
    ResumeError,
    UnknownNameError,
)
from reportnlp.types import LabelTable, Question, Report
from tests.test_archive_standins import (
    AT,
    MIXED,
    SIGNAL,
    Lines,
    Stones,
    job,
    make_lines,
    no_extra,
    no_panel,
    placed,
)

COUNTS = Counts(read=11, labelled=5, quarantined=4, duplicates=2)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "table.lines"


@pytest.fixture
def whole(tmp_path: Path) -> tuple[bytes, bytes]:
    """What an undisturbed run writes: the table and the quarantine file."""
    other = tmp_path / "whole" / "table.lines"
    other.parent.mkdir()
    run(job(other), placed(MIXED))
    return written(other)


def written(out: Path) -> tuple[bytes, bytes]:
    return out.read_bytes(), quarantine_file(out).read_bytes()


class Watcher:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int | None, int]] = []

    def phase(self, name: str, total: int | None) -> None:
        self.seen.append((name, total, 0))

    def expect(self, total: int) -> None:
        raise AssertionError("the runner knows no total")

    def advance(self, steps: int) -> None:
        name, total, done = self.seen[-1]
        self.seen[-1] = (name, total, done + steps)


def test_every_row_is_accounted_for(out: Path) -> None:
    watcher = Watcher()
    assert run(job(out), placed(MIXED), watcher) == COUNTS
    ids = [line.split()[0] for line in out.read_text().splitlines()]
    assert ids == ["id", "r1", "r2", "r4", "r6", "r7", "r9", "r10"]
    assert watcher.seen == [("labelling", None, 11), ("writing", 11, 11)]
    assert not work_folder(out).exists()


def test_the_quarantine_names_rows_and_never_quotes_them(out: Path) -> None:
    run(job(out), placed(MIXED))
    lines = [json.loads(line) for line in quarantine_file(out).read_text().splitlines()]
    assert [(line["source"], line["offset"], line["report_id"]) for line in lines] == [
        ("reports.csv", 3, None),
        ("reports.csv", 5, "r5"),
        ("reports.csv", 8, "r8"),
        ("reports.csv", 11, None),
    ]
    assert lines[0]["reason"] == "no text"
    assert "ValueError" in lines[1]["reason"]
    assert "stone" not in quarantine_file(out).read_text()


def test_no_quarantine_file_without_quarantined_rows(out: Path) -> None:
    assert run(job(out), placed(["a stone"])) == Counts(1, 1, 0, 0)
    assert not quarantine_file(out).exists()


def test_a_duplicate_id_is_quarantined_with_the_place_of_the_first(out: Path) -> None:
    rows = [Placed("a.csv", 7, Report("x", "one")), Placed("b.csv", 2, Report("x", "two"))]
    assert run(job(out), rows) == Counts(2, 1, 1, 0)
    line = json.loads(quarantine_file(out).read_text())
    assert line["reason"] == "duplicate id, first seen at a.csv, record 7"


def test_half_a_surrogate_pair_is_quarantined(out: Path) -> None:
    rows = [Placed("a", 1, Report("x", "\ud800")), Placed("a", 2, Report("\udfff", "text"))]
    assert run(job(out), rows) == Counts(2, 0, 2, 0)
    assert len(quarantine_file(out).read_text().splitlines()) == 2


def test_a_duplicate_text_is_labelled_once(out: Path) -> None:
    stones = Stones()
    parties = Parties(out, lambda: stones, make_lines)
    readable = [row for row in placed(MIXED) if "FAULT" not in getattr(row.row, "text", "")]
    run(replace(job(out), parties=parties), readable)
    assert sorted(set(stones.texts)) == sorted(stones.texts)


def test_an_empty_input_gives_an_empty_table(out: Path) -> None:
    assert run(job(out), []) == Counts()
    assert out.read_text() == "id stone stone.size\n"


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_the_shard_size_changes_no_byte(out: Path, whole: tuple[bytes, bytes], size: int) -> None:
    assert run(job(out, size=size), placed(MIXED)) == COUNTS
    assert written(out) == whole


def test_processes_write_the_same_bytes_as_one(out: Path, whole: tuple[bytes, bytes]) -> None:
    assert run(job(out, workers=2), placed(MIXED)) == COUNTS
    assert written(out) == whole


def test_processes_do_many_more_shards_than_there_are_processes(out: Path) -> None:
    texts = [f"stone {number}" for number in range(200)]
    assert run(job(out, workers=3, size=2), placed(texts)) == Counts(200, 200, 0, 0)
    ids = [line.split()[0] for line in out.read_text().splitlines()[1:]]
    assert ids == [f"r{number}" for number in range(1, 201)]


def test_the_environment_of_the_caller_stays_as_it_was(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    run(job(out, workers=2), placed(MIXED))
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("workers", [1, 2])
def test_a_labeler_that_cannot_be_built_is_the_users_error(out: Path, workers: int) -> None:
    given = job(out, workers=workers)
    with pytest.raises(UnknownNameError, match="Did you mean 'stones'"):
        run(replace(given, parties=Parties(out, no_panel, make_lines)), placed(MIXED))
    with pytest.raises(MissingExtraError, match=r"reportnlp\[stones\]"):
        run(replace(given, parties=Parties(out, no_extra, make_lines)), placed(MIXED))
    assert not work_folder(out).exists()


# What must not be lost or overwritten.


def test_an_output_that_exists_is_refused_with_the_mend(out: Path) -> None:
    out.write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        run(job(out), placed(MIXED))
    with pytest.raises(OutputError, match="no unfinished work to resume"):
        run(job(out, resume=True), placed(MIXED))
    assert out.read_text() == "mine"
    assert not work_folder(out).exists()


def test_a_quarantine_file_that_exists_is_refused(out: Path) -> None:
    quarantine_file(out).write_text("mine")
    with pytest.raises(OutputError, match=r"quarantine\.jsonl exists"):
        run(job(out), placed(MIXED))


def test_overwrite_replaces_both_files(out: Path) -> None:
    out.write_text("old")
    quarantine_file(out).write_text("old")
    run(replace(job(out), overwrite=True), placed(["a stone"]))
    assert "r1" in out.read_text()
    assert not quarantine_file(out).exists()


def test_a_folder_of_the_users_is_never_taken_for_a_work_folder(out: Path) -> None:
    work_folder(out).mkdir()
    (work_folder(out) / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="Move it"):
        run(replace(job(out), overwrite=True), placed(MIXED))
    assert (work_folder(out) / "thesis.txt").read_text() == "mine"


def test_an_output_must_be_a_file_in_a_folder_that_exists(tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path / "none" / "table.lines"):
        with pytest.raises(OutputError, match=r"is a folder|there is no folder"):
            run(job(out), placed(MIXED))


def broken_off(rows: Iterable[Placed], after: int) -> Iterator[Placed]:
    yield from list(rows)[:after]
    raise InputError("gone")


@pytest.fixture
def unfinished(out: Path) -> Path:
    """A run that stopped after two shards of three rows."""
    with pytest.raises(InputError, match="gone"):
        run(job(out), broken_off(placed(MIXED), 7))
    assert work_folder(out).exists()
    return out


def test_unfinished_work_is_refused_without_resume(unfinished: Path) -> None:
    with pytest.raises(OutputError, match="--resume"):
        run(job(unfinished), placed(MIXED))


def test_resume_labels_only_the_rest(unfinished: Path, whole: tuple[bytes, bytes]) -> None:
    stones = Stones()
    parties = Parties(unfinished, lambda: stones, make_lines)
    counts = run(replace(job(unfinished, resume=True), parties=parties), placed(MIXED))
    assert (counts, written(unfinished)) == (COUNTS, whole)
    assert list(dict.fromkeys(stones.texts)) == ["nothing", "FAULT of a stone", "stone again", "SIGNAL two"]


def test_overwrite_starts_unfinished_work_again(unfinished: Path) -> None:
    run(replace(job(unfinished, digest="other"), overwrite=True), placed(MIXED))
    assert not work_folder(unfinished).exists()


def test_resume_without_unfinished_work_just_starts(out: Path, whole: tuple[bytes, bytes]) -> None:
    assert run(job(out, resume=True), placed(MIXED)) == COUNTS
    assert written(out) == whole


def test_resume_is_refused_under_other_settings(unfinished: Path) -> None:
    with pytest.raises(ResumeError, match="panel digest 5701e, and this is panel digest other"):
        run(job(unfinished, digest="other", resume=True), placed(MIXED))
    with pytest.raises(ResumeError, match="shard size 3"):
        run(job(unfinished, resume=True, size=4), placed(MIXED))
    for name in ("version", "output format"):
        given = job(unfinished, resume=True)
        with pytest.raises(ResumeError, match=name):
            run(replace(given, settings={**given.settings, name: "new"}), placed(MIXED))


@pytest.mark.parametrize("change", ["text", "id", "order", "fewer", "modality"])
def test_resume_is_refused_over_changed_input(unfinished: Path, change: str) -> None:
    rows = placed(MIXED)
    report = Report("r2", "changed") if change == "text" else Report("r2x", "nothing")
    changed = {
        "text": [rows[0], rows[1]._replace(row=report), *rows[2:]],
        "id": [rows[0], rows[1]._replace(row=report), *rows[2:]],
        "order": [rows[1], rows[0], *rows[2:]],
        "fewer": rows[:3],
        "modality": [rows[0]._replace(row=Report("r1", "a stone", modality="CT")), *rows[1:]],
    }[change]
    with pytest.raises(ResumeError, match="input"):
        run(job(unfinished, resume=True), changed)


def test_resume_is_refused_over_input_that_ends_before_a_gap_in_the_work(unfinished: Path) -> None:
    next(work_folder(unfinished).rglob("0000000.json")).unlink()
    with pytest.raises(ResumeError, match="input"):
        run(job(unfinished, resume=True), [])


def test_a_damaged_shard_is_made_again(unfinished: Path, whole: tuple[bytes, bytes]) -> None:
    bodies = sorted(work_folder(unfinished).rglob("*.body"))
    records = sorted(work_folder(unfinished).rglob("0*.json"))
    assert (len(bodies), len(records)) == (2, 2)
    bodies[0].write_bytes(bodies[0].read_bytes()[:-3])
    records[1].write_bytes(b"")
    assert run(job(unfinished, resume=True), placed(MIXED)) == COUNTS
    assert written(unfinished) == whole


def test_only_one_process_works_in_a_folder(unfinished: Path) -> None:
    with locked(work_folder(unfinished)), pytest.raises(OutputError, match="Another process"):
        run(job(unfinished, resume=True), placed(MIXED))
    run(job(unfinished, resume=True), placed(MIXED))


# When the disk or the user says no.


class Full(Lines):
    """A writer to a disk without room."""

    def __init__(self, *, at_merge: bool) -> None:
        self._at_merge = at_merge

    def write_shard(self, path: Path, table: LabelTable, /) -> None:
        if not self._at_merge and table.rows[0].report.id != "r1":
            Path("/dev/full").write_text("x")
        super().write_shard(path, table)

    def merge(self, shards: Iterable[Path], out: Path, questions: tuple[Question, ...], /) -> None:
        try:
            Path("/dev/full").write_text("x")
        except OSError as error:
            raise OutputError("Cannot write 'merged-table.lines'") from error


@pytest.mark.parametrize("at_merge", [False, True])
def test_a_full_disk_is_one_clear_error_and_work_is_kept(
    out: Path, whole: tuple[bytes, bytes], at_merge: bool
) -> None:
    parties = Parties(out, Stones, lambda: Full(at_merge=at_merge))
    with pytest.raises(OutputError, match=r"table\.lines: No space left on device.*--resume") as caught:
        run(replace(job(out), parties=parties), placed(MIXED))
    assert "\n" not in str(caught.value)
    assert not out.exists()
    assert run(job(out, resume=True), placed(MIXED)) == COUNTS
    assert written(out) == whole


def test_a_folder_that_cannot_be_written_is_one_clear_error(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match=r"Permission denied\. Mend that, or choose another"):
        run(job(out), placed(MIXED))


def test_a_fault_of_the_program_quotes_no_report(out: Path) -> None:
    class Faulty(Lines):
        def write_shard(self, path: Path, table: LabelTable, /) -> None:
            raise RuntimeError(table.rows[0].report.text)

    with pytest.raises(ReportNLPError, match=r"RuntimeError in test_archive_runner\.py, line") as caught:
        run(replace(job(out), parties=Parties(out, Stones, Faulty)), placed(MIXED))
    assert "stone" not in str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_one_clear_error_and_work_is_kept(
    out: Path, whole: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setenv(SIGNAL, str(int(number)))
    with pytest.raises(OutputError, match=f"Stopped by {number.name}.*--resume"):
        run(job(out), placed(MIXED))
    assert signal.getsignal(number) is before
    monkeypatch.delenv(SIGNAL)
    assert run(job(out, resume=True), placed(MIXED)) == COUNTS
    assert written(out) == whole


def test_a_worker_that_dies_is_one_clear_error_and_work_is_kept(
    out: Path, whole: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SIGNAL, str(int(signal.SIGKILL)))
    monkeypatch.setenv(AT, "worker")
    with pytest.raises(OutputError, match=r"killed by signal 9.*reports\.csv, record \d+, to.*--resume"):
        run(job(out, workers=2), placed(MIXED))
    monkeypatch.delenv(SIGNAL)
    assert run(job(out, workers=2, resume=True), placed(MIXED)) == COUNTS
    assert written(out) == whole
