from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reportnlp.errors import InputError, OutputError, ReportNLPError, ResumeError
from reportnlp.formats.blocks import ReadOptions
from reportnlp.images.loader import read_row
from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.images.policies import Rules
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.table import read_table
from reportnlp.jobs import images_line, label
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.jobs._images_split import split
from reportnlp.jobs.images_line import ImagesLineJob
from reportnlp.training.settings import TrainSettings
from tests.conftest import Command
from tests.planted_images import SIDE, planted, rows

torch.set_num_threads(1)

COUNT = 120


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Images, their manifest, and a report of each in a dozen wordings."""
    there = planted(tmp_path, count=COUNT)
    write_manifest(rows(COUNT), tmp_path / "manifest.csv")
    yes, no = "IMPRESSION: Right lower lobe pneumonia.", "IMPRESSION: No pneumonia."
    lines = [
        json.dumps({"report_id": f"r{at}", "text": f"Film {at}. {yes if one else no}"})
        for at, one in enumerate(there)
    ]
    (tmp_path / "reports.jsonl").write_text("\n".join(lines[:-1]), encoding="utf-8")
    return tmp_path


def job(desk: Path, **changes: Any) -> ImagesLineJob:
    loop = TrainSettings(epochs=4, batch_size=16, learning_rate=0.01, device="cpu", patience=0)
    recipe = ImageRecipe("small_cnn", {"widths": (4, 8)}, augmentation="none", train=loop)
    given = {"recipe": recipe, "preprocessing": Preprocessing(size=(SIDE, SIDE)), **changes}
    return ImagesLineJob((str(desk / "reports.jsonl"),), desk / "manifest.csv", desk / "line", **given)


def test_from_reports_to_an_evaluated_image_model(desk: Path) -> None:
    lines = images_line.run(job(desk, findings=("pneumonia",)))
    assert lines[0] == "reports: read 119 = labelled 119 + quarantined 0 + duplicates 0"
    assert lines[1] == "images: 120 = labelled 119 + without a report 1"
    assert lines[4].startswith("    pneumonia: present ")
    [area] = [float(line.split()[1]) for line in lines if line.startswith("    AUROC ") and line[10] in "01"]
    assert area > 0.9, lines
    assert any("what their reports say" in line for line in lines)
    made = {path.name for path in (desk / "line").iterdir()}
    assert {"labels.parquet", "image_labels.parquet", "model", "answers.parquet", "evaluation.html"} <= made
    assert {row.split for row in read_table(desk / "line" / "image_labels.parquet").rows} == {"train", "test"}


def test_images_are_read_once_before_the_test(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times: Counter[str] = Counter()

    def counted(row: ImageRow, *given: Any, **named: Any) -> Any:
        times[Path(row.image).name] += 1
        return read_row(row, *given, **named)

    monkeypatch.setattr("reportnlp.images.reading.read_row", counted)
    images_line.run(job(desk, findings=("pneumonia",)))
    sides = {Path(row.image).name: row.split for row in read_table(desk / "line/image_labels.parquet").rows}
    assert times == {image: 2 if side == "test" else 1 for image, side in sides.items()}
    assert not (desk / "line" / images_line.SEEN).exists()


def test_a_line_that_lost_images_says_so(desk: Path, reportnlp: Command) -> None:
    some = [*rows(COUNT)[:-1], ImageRow(f"s{COUNT}", "gone.png", report_id="r0")]
    write_manifest(some, desk / "manifest.csv")
    told = reportnlp(
        *(
            "images",
            "line",
            str(desk / "reports.jsonl"),
            str(desk / "manifest.csv"),
            "-o",
            str(desk / "line"),
        ),
        *("--finding", "pneumonia", "--model", "small_cnn", "--set", "widths=4,8", "--size", "16"),
        *("--epochs", "1", "--augment", "none"),
    )
    assert told.code == 3
    assert "images: 120 = labelled 119 + cannot be used 1" in told.out
    assert "image_labels.parquet.quarantine.jsonl" in told.err


def test_a_stopped_line_goes_on_where_it_was(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> Any:
        raise InputError("stopped here")

    with monkeypatch.context() as patch:
        patch.setattr("reportnlp.jobs.images_train.fill", stop)
        with pytest.raises(InputError, match="stopped here"):
            images_line.run(job(desk))
    with pytest.raises(OutputError, match="Go on with --resume"):
        images_line.run(job(desk))
    with pytest.raises(ResumeError, match="another policy"):
        images_line.run(job(desk, resume=True, rules=Rules(policy="ones")))
    monkeypatch.setattr(label, "run", stop)
    lines = images_line.run(job(desk, resume=True))
    assert lines[0].startswith("reports are labelled already")
    assert (desk / "line" / "evaluation.html").is_file()


def test_findings_that_reports_affirm_are_learned_unasked(desk: Path) -> None:
    images_line.run(job(desk))
    assert read_table(desk / "line" / "image_labels.parquet").findings == (
        "lung_opacity",
        "pneumonia",
        "no_finding",
    )


def test_a_folder_of_something_else_is_left_alone(desk: Path) -> None:
    (desk / "line").mkdir()
    (desk / "line" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds something else"):
        images_line.run(job(desk, overwrite=True))


def test_images_of_other_reports_are_refused(desk: Path) -> None:
    strange = [ImageRow(f"x{at}", f"images.npz#image/{at}") for at in range(40)]
    write_manifest(strange, desk / "manifest.csv")
    with pytest.raises(InputError, match="None of 40 images and 119 labelled reports belong together"):
        images_line.run(job(desk))


def test_splits_keep_patients_whole_and_those_of_a_manifest_stand() -> None:
    some = [ImageRow(f"s{at}", f"{at}.png", f"p{at // 3}") for at in range(60)]
    drawn = split(some, test_share=0.25, seed=1)
    sides = {name: {row.patient for row in drawn if row.split == name} for name in ("train", "test")}
    assert not sides["train"] & sides["test"]
    assert np.mean([row.split == "test" for row in drawn]) == pytest.approx(0.25, abs=0.03)
    named = [ImageRow("s", "a.png", split="valid"), ImageRow("t", "b.png")]
    assert split(named, test_share=0.5, seed=1) == tuple(named)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"findings": ("pneumona",)}, "Did you mean 'pneumonia'"),
        ({"panel": "chest_xry"}, "Did you mean 'chest_xray'"),
        ({"panel": "pe", "findings": ("pneumonia",)}, "No finding of the panel 'pe'"),
        ({"method": "ruls"}, "Did you mean 'rules'"),
        ({"recipe": ImageRecipe("small_cn")}, "Did you mean 'small_cnn'"),
        ({"recipe": ImageRecipe("small_cnn", {"wdths": (4, 8)})}, "Did you mean 'widths'"),
        ({"recipe": ImageRecipe("densenet121")}, "too small for densenet121"),
        ({"recipe": ImageRecipe("small_cnn", start_from=Path("gone"))}, "There is no gone"),
        ({"held_out": 2.0}, "--held-out was given as 2.0"),
        ({"gold": Path("gone.csv")}, "There is no file gone.csv"),
        ({"columns": ReadOptions(text_columns=("txt",))}, "has no column 'txt'"),
    ],
)
def test_what_is_misspelt_is_told_before_any_work(
    desk: Path, changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def labelled(*_: object) -> None:
        pytest.fail("reports were labelled")

    monkeypatch.setattr(label, "run", labelled)
    with pytest.raises(ReportNLPError, match=message):
        images_line.run(job(desk, **changes))
    assert not (desk / "line").exists()


def test_gold_of_other_findings_is_told_before_any_work(desk: Path) -> None:
    (desk / "gold.csv").write_text("report_id,nodule\nr1,present\n", "utf-8")
    with pytest.raises(InputError, match="no gold answers to pneumonia"):
        images_line.run(job(desk, findings=("pneumonia",), gold=desk / "gold.csv"))
    assert not (desk / "line").exists()


def test_what_is_there_is_refused_before_any_library_is_loaded(desk: Path) -> None:
    (desk / "line").mkdir()
    (desk / "line" / "thesis.txt").write_text("years of work")
    code = f"""
import sys
from pathlib import Path
from reportnlp.errors import OutputError
from reportnlp.jobs.images_line import ImagesLineJob, run
try:
    run(ImagesLineJob((), Path({str(desk / "manifest.csv")!r}), Path({str(desk / "line")!r})))
except OutputError:
    print(sorted({{"torch", "monai", "transformers"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
