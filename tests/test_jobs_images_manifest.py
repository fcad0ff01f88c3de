"""A folder of images becomes a manifest, and a manifest is checked: all counted, nobody's name read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from pydicom.uid import CTImageStorage

from reportnlp.errors import InputError, InvalidDefinitionError, OutputError, UnknownNameError
from reportnlp.images.manifest import ImageRow, read_manifest, write_manifest
from reportnlp.images.readers import dicom
from reportnlp.images.readers._dicom_file import ENVELOPE
from reportnlp.jobs import _images_hidden, images_check, images_manifest
from reportnlp.jobs.images_check import ImagesCheckJob
from reportnlp.jobs.images_manifest import ImagesManifestJob
from reportnlp.types import BadRow
from tests.conftest import Command

VALUES = np.arange(64, dtype=np.int16).reshape(8, 8)


def film(path: Path, **elements: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    given = {
        "StudyInstanceUID": "1.2",
        "SeriesInstanceUID": "1.2.3",
        "AccessionNumber": "A1",
        "PatientID": "P1",
    }
    dataset = dicom.made(VALUES, class_uid=CTImageStorage, **{**given, **elements})
    dataset.save_as(path, enforce_file_format=True)


def picture(path: Path, values: Any = VALUES) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.asarray(values, np.uint8)).save(path)


def archive(folder: Path) -> Path:
    """DICOM as an archive exports it, with everything that lies about in one."""
    root = folder / "archive"
    film(root / "a" / "1.dcm", ViewPosition="PA", Laterality="L", Modality="DX", PatientName="Example^Ann")
    film(root / "a" / "IM00002", StudyInstanceUID="1.4", PatientID="P2", AccessionNumber="A2")
    film(root / "b" / "1.2.840.9")
    film(root / "b" / "nameless.dcm", StudyInstanceUID="", AccessionNumber="")
    report = dicom.made(VALUES, class_uid="1.2.840.10008.5.1.4.1.1.88.11", StudyInstanceUID="1.2")
    for name in ("PixelData", "Rows", "Columns"):
        delattr(report, name)
    report.save_as(root / "b" / "report.dcm", enforce_file_format=True)
    (root / "b" / "sealed.dcm").write_bytes(b"\x30\x80\x06\x09" + ENVELOPE + bytes(900))
    (root / "b" / "LOCKED").write_bytes(b"\x30\x80\x06\x09" + ENVELOPE + bytes(900))
    (root / "b" / "text.dcm").write_text("nothing")
    (root / "notes.txt").write_text("nothing")
    (root / "README").write_text("nothing")
    (root / ".hidden").write_text("nothing")
    return root


def listed(folder: Path, root: Path, **changes: Any) -> images_manifest.Listed:
    found = images_manifest.run(ImagesManifestJob(root, folder / "manifest.csv", **changes))
    assert found.files == found.images + sum(found.other.values()) + len(found.bad)
    return found


def test_an_archive_is_listed_by_its_ids(tmp_path: Path) -> None:
    found = listed(tmp_path, archive(tmp_path))
    rows = read_manifest(tmp_path / "manifest.csv")
    assert [
        (r.study, r.image, r.patient, r.accession, r.series) for r in rows if isinstance(r, ImageRow)
    ] == [
        ("1.2", "archive/a/1.dcm", "P1", "A1", "1.2.3"),
        ("1.4", "archive/a/IM00002", "P2", "A2", "1.2.3"),
        ("1.2", "archive/b/1.2.840.9", "P1", "A1", "1.2.3"),
    ]
    assert (found.rows[0].view, found.rows[0].laterality, found.rows[0].modality) == ("PA", "L", "DX")
    assert found.other == {"without an image": 1, "of another kind": 2}
    assert {bad.row.study: bad.reason for bad in found.bad} == {
        "b/nameless.dcm": "it names no study",
        "b/sealed.dcm": "it is encrypted",
        "b/LOCKED": "it is encrypted",
        "b/text.dcm": "it is no DICOM file",
    }
    assert "Example" not in (tmp_path / "manifest.csv").read_text("utf-8")
    told = (tmp_path / "manifest.csv.quarantine.jsonl").read_text("utf-8").splitlines()
    assert len([json.loads(line) for line in told]) == 4


def test_patients_are_hidden_behind_a_salt(tmp_path: Path) -> None:
    root = archive(tmp_path)
    plain = [row.patient for row in listed(tmp_path, root).rows]
    hidden = [row.patient for row in listed(tmp_path, root, salt="pepper", overwrite=True).rows]
    assert hidden == [_images_hidden.hidden(name or "", "pepper") for name in plain]
    assert hidden[0] == hidden[2] != hidden[1]
    other = [row.patient for row in listed(tmp_path, root, salt="salt", overwrite=True).rows]
    assert not set(other) & set(hidden) and "P1" not in (tmp_path / "manifest.csv").read_text("utf-8")


def test_pictures_are_listed_by_their_names(tmp_path: Path) -> None:
    picture(tmp_path / "films" / "s1.png")
    picture(tmp_path / "films" / "deep" / "s2.old.jpg")
    found = listed(tmp_path, tmp_path / "films")
    assert [(row.study, row.image) for row in found.rows] == [
        ("s2.old", "films/deep/s2.old.jpg"),
        ("s1", "films/s1.png"),
    ]


def test_a_pattern_finds_ids_in_paths(tmp_path: Path) -> None:
    root = tmp_path / "films"
    picture(root / "train" / "patient7" / "study1" / "view1_frontal.png")
    picture(root / "odd.png")
    pattern = r"(?P<split>\w+)/patient(?P<patient>\d+)/(?P<study>study\d+)/"
    found = listed(tmp_path, root, pattern=pattern)
    place = "films/train/patient7/study1/view1_frontal.png"
    assert found.rows == [ImageRow("study1", place, "7", split="train")]
    assert [(bad.row.image, bad.reason) for bad in found.bad] == [("films/odd.png", "it names no study")]


@pytest.mark.parametrize(
    ("pattern", "error", "message"),
    [
        ("(?P<study>", InvalidDefinitionError, "no regular expression"),
        (r"(?P<stdy>\d+)", UnknownNameError, "Did you mean 'study'"),
    ],
)
def test_a_pattern_that_is_none_is_refused(
    pattern: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    picture(tmp_path / "films" / "a.png")
    with pytest.raises(error, match=message):
        listed(tmp_path, tmp_path / "films", pattern=pattern)


def test_arrays_are_listed_image_by_image(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    images = np.zeros((2, 8, 8), np.uint8)
    np.savez(tmp_path / "in" / "set.npz", val_images=images, val_labels=np.zeros((2, 1)), other=images[:1])
    found = listed(tmp_path, tmp_path / "in")
    assert [(row.study, row.image, row.split) for row in found.rows] == [
        ("val_images-0", "in/set.npz#val_images/0", "valid"),
        ("val_images-1", "in/set.npz#val_images/1", "valid"),
        ("other-0", "in/set.npz#other/0", None),
    ]
    assert found.images == 1


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.dcm").write_text("nothing")
    with pytest.raises(InputError, match=r"among 1 files\. 1 cannot be used, the first: it is no DICOM file"):
        listed(tmp_path, tmp_path / "in")
    with pytest.raises(InputError, match="There is no folder"):
        listed(tmp_path, tmp_path / "gone")


def test_nothing_is_overwritten_unless_asked_for(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "manifest.csv").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        listed(tmp_path, tmp_path / "in")
    assert len(listed(tmp_path, tmp_path / "in", overwrite=True).rows) == 1
    with pytest.raises(OutputError, match=r"ends in \.csv"):
        images_manifest.run(ImagesManifestJob(tmp_path / "in", tmp_path / "manifest.txt"))


def checked(folder: Path) -> Path:
    """A manifest of two equal images, one other, and four that cannot be used."""
    picture(folder / "a.png")
    picture(folder / "b.png")
    picture(folder / "c.png", VALUES[::-1])
    picture(folder / "black.png", np.zeros((8, 8)))
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:50])
    names = ("a.png", "b.png", "c.png", "black.png", "cut.png", "gone.png")
    write_manifest([ImageRow(f"s{at}", name) for at, name in enumerate(names)], folder / "m.csv")
    with (folder / "m.csv").open("a", encoding="utf-8") as file:
        file.write("s9,\n")
    return folder / "m.csv"


def test_every_image_is_looked_at(tmp_path: Path) -> None:
    manifest = checked(tmp_path)
    found = images_check.run(ImagesCheckJob(manifest, tmp_path / "good.csv"))
    assert (found.good, len(found.bad), len(found.rows), found.twice) == (3, 3, 1, 1)
    rows = [row for row in read_manifest(tmp_path / "good.csv") if not isinstance(row, BadRow)]
    assert [row.study for row in rows] == ["s0", "s1", "s2"]
    assert rows[0].digest == rows[1].digest != rows[2].digest
    told = [json.loads(line) for line in (tmp_path / "good.csv.quarantine.jsonl").read_text().splitlines()]
    assert [one["reason"] for one in told] == [
        "it names no image",
        "all its pixels are of one value",
        "it is cut short or damaged",
        "there is no such file",
    ]


def test_a_checked_manifest_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    images_check.run(ImagesCheckJob(checked(tmp_path), tmp_path / "out" / "good.csv"))
    again = images_check.run(ImagesCheckJob(tmp_path / "out" / "good.csv"))
    assert (again.good, again.bad, again.rows) == (3, (), ())


def test_an_old_digest_is_not_believed(tmp_path: Path) -> None:
    images_check.run(ImagesCheckJob(checked(tmp_path), tmp_path / "good.csv"))
    (tmp_path / "a.png").unlink()
    assert [bad.reason for bad in images_check.run(ImagesCheckJob(tmp_path / "good.csv")).bad] == [
        "there is no such file"
    ]


def test_the_manifest_itself_is_not_replaced(tmp_path: Path) -> None:
    manifest = checked(tmp_path)
    with pytest.raises(OutputError, match="is the manifest that is looked at"):
        images_check.run(ImagesCheckJob(manifest, manifest, overwrite=True))


def test_the_commands_tell_counts_that_add_up(tmp_path: Path, reportnlp: Command) -> None:
    code, out, err = reportnlp("images", "check", str(checked(tmp_path)))
    assert (code, out.splitlines()) == (
        3,
        ["images: 7 = usable 3 + cannot be used 3 + unusable rows 1", "    1 have the pixels of another one"],
    )
    assert "     1 there is no such file\n" in err
    code, out, _ = reportnlp("images", "manifest", str(archive(tmp_path)), "-o", str(tmp_path / "n.csv"))
    assert code == 3
    assert out.splitlines() == [
        "files: 10 = with images 3 + of another kind 2 + without an image 1 + cannot be used 4",
        "images: 3 of 2 studies and 2 known patients",
    ]


def test_one_file_is_listed_by_itself(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "set.npz", val_images=np.zeros((2, 8, 8), np.uint8))
    (tmp_path / "in" / "other.png").write_text("not looked at")
    found = listed(tmp_path, tmp_path / "in" / "set.npz")
    assert [row.image for row in found.rows] == ["in/set.npz#val_images/0", "in/set.npz#val_images/1"]


def test_a_pattern_that_matches_no_path_is_named_with_a_path_but_no_folder(tmp_path: Path) -> None:
    for name in ("MillerAnn", "Doe"):
        picture(tmp_path / "films" / name / "s1" / "view1.png")
    with pytest.raises(InvalidDefinitionError, match="matches none of the 2 paths") as found:
        listed(tmp_path, tmp_path / "films", pattern=r"patient(?P<patient>\d+)/(?P<study>study\d+)/")
    assert "*/*/view1.png" in str(found.value)
    assert "Miller" not in str(found.value) and "Doe" not in str(found.value)


def test_all_ids_can_be_hidden_alike(tmp_path: Path) -> None:
    root = archive(tmp_path)
    plain = listed(tmp_path, root).rows
    rows = listed(tmp_path, root, salt="pepper", hide="all", overwrite=True).rows
    for name in ("patient", "study", "accession", "series"):
        for before, after in zip(plain, rows, strict=True):
            assert getattr(after, name) == _images_hidden.hidden(getattr(before, name), "pepper")
    with pytest.raises(InputError, match="--hide all needs a salt"):
        ImagesManifestJob(root, tmp_path / "x.csv", hide="all")
    with pytest.raises(UnknownNameError, match="Did you mean 'patient'"):
        ImagesManifestJob(root, tmp_path / "x.csv", salt="s", hide="patients")
