from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch
from PIL import Image

from reportnlp.archive.disk import quarantine_file, work_folder
from reportnlp.errors import InputError, OutputError, ReportNLPError, ResumeError
from reportnlp.images import maps
from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.jobs import _images_ask, images_evaluate, images_predict, images_train
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.jobs.images_evaluate import ImagesEvaluateJob
from reportnlp.jobs.images_predict import ImagesPredictJob
from reportnlp.jobs.images_train import ImagesTrainJob
from reportnlp.training.settings import TrainSettings
from tests.conftest import Command
from tests.planted_images import SIDE, rows, table

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `labels.parquet`, `images.npz`, `manifest.csv` and a model trained on them."""
    place = tmp_path_factory.mktemp("images")
    labels = table(place)
    write_manifest(rows(80), place / "manifest.csv")
    recipe = ImageRecipe(
        "small_cnn",
        {"widths": (4, 8)},
        augmentation="none",
        train=TrainSettings(epochs=5, batch_size=16, learning_rate=0.01, device="cpu", patience=0),
    )
    size = Preprocessing(size=(SIDE, SIDE))
    images_train.run(ImagesTrainJob(labels, place / "model", recipe, size, held_out=0.3))
    return place


def predicted(folder: Path, out: Path, **changes: object) -> list[dict[str, object]]:
    given = {"inputs": (str(folder / "manifest.csv"),), "model": folder / "model", "out": out, **changes}
    images_predict.run(ImagesPredictJob(**given))  # type: ignore[arg-type]
    read: list[dict[str, object]] = parquet.read_table(out).to_pylist()
    return read


def test_images_get_the_table_that_reports_get(folder: Path, tmp_path: Path) -> None:
    read = predicted(folder, tmp_path / "out.parquet")
    assert [row["report_id"] for row in read] == [f"r{at}" for at in range(80)]
    assert {row["question"] for row in read} == {"pneumonia"}
    assert {row["method"] for row in read} == {"model"}
    right = [row["answer"] == ("present" if at % 2 == 0 else "absent") for at, row in enumerate(read)]
    assert np.mean(right) > 0.95
    assert all(0.5 <= float(str(row["probability"])) <= 1 for row in read)
    assert not work_folder(tmp_path / "out.parquet").exists()
    assert not quarantine_file(tmp_path / "out.parquet").exists()


def test_a_study_is_the_mean_of_its_images(folder: Path, tmp_path: Path) -> None:
    two = [ImageRow(study="s", image=f"images.npz#image/{at}") for at in (0, 1)]
    write_manifest(two, folder / "two.csv")
    inputs = (str(folder / "two.csv"),)
    alone = predicted(folder, tmp_path / "image.parquet", inputs=inputs, per="image")
    [both] = predicted(folder, tmp_path / "study.parquet", inputs=inputs)
    assert [row["report_id"] for row in alone] == ["images.npz#image/0", "images.npz#image/1"]
    assert both["report_id"] == "s"
    chance = [_present(row) for row in alone]
    assert _present(both) == pytest.approx(np.mean(chance), abs=1e-6)
    assert chance[0] > 0.5 > chance[1]


def _present(row: dict[str, object]) -> float:
    given = float(str(row["probability"]))
    return given if row["answer"] == "present" else 1 - given


def test_bad_images_are_named_and_the_others_answered(folder: Path, tmp_path: Path) -> None:
    some = [*rows(4), ImageRow(study="none", image="missing.png"), ImageRow(study="odd", image="odd.png")]
    (folder / "odd.png").write_bytes(b"no image")
    write_manifest(some, folder / "some.csv")
    read = predicted(folder, tmp_path / "out.parquet", inputs=(str(folder / "some.csv"),))
    assert [row["report_id"] for row in read] == ["r0", "r1", "r2", "r3"]
    lines = quarantine_file(tmp_path / "out.parquet").read_text("utf-8").splitlines()
    assert [json.loads(line)["study"] for line in lines] == ["none", "odd"]


def test_where_no_image_can_be_read_it_says_why(folder: Path, tmp_path: Path) -> None:
    write_manifest([ImageRow(study="none", image="missing.png")], folder / "none.csv")
    with pytest.raises(InputError, match="None of the 1 images could be read: there is no such file"):
        predicted(folder, tmp_path / "out.parquet", inputs=(str(folder / "none.csv"),))


class Stop(Exception):
    pass


class Stopping:
    def __init__(self, after: int) -> None:
        self._left = after

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None: ...

    def expect(self, total: int) -> None: ...

    def advance(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise Stop

    def note(self, text: str) -> None: ...


def test_a_stopped_prediction_goes_on_to_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted(folder, tmp_path / "whole.parquet")
    monkeypatch.setattr(_images_ask, "SHARD", 20)
    out = tmp_path / "cut.parquet"
    job = ImagesPredictJob((str(folder / "manifest.csv"),), folder / "model", out)
    with pytest.raises(Stop):
        images_predict.run(job, Stopping(50))
    assert len(list(work_folder(out).glob("*.npy"))) == 2
    asked: list[int] = []
    whole = _images_ask.Asking.__call__

    def counted(self: object, images: object, some: list[ImageRow], *others: object) -> object:
        asked.append(len(some))
        return whole(self, images, some, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(_images_ask.Asking, "__call__", counted)
    predicted(folder, out, resume=True)
    assert asked == [20, 20]
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_work_of_other_images_is_not_gone_on_with(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    with pytest.raises(Stop):
        images_predict.run(
            ImagesPredictJob((str(folder / "manifest.csv"),), folder / "model", out), Stopping(1)
        )
    write_manifest(rows(5), folder / "five.csv")
    with pytest.raises(ResumeError, match="other images"):
        predicted(folder, out, inputs=(str(folder / "five.csv"),), resume=True)


def test_processes_that_read_change_nothing(folder: Path, tmp_path: Path) -> None:
    assert predicted(folder, tmp_path / "one.parquet") == predicted(
        folder, tmp_path / "two.parquet", workers=2
    )


def test_maps_point_to_what_is_there(folder: Path, tmp_path: Path) -> None:
    write_manifest(rows(2), folder / "pair.csv")
    inputs = (str(folder / "pair.csv"),)
    predicted(folder, tmp_path / "out.parquet", inputs=inputs, maps=tmp_path / "maps")
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"r0.pneumonia.png", "index.csv"}
    seen = np.asarray(Image.open(tmp_path / "maps" / "r0.pneumonia.png")).astype(int)
    side = 16 * SIDE
    over = seen[maps.MARGIN + maps.LINE :, 2 * maps.MARGIN + side :][:side, :side]
    red = over[..., 0] - over[..., 2]
    assert red[32:128, 32:128].mean() > 2 * red[160:, 160:].mean()
    [row] = csv.DictReader((tmp_path / "maps" / "index.csv").read_text("utf-8").splitlines())
    assert (row["image"], row["study"], row["finding"]) == ("images.npz#image/0", "r0", "pneumonia")
    assert 0.5 < float(row["probability"]) <= 1
    assert row["file"] == "r0.pneumonia.png"
    with pytest.raises(OutputError, match="holds something"):
        predicted(folder, tmp_path / "again.parquet", inputs=inputs, maps=tmp_path / "maps")


def test_files_and_folders_are_studies_of_their_own(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for at in range(2):
        pixels = np.load(folder / "images.npz")["image"][at]
        Image.fromarray(pixels).save(tmp_path / "films" / f"{at}.png")
    (tmp_path / "films" / "notes.docx").write_text("no image")
    read = predicted(folder, tmp_path / "out.parquet", inputs=(str(tmp_path / "films"),))
    assert [row["report_id"] for row in read] == [str(tmp_path / "films" / f"{at}.png") for at in range(2)]
    assert [row["answer"] for row in read] == ["present", "absent"]


def test_only_the_split_that_is_named(folder: Path, tmp_path: Path) -> None:
    write_manifest(rows(10, splits=("train", "test")), folder / "split.csv")
    read = predicted(folder, tmp_path / "a.parquet", inputs=(str(folder / "split.csv"),), split="test")
    assert len(read) == 5
    with pytest.raises(InputError, match=r"no image of split valid.*Splits there: test, train"):
        predicted(folder, tmp_path / "b.parquet", inputs=(str(folder / "split.csv"),), split="valid")


def gold(folder: Path) -> Path:
    path = folder / "gold.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["report_id", "pneumonia"])
        writer.writerows([f"r{at}", "present" if at % 2 == 0 else "absent"] for at in range(80))
    return path


def evaluated(folder: Path, **changes: object) -> images_evaluate.ScoredImages:
    given = {
        "inputs": (str(folder / "manifest.csv"),),
        "model": folder / "model",
        "gold": gold(folder),
        "resamples": 50,
        **changes,
    }
    return images_evaluate.run(ImagesEvaluateJob(**given))  # type: ignore[arg-type]


def test_a_model_is_scored_as_text_is(folder: Path, tmp_path: Path) -> None:
    scored = evaluated(folder, out=tmp_path / "page.html")
    [presence] = scored.evaluation.scores.presence
    assert presence.auroc is not None
    assert presence.auroc.value > 0.95
    assert scored.evaluation.about.probabilities == "full"
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "AUROC" in page
    assert "pneumonia" in page
    with pytest.raises(OutputError, match="exists"):
        evaluated(folder, out=tmp_path / "page.html")


def test_the_areas_are_those_of_the_probabilities(folder: Path) -> None:
    from sklearn.metrics import roc_auc_score

    scored = evaluated(folder)
    [presence] = scored.evaluation.scores.presence
    truth = np.arange(80) % 2 == 0
    area = roc_auc_score(truth, scored.predicted.chances[:, 0])
    assert presence.auroc is not None
    assert presence.auroc.value == pytest.approx(area)


def test_gold_may_name_reports_by_accession_number(folder: Path) -> None:
    by_accession = [replace(row, report_id=None, accession=row.report_id) for row in rows(80)]
    write_manifest(by_accession, folder / "accession.csv")
    scored = evaluated(folder, inputs=(str(folder / "accession.csv"),))
    assert scored.evaluation.scores.coverage.scored == 80
    strange = [replace(row, report_id=None) for row in rows(80)]
    write_manifest(strange, folder / "strange.csv")
    with pytest.raises(InputError, match="None of 80 images and 80 labelled reports belong together"):
        evaluated(folder, inputs=(str(folder / "strange.csv"),))


def test_gold_may_be_image_labels(folder: Path) -> None:
    scored = evaluated(folder, gold=folder / "labels.parquet")
    assert scored.evaluation.scores.coverage.scored == 80


def test_from_the_command_line(folder: Path, tmp_path: Path, reportnlp: Command) -> None:
    labels, model, manifest = (str(folder / name) for name in ("labels.parquet", "made", "manifest.csv"))
    made = reportnlp(
        *("images", "train", labels, "-o", model, "--model", "small_cnn", "--size", "16"),
        *("--set", "widths=4,8", "--epochs", "1", "--augment", "none", "--learning-rate", "0.01"),
        *("--schedule", "cosine", "--weight-decay", "0.05", "--average", "1"),
    )
    assert made.code == 0, made.err
    assert "read 80 images = learned" in made.out
    (folder / "made" / "unheard_of.txt").write_text("more files do not matter")
    told = reportnlp("images", "predict", manifest, "--model", model, "-o", str(tmp_path / "out.csv"))
    assert told.code == 0, told.err
    assert "read 80 images = predicted 80 + quarantined 0; 80 rows" in told.out
    assert (tmp_path / "out.csv").read_text("utf-8").startswith("report_id,pneumonia,pneumonia.p")
    scored = reportnlp(
        *("images", "evaluate", manifest, "--model", model, "--labels", str(gold(folder))),
        *("--resamples", "20"),
    )
    assert scored.code == 0, scored.err
    assert "pneumonia" in scored.out
    some = [*rows(4), ImageRow(study="none", image="missing.png")]
    write_manifest(some, folder / "some.csv")
    with (folder / "some.csv").open("a", encoding="utf-8") as file:
        file.write(",nameless.png,,\n")
    bad = reportnlp(
        "images", "predict", str(folder / "some.csv"), "--model", model, "-o", str(tmp_path / "bad.csv")
    )
    assert bad.code == 3
    assert "1 there is no such file" in bad.err and "1 it names no study" in bad.err
    assert "read 6 images = predicted 4 + quarantined 2; 4 rows" in bad.out
    assert len(quarantine_file(tmp_path / "bad.csv").read_text("utf-8").splitlines()) == 2
    wrong = reportnlp("images", "train", labels, "-o", str(tmp_path / "x"), "--size", "big")
    assert wrong.code == 2
    assert "whole numbers" in wrong.err


def test_what_does_not_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportNLPError, match="Did you mean 'study'"):
        ImagesPredictJob((), folder / "model", tmp_path / "x.csv", per="stduy")
    with pytest.raises(InputError, match="no model folder"):
        predicted(folder, tmp_path / "x.parquet", model=folder / "nothing")
    with pytest.raises(InputError, match="one manifest at a time"):
        predicted(folder, tmp_path / "x.parquet", inputs=("a.csv", "b.csv"))
    predicted(folder, tmp_path / "x.parquet")
    with pytest.raises(OutputError, match="exists already"):
        predicted(folder, tmp_path / "x.parquet")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
