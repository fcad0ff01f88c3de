"""What the page of an image model says: of images, and that labels read from reports are no gold."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reportnlp.evaluation import tables
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.table import read_table, write_table
from reportnlp.jobs import images_evaluate, images_train
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.jobs.images_evaluate import ImagesEvaluateJob, ScoredImages
from reportnlp.jobs.images_train import ImagesTrainJob
from reportnlp.training.settings import TrainSettings
from tests.conftest import Command
from tests.planted_images import SIDE, labels_of, planted, rows

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`labels.parquet`, of which every fourth image is for the test and a few are doubtful; and `model`."""
    folder = tmp_path_factory.mktemp("page")
    there = planted(folder)
    answers = np.where(there, "present", "absent").astype(object)[:, None]
    answers[::10] = "uncertain"
    made = labels_of(
        there, folder, rows=rows(80, splits=("train", "train", "valid", "test")), answers=answers
    )
    twelve = tuple(replace(row, split="test") if at < 12 else row for at, row in enumerate(made.rows))
    write_table(replace(made, rows=twelve), folder / "labels.parquet")
    loop = TrainSettings(epochs=2, batch_size=16, learning_rate=0.01, device="cpu", patience=0)
    recipe = ImageRecipe("small_cnn", {"widths": (4, 8)}, augmentation="none", train=loop)
    size = Preprocessing(size=(SIDE, SIDE))
    images_train.run(ImagesTrainJob(folder / "labels.parquet", folder / "model", recipe, size))
    return folder


def scored(desk: Path, out: Path, **changes: object) -> ScoredImages:
    labels = desk / "labels.parquet"
    given = {"inputs": (str(labels),), "model": desk / "model", "gold": labels, "split": "test", **changes}
    return images_evaluate.run(ImagesEvaluateJob(out=out, resamples=20, **given))  # type: ignore[arg-type]


def words(path: Path) -> str:
    """All that the page says, without elements, style and script."""
    text = re.sub(r"<(style|script)>.*?</\1>", " ", path.read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", text)))


def test_labels_of_reports_are_never_called_gold(desk: Path, tmp_path: Path) -> None:
    found = scored(desk, tmp_path / "page.html", truth="reports")
    told = words(tmp_path / "page.html")
    lead = f"{found.evaluation.scores.coverage.scored} studies compared with what their reports say; no gold"
    assert lead in told
    assert set(re.findall(r"[^.;:]*gold[^.;:]*", told)) == {" no gold was given"}
    assert "report \\ model" in told
    assert "Rows are the reports' answers" in told


def test_training_labels_of_any_origin_are_called_so(desk: Path, tmp_path: Path) -> None:
    found = scored(desk, tmp_path / "page.html")
    assert found.evaluation.about.truth == "labels"
    assert "which may have been read from reports; no gold was given" in words(tmp_path / "page.html")


def test_gold_is_called_gold(desk: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.csv"
    table = read_table(desk / "labels.parquet")
    lines = [f"{row.report_id},{said[0]}" for row, said in zip(table.rows, table.answers, strict=True)]
    gold.write_text("\n".join(["report_id,pneumonia", *lines]), "utf-8")
    scored(desk, tmp_path / "page.html", gold=gold)
    told = words(tmp_path / "page.html")
    assert "studies compared with gold answers" in told
    assert "no gold" not in told


def test_the_page_speaks_of_images(desk: Path, tmp_path: Path) -> None:
    scored(desk, tmp_path / "page.html", per="image")
    told = words(tmp_path / "page.html")
    assert "Image model model: pneumonia" in told
    assert "by image id" in told
    assert "offset" not in told
    assert not re.search(r"\d+ reports", told)
    assert "Specificity" in told


def test_answers_that_a_model_never_gives_are_not_scored(desk: Path, tmp_path: Path) -> None:
    found = scored(desk, tmp_path / "page.html")
    [presence] = found.evaluation.scores.presence
    assert presence.support["uncertain"] > 0
    assert {one.answer for one in found.evaluation.scores.answers} == {"present", "absent"}


def test_training_images_are_no_missing_ones(desk: Path, tmp_path: Path) -> None:
    found = scored(desk, tmp_path / "page.html")
    assert found.evaluation.scores.coverage.missing == 0
    assert len(found.predicted.ids) == found.evaluation.scores.coverage.scored < 80
    told = list(tables.notes(found.evaluation))
    assert re.match(r"    AUROC [01]\.\d{3} \(.*\)  pneumonia \(n \d+\)", told[1]), told


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield


def test_the_command_tells_the_area_and_where_the_page_is(
    desk: Path, tmp_path: Path, reportnlp: Command
) -> None:
    labels, page = str(desk / "labels.parquet"), str(tmp_path / "page.html")
    told = reportnlp(
        *("images", "evaluate", labels, "--model", str(desk / "model"), "--labels", labels),
        *("--split", "test", "--resamples", "20", "-o", page),
    )
    assert told.code == 0, told.err
    assert re.search(r"AUROC [01]\.\d{3}", told.out)
    assert told.out.splitlines()[-1] == f"page in {page}"
