"""The manifest and the table of image labels: what is read, what is refused, what comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reportnlp.errors import InputError, InvalidDefinitionError
from reportnlp.images.manifest import ImageRow, read_manifest, write_manifest
from reportnlp.images.table import ImageLabels, read_table, write_table
from reportnlp.types import BadRow


def written(folder: Path, *lines: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [
        ImageRow(
            "s1", "a,b.png", "p1", "r1", "PA", "L", "train", 3, "A1", "x", "DX", "north", "2020-01-02", "d"
        ),
        ImageRow("s2", "set.npz#images/1"),
    ]
    write_manifest(rows, tmp_path / "m.csv")
    assert read_manifest(tmp_path / "m.csv") == rows


def test_columns_go_by_their_usual_names(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "Path,StudyInstanceUID,Subject ID,ViewPosition,Image Laterality,ignored",
        "a.dcm,1.2,P,pa,left,x",
    )
    assert read_manifest(path) == [ImageRow("1.2", "a.dcm", "P", view="PA", laterality="L")]


@pytest.mark.parametrize("column", ["report_id", "accession"])
def test_a_row_without_a_study_takes_its_report_or_accession(column: str, tmp_path: Path) -> None:
    [row] = read_manifest(written(tmp_path, f"image,{column}", "a.png,77"))
    assert isinstance(row, ImageRow) and row.study == "77" and getattr(row, column) == "77"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",s1,", "it names no image"),
        ("a.png,,", "it names no study"),
        ("a.png,NaN,", "it names no study"),
        ("a.png,s1,x", "its frame is no whole number"),
        ("a.png,s1,-1", "its frame is no whole number"),
        ('"a\nb.png",s1,', "a cell holds a line end or a control character"),
        ("twice.png,s1,", "the image was there before"),
    ],
)
def test_a_row_that_names_no_image_is_told_and_others_stay(line: str, reason: str, tmp_path: Path) -> None:
    rows = read_manifest(written(tmp_path, "image,study,frame", "twice.png,s0,", line, "last.png,s9,"))
    assert [type(row) for row in rows] == [ImageRow, BadRow, ImageRow]
    assert rows[1] == BadRow("manifest.csv", 2, reason)


def test_frames_of_a_file_are_images_of_their_own(tmp_path: Path) -> None:
    rows = read_manifest(written(tmp_path, "image,study,frame", "a.dcm,s1,0", "a.dcm,s1,1"))
    assert rows == [ImageRow("s1", "a.dcm", frame=0), ImageRow("s1", "a.dcm", frame=1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,view\na.png,PA\n", "needs a column 'image' and one of 'study'"),
        ("", "needs a column 'image'"),
        ("image;study\na.png;s\n", "with commas between"),
        ("image,study\n", "has no row"),
        ("image,image,study\na.png,b.png,s\n", "more than one column image"),
        ('image,study\n"a.png,s\n', "no CSV in UTF-8"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path / "m.csv")


def test_other_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"image,study\n\xff\xfe,s\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_manifest(tmp_path / "m.csv")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_manifest(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="Make its manifest first: reportnlp images manifest"):
        read_manifest(tmp_path)


def labels(root: Path, policy: str = "soft", **changes: object) -> ImageLabels:
    shape = (3, 2)
    values = np.linspace(0, 1, 6, dtype=np.float32).reshape(shape)
    answers = np.array([["present", ""], ["absent", "uncertain"], ["not_mentioned", "present"]], np.object_)
    far, near = ImageRow("s2", "/far/b.png"), ImageRow("s3", "c.png")
    rows = (ImageRow("s1", "films/a.png", "p1", frame=2), far, near)
    given = {"rows": rows, "findings": ("edema", "mass"), "target": values, "weight": values[::-1].copy()}
    rest = {"mask": values > 0.3, "answers": answers, "policy": policy, "root": root}
    return ImageLabels(**{**given, **rest, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["soft", "multi-class"])
def test_labels_come_back_from_parquet(policy: str, tmp_path: Path) -> None:
    three = None
    if policy == "multi-class":
        three = np.random.default_rng(0).dirichlet([1, 1, 1], (3, 2)).astype(np.float32)
    (tmp_path / "out").mkdir()
    before = labels(tmp_path, policy, distribution=three)
    write_table(before, tmp_path / "out" / "labels.parquet")
    after = read_table(tmp_path / "out" / "labels.parquet")
    for name in ("target", "weight", "mask", "answers"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == getattr(before, name).dtype
    if three is not None:
        np.testing.assert_array_equal(after.distribution, three)
    assert (after.findings, after.policy, len(after)) == (before.findings, policy, 3)
    assert [row.image for row in after.rows] == ["../films/a.png", "/far/b.png", "../c.png"]
    assert (after.root / after.rows[0].image).resolve() == (tmp_path / "films" / "a.png").resolve()
    assert after.rows[0].frame == 2 and after.rows[1].frame is None


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        write_table(labels(tmp_path), tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_some_images_can_be_taken(tmp_path: Path) -> None:
    some = labels(tmp_path).taken([2, 0])
    assert [row.study for row in some.rows] == ["s3", "s1"]
    np.testing.assert_array_equal(some.target, labels(tmp_path).target[[2, 0]])


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDefinitionError, match="3 images and 2 findings"):
        labels(tmp_path, mask=np.ones((2, 2), np.bool_))
    with pytest.raises(InvalidDefinitionError, match="may not be called 'view'"):
        labels(tmp_path, findings=("view", "mass"))


def test_another_file_is_no_table_of_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        read_table(tmp_path / "gone.parquet")
    pq.write_table(pa.table({"report_id": ["a"]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    for name in ("other.parquet", "text.parquet"):
        with pytest.raises(InputError, match="no table of image labels"):
            read_table(tmp_path / name)
