"""The page of `weak fit`: functions, majority, label model, classifier and gold on the same test reports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from reportnlp import __version__
from reportnlp.errors import InputError, OutputError, TrainingError
from reportnlp.evaluation.answers import Answers, answers_of
from reportnlp.evaluation.bootstrap import UNDEFINED, Figure
from reportnlp.evaluation.learning import log_spaced
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.read import read_answers
from reportnlp.evaluation.scores import Scores, UncertainAs
from reportnlp.evaluation.splits import groups, random_split
from reportnlp.evaluation.weak import Curve, Distillation, Method
from reportnlp.findings import Panel
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.loader import read_reports
from reportnlp.jobs.fit import FitSettings, answered, label_table
from reportnlp.labelmodels.loader import make
from reportnlp.training.progress import Progress
from reportnlp.types import ABSTAIN, Posteriors, Report, Votes

if TYPE_CHECKING:
    from reportnlp.jobs._train_data import LabelledReports
    from reportnlp.jobs._train_learn import Learning

Balance = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Comparing:
    """How the page is made.

    Attributes:
        out: the page.
        gold: gold answers of some of the reports.
        inputs, format, columns: the reports, where classifiers are trained.
        learning: how a classifier learns; None trains none.
        sizes: numbers of reports to learn from; none: five, log-spaced.
        test_share: of the reports with gold answers, where classifiers are trained.
        uncertain_as, resamples: see `reportnlp.evaluate`.
    """

    out: Path
    gold: Path
    inputs: tuple[str, ...] = ()
    format: str | None = None
    columns: ReadOptions = field(default_factory=ReadOptions)
    learning: Learning | None = None
    sizes: tuple[int, ...] = ()
    test_share: float = 0.3
    uncertain_as: UncertainAs = "negative"
    resamples: int = 1000


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Rows of the votes.

    Attributes:
        test: those that are scored.
        pool: those that are learned from, in the order in which they are added.
        taught: those of the pool that have gold answers, in that order.
    """

    test: list[int]
    pool: list[int]
    taught: list[int]


def run(
    comparing: Comparing,
    settings: FitSettings,
    votes: Votes,
    panel: Panel,
    balance: Balance,
    progress: Progress,
) -> Distillation:
    """Compare, write the page, and give what it shows.

    Raises:
        InputError: gold and votes share no report, or a report that was voted on is not in the inputs.
        OutputError: the page cannot be written.
    """
    from reportnlp.evaluation.report.weak import page  # matplotlib

    with TemporaryDirectory(prefix="reportnlp-") as work:
        found = _Comparison(comparing, settings, votes, panel, balance, progress, Path(work)).compared()
    try:
        comparing.out.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{comparing.out} cannot be written: {error.strerror}.") from error
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Comparison:
    comparing: Comparing
    settings: FitSettings
    votes: Votes
    panel: Panel
    balance: Balance
    progress: Progress
    work: Path

    def compared(self) -> Distillation:
        """Every way to label, scored on the test side."""
        gold = {r: row for r, row in read_answers(self.comparing.gold).items() if r in self.votes.report_ids}
        if not gold:
            raise InputError(
                f"No report that was voted on has gold answers in {self.comparing.gold}. Compare the ids."
            )
        reports = self._reports() if self.comparing.learning is not None else []
        sides = self._sides(gold, reports)
        tested = {self.votes.report_ids[n]: gold[self.votes.report_ids[n]] for n in sides.test}
        sizes = self.comparing.sizes or log_spaced(len(sides.pool))
        steps = sorted({min(size, len(sides.pool)) for size in sizes})
        curves = dict(self._curves(steps, sides, reports, gold, tested))
        methods = [*self._functions(sides, tested)]
        methods += [
            Method(name, kind, scores[max(scores)]) for (name, kind), scores in curves.items() if scores
        ]
        return Distillation(
            tuple(self._facts(sides, len(gold))),
            tuple(methods),
            tuple(
                Curve(name, {n: _f1(one) for n, one in scores.items()})
                for (name, _), scores in curves.items()
                if scores
            ),
            self.comparing.uncertain_as,
            self.settings.seed,
            self.comparing.resamples,
        )

    def _reports(self) -> list[Report]:
        """The reports in the order of the votes."""
        given = self.comparing
        rows = read_reports(given.inputs, format=given.format, options=given.columns)
        known = {row.id: row for row in rows if isinstance(row, Report)}
        missing = [report for report in self.votes.report_ids if report not in known]
        if missing:
            raise InputError(
                f"{len(missing):,} reports that were voted on are not among those given, "
                f"'{missing[0]}' first. Give the reports that the votes are of."
            )
        return [known[report] for report in self.votes.report_ids]

    def _sides(self, gold: Answers, reports: Sequence[Report]) -> _Sides:
        """Without a classifier all gold is scored: label models see none; else no patient is on both."""
        ids = self.votes.report_ids
        known = [n for n, report in enumerate(ids) if report in gold]
        order = np.random.default_rng(self.settings.seed).permutation(len(ids)).tolist()
        if not reports:
            return _Sides(known, order, [])
        share, seed = self.comparing.test_share, self.settings.seed
        split = random_split([reports[n] for n in known], seed=seed, test_share=share)
        test = [known[n] for n in split.test]
        numbers = groups(reports)
        apart = set(np.flatnonzero(~np.isin(numbers, numbers[test])).tolist())
        pool = [n for n in order if n in apart]
        return _Sides(test, pool, [n for n in pool if ids[n] in gold])

    def _functions(self, sides: _Sides, tested: Answers) -> Iterator[Method]:
        for number, name in enumerate(self.votes.functions):
            values = self.votes.values[sides.test, number]
            answers = {
                self.votes.report_ids[row]: {
                    question.name: "" if cell == ABSTAIN else str(question.answers[cell])
                    for question, cell in zip(self.votes.questions, cells.tolist(), strict=True)
                }
                for row, cells in zip(sides.test, values, strict=True)
            }
            yield Method(name, "function", self._scores(answers, tested))

    def _curves(
        self, steps: Sequence[int], sides: _Sides, reports: Sequence[Report], gold: Answers, tested: Answers
    ) -> Iterator[tuple[tuple[str, str], dict[int, Scores]]]:
        names = dict.fromkeys(("majority", self.settings.label_model))
        for name in names:
            yield (
                (name, "label model"),
                {
                    size: self._scores(self._labelled(name, sides.pool[:size], sides.test), tested)
                    for size in steps
                },
            )
        how = self.comparing.learning
        if how is None:
            return
        own = how.recipe.architecture
        yield (
            (f"{own} on {self.settings.label_model}", "classifier"),
            self._learned(how, steps, sides.pool, sides.test, reports, tested, None),
        )
        few = sorted({min(size, len(sides.taught)) for size in steps if sides.taught})
        yield (
            (f"{own} on gold", "gold"),
            self._learned(how, few, sides.taught, sides.test, reports, tested, gold),
        )

    def _labelled(self, name: str, learned: Sequence[int], asked: Sequence[int]) -> Answers:
        """Answers of a label model that was fitted on some rows, to others."""
        posteriors = self._posteriors(name, learned, asked)
        return answers_of(label_table(posteriors, self.panel, answered(self.votes), name))

    def _posteriors(self, name: str, learned: Sequence[int], asked: Sequence[int]) -> Posteriors:
        settings = self.settings.settings if name == self.settings.label_model else {}
        model = make(name, settings, panel=self.panel)
        model.fit(_rows(self.votes, learned), seed=self.settings.seed, balance=self.balance)
        return model.predict(_rows(self.votes, asked))

    def _learned(
        self,
        how: Learning,
        steps: Sequence[int],
        pool: Sequence[int],
        test: Sequence[int],
        reports: Sequence[Report],
        tested: Answers,
        gold: Answers | None,
    ) -> dict[int, Scores]:
        """Scores of a classifier by size; sizes that teach nothing are left out."""
        found = {}
        for size in steps:
            rows = list(pool[:size])
            try:
                data = self._soft(rows, reports) if gold is None else self._hard(rows, reports, gold)
                found[size] = self._scores(self._by_network(how, data, [reports[n] for n in test]), tested)
            except (InputError, TrainingError):
                continue
        return found

    def _soft(self, rows: Sequence[int], reports: Sequence[Report]) -> LabelledReports:
        """Reports with what the label model says of them."""
        from reportnlp.classifiers._questions import Columns
        from reportnlp.jobs._train_data import LabelledReports

        name, known = self.settings.label_model, answered(self.votes)
        posteriors = self._posteriors(name, rows, rows)
        answers = answers_of(label_table(posteriors, self.panel, known, name))
        chosen = [reports[n] for n in rows]
        targets, weights = Columns(self.panel.questions).soft_targets(posteriors)
        return LabelledReports(chosen, [answers[report.id] for report in chosen], targets, weights)

    def _hard(self, rows: Sequence[int], reports: Sequence[Report], gold: Answers) -> LabelledReports:
        from reportnlp.classifiers._questions import Columns
        from reportnlp.jobs._train_data import of_rows

        chosen = [reports[n] for n in rows]
        return of_rows(chosen, [gold[report.id] for report in chosen], Columns(self.panel.questions))

    def _by_network(self, how: Learning, data: LabelledReports, asked: Sequence[Report]) -> Answers:
        from reportnlp.classifiers._questions import Columns
        from reportnlp.jobs._train_learn import learn

        columns = Columns(self.panel.questions)
        work = self.work / "training"
        learned = learn(how, self.panel, columns, data, None, work=work, progress=self.progress)
        shutil.rmtree(work, ignore_errors=True)
        network = learned.network(self.panel, columns)
        found = network([report.text for report in asked], [report.id for report in asked])
        return {
            report.id: {label.question: label.answer for label in labels}
            for report, labels in zip(asked, found.labels, strict=True)
        }

    def _scores(self, answers: Answers, tested: Answers) -> Scores:
        return evaluate(
            answers,
            tested,
            seed=self.settings.seed,
            uncertain_as=self.comparing.uncertain_as,
            resamples=self.comparing.resamples,
        )

    def _facts(self, sides: _Sides, gold: int) -> Iterator[tuple[str, str]]:
        how = self.comparing.learning
        yield "Votes", f"{len(self.votes.functions)} functions on {len(self.votes.report_ids):,} reports"
        yield "Panel", self.panel.name
        yield "Label model", self.settings.label_model
        yield "Gold answers", f"{self.comparing.gold.name}: {gold:,} reports"
        yield (
            "Scored",
            f"{len(sides.test):,} reports"
            + ("; no patient and no text of theirs was learned from" if how else ""),
        )
        yield "Learned from", f"up to {len(sides.pool):,} reports without their gold answers"
        if how is not None:
            yield "Classifier", f"{how.recipe.architecture}; on gold, up to {len(sides.taught):,} reports"
        yield "Version", f"reportnlp {__version__}"


def _rows(votes: Votes, rows: Sequence[int]) -> Votes:
    chosen = list(rows)
    ids = tuple(votes.report_ids[n] for n in chosen)
    return replace(votes, values=votes.values[chosen], report_ids=ids)


def _f1(scores: Scores) -> Figure:
    return UNDEFINED if scores.panel is None else scores.panel.micro_f1
