"""Looking for good settings, by optuna: tree-structured Parzen estimators, and a halt to trials that lag."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np

from reportnlp.errors import InvalidDefinitionError, MissingExtraError, ResumeError, TrainingError
from reportnlp.training._work import Work, writing
from reportnlp.training.progress import Progress

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

Choice = TypeVar("Choice", None, bool, int, float, str)

JOURNAL, LOCK = "trials.jsonl", "trials.jsonl.lock"
_WHY = "why it failed"


class Trial(Protocol):
    """One attempt; the objective draws its settings from it (it is optuna's own trial)."""

    @property
    def number(self) -> int:
        """Which one, from 0."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number between two."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number between two, both included."""

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        """One of several values."""

    def report(self, value: float, step: int) -> None:
        """How it stands after so many epochs."""

    def should_prune(self) -> bool:
        """Does it lag behind the median of the others at that epoch? Then raise `Pruned`."""


class Pruned(Exception):
    """An objective raises it to give up a trial that lags."""


@dataclass(frozen=True)
class Tried:
    """A trial that is over.

    Attributes:
        number: which one, from 0.
        parameters: what was drawn for it.
        value: what the objective said; of a pruned trial, what was reported last; None of a failed one.
        state: "complete", "pruned" or "fail".
    """

    number: int
    parameters: Mapping[str, Any]
    value: float | None
    state: str


@dataclass(frozen=True)
class Best:
    """What a search found.

    Attributes:
        number: the best trial, from 0.
        parameters: what was drawn for it.
        value: what the objective said of it.
        trials: all that are over, in order; not those that a kill cut off.
    """

    number: int
    parameters: Mapping[str, Any]
    value: float
    trials: tuple[Tried, ...]


def search(
    objective: Callable[[Trial], float],
    *,
    trials: int,
    seed: int,
    work: Path,
    progress: Progress,
    resume: bool = False,
    maximise: bool = False,
    made_of: Mapping[str, Any] | None = None,
) -> Best:
    """Call the objective with trial after trial, each drawn where those before it did well.

    The same objective and seed give the same trials, however often the search was stopped and gone on with.
    One process searches in a folder at a time.

    Args:
        objective: draws its settings from the trial and says how good they are; a `TrainingError` of it makes
            the trial a failed one.
        trials: how many, failed and pruned ones included; a resumed search may have more than the one before.
        seed: of what is drawn.
        work: the folder for the journal, in JSON lines; what an earlier search left there goes.
        progress: hears of it; give the trainings within a `Silent` one.
        resume: go on with what is in `work`, where there is something.
        maximise: is a higher value the better one?
        made_of: what a resumed search must share with the one it continues, as JSON has it: data, ranges.

    Raises:
        InvalidDefinitionError: less than one trial.
        TrainingError: no trial was completed.
        ResumeError: the work is of another seed, of something else that `made_of` names, or it is damaged.
        OutputError: no room, no permission.
        MissingExtraError: optuna is not installed.
    """
    if trials < 1:
        raise InvalidDefinitionError(f"trials was given as {trials}; it should be at least 1.")
    place = Work(work, {"seed": seed, "maximise": maximise, **(made_of or {})})
    if not (resume and place.check()):
        place.begin(JOURNAL, LOCK)
    with _quiet():
        study = _study(work, maximise=maximise)
        done = len(_over(study))
        progress.phase("searching", max(trials - done, 0), "trials")
        for index in range(done, trials):
            _try(study, objective, seed=seed, index=index, work=work)
            progress.advance(1)
            _note(study, progress)
        return _best(study)


def _study(work: Path, *, maximise: bool) -> Study:
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise MissingExtraError("Searching settings", "train") from error
    journal = work / JOURNAL
    with writing(work):
        _mend(journal)
        (work / LOCK).unlink(missing_ok=True)
        try:
            # This backend keeps JSON lines; others of the library pickle snapshots.
            storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
            study = optuna.create_study(
                storage=storage,
                study_name="search",
                direction="maximize" if maximise else "minimize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(),
            )
        except (ValueError, KeyError) as error:
            raise ResumeError(f"{journal} is damaged. Start again with --overwrite.") from error
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _mend(journal: Path) -> None:
    """Take away the half line of a search that was killed while it wrote, and the rest if it never began."""
    if journal.exists():
        written = journal.read_bytes()
        whole = written.rfind(b"\n") + 1
        if whole != len(written):
            journal.write_bytes(written[:whole])


def _try(study: Study, objective: Callable[[Trial], float], *, seed: int, index: int, work: Path) -> None:
    """One trial, drawn by chance of its own: what a kill cut off changes nothing in it."""
    import optuna

    entropy = np.random.SeedSequence((seed, index)).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(seed=int(entropy[0]))
    with writing(work):
        trial = study.ask()
    states = optuna.trial.TrialState
    value, state, why = None, states.COMPLETE, ""
    try:
        value = float(objective(cast(Trial, trial)))
        if not math.isfinite(value):
            value, state, why = None, states.FAIL, "the value is no number"
    except (Pruned, optuna.TrialPruned):
        state = states.PRUNED
    except TrainingError as error:
        state, why = states.FAIL, str(error)
    with writing(work):
        if state == states.FAIL:
            # A trial that a kill cut off fails too, without a reason: it is not counted.
            trial.set_user_attr(_WHY, why)
        study.tell(trial, value, state=state)


def _over(study: Study) -> list[FrozenTrial]:
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and (trial.state.name != "FAIL" or _WHY in trial.user_attrs)
    ]


def _completed(study: Study) -> bool:
    return any(trial.state.name == "COMPLETE" for trial in _over(study))


def _note(study: Study, progress: Progress) -> None:
    if _completed(study):
        progress.note(f"best {study.best_value:.4f} (trial {study.best_trial.number})")


def _best(study: Study) -> Best:
    over = _over(study)
    if not _completed(study):
        why = next((trial.user_attrs[_WHY] for trial in over if _WHY in trial.user_attrs), "All were pruned.")
        raise TrainingError(f"None of {len(over)} trials was completed. The first: {why}")
    best = study.best_trial
    return Best(
        number=best.number,
        parameters=dict(best.params),
        value=study.best_value,
        trials=tuple(Tried(t.number, dict(t.params), t.value, t.state.name.lower()) for t in over),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's words to itself: this package tells how it goes."""
    try:
        from optuna import logging
    except ImportError as error:
        raise MissingExtraError("Searching settings", "train") from error
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
