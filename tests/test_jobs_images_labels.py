"""From a label table and a manifest to image labels: counts add up, splits hold, others read the files."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from reportnlp.errors import InputError, OutputError, UnknownNameError
from reportnlp.formats.chexpert import COLUMNS
from reportnlp.images.loader import read_image
from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.images.policies import Rules
from reportnlp.images.readers import dicom
from reportnlp.images.readers._dicom_file import ENVELOPE
from reportnlp.images.table import read_table
from reportnlp.jobs import images_labels
from reportnlp.jobs._images_hidden import hidden
from reportnlp.jobs._images_made import Made, describe
from reportnlp.jobs._images_split import numbered, split
from reportnlp.jobs.images_labels import ImagesLabelsJob
from tests.conftest import Command

COUNT = 24
ANSWERS = ("present", "absent", "uncertain", "not_mentioned")


def table(folder: Path, count: int = COUNT, findings: tuple[str, ...] = ("edema",)) -> Path:
    """Reports s0, s1, ... whose answers go round."""
    path = folder / "gold.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["report_id", *findings])
        writer.writerows([f"s{at}", *([ANSWERS[at % 4]] * len(findings))] for at in range(count))
    return path


def picture(folder: Path, name: str, seed: int) -> str:
    values = np.random.default_rng(seed).integers(0, 255, (8, 8), dtype=np.uint8)
    Pillow.fromarray(values).save(folder / name)
    return name


def row(folder: Path, at: int, **changes: Any) -> ImageRow:
    given = {"study": f"s{at}", "image": picture(folder, f"{at}.png", at), "patient": f"p{at // 2}"}
    return ImageRow(**{**given, **changes})


def desk(folder: Path, rows: list[ImageRow] | None = None) -> Path:
    """A manifest of two studies a patient, and its table beside it."""
    table(folder)
    write_manifest(rows or [row(folder, at) for at in range(COUNT)], folder / "manifest.csv")
    return folder


def job(folder: Path, out: str = "out.parquet", **changes: Any) -> ImagesLabelsJob:
    return ImagesLabelsJob(folder / "gold.csv", folder / "manifest.csv", folder / out, **changes)


def run(folder: Path, out: str = "out.parquet", **changes: Any) -> Made:
    made = images_labels.run(job(folder, out, **changes))
    counts = made.counts
    assert counts.images == counts.labelled + sum(counts.left_out.values())
    assert counts.reports == counts.used + counts.without_image + counts.unused
    assert counts.labelled == len(made.labels)
    return made


def test_each_image_learns_what_its_report_says(tmp_path: Path) -> None:
    run(desk(tmp_path))
    labels = read_table(tmp_path / "out.parquet")
    for at, one in enumerate(labels.rows):
        answer = ANSWERS[int(one.study[1:]) % 4]
        assert labels.answers[at, 0] == answer
        assert labels.target[at, 0] == {"present": 1, "uncertain": 0.5}.get(answer, 0)
        assert labels.weight[at, 0] == (0.5 if answer == "not_mentioned" else 1)
        assert read_image(labels.root / one.image).pixels.shape == (8, 8)
    assert not (tmp_path / "out.parquet.quarantine.jsonl").exists()


def trouble(folder: Path) -> list[ImageRow]:
    """One of each thing that goes wrong, and eight that go right."""
    rows = [row(folder, at) for at in range(8)]
    broken = dicom.plant(folder)
    broken.write_bytes(broken.read_bytes()[:-900])
    (folder / "sealed.dcm").write_bytes(b"\x30\x80\x06\x09" + ENVELOPE + bytes(900))
    Pillow.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "black.png")
    return [
        *rows,
        ImageRow("s8", "planted.dcm"),
        ImageRow("s9", "sealed.dcm"),
        ImageRow("s10", "gone.png"),
        ImageRow("s11", "black.png"),
        ImageRow("nobody", picture(folder, "other.png", 99)),
    ]


def test_whatever_goes_wrong_is_named_and_counted(tmp_path: Path) -> None:
    folder = desk(tmp_path, trouble(tmp_path))
    with (folder / "manifest.csv").open("a", encoding="utf-8") as file:
        file.write("s1,,\n")
    made = run(folder, split="none")
    assert made.counts.left_out == {"unusable rows": 1, "without a report": 1, "cannot be used": 4}
    assert (made.counts.images, made.counts.labelled) == (14, 8)
    assert (made.counts.used, made.counts.unused, made.counts.without_image) == (8, 4, 12)
    told = [json.loads(line) for line in (folder / "out.parquet.quarantine.jsonl").read_text().splitlines()]
    assert {one.get("image", one.get("row")): one["reason"] for one in told} == {
        14: "it names no image",
        "planted.dcm": "it is cut short or damaged",
        "sealed.dcm": "it is encrypted",
        "gone.png": "there is no such file",
        "black.png": "all its pixels are of one value",
    }


def test_images_can_be_left_unread(tmp_path: Path) -> None:
    made = run(desk(tmp_path, trouble(tmp_path)), split="none", unchecked=True)
    assert made.counts.labelled == 12 and not made.bad


def test_workers_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportnlp.jobs._images_looked.AT_ONCE", 8)
    run(desk(tmp_path))
    run(tmp_path, "again.parquet", workers=2)
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "out.parquet").read_bytes()


def test_views_and_sides_are_filters(tmp_path: Path) -> None:
    views, sides = ("PA", "AP", "LL"), ("L", "R")
    rows = [row(tmp_path, at, view=views[at % 3], laterality=sides[at % 2]) for at in range(12)]
    made = run(desk(tmp_path, rows), views=("PA", "AP"), sides=("L",), split="none")
    assert made.counts.left_out == {"another view": 4, "another side": 4}
    assert {(one.view in ("PA", "AP"), one.laterality) for one in made.labels.rows} == {(True, "L")}


def test_filters_that_leave_nothing_say_what_fell_through(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No image is left to label\. Left out: another view 24"):
        images_labels.run(job(desk(tmp_path), views=("PA",)))


def test_no_match_at_all_is_one_clear_error(tmp_path: Path) -> None:
    rows = [ImageRow(f"x{at}", picture(tmp_path, f"{at}.png", at)) for at in range(3)]
    with pytest.raises(InputError, match="None of 3 images and 24 labelled reports belong together"):
        images_labels.run(job(desk(tmp_path, rows)))
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("several", "images", "weight"), [("all", 16, 1), ("share", 16, 0.5), ("first", 7, 1)]
)
def test_several_images_of_a_study(several: str, images: int, weight: float, tmp_path: Path) -> None:
    rows = [row(tmp_path, at, study=f"s{at // 2 * 4}") for at in range(12)]
    rows += [row(tmp_path, 50 + at, study="s1", patient="q") for at in range(4)]
    made = run(desk(tmp_path, rows), several=several, split="none")
    assert made.counts.labelled == images
    weights = {one.study: float(made.labels.weight[at, 0]) for at, one in enumerate(made.labels.rows)}
    assert weights["s0"] == weight


def test_findings_are_all_that_the_table_answers_or_those_named(tmp_path: Path) -> None:
    desk(tmp_path)
    table(tmp_path, findings=("edema", "edema.severity", "mass"))
    assert run(tmp_path).labels.findings == ("edema", "mass")
    assert run(tmp_path, "one.parquet", findings=("mass",)).labels.findings == ("mass",)
    with pytest.raises(UnknownNameError, match=r"finding of gold\.csv is called 'mas'. Did you mean 'mass'"):
        images_labels.run(job(tmp_path, "two.parquet", findings=("mas",)))


def sides_of(rows: tuple[ImageRow, ...], field: str) -> dict[str, set[str]]:
    return {
        name: {getattr(row, field) for row in rows if row.split == name}
        for name in ("train", "valid", "test")
    }


def test_patients_stay_whole_in_a_drawn_split(tmp_path: Path) -> None:
    made = run(desk(tmp_path), test_share=0.25, valid_share=0.25, seed=3)
    parts = sides_of(made.labels.rows, "patient")
    assert all(parts.values())
    assert not (
        parts["train"] & parts["test"] or parts["train"] & parts["valid"] or parts["valid"] & parts["test"]
    )
    again = run(tmp_path, "again.parquet", test_share=0.25, valid_share=0.25, seed=3)
    assert again.labels.rows == made.labels.rows


def test_equal_pixels_reports_and_studies_tie_images_together() -> None:
    rows = [
        ImageRow("s1", "a", patient="p1", digest="x"),
        ImageRow("s2", "b", patient="p2", digest="x"),
        ImageRow("s2", "c"),
        ImageRow("s3", "d", report_id="r"),
        ImageRow("s4", "e", report_id="r"),
        ImageRow("s5", "f", patient="p9"),
    ]
    assert numbered(rows) == [0, 0, 0, 1, 1, 2]


def test_a_temporal_split_tests_on_later_exams(tmp_path: Path) -> None:
    rows = [row(tmp_path, at, exam_date=f"2020-01-{at + 1:02}") for at in range(12)]
    made = run(desk(tmp_path, rows), split="temporal", test_share=0.3)
    days = {
        name: [row.exam_date or "" for row in made.labels.rows if row.split == name]
        for name in ("train", "test")
    }
    assert max(days["train"]) < min(days["test"])
    with pytest.raises(InputError, match="is no date as 2019-03-04"):
        split([ImageRow("s", "a", exam_date="soon")], way="temporal", seed=0)


def test_a_split_by_site_tests_on_that_site(tmp_path: Path) -> None:
    rows = [row(tmp_path, at, site="north" if at % 3 else "south") for at in range(12)]
    rows[1] = row(tmp_path, 1, site="north", image=rows[0].image.replace("0", "0"), patient="p99")
    rows = [one for at, one in enumerate(rows) if at != 1]
    made = run(desk(tmp_path, rows), split="site", site="south")
    assert {(one.split, one.site) for one in made.labels.rows} == {("train", "north"), ("test", "south")}
    with pytest.raises(InputError, match="Name it: --site"):
        split(rows, way="site", seed=0)


def test_a_given_split_stands_under_its_usual_names(tmp_path: Path) -> None:
    names = ("Train", "val", "TEST")
    rows = [row(tmp_path, at, split=names[at // 2 % 3]) for at in range(12)] + [row(tmp_path, 20)]
    made = run(desk(tmp_path, rows))
    assert {one.split for one in made.labels.rows} == {"train", "valid", "test"}
    assert made.counts.left_out == {"on neither side of the split": 1}


def leaky(folder: Path) -> list[ImageRow]:
    """A patient, a study and an image that are in two splits."""
    rows = [row(folder, at, patient=f"p{at}", split="train" if at < 6 else "test") for at in range(10)]
    rows[6] = row(folder, 6, patient="p0", split="test")
    rows[7] = row(folder, 7, study="s1", patient=None, split="test")
    rows[8] = row(folder, 8, patient="p8", split="test", image=picture(folder, "copy.png", 2))
    return rows


def test_a_given_split_that_leaks_is_refused_with_what_leaks(tmp_path: Path) -> None:
    with pytest.raises(InputError) as found:
        images_labels.run(job(desk(tmp_path, leaky(tmp_path))))
    told = str(found.value)
    assert "1 patients in two or more (p0)" in told
    assert "1 studies in two or more (s1)" in told
    assert "1 sets of equal pixels in two or more (2.png)" in told
    assert not (tmp_path / "out.parquet").exists()


def test_what_leaks_can_be_left_out_of_training(tmp_path: Path) -> None:
    made = run(desk(tmp_path, leaky(tmp_path)), drop_leaks=True)
    assert made.counts.left_out == {"on neither side of the split": 3}
    assert {one.study for one in made.labels.rows if one.split == "train"} == {"s3", "s4", "s5"}
    assert len([one for one in made.labels.rows if one.split == "test"]) == 4


def test_an_unknown_way_to_split_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'random'"):
        split([ImageRow("s", "a")], way="randm", seed=0)
    with pytest.raises(InputError, match="names no split"):
        split([ImageRow("s", "a")], way="given", seed=0)


def test_doubt_and_silence_by_other_rules(tmp_path: Path) -> None:
    made = run(desk(tmp_path), rules=Rules("ignore", "mask"), split="none")
    known = {one.study for at, one in enumerate(made.labels.rows) if made.labels.mask[at, 0]}
    assert known == {f"s{at}" for at in range(COUNT) if at % 4 < 2}


def chexpert(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("policy", "doubt"), [("soft", "-1"), ("zeros", "0"), ("ones", "1"), ("ignore", "-1")]
)
def test_the_table_of_chexpert(policy: str, doubt: str, tmp_path: Path) -> None:
    views = ("PA", "AP SUPINE", "LL", "")
    rows = [row(tmp_path, at, view=views[at % 4] or None) for at in range(8)]
    run(desk(tmp_path, rows), "out.csv", rules=Rules(policy))
    lines = chexpert(tmp_path / "out.csv")
    assert [line["edema"] for line in lines] == ["1", "0", doubt, "", "1", "0", doubt, ""]
    assert [line["Frontal/Lateral"] for line in lines[:4]] == ["Frontal", "Frontal", "Lateral", ""]
    assert [line["AP/PA"] for line in lines[:4]] == ["PA", "AP", "", ""]
    assert all((tmp_path / line["Path"]).exists() for line in lines)


def test_the_names_of_chexpert_stand_where_all_are_covered(tmp_path: Path) -> None:
    desk(tmp_path)
    table(tmp_path, findings=tuple(finding for covered in COLUMNS.values() for finding in covered))
    run(tmp_path, "out.csv")
    [first, *_] = chexpert(tmp_path / "out.csv")
    assert list(first)[7:-1] == list(COLUMNS)
    assert first["Lung Lesion"] == "1" and first["split"] in ("train", "test")


@pytest.mark.parametrize("copy", [True, False])
def test_a_folder_a_class(copy: bool, tmp_path: Path) -> None:
    dicom.plant(tmp_path)
    np.savez(
        tmp_path / "set.npz", images=np.random.default_rng(0).integers(0, 255, (2, 8, 8), dtype=np.uint8)
    )
    others = [ImageRow("s20", "planted.dcm"), ImageRow("s21", "set.npz#images/1")]
    rows = [*(row(tmp_path, at) for at in range(8)), *others]
    run(desk(tmp_path, rows), "folder", split="none", rules=Rules("ignore"), copy=copy)
    made = {path.relative_to(tmp_path / "folder").as_posix() for path in (tmp_path / "folder").rglob("*.png")}
    assert made == {
        *("all/present/0000000-s0.png", "all/present/0000004-s4.png", "all/present/0000008-s20.png"),
        *("all/absent/0000001-s1.png", "all/absent/0000003-s3.png", "all/absent/0000005-s5.png"),
        *("all/absent/0000007-s7.png", "all/absent/0000009-s21.png"),
    }
    first = tmp_path / "folder" / "all" / "present" / "0000000-s0.png"
    assert first.is_symlink() is not copy
    assert first.read_bytes() == (tmp_path / "0.png").read_bytes()
    shown = read_image(tmp_path / "folder" / "all" / "absent" / "0000009-s21.png").pixels
    np.testing.assert_allclose(shown, read_image(f"{tmp_path}/set.npz#images/1").pixels, atol=1e-6)
    lines = chexpert(tmp_path / "folder" / "labels.csv")
    assert [line["image"] for line in lines].count("") == 2 and len(lines) == 10


def test_a_class_of_doubt(tmp_path: Path) -> None:
    run(desk(tmp_path), "folder", split="none", rules=Rules("multi-class"))
    assert {path.name for path in (tmp_path / "folder" / "all").iterdir()} == {
        "present",
        "absent",
        "uncertain",
    }


def test_a_folder_holds_one_finding(tmp_path: Path) -> None:
    desk(tmp_path)
    table(tmp_path, findings=("edema", "mass"))
    with pytest.raises(OutputError, match="holds one finding, and the labels have 2"):
        images_labels.run(job(tmp_path, "folder"))
    assert not list(tmp_path.glob("folder*"))


def test_nothing_is_overwritten_unless_asked_for(tmp_path: Path) -> None:
    desk(tmp_path)
    for name in ("out.parquet", "out.csv", "folder"):
        first = run(tmp_path, name)
        with pytest.raises(OutputError, match="--overwrite"):
            images_labels.run(job(tmp_path, name))
        assert len(run(tmp_path, name, overwrite=True).labels) == len(first.labels)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.json", "end in .parquet"),
        ("none/out.parquet", "there is no folder"),
        ("mine", "holds something else"),
    ],
)
def test_a_place_that_cannot_be_is_refused(out: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=message):
        images_labels.run(job(desk(tmp_path), out, overwrite=True))
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_long_table_brings_its_probabilities(tmp_path: Path) -> None:
    desk(tmp_path)
    lines = [
        {"report_id": f"s{at}", "question": "edema", "answer": "present", "probability": 0.7}
        for at in range(4)
    ]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    wanted = ImagesLabelsJob(
        tmp_path / "gold.jsonl", tmp_path / "manifest.csv", tmp_path / "o.parquet", split="none"
    )
    made = images_labels.run(wanted)
    # Of the other answers each has 0.1: present 0.7, half of uncertain.
    np.testing.assert_allclose(made.labels.target[:, 0], 0.75, atol=1e-6)
    assert made.counts.left_out == {"without a report": 20}


def test_the_command_tells_counts_that_add_up(tmp_path: Path, reportnlp: Command) -> None:
    folder = desk(tmp_path, trouble(tmp_path))
    places = [str(folder / name) for name in ("gold.csv", "manifest.csv", "out.parquet")]
    code, out, err = reportnlp("images", "labels", *places[:2], "-o", places[2], "--split", "none")
    assert code == 3
    assert out.splitlines() == [
        "images: 13 = labelled 8 + without a report 1 + cannot be used 4",
        "reports (by study): 24 = used 8 + without an image 12 + of images left out 4",
        "splits: none 8 images of 4 patients",
        "    edema: present 2, absent 2, uncertain 2, not_mentioned 2; masked 0",
    ]
    assert "     1 it is encrypted\n" in err and "out.parquet.quarantine.jsonl" in err


def test_sides_may_be_said_in_words(tmp_path: Path, reportnlp: Command) -> None:
    rows = [row(tmp_path, at, laterality="L" if at % 2 else "R", view="PA") for at in range(6)]
    places = [str(desk(tmp_path, rows) / name) for name in ("gold.csv", "manifest.csv", "o.parquet")]
    only = ["--laterality", "left", "--view", "pa,ap", "--split", "none"]
    assert reportnlp("images", "labels", *places[:2], "-o", places[2], *only).code == 0
    assert [one.laterality for one in read_table(tmp_path / "o.parquet").rows] == ["L"] * 3


def test_a_leak_is_one_line_with_the_mend(tmp_path: Path, reportnlp: Command) -> None:
    folder = desk(tmp_path, leaky(tmp_path))
    arguments = [str(folder / "gold.csv"), str(folder / "manifest.csv"), "-o", str(folder / "o.parquet")]
    code, out, err = reportnlp("images", "labels", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "leave them out (--drop-leaks)" in err
    assert reportnlp("images", "labels", *arguments, "--drop-leaks").code == 0


def test_hidden_ids_are_joined_by_the_same_salt(tmp_path: Path) -> None:
    plain = run(desk(tmp_path), "plain.parquet")
    rows = [row(tmp_path, at, study=hidden(f"s{at}", "pepper")) for at in range(COUNT)]
    write_manifest(rows, tmp_path / "manifest.csv")
    made = run(tmp_path, salt="pepper")
    assert made.counts.used == COUNT
    assert [list(one) for one in made.labels.answers] == [list(one) for one in plain.labels.answers]
    assert {one.report_id for one in made.labels.rows} == {hidden(f"s{at}", "pepper") for at in range(COUNT)}
    with pytest.raises(InputError, match="belong together"):
        run(tmp_path, "other.parquet", salt="salt")


def test_reports_in_place_of_labels_are_told_apart(tmp_path: Path) -> None:
    desk(tmp_path)
    lines = ["report_id,text,site", *(f"s{at},A report.,north" for at in range(COUNT))]
    (tmp_path / "gold.csv").write_text("\n".join(lines), "utf-8")
    with pytest.raises(InputError, match="has no finding column in it"):
        images_labels.run(job(tmp_path))


def test_a_column_to_join_by_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no column 'accession', or nothing in it\. It can be joined by study"
    ):
        images_labels.run(job(desk(tmp_path), join="accession"))


def test_views_that_there_are_are_listed(tmp_path: Path) -> None:
    rows = [row(tmp_path, at, view=("PA", "AP", None)[at % 3]) for at in range(6)]
    with pytest.raises(InputError, match=r"The views there are: \(none\) 2, AP 2, PA 2"):
        images_labels.run(job(desk(tmp_path, rows), views=("XX",)))


def test_a_side_with_one_answer_is_told_by_name(tmp_path: Path) -> None:
    rows = [row(tmp_path, at, split="valid" if at in (0, 1) else "train") for at in range(COUNT)]
    rows = [one for at, one in enumerate(rows) if one.split == "train" or at == 0]
    rows = [replace(one, patient=None) for one in rows]
    told = list(describe(run(desk(tmp_path, rows))))
    assert [line for line in told if line.startswith("warning")] == [
        "warning: edema: no absent image in valid"
    ]
