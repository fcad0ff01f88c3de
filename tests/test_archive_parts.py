"""Counts, shards, the index of what was seen, records, and what a worker remembers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from reportnlp import errors
from reportnlp.archive import disk, worker
from reportnlp.archive.counts import Counts
from reportnlp.archive.failures import error_of, failure_of
from reportnlp.archive.parties import Placed
from reportnlp.archive.records import Record, record_path
from reportnlp.archive.seen import Seen, digest
from reportnlp.archive.shards import MAX_CHARACTERS, Entry, Shard, cut, shards
from reportnlp.archive.worker import Memory
from reportnlp.types import BadRow, Label, Report
from tests.test_archive_standins import Stones, placed


def test_counts_must_add_up() -> None:
    assert Counts(6, 3, 2, 1) + Counts(1, 0, 0, 1) == Counts(7, 3, 2, 2)
    for wrong in ((6, 3, 2, 0), (6, 8, -2, 0)):
        with pytest.raises(ValueError, match="rows read, but"):
            Counts(*wrong)


def cut_and_numbered(rows: list[Placed], tmp_path: Path, size: int = 2) -> list[Shard]:
    return list(shards(cut(rows, size), Seen(tmp_path / "seen.sqlite")))


def test_shards_hold_every_row_in_order(tmp_path: Path) -> None:
    found = cut_and_numbered(placed(["a", None, "b", "c", "d"]), tmp_path)
    assert [(shard.number, len(shard.rows)) for shard in found] == [(0, 2), (1, 2), (2, 1)]
    kinds = [type(row) for shard in found for row in shard.rows]
    assert kinds == [Entry, BadRow, Entry, Entry, Entry]


def test_long_texts_end_a_shard_sooner() -> None:
    long = "x" * (MAX_CHARACTERS // 2)
    assert [len(piece) for piece in cut(placed([long, long, "a", long, "b"]), 3)] == [2, 3]


def test_duplicates_are_found_across_shards(tmp_path: Path) -> None:
    found = cut_and_numbered(placed(["a", "b", "b", "c", "a"]), tmp_path)
    entries = [row for shard in found for row in shard.rows if isinstance(row, Entry)]
    assert [entry.duplicate for entry in entries] == [False, False, True, False, True]


def test_the_input_digest_holds_all_of_the_input(tmp_path: Path) -> None:
    same = Report("r", "text", "p", date(2020, 1, 2), "CT", "s")
    others: list[Report | BadRow] = [
        Report("q", "text", "p", date(2020, 1, 2), "CT", "s"),
        Report("r", "next", "p", date(2020, 1, 2), "CT", "s"),
        Report("r", "text", "q", date(2020, 1, 2), "CT", "s"),
        Report("r", "text", "p", date(2020, 1, 3), "CT", "s"),
        Report("r", "text", "p", date(2020, 1, 2), "MR", "s"),
        Report("r", "text", "p", date(2020, 1, 2), "CT", "t"),
        BadRow("f", 1, "text", "r"),
        BadRow("f", 1, "reason", "r"),
    ]
    digests = [cut_and_numbered([Placed("f", 1, row)], tmp_path)[0].input_digest for row in (same, *others)]
    assert len(set(digests)) == len(digests)
    assert cut_and_numbered([Placed("f", 1, same)], tmp_path)[0].input_digest == digests[0]


def test_ids_are_remembered_with_their_first_place(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "seen.sqlite")
    one, two = digest("one"), digest("two")
    assert seen.first_id(one, "a", 1) is None
    assert seen.first_id(two, "b", 9) is None
    assert seen.first_id(one, "a", 2) == ("a", 1)
    assert seen.first_id(two, "c", 1) == ("b", 9)
    seen.close()


def test_the_index_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "seen.sqlite"
    for _ in range(2):
        seen = Seen(path)
        assert seen.is_new_text(digest("text"))
        assert not seen.is_new_text(digest("text"))
        seen.close()


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    bad = (BadRow("a.csv", 3, "why \ud800", None), BadRow("a.csv", 4, "why", "id \u202e"))
    record = Record("in", "out", Counts(5, 2, 2, 1), bad)
    record.write(tmp_path, 12)
    assert Record.read(tmp_path, 12) == record
    assert Record.read(tmp_path, 13) is None
    record_path(tmp_path, 12).write_text('{"input": ')
    assert Record.read(tmp_path, 12) is None
    assert not list(tmp_path.glob(f"*{disk.TEMPORARY}"))


def entry(text: str) -> Entry:
    return Entry("a", 1, Report("r", text), digest(text), False)


def test_memory_forgets_the_least_recently_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "REMEMBERED", 2)
    stones = Stones()
    memory = Memory(stones)
    for text in ("a", "b", "a", "c", "a", "b"):
        memory.read([entry(text)])
        memory.label(entry(text))
        memory.forget()
    assert stones.texts == ["a", "b", "c", "b"]


def test_a_labeler_out_of_memory_is_no_fault_of_the_report() -> None:
    class Hungry(Stones):
        def label_batch(self, reports: Sequence[Report], /) -> list[tuple[Label, ...]]:
            raise MemoryError

    with pytest.raises(MemoryError):
        Memory(Hungry()).read([entry("a")])


def test_a_batch_with_a_bad_report_labels_the_good_ones() -> None:
    memory = Memory(Stones())
    entries = [entry("a stone"), entry("FAULT"), entry("b")]
    memory.read(entries)
    good, bad, other = (memory.label(one) for one in entries)
    assert good[0].answer == "present"  # type: ignore[union-attr]
    assert bad == "ValueError"
    assert other[0].answer == "absent"  # type: ignore[union-attr]


def test_an_error_travels_with_its_class_and_message(tmp_path: Path) -> None:
    for error in (
        errors.InputError("x"),
        errors.MissingExtraError("Reading", "images"),
        errors.unknown_name("panel", "po", ["pe"]),
    ):
        again = error_of(failure_of(error, tmp_path / "out"))
        assert (type(again), str(again)) == (type(error), str(error))


def test_an_error_of_another_package_travels_as_the_base_class(tmp_path: Path) -> None:
    class Foreign(errors.ReportNLPError):
        pass

    again = error_of(failure_of(Foreign("x"), tmp_path / "out"))
    assert (type(again), str(again)) == (errors.ReportNLPError, "x")
