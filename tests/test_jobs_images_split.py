"""What holds images together on one side of a split, and what a folder of image labels never replaces."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from reportnlp.errors import InputError, OutputError
from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.jobs import images_labels
from reportnlp.jobs._images_made import Made, describe
from reportnlp.jobs._images_split import split
from reportnlp.jobs.images_labels import ImagesLabelsJob


def labelled(
    folder: Path,
    rows: Sequence[ImageRow],
    out: str = "out.parquet",
    answers: Mapping[str, str] | None = None,
    **changes: Any,
) -> Made:
    """Images of noise, a report of each id that a row has (present, unless told other), and their labels."""
    for at, row in enumerate(rows):
        noise = np.random.default_rng(at).integers(0, 255, (8, 8), dtype=np.uint8)
        (folder / row.image).parent.mkdir(exist_ok=True)
        Pillow.fromarray(noise).save(folder / row.image)
    write_manifest(rows, folder / "manifest.csv")
    told = answers or {}
    ids = dict.fromkeys(row.accession or row.study for row in rows)
    with (folder / "gold.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("report_id", "edema"), *((name, told.get(name, "present")) for name in ids)]
        )
    job = ImagesLabelsJob(folder / "gold.csv", folder / "manifest.csv", folder / out, **changes)
    return images_labels.run(job)


def given(at: int, side: str, **more: Any) -> ImageRow:
    return ImageRow(f"s{at}", f"in/{at}.png", split=side, **more)


def test_a_report_that_is_found_by_accession_is_on_one_side_too(tmp_path: Path) -> None:
    rows = [
        given(0, "train", accession="A0"),
        given(1, "test", accession="A0"),
        given(2, "train", accession="A2"),
    ]
    with pytest.raises(InputError, match=r"1 reports in two or more \(A0\)"):
        labelled(tmp_path, rows)


def test_labels_tell_the_report_that_they_are_of(tmp_path: Path) -> None:
    made = labelled(tmp_path, [given(at, "train", accession=f"A{at}") for at in range(3)])
    assert [row.report_id for row in made.labels.rows] == ["A0", "A1", "A2"]


def test_one_number_at_two_sites_is_two_patients() -> None:
    here = given(0, "train", patient="7", site="north")
    there = given(1, "test", patient="7", site="south")
    assert split([here, there], seed=0) == (here, there)
    same = given(1, "test", patient="7", site="north")
    with pytest.raises(InputError, match=r"1 patients in two or more \(7\)"):
        split([here, same], seed=0)


def test_a_validation_share_is_drawn_where_the_manifest_has_none() -> None:
    rows = [given(at, "train" if at < 8 else "test", patient=f"p{at // 2}") for at in range(12)]
    parted = split(rows, valid_share=0.2, seed=0)
    sides = {
        name: {row.patient for row in parted if row.split == name} for name in ("train", "valid", "test")
    }
    assert sides["valid"] and sides["test"] == {"p4", "p5"}
    assert not sides["train"] & sides["valid"]


@pytest.mark.parametrize("sides", [("train", "valid"), ("test", "test")])
def test_a_validation_share_beside_a_given_one_or_of_nothing_is_refused(sides: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="leave out --valid-share"):
        split([given(at, side) for at, side in enumerate(sides)], valid_share=0.2, seed=0)


def test_images_without_a_patient_are_counted(tmp_path: Path) -> None:
    made = labelled(tmp_path, [given(0, "train", patient="p"), given(1, "train"), given(2, "test")])
    told = list(describe(made))
    assert "splits: train 2 images of 1 patients, test 1 images of 1 studies" in told
    assert "    2 images name no patient: their studies are kept whole, not their patients" in told


def test_a_data_set_with_a_table_of_that_name_is_no_folder_of_ours(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "labels.csv").write_text("image,hemorrhage\nimages/000.jpg,1\n")
    with pytest.raises(OutputError, match="holds something else than image labels"):
        labelled(tmp_path, [given(0, "train")], "theirs", overwrite=True)
    assert (tmp_path / "theirs" / "labels.csv").read_text().startswith("image,hemorrhage")


def test_the_folder_that_the_images_lie_in_is_not_replaced(tmp_path: Path) -> None:
    labelled(tmp_path, [given(0, "train"), given(1, "train")], "out", copy=True)
    shutil.rmtree(tmp_path / "in")
    inside = sorted(path.relative_to(tmp_path) for path in (tmp_path / "out").rglob("*.png"))
    write_manifest(
        [ImageRow(f"s{at}", path.as_posix(), split="train") for at, path in enumerate(inside)],
        tmp_path / "manifest.csv",
    )
    job = ImagesLabelsJob(tmp_path / "gold.csv", tmp_path / "manifest.csv", tmp_path / "out", overwrite=True)
    with pytest.raises(OutputError, match="holds 2 of the images"):
        images_labels.run(job)
    assert all((tmp_path / path).is_file() for path in inside)


@pytest.mark.parametrize("seed", range(5))
def test_rare_answers_are_spread_over_all_sides_and_patients_stay_whole(seed: int, tmp_path: Path) -> None:
    # Ten patients of forty have it: of 30 images 7 or 8 should.
    answers = {f"s{at}": "present" if at // 3 % 4 == 0 else "absent" for at in range(120)}
    rows = [ImageRow(f"s{at}", f"in/{at}.png", patient=f"p{at // 3}") for at in range(120)]
    shares: dict[str, Any] = {"test_share": 0.25, "valid_share": 0.25, "seed": seed, "unchecked": True}
    labels = labelled(tmp_path, rows, answers=answers, **shares).labels
    for side in ("valid", "test"):
        here = [at for at, each in enumerate(labels.rows) if each.split == side]
        assert 29 <= len(here) <= 31
        assert 6 <= (labels.answers[here, 0] == "present").sum() <= 9
    sides = {(each.patient, each.split) for each in labels.rows}
    assert len(sides) == len({patient for patient, _ in sides})
