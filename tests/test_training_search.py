"""The search for settings: what it finds, that it repeats and goes on, and what it keeps."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

import optuna

from reportnlp.errors import InvalidDefinitionError, OutputError, ResumeError, TrainingError
from reportnlp.training.progress import Silent
from reportnlp.training.search import JOURNAL, Best, Pruned, Trial, search


class Killed(BaseException):
    """Stands for the signal that ends a process."""


class Watcher(Silent):
    def __init__(self) -> None:
        self.phases: list[tuple[str, int | None, str]] = []
        self.steps = 0
        self.said = ""

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        self.phases.append((name, total, unit))

    def advance(self, steps: int) -> None:
        self.steps += steps

    def note(self, text: str) -> None:
        self.said = text


def bowl(trial: Trial) -> float:
    """Lowest, 0, at x = 1 and kind = b."""
    x = trial.suggest_float("x", -4, 4)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return (x - 1) ** 2 + (kind == "a")


class Fragile:
    """The bowl, but that a call kills it, one fails, and some lag."""

    def __init__(self, *, dies: int = -1) -> None:
        self.calls = 0
        self.dies = dies

    def __call__(self, trial: Trial) -> float:
        self.calls += 1
        value = bowl(trial)
        if self.calls == self.dies:
            raise Killed
        if value > 20:
            raise TrainingError("The loss was no number.")
        trial.report(value, 1)
        if trial.should_prune():
            raise Pruned
        return value


def run(work: Path, objective: Any = bowl, *, trials: int = 25, seed: int = 1, **others: Any) -> Best:
    return search(objective, trials=trials, seed=seed, work=work, progress=Silent(), **others)


def drawn(best: Best) -> list[Any]:
    return [(trial.parameters, trial.value, trial.state) for trial in best.trials]


def test_it_finds_the_bottom_and_repeats(tmp_path: Path) -> None:
    best = run(tmp_path / "one", trials=40)
    assert best.value < 0.1
    assert best.parameters["kind"] == "b"
    assert best.value == min(trial.value for trial in best.trials if trial.value is not None)
    assert len(best.trials) == 40
    assert run(tmp_path / "two", trials=40) == best
    assert run(tmp_path / "three", seed=2).trials[0] != best.trials[0]


def test_it_finds_the_top_where_that_is_asked(tmp_path: Path) -> None:
    assert run(tmp_path, lambda trial: -bowl(trial), maximise=True, trials=40).value > -0.1


def test_a_killed_search_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", Fragile())
    for dies in (4, 12):
        with pytest.raises(Killed):
            run(tmp_path / "parts", Fragile(dies=dies), resume=True)
    rest = Fragile()
    parts = run(tmp_path / "parts", rest, resume=True)
    assert rest.calls == 25 - 3 - 11
    assert drawn(parts) == drawn(whole)
    assert parts.value == whole.value
    assert {trial.state for trial in whole.trials} == {"complete", "pruned"} | (
        {"fail"} if any(t.value is None for t in whole.trials) else set()
    )


def test_a_search_can_be_made_longer(tmp_path: Path) -> None:
    run(tmp_path / "parts", trials=5)
    assert drawn(run(tmp_path / "parts", trials=12, resume=True)) == drawn(run(tmp_path / "whole", trials=12))


def test_a_half_written_line_and_a_left_lock_do_no_harm(tmp_path: Path) -> None:
    run(tmp_path / "parts", trials=5)
    with (tmp_path / "parts" / JOURNAL).open("a") as journal:
        journal.write('{"op_code": 4, "wor')
    (tmp_path / "parts" / f"{JOURNAL}.lock").symlink_to(tmp_path / "parts" / JOURNAL)
    assert drawn(run(tmp_path / "parts", trials=12, resume=True)) == drawn(run(tmp_path / "whole", trials=12))


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    run(tmp_path, trials=3)
    journal = tmp_path / JOURNAL
    journal.write_text("nonsense\n" + journal.read_text())
    with pytest.raises(ResumeError, match="is damaged"):
        run(tmp_path, resume=True)


def test_a_search_for_something_else_is_refused(tmp_path: Path) -> None:
    run(tmp_path, trials=2, made_of={"data": "aa"})
    with pytest.raises(ResumeError, match="with seed 1, and this is seed 2"):
        run(tmp_path, seed=2, resume=True, made_of={"data": "aa"})
    with pytest.raises(ResumeError, match="with data aa, and this is data bb"):
        run(tmp_path, resume=True, made_of={"data": "bb"})
    assert len(run(tmp_path, trials=2, seed=2).trials) == 2


def test_failed_trials_are_kept_and_a_search_of_nothing_else_is_told(tmp_path: Path) -> None:
    def half(trial: Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        if x < 0:
            raise TrainingError("The loss was no number.")
        return x if x > 0.1 else float("nan")

    best = run(tmp_path / "half", half)
    assert {trial.state for trial in best.trials} == {"complete", "fail"}

    def never(trial: Trial) -> float:
        raise TrainingError("The loss was no number.")

    with pytest.raises(TrainingError, match=r"None of 3 trials was completed. The first: The loss was no"):
        run(tmp_path / "never", never, trials=3)


def test_other_errors_end_the_search(tmp_path: Path) -> None:
    def broken(trial: Trial) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(tmp_path, broken)


def test_what_is_kept_is_json_lines(tmp_path: Path) -> None:
    run(tmp_path, Fragile())
    assert {path.name for path in tmp_path.iterdir()} == {"settings.json", JOURNAL}
    for line in (tmp_path / JOURNAL).read_text().splitlines():
        json.loads(line)


def test_progress_is_told_and_the_library_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    watcher = Watcher()
    search(bowl, trials=4, seed=1, work=tmp_path, progress=watcher)
    assert watcher.phases == [("searching", 4, "trials")]
    assert watcher.steps == 4
    assert watcher.said.startswith("best ")
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before != logging.ERROR


def test_wrong_calls_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidDefinitionError, match="trials was given as 0"):
        run(tmp_path, trials=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"):
        run(tmp_path / "file" / "work")
