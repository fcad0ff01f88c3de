import gzip
import io
import tarfile
from pathlib import Path

import pytest

from reportnlp.errors import InputError
from reportnlp.formats import mimic_cxr, openi, txt
from reportnlp.formats.blocks import ReadOptions
from reportnlp.types import BadRow, Report

ANY = ReadOptions()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_txt_ids_are_stems_or_paths_below_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "b.final.txt", b"\xef\xbb\xbfB\r\n")
    put(tmp_path / "a" / "x.TXT", b"X\r")
    put(tmp_path / "c.txt.gz", gzip.compress(b"C\n"))
    put(tmp_path / "._b.txt", b"resource fork")
    put(tmp_path / "notes.md", b"no report")
    assert list(txt.read(tmp_path, ANY)) == [
        Report("a/x", "X\r"),
        Report("b.final", "B\r\n"),
        Report("c", "C\n"),
    ]
    assert list(txt.read(tmp_path / "b.final.txt", ANY)) == [Report("b.final", "B\r\n")]


def test_txt_that_cannot_be_read_is_a_bad_row(tmp_path: Path) -> None:
    put(tmp_path / "a.txt", b"caf\xe9")
    put(tmp_path / "b.txt.gz", gzip.compress(b"cut short")[:-9])
    put(tmp_path / "c.txt", b"fine")
    put(tmp_path / "d\nd.txt", b"fine")
    (tmp_path / "e.txt").symlink_to(tmp_path / "nowhere")
    first, second, third, fourth, fifth = txt.read(tmp_path, ANY)
    assert first == BadRow("a.txt", 1, "the text is not UTF-8 from byte 3; save it as UTF-8", "a")
    assert isinstance(second, BadRow) and second.id == "b" and "to its end" in second.reason
    assert third == Report("c", "fine")
    assert isinstance(fourth, BadRow) and fourth.id is None and "\n" not in fourth.source
    assert isinstance(fifth, BadRow) and "No such file" in fifth.reason


def test_linked_folders_are_read_and_loops_are_not(tmp_path: Path) -> None:
    put(tmp_path / "far" / "a.txt", b"A")
    put(tmp_path / "in" / "b.txt", b"B")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "far")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert list(txt.read(tmp_path / "in", ANY)) == [Report("b", "B"), Report("linked/a", "A")]


def test_folders_without_reports_are_refused(tmp_path: Path) -> None:
    for reader in (txt, mimic_cxr, openi):
        with pytest.raises(InputError, match=r"holds no"):
            list(reader.read(tmp_path, ANY))


@pytest.mark.parametrize("level", ["", "files", "files/p10", "files/p10/p10000032"])
def test_mimic_is_known_and_read_at_every_level(level: str, tmp_path: Path) -> None:
    put(tmp_path / "LICENSE.txt", b"not a report")
    put(tmp_path / "files" / "p10" / "p10000032" / "s50414267.txt", b"Normal.")
    put(tmp_path / "files" / "p10" / "p10000032" / "index.txt", b"not a report")
    put(tmp_path / "files" / "p11" / "p11000000" / "s50000001.txt.gz", gzip.compress(b"Normal."))
    first, *rest = mimic_cxr.read(tmp_path / level, ANY)
    assert mimic_cxr.claims(tmp_path / level)
    assert first == Report("s50414267", "Normal.", "p10000032")
    assert rest == ([] if "p10" in level else [Report("s50000001", "Normal.", "p11000000")])


def test_mimic_does_not_claim_other_folders(tmp_path: Path) -> None:
    put(tmp_path / "patients" / "p1.txt", b"x")
    assert not mimic_cxr.claims(tmp_path)


def xml(body: str, head: str = '<?xml version="1.0" encoding="utf-8"?>', report_id: str = "CXR9") -> bytes:
    return f'{head}\n<eCitation>\n<uId id="{report_id}"/><Abstract>{body}</Abstract>\n</eCitation>\n'.encode()


BODY = (
    '\n <AbstractText Label="COMPARISON"/>\n <AbstractText Label="IMPRESSION">'
    "Size &lt; 3 &amp; &quot;old&quot;."
    '</AbstractText>\n <AbstractText Label="TECHNIQUE">PA.</AbstractText>'
    '<AbstractText Label="FINDINGS">Clear &apos;té&apos;.</AbstractText>\n'
)
TEXT = "FINDINGS:\nClear 'té'.\n\nIMPRESSION:\nSize < 3 & \"old\".\n\nTECHNIQUE:\nPA."


@pytest.mark.parametrize("head", ['<?xml version="1.0" encoding="utf-8"?>', "", "<!-- a note -->"])
def test_openi_sections_stand_in_reading_order(head: str, tmp_path: Path) -> None:
    path = put(tmp_path / "9.xml", xml(BODY, head))
    assert list(openi.read(path, ANY)) == [Report("CXR9", TEXT)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (xml(BODY)[:-4], "no well-formed XML"),
        (xml(BODY.replace("té", "t\0é")), "no well-formed XML"),
        (xml(BODY).replace("é".encode(), b"\xe9"), "no well-formed XML"),
        (xml(BODY.replace("&lt;", "&nbsp;")), "no well-formed XML"),
        (xml(BODY, '<?xml version="1.0" encoding="klingon"?>'), "encoding that is not known"),
        (xml(""), "empty text"),
        (xml(BODY, report_id=""), "id is missing"),
    ],
)
def test_openi_that_cannot_be_read_is_a_bad_row(content: bytes, reason: str, tmp_path: Path) -> None:
    (row,) = openi.read(put(tmp_path / "9.xml", content), ANY)
    assert isinstance(row, BadRow)
    assert (row.source, row.offset) == ("9.xml", 1)
    assert reason in row.reason


def test_the_quick_and_the_careful_way_agree() -> None:
    quick = openi._quick(xml(BODY))
    assert quick is not None
    assert quick == openi._careful(xml(BODY))
    assert openi._quick(xml(BODY.replace("Clear", "<b>Clear</b>"))) is None
    assert openi._quick(xml(BODY.replace("Clear", "Clear\r\n"))) is None


def archive(path: Path, count: int) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for at in range(count):
            data = xml(f'<AbstractText Label="FINDINGS">{at * 7919}</AbstractText>', report_id=f"CXR{at}")
            info = tarfile.TarInfo(f"ecgen-radiology/{at}.xml")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        tar.addfile(tarfile.TarInfo("ecgen-radiology/README"), io.BytesIO())
    return path


def test_openi_is_read_out_of_its_archive(tmp_path: Path) -> None:
    rows = list(openi.read(archive(tmp_path / "in.tgz", 50), ANY))
    assert rows == [Report(f"CXR{at}", f"FINDINGS:\n{at * 7919}") for at in range(50)]


def test_a_cut_archive_keeps_what_came_before(tmp_path: Path) -> None:
    path = archive(tmp_path / "in.tar.gz", 500)
    data = path.read_bytes()
    for share in (0.3, 0.6, 0.95, 0.999):
        path.write_bytes(data[: int(len(data) * share)])
        *rows, last = openi.read(path, ANY)
        assert [row.id for row in rows] == [f"CXR{at}" for at in range(len(rows))]
        assert isinstance(last, BadRow) and "ends early" in last.reason
    with pytest.raises(InputError, match="no whole tar archive"):
        list(openi.read(put(tmp_path / "x.tgz", gzip.compress(b"no tar" * 200)), ANY))
    with pytest.raises(InputError, match=r"holds no \.xml"):
        list(openi.read(archive(tmp_path / "y.tgz", 0), ANY))
