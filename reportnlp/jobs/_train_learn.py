"""Learning: a network, and what reports that it did not learn from say of its probabilities and answers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reportnlp.classifiers._decide import stacked
from reportnlp.classifiers._folder import Decision, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InputError
from reportnlp.evaluation.splits import Split, folds, random_split
from reportnlp.findings import Panel
from reportnlp.jobs import _train_data
from reportnlp.jobs._train_data import LabelledReports
from reportnlp.jobs._train_decide import Aim, decisions, stack
from reportnlp.jobs._train_fit import Fitted, Recipe, fit
from reportnlp.training.progress import Progress

if TYPE_CHECKING:
    from reportnlp.classifiers._predict import Network


@dataclass(frozen=True, slots=True)
class Learning:
    """How to learn from reports.

    Attributes:
        recipe: how the network is made.
        folds: 0: one part of the reports is held out to choose the epoch and to calibrate; 2 or more: so
            many networks each leave a part out, their logits there calibrate and are scored, and the last
            network learns from all reports.
        by_site: all reports of a site are in one fold, so that the figures are of hospitals not learned from.
        held_out: the part that is held out without folds.
        rules: weigh in the rules' answers too (stacking).
        aim: what probabilities and thresholds are for.
        seed: of everything random.
    """

    recipe: Recipe = field(default_factory=Recipe)
    folds: int = 0
    by_site: bool = False
    held_out: float = 0.15
    rules: bool = False
    aim: Aim = field(default_factory=Aim)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds == 1 or self.folds < 0:
            raise InputError(f"folds is {self.folds}. Give 0 to hold one part out, or 2 or more.")
        if self.by_site and not self.folds:
            raise InputError(
                "--by-site keeps the sites of folds apart, and there are none. Give --folds too."
            )
        if not 0 < self.held_out < 1:
            raise InputError(f"held_out is {self.held_out}. Give a share between 0 and 1.")


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Logits of reports that the network which gave them did not learn from.

    Attributes:
        data: the reports.
        logits: (reports, columns) float32; with the rules weighed in, where they are.
        said: what they are, in words.
        rules: what the rules answer; None where they are not weighed in.
    """

    data: LabelledReports
    logits: Floats
    said: str
    rules: list[dict[str, str]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What came of it.

    Attributes:
        fitted: the network.
        held: the reports that calibrated it; their logits have the rules weighed in.
        decisions: how its logits become answers, by question.
        stack: weight of the rules, by question; empty without them.
    """

    fitted: Fitted
    held: Held
    decisions: Mapping[str, Decision]
    stack: Mapping[str, Stack]

    def network(self, panel: Panel, columns: Columns) -> Network:
        """What labels with it, as its model folder would."""
        from reportnlp.classifiers._predict import Network

        fitted = self.fitted
        return Network(panel, columns, fitted.words, fitted.reading, fitted.run, self.decisions, self.stack)


def learn(
    how: Learning,
    panel: Panel,
    columns: Columns,
    data: LabelledReports,
    more: LabelledReports | None,
    *,
    work: Path,
    progress: Progress,
    resume: bool = False,
) -> Learned:
    """Train a network and calibrate it.

    Args:
        how: how.
        panel: whose questions it answers.
        columns: those questions.
        data: what it learns from, a part of it held out.
        more: further reports that are only learned from. Those of a held-out patient or text are left out.
        work: folder for checkpoints and the log.
        progress: hears of it.
        resume: go on with what is in `work`.
    """
    taught = _Teacher(how, columns, data, more, work, progress, resume)
    fitted, held = taught.folded() if how.folds else taught.held()
    weights: dict[str, Stack] = {}
    if how.rules:
        said = rules(panel, held.data, progress)
        weights = stack(columns, held.logits, said, held.data.targets, held.data.weights)
        held = replace(held, logits=stacked(columns, held.logits, said, weights), rules=said)
    decided = decisions(columns, held.logits, held.data.targets, held.data.weights, how.aim)
    return Learned(fitted, held, decided, weights)


def out_of_fold(
    how: Learning,
    columns: Columns,
    data: LabelledReports,
    more: LabelledReports | None,
    *,
    work: Path,
    progress: Progress,
    resume: bool = False,
) -> Floats:
    """(reports, columns) float32: each report's logits by a network that did not learn from its fold.

    Args: see `learn`. What is kept in `work` serves a later `learn` of the same that resumes.
    """
    return _Teacher(how, columns, data, more, work, progress, resume).out_of_fold()


def holding_out(how: Learning, columns: Columns, data: LabelledReports) -> Split:
    """The reports to learn from, and those to calibrate by."""
    strata = _train_data.strata(data, columns)
    return random_split(data.reports, seed=how.seed, test_share=how.held_out, strata=strata)


def rules(panel: Panel, data: LabelledReports, progress: Progress) -> list[dict[str, str]]:
    """What the rules answer."""
    from reportnlp.rules.engine import RuleEngine

    engine = RuleEngine(panel)
    progress.phase("labelling by rules", len(data), "reports")
    answers = []
    for report in data.reports:
        answers.append({label.question: label.answer for label in engine.label(report.text)})
        progress.advance(1)
    return answers


@dataclass(frozen=True, slots=True, eq=False)
class _Teacher:
    how: Learning
    columns: Columns
    data: LabelledReports
    more: LabelledReports | None
    work: Path
    progress: Progress
    resume: bool

    def held(self) -> tuple[Fitted, Held]:
        """One part held out."""
        split = holding_out(self.how, self.columns, self.data)
        held = self.data.taken(split.test)
        fitted = self._fit(self.how.recipe, self._with_more(split.train, held), held, "network")
        said = (
            f"On {len(held):,} reports that were held out of training, which chose the epoch and the "
            "calibration too: no patient and no text of theirs was learned from."
        )
        return fitted, Held(held, fitted.logits([r.text for r in held.reports]), said)

    def out_of_fold(self) -> Floats:
        """Each fold's logits by a network of its own."""
        how, data = self.how, self.data
        logits = np.zeros((len(data), self.columns.width), dtype=np.float32)
        strata = _train_data.strata(data, self.columns)
        splits = folds(data.reports, seed=how.seed, count=how.folds, strata=strata, by_site=how.by_site)
        mark = self._mark()
        for number, split in enumerate(splits, start=1):
            kept = self.work / f"fold-{number}-{mark}.npy"
            if not (self.resume and kept.is_file()):
                held = data.taken(split.test)
                one = self._fit(self._whole, self._with_more(split.train, held), None, f"fold-{number}")
                self.work.mkdir(parents=True, exist_ok=True)
                np.save(kept, one.logits([report.text for report in held.reports]), allow_pickle=False)
                shutil.rmtree(self.work / f"fold-{number}", ignore_errors=True)
            logits[list(split.test)] = np.load(kept, allow_pickle=False)
        return logits

    @property
    def _whole(self) -> Recipe:
        """The recipe without a held-out part that could stop it early."""
        return replace(self.how.recipe, train=replace(self.how.recipe.train, patience=0))

    def folded(self) -> tuple[Fitted, Held]:
        """Each fold held out in turn; the last network learns from all."""
        how, data = self.how, self.data
        logits = self.out_of_fold()
        fitted = self._fit(self._whole, data.with_more(self.more), None, "network")
        site = ", of its site" if how.by_site else ""
        said = (
            f"On all {len(data):,} reports in {how.folds} folds: each was read by a network that had learned "
            f"from none of its fold, and from no report of its patient{site} or with its text. Calibrated on "
            "them too."
        )
        return fitted, Held(data, logits, said)

    def _mark(self) -> str:
        """What the logits of a fold are good for: this recipe, these reports and answers."""
        parts = [part.digest for part in (self.data, self.more) if part is not None]
        return sha256(repr((self.how, self.columns, parts)).encode()).hexdigest()[:16]

    def _with_more(self, rows: tuple[int, ...], held: LabelledReports) -> LabelledReports:
        more = self.more
        if more is not None:
            more = _train_data.apart(more, held.reports, by_site=bool(self.how.folds) and self.how.by_site)
        return self.data.taken(rows).with_more(more)

    def _fit(self, recipe: Recipe, data: LabelledReports, held: LabelledReports | None, name: str) -> Fitted:
        return fit(
            recipe,
            self.columns,
            data,
            held,
            seed=self.how.seed,
            work=self.work / name,
            progress=self.progress,
            resume=self.resume,
        )
