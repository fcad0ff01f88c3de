"""A method that `evaluate` trains itself: on the training side of a split, to label its test side."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reportnlp.classifiers._questions import Columns
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.labelled import Labelled
from reportnlp.findings import load_panel
from reportnlp.jobs import _train_data
from reportnlp.jobs._labelled import TrainRow, check_answers, with_posteriors
from reportnlp.jobs._train_data import LabelledReports, Source
from reportnlp.jobs._train_learn import Learning, learn
from reportnlp.training.progress import Progress
from reportnlp.types import LabelledReport, LabelTable, Report

if TYPE_CHECKING:
    from reportnlp.jobs.evaluate import EvaluateSettings


@dataclass(frozen=True, slots=True)
class Training:
    """How the method is trained.

    Attributes:
        how: how it learns from the reports of the training side.
        more: further reports that are only learned from.
        curve: whether a learning curve is made.
        sizes: of its training sets; none: five, log-spaced.
    """

    how: Learning = field(default_factory=Learning)
    more: tuple[Source, ...] = ()
    curve: bool = False
    sizes: tuple[int, ...] = ()

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.how.recipe.architecture + (" with rules" if self.how.rules else "")

    def __str__(self) -> str:
        return "; ".join(self._said())

    def _said(self) -> Iterator[str]:
        recipe, how = self.how.recipe, self.how
        settings = ", ".join(f"{name}={value}" for name, value in recipe.settings.items())
        yield f"{recipe.architecture} ({settings})" if settings else recipe.architecture
        for name, given in (("vectors", recipe.vectors), ("encoder", recipe.encoder)):
            if given is not None:
                yield f"{name} {given.name}"
        if recipe.architecture != "linear":
            train = recipe.train
            yield (
                f"at most {train.epochs} epochs, batches of {train.batch_size}, learning rate "
                f"{train.learning_rate:g}"
            )
        if recipe.class_weight:
            yield f"rare answers weighted by {recipe.class_weight:g}"
        for source in self.more:
            names = ", ".join(Path(given).name for given in source.inputs)
            labels = ", ".join(path.name for path in source.labels)
            yield f"and on {names}, labelled by {labels}, at weight {source.weight:g}"
        yield (
            f"calibrated in {how.folds} folds of the training side"
            if how.folds
            else f"calibrated on the {100 * how.held_out:g} % of the training side held out for it"
        )


class Trainer:
    """Trains and labels; see `reportnlp.jobs._labelled.Label`.

    Args:
        settings: of the evaluation.
        training: how.
        gold: all gold answers.
        work: folder that it may fill.
        progress: hears of it.

    Raises:
        InputError: gold or further labels hold an answer that the panel has not.
    """

    def __init__(
        self,
        settings: EvaluateSettings,
        training: Training,
        gold: Answers,
        *,
        work: Path,
        progress: Progress,
    ) -> None:
        self._training = training
        self._split = settings.split
        self._panel = load_panel(settings.panel)
        self._columns = Columns(self._panel.questions)
        self._work = work
        self._progress = progress
        check_answers(gold, self._panel.questions)
        self._more = _train_data.read_all(training.more, self._columns)
        self._known: dict[tuple[tuple[str, ...], ...], Labelled] = {}

    def __call__(self, reports: Sequence[Report], train: Sequence[TrainRow]) -> Labelled:
        """Labels of reports by a method that learned from others; asked the same again, it remembers."""
        asked = tuple(report.id for report in reports), tuple(row.report.id for row in train)
        if asked not in self._known:
            self._known[asked] = self._labelled(reports, train)
        return self._known[asked]

    def _labelled(self, reports: Sequence[Report], train: Sequence[TrainRow]) -> Labelled:
        panel, columns = self._panel, self._columns
        told = _Within(self._progress, f"{len(train):,} reports")
        data = _train_data.of_rows([row.report for row in train], [row.answers for row in train], columns)
        how = self._training.how
        learned = learn(how, panel, columns, data, self._apart(reports), work=self._work, progress=told)
        shutil.rmtree(self._work, ignore_errors=True)
        told.phase("labelling", None)
        found = learned.network(panel, columns)([r.text for r in reports], [r.id for r in reports])
        rows = tuple(map(LabelledReport, reports, found.labels))
        table = LabelTable(columns.questions, rows, self._training.method, "")
        return with_posteriors(table, found.posteriors)

    def _apart(self, reports: Sequence[Report]) -> LabelledReports | None:
        """The further reports that may be learned from: no patient, text, later day or site of the test."""
        if self._more is None:
            return None
        more = _train_data.apart(self._more, reports, by_site=self._split == "site")
        if self._split != "temporal":
            return more
        first = min(report.exam_date for report in reports if report.exam_date)
        days = [report.exam_date for report in more.reports]
        return more.taken([row for row, day in enumerate(days) if day is None or day < first])


@dataclass(frozen=True, slots=True)
class _Within:
    """Progress of one training among several."""

    progress: Progress
    name: str

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        self.progress.phase(f"{self.name}, {name}", total, unit)

    def expect(self, total: int) -> None:
        self.progress.expect(total)

    def advance(self, steps: int) -> None:
        self.progress.advance(steps)

    def note(self, text: str) -> None:
        self.progress.note(text)
