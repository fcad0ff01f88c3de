from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reportnlp.archive.disk import quarantine_file
from reportnlp.errors import InputError, OutputError, ReportNLPError, ResumeError
from reportnlp.images.folder import open_folder
from reportnlp.images.models.blocks import ImageClassifier
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.table import read_table, write_table
from reportnlp.jobs import images_train
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.jobs._images_record import reasons
from reportnlp.jobs.images_train import ImagesTrainJob
from reportnlp.sums import SUMS
from reportnlp.training.settings import TrainSettings
from tests.planted_images import SIDE, labels_of, planted, rows, table

torch.set_num_threads(1)

SMALL = Preprocessing(size=(SIDE, SIDE))


def recipe(*, epochs: int = 4, **others: Any) -> ImageRecipe:
    loop: dict[str, Any] = {"epochs": epochs, "batch_size": 16, "learning_rate": 0.01, "device": "cpu"}
    loop.update(patience=0)
    loop.update(others.pop("train", {}))
    settings = {"widths": (4, 8), "dropout": 0.1, **others.pop("settings", {})}
    return ImageRecipe(
        **{"model": "small_cnn", "augmentation": "none", **others},
        settings=settings,
        train=TrainSettings(**loop),
    )


def job(labels: Path, out: Path, **changes: Any) -> ImagesTrainJob:
    given = {"recipe": recipe(), "preprocessing": SMALL, "held_out": 0.3, **changes}
    return ImagesTrainJob(labels, out, **given)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def model(labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "model"
    trained = images_train.run(job(labels, out, threshold="f1", command="reportnlp images train"))
    counts = dict(trained.record["images"])
    assert counts.pop("read") == 80 == sum(counts.values())
    assert counts["held out"] == pytest.approx(24, abs=2)
    return out


def figure(folder: Path, name: str = "AUROC") -> float:
    [value] = [row["value"] for row in open_folder(folder).file.trained["figures"] if row["figure"] == name]
    return float(value)


def test_it_learns_what_is_there(model: Path) -> None:
    assert figure(model) > 0.95


def test_the_folder_is_one_of_hugging_face_and_holds_no_pickle(model: Path) -> None:
    names = {path.name for path in model.iterdir()}
    assert {"config.json", "model.safetensors", "README.md", SUMS, "logs"} == names
    network = ImageClassifier.from_pretrained(model)
    assert network.config.findings == ["pneumonia"]
    file = open_folder(model).file
    assert file.preprocessing.size == (SIDE, SIDE)
    assert 0 < file.preprocessing.mean < 1
    assert file.decisions["pneumonia"].temperature != 1.0
    assert "learned" in file.trained["images"]
    card = (model / "README.md").read_text("utf-8")
    assert "AUROC" in card
    assert "reportnlp images train" in card


def test_a_changed_file_is_refused(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in model.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    assert open_folder(copy).digest == open_folder(model).digest
    (copy / "config.json").write_text(
        (copy / "config.json").read_text("utf-8").replace("0.5", "0.6"), "utf-8"
    )
    with pytest.raises(InputError, match="is not the file that the model was saved with"):
        open_folder(copy)


def test_the_same_seed_gives_the_same_model_and_another_another(labels: Path, tmp_path: Path) -> None:
    digests = []
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        images_train.run(
            job(labels, tmp_path / name, seed=seed, recipe=recipe(epochs=1, augmentation="light"))
        )
        digests.append((tmp_path / name / "model.safetensors").read_bytes())
    assert digests[0] == digests[1] != digests[2]


class Stop(Exception):
    pass


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stopped_training_goes_on_to_the_same_bits(
    labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    loop = {"checkpoint_every": 2, "loader_workers": workers, "average": 1}
    made = recipe(epochs=3, augmentation="light", train=loop)
    images_train.run(job(labels, tmp_path / "whole", recipe=made))
    stopping = Stopping(100)
    with pytest.raises(Stop):
        images_train.run(job(labels, tmp_path / "cut", recipe=made), stopping)
    images_train.run(job(labels, tmp_path / "cut", recipe=made, resume=True))
    assert not (tmp_path / "cut.work").exists()
    for name in ("model.safetensors", "config.json"):
        whole, cut = ((tmp_path / folder / name).read_text("latin-1") for folder in ("whole", "cut"))
        if name == "config.json":
            whole, cut = (json.dumps(timeless(json.loads(text))) for text in (whole, cut))
        assert whole == cut


def timeless(config: dict[str, Any]) -> dict[str, Any]:
    config["trained"].pop("images_per_second")
    return config


class Stopping:
    """Raises within the training, after so many images."""

    def __init__(self, after: int) -> None:
        self._left, self._training = after, False

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        self._training = name == "training"

    def expect(self, total: int) -> None: ...

    def advance(self, steps: int) -> None:
        self._left -= steps * self._training
        if self._left < 0:
            raise Stop

    def note(self, text: str) -> None: ...


def test_other_work_is_not_gone_on_with(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        images_train.run(
            job(labels, tmp_path / "cut", recipe=recipe(train={"checkpoint_every": 1})), Stopping(70)
        )
    with pytest.raises(ResumeError, match="epochs"):
        images_train.run(job(labels, tmp_path / "cut", recipe=recipe(epochs=9), resume=True))


def test_bad_images_are_counted_and_named_and_stop_nothing(tmp_path: Path) -> None:
    there = planted(tmp_path)
    made = list(rows(80))
    made[3] = rows(200)[199]
    made[5] = type(made[5])(study="s5", image="missing.png", patient="p5")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    made[7] = type(made[7])(study="s7", image="broken.png", patient="p7")
    write_table(labels_of(there, tmp_path, rows=tuple(made)), tmp_path / "labels.parquet")
    trained = images_train.run(job(tmp_path / "labels.parquet", tmp_path / "model", recipe=recipe(epochs=1)))
    counts = dict(trained.record["images"])
    assert counts["quarantined"] == 3
    assert counts.pop("read") == sum(counts.values())
    lines = quarantine_file(tmp_path / "model").read_text("utf-8").splitlines()
    assert {json.loads(line)["image"] for line in lines} == {
        "images.npz#image/199",
        "missing.png",
        "broken.png",
    }
    assert sum(count for count, _ in reasons(trained.bad)) == 3


def test_where_no_image_can_be_read_it_says_why(tmp_path: Path) -> None:
    path = table(tmp_path)
    (tmp_path / "images.npz").unlink()
    with pytest.raises(InputError, match="could be read: there is no such file"):
        images_train.run(job(path, tmp_path / "model"))


def test_masked_cells_teach_nothing(tmp_path: Path) -> None:
    """Half of the labels are wrong; masked, they do no harm."""
    there = planted(tmp_path)
    wrong = np.arange(80) % 4 < 2
    target = np.where(wrong, ~there, there).astype(np.float32)[:, None]
    for name, mask in (("masked", ~wrong[:, None]), ("believed", np.ones((80, 1), dtype=np.bool_))):
        write_table(labels_of(there, tmp_path, target=target, mask=mask), tmp_path / f"{name}.parquet")
        images_train.run(job(tmp_path / f"{name}.parquet", tmp_path / name))
    assert open_folder(tmp_path / "masked").file.trained["images"]["not known"] == 40
    assert figure(tmp_path / "masked") > 0.9
    assert figure(tmp_path / "believed") < 0.8


def test_splits_of_the_table_are_kept_and_the_test_side_is_never_read(tmp_path: Path) -> None:
    there = planted(tmp_path)
    split = rows(80, splits=("train", "train", "valid", "valid", "test"))
    made = tuple(
        type(row)(**{**_fields(row), "image": "gone.png"}) if row.split == "test" else row for row in split
    )
    write_table(labels_of(there, tmp_path, rows=made), tmp_path / "labels.parquet")
    trained = images_train.run(job(tmp_path / "labels.parquet", tmp_path / "model", recipe=recipe(epochs=1)))
    counts = trained.record["images"]
    assert (counts["learned"], counts["held out"], counts["other splits"]) == (32, 32, 16)
    assert counts["quarantined"] == 0


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).__dataclass_fields__}


def test_images_of_one_patient_are_on_one_side(tmp_path: Path) -> None:
    from reportnlp.jobs._images_data import sides

    there = planted(tmp_path)
    made = tuple(type(row)(**{**_fields(row), "patient": f"p{at // 4}"}) for at, row in enumerate(rows(80)))
    labels = labels_of(there, tmp_path, rows=made)
    found = sides(labels, held_out=0.25, seed=3)
    patients = [{labels.rows[at].patient for at in side.tolist()} for side in (found.train, found.valid)]
    assert len(found.valid) == 20
    assert not patients[0] & patients[1]


def test_self_training_fills_in_uncertain_labels_and_leaves_the_others(tmp_path: Path) -> None:
    there = planted(tmp_path)
    doubtful = (np.arange(80) % 3 == 0)[:, None]
    answers = np.where(doubtful, "uncertain", np.where(there[:, None], "present", "absent")).astype(object)
    made = labels_of(
        there,
        tmp_path,
        policy="self-train",
        mask=~doubtful,
        weight=(~doubtful).astype(np.float32),
        target=np.where(doubtful, 0.5, there[:, None]).astype(np.float32),
        answers=answers,
    )
    write_table(made, tmp_path / "labels.parquet")
    trained = images_train.run(job(tmp_path / "labels.parquet", tmp_path / "model"))
    [note] = trained.record["notes"]
    assert note == "self-training filled in 27 uncertain labels"
    assert figure(tmp_path / "model") > 0.9
    known = trained.record["targets"]["pneumonia"]
    assert known["not known"] == 0


def test_three_way_answers_are_learned(tmp_path: Path) -> None:
    there = planted(tmp_path)
    distribution = np.zeros((80, 1, 3), dtype=np.float32)
    distribution[np.arange(80), 0, there.astype(int)] = 1
    made = labels_of(there, tmp_path, policy="multi-class", distribution=distribution)
    write_table(made, tmp_path / "labels.parquet")
    images_train.run(job(tmp_path / "labels.parquet", tmp_path / "model"))
    file = open_folder(tmp_path / "model").file
    assert file.answers == ("absent", "present", "uncertain")
    assert figure(tmp_path / "model") > 0.95


def test_volumes_are_learned_from(tmp_path: Path) -> None:
    there = planted(tmp_path, count=24, shape=(12, 12, 12))
    write_table(labels_of(there, tmp_path), tmp_path / "labels.parquet")
    small = Preprocessing(size=(8, 8, 8))
    images_train.run(job(tmp_path / "labels.parquet", tmp_path / "model", preprocessing=small))
    assert ImageClassifier.from_pretrained(tmp_path / "model").config.dimensions == 3


def test_weights_of_another_model_are_learned_on(labels: Path, model: Path, tmp_path: Path) -> None:
    made = recipe(epochs=1, start_from=model, train={"learning_rate": 1e-6})
    trained = images_train.run(job(labels, tmp_path / "again", recipe=made))
    assert "took 14 tensors from model" in trained.record["notes"][0]
    assert figure(tmp_path / "again") > 0.9


def test_the_last_epoch_may_be_kept(labels: Path, tmp_path: Path) -> None:
    last = images_train.run(job(labels, tmp_path / "last", recipe=recipe(best_by="last")))
    assert last.record["epochs"] == recipe().train.epochs
    assert "which chose the calibration, against" in last.record["tested"]


def test_the_best_epoch_may_be_that_of_the_best_auroc(labels: Path, tmp_path: Path) -> None:
    trained = images_train.run(job(labels, tmp_path / "model", recipe=recipe(best_by="auroc")))
    assert trained.record["epochs"] >= 1
    with pytest.raises(InputError, match="no AUROC"):
        images_train.run(job(labels, tmp_path / "none", held_out=0, recipe=recipe(best_by="auroc")))


def test_rare_answers_can_count_more(tmp_path: Path) -> None:
    from reportnlp.jobs._images_data import Wanted, rarity

    targets = np.array([[1.0], [0], [0], [0], [0.5]], dtype=np.float32)
    goal = Wanted(targets, np.array([[1.0], [1], [1], [1], [0]], dtype=np.float32))
    factors = rarity(goal, np.arange(5), 1.0)
    assert factors[0, 0] == pytest.approx(3 * factors[1, 0])
    assert (factors[:4, 0]).mean() == pytest.approx(1.0)
    assert np.array_equal(rarity(goal, np.arange(5), 0.0), np.ones((5, 1)))


def test_what_does_not_fit_is_refused(labels: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists"):
        images_train.run(job(labels, model))
    with pytest.raises(ReportNLPError, match="Did you mean 'small_cnn'"):
        images_train.run(job(labels, tmp_path / "x", recipe=recipe(model="smal_cnn")))
    with pytest.raises(ReportNLPError, match="Did you mean 'light'"):
        recipe(augmentation="ligth")
    with pytest.raises(InputError, match="There is no file"):
        images_train.run(job(tmp_path / "none.parquet", tmp_path / "x"))
    made = read_table(labels)
    blank = made.taken(range(4))
    blank.mask[:] = False
    write_table(blank, tmp_path / "blank.parquet")
    with pytest.raises(InputError, match="None of the 4 images can be learned from: 4 have no label"):
        images_train.run(job(tmp_path / "blank.parquet", tmp_path / "x"))


def test_a_model_is_named_as_a_user_types_it(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportNLPError, match="Did you mean 'densenet121'") as found:
        images_train.run(job(labels, tmp_path / "x", recipe=recipe(model="densnet121")))
    told = str(found.value)
    assert "densenet121, densenet169" in told
    assert "resnet18" in told and "small_cnn" in told
    assert "resnet," not in told


def test_a_training_that_is_done_is_not_resumed(labels: Path, model: Path) -> None:
    with pytest.raises(OutputError, match="is done; nothing is left to resume"):
        images_train.run(job(labels, model, resume=True))


def test_a_table_for_other_trainers_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("Path,Pneumonia\na.png,1.0\n", "utf-8")
    with pytest.raises(InputError, match=r"CheXpert's layout is one\). Here the .parquet is"):
        images_train.run(job(tmp_path / "train.csv", tmp_path / "x"))
