"""`train --search`: recipes are drawn, judged on reports of their own, and the best is trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")
pytest.importorskip("transformers")

from reportnlp.classifiers._folder import open_folder
from reportnlp.errors import InputError, ReportNLPError, ResumeError, UnknownNameError
from reportnlp.jobs import _train_search, train
from reportnlp.jobs._train_data import LabelledReports, Source
from reportnlp.jobs._train_fit import Fitted, Recipe, fit
from reportnlp.jobs._train_search import SPACE, USUAL, Range, Search
from reportnlp.jobs.train import TrainJob
from reportnlp.registry import CLASSIFIERS
from reportnlp.training.history import Epoch
from reportnlp.training.search import Pruned
from reportnlp.training.settings import TrainSettings
from tests.conftest import ROOT, Command
from tests.test_jobs_evaluate_trained import write

TINY: dict[str, Any] = {"filters": 6, "width": 8, "spans": [2]}


class Killed(BaseException):
    """Stands for the signal that ends a process."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    reports, gold = write(tmp_path_factory.mktemp("corpus"), "reports", range(100))
    return Source((str(reports),), (gold,))


def job(source: Source, out: Path, search: Search, **recipe: Any) -> TrainJob:
    recipe = {"settings": {"buckets": 512}, **recipe}
    return TrainJob(source, out, recipe=Recipe(**recipe), search=search, seed=3)


LINEAR = Search(4, architectures=("linear",))
EPOCHS = Search(3, architectures=("cnn",), settled=frozenset({"epochs"}))


class Listener:
    """Hears of every training: what was learned from, and what judged or was held out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, dies: int = -1) -> None:
        self.heard: list[tuple[Recipe, set[str], set[str]]] = []
        from reportnlp.jobs import _train_learn

        def listen(
            recipe: Recipe, columns: Any, data: LabelledReports, held: LabelledReports | None, **others: Any
        ) -> Fitted:
            if len(self.heard) == dies:
                raise Killed
            ids = [{r.id for r in part.reports} if part else set() for part in (data, held)]
            self.heard.append((recipe, ids[0], ids[1]))
            return fit(recipe, columns, data, held, **others)

        for module in (_train_search, _train_learn):
            monkeypatch.setattr(module, "fit", listen)


@pytest.mark.parametrize("architecture", SPACE)
def test_the_space_holds_what_is_a_setting(architecture: str) -> None:
    own = set(CLASSIFIERS.get(architecture).Config.model_fields)
    for name, values in SPACE[architecture].items():
        assert name in own | {"epochs", "learning_rate", "class_weight"}
        low = values.low if isinstance(values, Range) else values[0]
        high = values.high if isinstance(values, Range) else values[-1]
        for value in (low, high):
            drawn = _train_search._recipe(
                Recipe(), architecture if architecture != "transformer" else "cnn", {name: value}
            )
            assert isinstance(drawn, Recipe)


def test_the_best_recipe_is_trained_and_the_trials_are_told(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(monkeypatch)
    trained = train.run(job(source, tmp_path / "m", LINEAR))
    table = json.loads((tmp_path / "m" / "search.json").read_text("utf-8"))
    assert [trial["state"] for trial in table["trials"]] == ["complete"] * 4
    best = min(table["trials"], key=lambda trial: trial["score"])
    assert table["best"] == best["number"]
    assert set(best["settings"]) == {"penalty", "longest", "class_weight"}
    last = listener.heard[-1][0]
    assert (last.settings["penalty"], last.class_weight, last.settings["buckets"]) == (
        best["settings"]["penalty"],
        best["settings"]["class_weight"],
        512,
    )
    [line] = [line for line in train.describe(trained) if line.startswith("searched 4 recipes (4 completed)")]
    assert f"trial {best['number']}: linear" in line and "search.json" in line
    assert "Searched 4 recipes" in (tmp_path / "m" / "README.md").read_text("utf-8")
    config = json.loads((open_folder(tmp_path / "m").path / "config.json").read_text("utf-8"))
    assert config["settings"]["penalty"] == best["settings"]["penalty"]
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_who_judges_neither_learns_nor_calibrates(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(monkeypatch)
    train.run(job(source, tmp_path / "m", LINEAR))
    *trials, (_, learned, calibrating) = listener.heard
    for _, tried, judging in trials:
        assert tried and judging
        assert not judging & tried
        assert not calibrating & (judging | tried)
        assert judging | tried == learned


def test_the_same_seed_searches_alike_however_often_it_was_stopped(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = job(source, tmp_path / "whole", EPOCHS, settings=TINY, train=TrainSettings(epochs=2))
    train.run(whole)
    stopped = replace(whole, out=tmp_path / "stopped")
    with monkeypatch.context() as inner:
        Listener(inner, dies=1)
        with pytest.raises(Killed):
            train.run(stopped)
    listener = Listener(monkeypatch)
    with pytest.raises(ResumeError, match="maximise"):
        train.run(replace(stopped, resume=True, search=replace(EPOCHS, objective="f1")))
    train.run(replace(stopped, resume=True))
    # two trials are left, and then the best is trained
    assert len(listener.heard) == 3
    tables = [
        json.loads((tmp_path / name / "search.json").read_text("utf-8")) for name in ("whole", "stopped")
    ]
    assert [trial["settings"] for trial in tables[0]["trials"]] == [
        trial["settings"] for trial in tables[1]["trials"] if trial["state"] != "fail"
    ]


def test_what_is_given_stays(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(monkeypatch)
    train.run(job(source, tmp_path / "m", EPOCHS, settings=TINY, train=TrainSettings(epochs=1)))
    for recipe, _, _ in listener.heard:
        assert (recipe.architecture, recipe.train.epochs) == ("cnn", 1)
        assert {name: recipe.settings[name] for name in TINY} == TINY
    assert len({recipe.train.learning_rate for recipe, _, _ in listener.heard}) == 3


def test_architectures_are_drawn_and_figures_may_judge(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = {name: {"class_weight": Range(0.0, 0.5)} for name in USUAL}
    monkeypatch.setattr(_train_search, "SPACE", tiny)
    given = {"buckets": 512, "width": 6, "filters": 4, "hidden": 4}
    search = Search(6, objective="f1")
    train.run(job(source, tmp_path / "m", search, settings=given, train=TrainSettings(epochs=1)))
    table = json.loads((tmp_path / "m" / "search.json").read_text("utf-8"))
    assert len({trial["architecture"] for trial in table["trials"]}) > 1
    scores = [trial["score"] for trial in table["trials"] if trial["state"] == "complete"]
    assert all(0 <= score <= 1 for score in scores)
    best = next(trial for trial in table["trials"] if trial["number"] == table["best"])
    assert best["score"] == max(scores)


def test_trials_that_lag_are_given_up(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[int] = []

    def lag(
        recipe: Recipe, *args: Any, each: Callable[[int, Epoch], None] | None = None, **others: Any
    ) -> Fitted:
        said.append(0)
        if each is not None:
            late = len(said) > 6
            try:
                each(1, Epoch(1, 1.0, 100.0 if late else 1.0))
            except Pruned:
                assert late
                raise
        return fit(recipe, *args, **others)

    monkeypatch.setattr(_train_search, "fit", lag)
    train.run(job(source, tmp_path / "m", replace(LINEAR, trials=7)))
    table = json.loads((tmp_path / "m" / "search.json").read_text("utf-8"))
    assert [(trial["state"], trial["score"] is None) for trial in table["trials"]][-1] == ("pruned", True)


@pytest.mark.parametrize(
    ("search", "recipe", "error", "message"),
    [
        (LINEAR, {"settings": {"bucket": 3}}, UnknownNameError, "buckets"),
        (LINEAR, {"start_from": Path("m")}, InputError, "--from"),
    ],
)
def test_what_does_not_go_together_is_refused(
    source: Source,
    tmp_path: Path,
    search: Search,
    recipe: dict[str, Any],
    error: type[ReportNLPError],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        train.run(job(source, tmp_path / "m", search, architecture="linear", **recipe))


@pytest.mark.parametrize(
    ("given", "message"),
    [({"trials": 0}, "1 or more"), ({"objective": "f2"}, "f1"), ({"architectures": ("cn",)}, "cnn")],
)
def test_a_search_that_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ReportNLPError, match=message):
        Search(**{"trials": 1, **given})


def test_several_processes_do_not_search(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="torchrun"):
        train.run(job(source, tmp_path / "m", LINEAR))


def test_the_command_line(source: Source, tmp_path: Path, reportnlp: Command) -> None:
    call: Sequence[str] = [
        "train",
        *source.inputs,
        "--labels",
        str(source.labels[0]),
        "-o",
        str(tmp_path / "m"),
    ]
    given = ["--architecture", "linear", "--set", "buckets=512", "--class-weight", "0.25"]
    outcome = reportnlp(*call, *given, "--search", "2", "--search-for", "f1")
    assert outcome.code == 0, outcome.err
    assert "searched 2 recipes" in outcome.out
    table = json.loads((tmp_path / "m" / "search.json").read_text("utf-8"))
    assert {name for trial in table["trials"] for name in trial["settings"]} == {"penalty", "longest"}


def test_the_readme_tells_of_it() -> None:
    assert "--search" in (ROOT / "README.md").read_text("utf-8")
