"""Settings, weights of rare answers, the course of a training and its folder: all that needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportnlp.errors import InvalidDefinitionError, OutputError, ResumeError, TrainingError, UnknownNameError
from reportnlp.training._work import Work
from reportnlp.training.history import Course, Epoch
from reportnlp.training.settings import TrainSettings
from reportnlp.training.weights import CAP, class_weights


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs was given as 0; it should be a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size was given as 2.5; it should be a whole number"),
        ({"patience": True}, "patience was given as True"),
        ({"learning_rate": 0.0}, "learning_rate was given as 0.0; it should be a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate was given as nan"),
        ({"learning_rate": "fast"}, "learning_rate was given as 'fast'"),
        ({"warmup": 1.0}, "warmup was given as 1.0; it should be a number of at least 0 and below 1"),
        ({"clip": -1}, "clip was given as -1; it should be a number of at least 0"),
        ({"frozen": "vectors"}, "frozen was given as 'vectors'; it should be beginnings of parameter names"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDefinitionError) as error:
        TrainSettings(**wrong)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "guess"),
    [
        ({"precision": "float16"}, "float32"),
        ({"optimizer": "adam"}, "adamw"),
        ({"schedule": "cosin"}, "cosine"),
    ],
)
def test_a_wrong_choice_is_answered_with_the_nearest(wrong: dict[str, Any], guess: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean '{guess}'"):
        TrainSettings(**wrong)


def test_settings_that_change_no_result_do_not_bind() -> None:
    free = TrainSettings(keep_checkpoints=5, checkpoint_every=7, loader_workers=2, device="cpu")
    assert free.binding() == TrainSettings().binding()
    assert TrainSettings(clip=2.0).binding() != TrainSettings().binding()


def test_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, reportnlp.training.loop, reportnlp.training.search, reportnlp.training.weights;"
        "print({'torch', 'transformers', 'optuna', 'tensorboardX'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_class_weights_are_one_in_the_mean_over_the_rows_that_count() -> None:
    chance = np.random.default_rng(0)
    targets = chance.dirichlet([8, 2, 0.5], size=200)
    mask = chance.random(200) < 0.7
    for strength in (0, 0.3, 1):
        weights = class_weights(targets, mask, strength=strength)
        assert weights.dtype == np.float32
        assert (targets[mask] @ weights).mean() == pytest.approx(1, rel=1e-6)


def test_strength_goes_from_all_alike_to_the_same_share_for_all() -> None:
    targets = np.eye(3)[[0] * 60 + [1] * 30 + [2] * 10]
    mask = np.ones(100)
    assert class_weights(targets, mask, strength=0).tolist() == [1, 1, 1]
    whole = class_weights(targets, mask, strength=1)
    assert np.allclose(whole * [60, 30, 10], 100 / 3)
    half = class_weights(targets, mask, strength=0.5)
    assert np.allclose(half / half[0], [1, 2**0.5, 6**0.5])


def test_an_answer_that_never_comes_weighs_no_more_than_the_cap() -> None:
    weights = class_weights(np.eye(3)[[0] * 999 + [1]], np.ones(1000, bool), strength=1)
    assert np.allclose(weights / weights[0], [1, CAP, CAP])
    assert class_weights(np.eye(2)[[0, 0]], np.ones(2), strength=0).tolist() == [1, 1]


def test_class_weights_of_nothing_are_refused() -> None:
    with pytest.raises(TrainingError, match="No row has a target"):
        class_weights(np.eye(2), np.zeros(2), strength=1)
    with pytest.raises(InvalidDefinitionError, match="from 0 to 1"):
        class_weights(np.eye(2), np.ones(2), strength=2)


def course(*losses: float | None, scores: tuple[float, ...] = ()) -> Course:
    epochs = [Epoch(place + 1, 1.0, loss) for place, loss in enumerate(losses)]
    if scores:
        epochs = [replace(epoch, score=score) for epoch, score in zip(epochs, scores, strict=True)]
    return Course(epochs)


def test_the_best_epoch_is_of_the_lowest_loss_or_the_highest_score_and_the_first_of_equals() -> None:
    assert course(3.0, 1.0, 2.0, 1.0).best == 1
    assert course(3.0, 1.0, 2.0, scores=(0.1, 0.2, 0.2)).best == 1
    assert course(3.0, 1.0, 2.0, scores=(0.3, 0.1, 0.2)).best == 0
    assert course(None, None).best == 1


def test_patience_counts_epochs_since_the_best() -> None:
    assert not course(1.0, 2.0).stale(2)
    assert course(1.0, 2.0, 2.0).stale(2)
    assert not course(1.0, 2.0, 2.0, 2.0).stale(0)
    assert not Course().stale(1)


def test_a_course_comes_back_from_json_as_it_was() -> None:
    before = course(0.1, 1 / 3, scores=(0.2, 0.7))
    before.loss_sum, before.loss_steps, before.seconds = 1.1, 3, 2.2
    assert Course.from_dict(json.loads(json.dumps(before.as_dict()))) == before


def touch(folder: Path) -> None:
    (folder / "file").write_text("here")


def test_rotation_keeps_the_last_ones_and_the_best(tmp_path: Path) -> None:
    work = Work(tmp_path / "work", {})
    work.begin()
    for step in (5, 10, 15, 20):
        work.save(step, touch)
    work.rotate(3, best=5)
    assert list(work.checkpoints()) == [5, 15, 20]
    work.rotate(2, best=5)
    assert list(work.checkpoints()) == [5, 20]
    work.rotate(1, best=5)
    assert list(work.checkpoints()) == [5, 20]
    work.rotate(1, best=20)
    assert list(work.checkpoints()) == [20]
    work.rotate(1, best=None)
    assert list(work.checkpoints()) == [20]


def test_a_checkpoint_is_whole_or_not_there(tmp_path: Path) -> None:
    work = Work(tmp_path, {})
    work.begin()

    def die(folder: Path) -> None:
        touch(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.save(5, die)
    assert not work.checkpoints()
    work.save(5, touch)
    assert list(work.checkpoints()) == [5]


def test_work_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    Work(tmp_path, {"seed": 1, "model": "aa"}).begin()
    assert Work(tmp_path, {"seed": 1, "model": "aa"}).check()
    with pytest.raises(ResumeError, match=r"with seed 1, and this is seed 2\. Give the same, or"):
        Work(tmp_path, {"seed": 2, "model": "aa"}).check()
    with pytest.raises(ResumeError, match="with another model"):
        Work(tmp_path, {"seed": 1, "model": "bb"}).check()


def test_a_new_start_removes_what_training_made_and_nothing_else(tmp_path: Path) -> None:
    work = Work(tmp_path, {})
    work.begin()
    work.save(1, touch)
    (tmp_path / "checkpoint-2.draft").mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    work.begin()
    assert {path.name for path in tmp_path.iterdir()} == {"settings.json", "mine.txt"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"Cannot write .*work"):
        Work(tmp_path / "file" / "work", {}).begin()
