from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from reportnlp.archive.reading import Foreseen, Reading
from reportnlp.archive.share import Files
from reportnlp.errors import InputError
from reportnlp.formats.blocks import ReadOptions
from reportnlp.types import BadRow, Report

ROWS = 4000


def table(path: Path, rows: int, *, first: int = 0) -> Path:
    lines = [f"r{number},words of report {number}\n" for number in range(first, first + rows)]
    data = "".join(["report_id,text\n", *lines]).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def reading(*inputs: str | Path) -> Reading:
    return Reading(inputs, None, ReadOptions())


def test_every_row_comes_with_its_place(tmp_path: Path) -> None:
    one, two = table(tmp_path / "one.csv", 2), tmp_path / "two.csv"
    two.write_text("report_id,text\na,words\n,words\nb,words\n")
    places = [(row.source, row.offset, type(row.row)) for row in reading(one, two)]
    assert places == [
        ("one.csv", 1, Report),
        ("one.csv", 2, Report),
        ("two.csv", 1, Report),
        ("two.csv", 2, BadRow),
        ("two.csv", 3, Report),
    ]


def test_a_wrong_last_input_is_refused_before_the_first_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        reading(table(tmp_path / "one.csv", 2), tmp_path / "none.csv")


def totals(inputs: Sequence[str | Path]) -> list[int | None]:
    """The total as it is foreseen after a quarter, half and all of the rows."""
    source = reading(*inputs)
    seen = []
    for number, _ in enumerate(source, start=1):
        if number in (ROWS // 4, ROWS // 2):
            seen.append(source.total)
    return [*seen, source.total]


@pytest.mark.parametrize("name", ["one.csv", "one.csv.gz"])
def test_the_total_is_foreseen_from_the_place_in_the_file(tmp_path: Path, name: str) -> None:
    *early, last = totals([table(tmp_path / name, ROWS)])
    assert last == ROWS
    # A reader stands a buffer ahead of the row it gives, which is much in so small a file.
    assert all(total is not None and ROWS / 4 <= total <= 1.2 * ROWS for total in early)


def test_the_total_is_foreseen_over_several_files(tmp_path: Path) -> None:
    half = ROWS // 2
    inputs = [table(tmp_path / "a.csv", half), table(tmp_path / "b.csv", half, first=half)]
    at_quarter, at_half, last = totals(inputs)
    assert at_quarter is not None
    assert at_half is not None
    assert 0.5 * ROWS <= at_half <= 1.2 * ROWS
    assert last == ROWS


def test_files_of_a_folder_are_counted_where_none_stands_open(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"{number}.txt").write_text("words")
    assert [Files(tmp_path).share(rows) for rows in (0, 2, 8, 9)] == [0, 0.25, 1, 1]
    assert Files(tmp_path / "1.txt").share(0) == 0
    assert Files(str(tmp_path / "*.txt")).share(2) == 0.25


def test_sizes_of_very_many_files_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportnlp.archive.share.MAX_FILES", 2)
    for number in range(8):
        (tmp_path / f"{number}.txt").write_text("words")
    assert Files(tmp_path).weight == 8 * len("words")
    assert Files(tmp_path).share(4) == 0.5


class Watcher:
    def __init__(self) -> None:
        self.heard: list[tuple[str, int | str | None]] = []

    def phase(self, name: str, total: int | None) -> None:
        self.heard.append((name, total))

    def expect(self, total: int) -> None:
        self.heard.append(("expect", total))

    def advance(self, steps: int) -> None:
        self.heard.append(("advance", steps))


def test_a_watcher_is_told_the_total_of_the_rows_only(tmp_path: Path) -> None:
    source, watcher = reading(table(tmp_path / "one.csv", 3)), Watcher()
    foreseen = Foreseen(watcher, source)
    list(source)
    foreseen.phase("labelling", None)
    foreseen.advance(3)
    foreseen.phase("writing", 1)
    foreseen.advance(1)
    foreseen.expect(2)
    assert watcher.heard == [
        ("labelling", None),
        ("expect", 3),
        ("advance", 3),
        ("writing", 1),
        ("advance", 1),
        ("expect", 2),
    ]
