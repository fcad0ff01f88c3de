"""What every format must do. A new file in `reportnlp/formats` is tested here with no edit."""

import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from reportnlp.errors import InputError, OutputError
from reportnlp.formats import chexpert, loader
from reportnlp.formats.blocks import ReadOptions, Row
from reportnlp.registry import FORMATS
from reportnlp.types import BadRow, Label, LabelledReport, LabelTable, Presence, Question, Report, Span

PLANTED = (
    Report(
        "s50000001",
        'FINDINGS:\nNo thrombus, "tiny" nodule; 5 mm |\ttab.\n\nIMPRESSION:\n1. Unremarkable.\r\n2. Done.',
        patient="p10000001",
        exam_date=date(2019, 3, 4),
        modality="CT",
        site="Northern, old wing",
    ),
    Report("s50000002", "FINDINGS:\nMild\u200b \u202eoedema\u202c, café, 日本 🙂.", patient="p10000001"),
    Report(
        "s50000003",
        "INDICATION:\n=Dyspnoea\n\nIMPRESSION:\n- Thickening < 3 mm & pleural; 'quoted'.  ",
        patient="p10000002",
    ),
    Report("s50000004", "IMPRESSION:\n" + "Emphysema throughout. " * 400, patient="p10000002"),
)
SECRETS = frozenset(re.findall(r"[A-Za-z]{6,}", " ".join(report.text for report in PLANTED)))
BROKEN = (InputError, BadRow)


def readable() -> list[str]:
    return list(loader.readers())


def writable() -> list[str]:
    return list(loader.writers())


def read(name: str, source: Path) -> list[Row]:
    return list(FORMATS.get(name).read(source, ReadOptions()))


def plant(name: str, folder: Path, reports: tuple[Report, ...] = PLANTED) -> Path:
    folder.mkdir(exist_ok=True)
    planted: Path = FORMATS.get(name).plant(folder, reports)
    return planted


def files_of(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())


def zipped(source: Path) -> Path:
    """The same layout with every file packed; the plain ones are gone."""
    for path in files_of(source):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
    return source if source.is_dir() else source.with_name(f"{source.name}.gz")


def assert_same(rows: list[Row], reports: tuple[Report, ...]) -> None:
    assert [type(row) for row in rows] == [Report] * len(reports)
    for row, report in zip(rows, reports, strict=True):
        assert isinstance(row, Report)
        assert (row.id, row.text) == (report.id, report.text)
        for field in ("patient", "exam_date", "modality", "site"):
            # Not every format has a place for these; one that has may not change them.
            assert getattr(row, field) in (None, getattr(report, field))


@pytest.mark.parametrize("name", FORMATS.names())
def test_a_format_says_what_it_is(name: str) -> None:
    module = FORMATS.get(name)
    assert module.TITLE and "\n" not in module.TITLE
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in module.SUFFIXES)
    assert hasattr(module, "read") or hasattr(module, "write_shard")
    assert hasattr(module, "read") == hasattr(module, "FOLDERS") == hasattr(module, "plant")
    assert hasattr(module, "write_shard") == hasattr(module, "merge")


@pytest.mark.parametrize("name", readable())
def test_reports_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    assert_same(read(name, plant(name, tmp_path / "in")), PLANTED)


@pytest.mark.parametrize("name", readable())
def test_gzip_is_read_alike(name: str, tmp_path: Path) -> None:
    assert_same(read(name, zipped(plant(name, tmp_path / "in"))), PLANTED)


@pytest.mark.parametrize("name", readable())
def test_the_loader_finds_the_format_by_itself(name: str, tmp_path: Path) -> None:
    source = plant(name, tmp_path / "in")
    assert_same(list(loader.read_reports([source])), PLANTED)
    assert_same(list(loader.read_reports([tmp_path / "in"])), PLANTED)
    assert_same(list(loader.read_reports([source], format=name)), PLANTED)
    assert_same(list(loader.read_reports([zipped(source)])), PLANTED)


@pytest.mark.parametrize("name", readable())
def test_a_line_of_ten_megabytes_is_no_trouble(name: str, tmp_path: Path) -> None:
    long = Report("s50000009", "FINDINGS:\n" + "clear " * 1_750_000, patient="p10000001")
    assert_same(read(name, plant(name, tmp_path / "in", (PLANTED[0], long))), (PLANTED[0], long))


@pytest.mark.parametrize("name", readable())
@pytest.mark.parametrize("text", ["", " \r\n\t"])
def test_an_empty_text_is_a_bad_row(name: str, text: str, tmp_path: Path) -> None:
    rows = read(name, plant(name, tmp_path / "in", (Report("s50000001", text), PLANTED[1])))
    assert isinstance(rows[0], BadRow)
    assert (rows[0].reason, rows[0].id, rows[0].offset) == ("empty text", "s50000001", 1)
    assert_same(rows[1:], PLANTED[1:2])


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


def spoilt(bad: bytes) -> Callable[[bytes], bytes]:
    """The bytes put into the text of every report."""
    return lambda data: re.sub(rb"(?<=\b[A-Z][a-z])(?=[a-z]{4})", bad, data)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing left": cut(0),
    "one byte": lambda data: data[:1],
    "a third": cut(1 / 3),
    "two thirds": cut(2 / 3),
    "end missing": lambda data: data[:-9],
    "bad bytes": spoilt(b"\xff\xfe"),
    "latin-1": spoilt(b"\xe9"),
    "a NUL": spoilt(b"\x00"),
    "NULs behind": lambda data: data[: len(data) // 2] + bytes(len(data) // 2),
    "noise": lambda data: bytes((7 * at) % 256 for at in range(2000)),
    "UTF-16": lambda data: b"\xff\xfe" + data.decode("latin-1").encode("utf-16-le"),
}


def outcome(name: str, source: Path) -> Iterator[Row | InputError]:
    try:
        yield from read(name, source)
    except InputError as error:
        yield error


def words(item: Row | InputError) -> str:
    return str(item) if isinstance(item, InputError) else f"{item}"


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", readable())
def test_damage_is_told_without_the_text(name: str, damage: str, tmp_path: Path) -> None:
    source = plant(name, tmp_path / "in")
    for path in files_of(source):
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    for item in outcome(name, source):
        if isinstance(item, BROKEN):
            assert not [secret for secret in SECRETS if secret in words(item)]


@pytest.mark.parametrize("damage", ["bad bytes", "latin-1", "a NUL", "NULs behind", "UTF-16", "noise"])
@pytest.mark.parametrize("name", readable())
def test_a_text_is_passed_on_whole_or_not_at_all(name: str, damage: str, tmp_path: Path) -> None:
    source = plant(name, tmp_path / "in")
    for path in files_of(source):
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    found = list(outcome(name, source))
    assert any(isinstance(item, BROKEN) for item in found)
    assert {r.text for r in found if isinstance(r, Report)} <= {report.text for report in PLANTED}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", readable())
def test_a_cut_gzip_keeps_what_came_before(name: str, share: float, tmp_path: Path) -> None:
    many = tuple(Report(f"s5{at:07}", f"FINDINGS:\nNumbered {at * 7919} {at * 104729}.") for at in range(300))
    source = zipped(plant(name, tmp_path / "in", many))
    last = files_of(source)[-1]
    last.write_bytes(cut(share)(last.read_bytes()))
    rows = list(outcome(name, source))
    reports = [row for row in rows if isinstance(row, Report)]
    assert [r.text for r in reports] == [r.text for r in many[: len(reports)]]
    assert isinstance(rows[-1], BROKEN)
    assert len(rows) == len(reports) + 1
    assert re.search("early|cut short|to its end|empty|whole|cannot be read", words(rows[-1]))


ANSWERS = tuple(presence.value for presence in Presence)
FINDINGS = (
    "pulmonary_embolism",
    *(finding for findings in chexpert.COLUMNS.values() for finding in findings),
)
QUESTIONS = (
    *(Question(finding, None, ANSWERS) for finding in FINDINGS),
    Question("pulmonary_embolism", "location", ("main", "lobar", "unspecified")),
)


def labelled(report: Report, seed: int) -> LabelledReport:
    labels = [
        Label(question.name, question.answers[(seed + at) % 3], 1 / (1 + at), Span(at, at + 7), "findings")
        for at, question in enumerate(QUESTIONS)
    ]
    labels[3] = Label(QUESTIONS[3].name, "not_mentioned", 0.5)
    return LabelledReport(report, tuple(labels))


def table(reports: tuple[Report, ...]) -> LabelTable:
    rows = tuple(labelled(report, len(report.text)) for report in reports)
    return LabelTable(QUESTIONS, rows, "rules", "rules-0.1.0-abc")


def merged(writer: ModuleType, folder: Path, parts: Sequence[tuple[Report, ...]]) -> bytes:
    folder.mkdir()
    shards = [folder / f"{at:05}" for at in range(len(parts))]
    for shard, part in zip(shards, parts, strict=True):
        writer.write_shard(shard, table(part))
    told: list[int] = []
    writer.merge(shards, folder / "out", QUESTIONS, told.append)
    assert told == list(range(1, len(parts) + 1))
    return (folder / "out").read_bytes()


@pytest.mark.parametrize("name", writable())
def test_the_same_table_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    writer = FORMATS.get(name)
    parts = [PLANTED[:2], PLANTED[2:]]
    assert merged(writer, tmp_path / "a", parts) == merged(writer, tmp_path / "b", parts)


@pytest.mark.parametrize("name", writable())
def test_shards_are_merged_in_their_order(name: str, tmp_path: Path) -> None:
    writer = FORMATS.get(name)
    forth = merged(writer, tmp_path / "a", [PLANTED[:1], PLANTED[1:]])
    back = merged(writer, tmp_path / "b", [PLANTED[1:], PLANTED[:1]])
    assert forth != back
    if name != "parquet":  # its bytes show the row groups; test_formats_parquet reads them
        assert forth == merged(writer, tmp_path / "c", [PLANTED])
        body = (tmp_path / "a" / "00000").read_bytes() + (tmp_path / "a" / "00001").read_bytes()
        assert forth.endswith(body)


@pytest.mark.parametrize("name", writable())
def test_no_reports_make_an_empty_table(name: str, tmp_path: Path) -> None:
    writer = FORMATS.get(name)
    empty = merged(writer, tmp_path / "a", [()])
    assert empty == merged(writer, tmp_path / "b", [])
    assert len(empty) < len(merged(writer, tmp_path / "c", [PLANTED]))


@pytest.mark.parametrize("name", writable())
def test_a_full_disk_is_one_clear_error(name: str, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        FORMATS.get(name).write_shard(Path("/dev/full"), table(PLANTED))
    with pytest.raises(OutputError, match="No such file"):
        FORMATS.get(name).write_shard(tmp_path / "nowhere" / "x", table(PLANTED))


@pytest.mark.parametrize("name", writable())
def test_the_loader_finds_the_writer_by_suffix(name: str) -> None:
    writer = FORMATS.get(name)
    assert loader.writer_for(Path(f"labels{writer.SUFFIXES[0].upper()}")) is writer
    assert loader.writer_for(Path("labels.of.mine"), name) is writer
