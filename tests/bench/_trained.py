"""What the benchmarks of trained classifiers share: training in the script's own process, and figures."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers._decide import Decider, stacked
from reportnlp.classifiers._folder import Decision, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.corpora import Corpus, read_corpus
from reportnlp.evaluation import bootstrap, ranking
from reportnlp.evaluation.bootstrap import UNDEFINED, Figure, figure
from reportnlp.evaluation.splits import random_split
from reportnlp.findings import Panel
from reportnlp.jobs import _train_data, embed
from reportnlp.jobs._train_data import LabelledReports
from reportnlp.jobs._train_decide import Aim, decisions, stack
from reportnlp.jobs._train_fit import Fitted, Recipe, fit
from reportnlp.labeler import Labeler
from reportnlp.training.progress import Silent
from reportnlp.types import Posteriors, Report

ROOT = Path(__file__).resolve().parents[2] / "corpora"

RESAMPLES = 1000

Answers = Sequence[Mapping[str, str]]
Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A trained network, and what reports that were held out of its training tell of it.

    Attributes:
        fitted: the network.
        columns, panel: what it answers.
        held: the reports that chose its epoch.
        logits: (held reports, columns) float32.
        decided: calibration and thresholds, of the same reports.
        seconds: what training took.
    """

    fitted: Fitted
    columns: Columns
    panel: Panel
    held: LabelledReports
    logits: Floats
    decided: Mapping[str, Decision]
    seconds: float

    @property
    def parameters(self) -> int:
        return sum(values.numel() for values in self.fitted.model.parameters())

    def decide(self, logits: Floats, reports: Sequence[Report]) -> tuple[Posteriors, Answers]:
        """Probabilities, and question to answer, a row a report."""
        return _decide(Decider(self.columns, self.panel, self.decided), logits, reports)

    def weigh_rules(self, held: Answers, aim: Aim) -> Stacked:
        """This network with the rules beside it, weighed on the held-out reports."""
        targets, weights = self.held.targets, self.held.weights
        found = stack(self.columns, self.logits, held, targets, weights)
        both = stacked(self.columns, self.logits, held, found)
        decided = decisions(self.columns, both, targets, weights, aim)
        return Stacked(self.columns, Decider(self.columns, self.panel, decided), found)


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """A network and the rules."""

    columns: Columns
    decider: Decider
    weights: Mapping[str, Stack]

    def decide(self, logits: Floats, rules: Answers, reports: Sequence[Report]) -> tuple[Posteriors, Answers]:
        """See `Network.decide`; `logits` are the network's."""
        return _decide(self.decider, stacked(self.columns, logits, rules, self.weights), reports)


def _decide(decider: Decider, logits: Floats, reports: Sequence[Report]) -> tuple[Posteriors, Answers]:
    posteriors = decider.posteriors(logits, [report.id for report in reports])
    picks = decider.answers(posteriors).picks
    answers = [
        {q.name: str(q.answers[pick]) for q, pick in zip(posteriors.questions, row, strict=True)}
        for row in picks
    ]
    return posteriors, answers


def labelled(columns: Columns, reports: Iterable[Report], answers: Answers) -> LabelledReports:
    """Reports with their gold answers as numbers to learn from."""
    targets, weights = columns.targets(answers)
    return LabelledReports(list(reports), list(answers), targets, weights)


def parts(data: LabelledReports, columns: Columns, *, share: float, seed: int) -> tuple[Any, Any]:
    """What is learned from, and what is held out: no patient and no text is in both."""
    strata = _train_data.strata(data, columns)
    split = random_split(data.reports, seed=seed, test_share=share, strata=strata)
    return data.taken(split.train), data.taken(split.test)


def learn(
    recipe: Recipe,
    panel: Panel,
    columns: Columns,
    learned: LabelledReports,
    held: LabelledReports,
    *,
    seed: int,
    aim: Aim | None = None,
) -> Network:
    """Train a network; `held` chooses the epoch and calibrates."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        fitted = fit(recipe, columns, learned, held, seed=seed, work=Path(folder) / "work", progress=Silent())
        seconds = time.perf_counter() - start
    logits = fitted.logits([report.text for report in held.reports])
    decided = decisions(columns, logits, held.targets, held.weights, aim or Aim())
    return Network(fitted, columns, panel, held, logits, decided, seconds)


def vectors(texts: Iterable[str], folder: Path, *, method: str, seed: int, **options: Any) -> Path:
    """Train word vectors on texts, by one worker: the same texts and seed give the same."""
    source = folder / f"{method}.jsonl"
    rows = enumerate(dict.fromkeys(texts))
    source.write_text(
        "".join(json.dumps({"report_id": str(number), "text": text}) + "\n" for number, text in rows), "utf-8"
    )
    out = folder / method
    settings = embed.EmbedSettings((source,), out, method=method, options=options, seed=seed, workers=1)
    embed.run(settings)
    return out


def by_rules(labeler: Labeler, reports: Sequence[Report]) -> list[dict[str, str]]:
    """What the rules answer, a row a report."""
    return [{label.question: str(label.answer) for label in labeler.label(report)} for report in reports]


def corpus(folder: Path) -> tuple[Corpus, list[Report], list[Mapping[str, str]]]:
    """A corpus, its reports with patient and site, and their gold answers."""
    found = read_corpus(folder)
    reports = [
        Report(
            row["report_id"], row["text"], patient=row.get("patient_id") or None, site=row.get("site") or None
        )
        for row in found.rows
    ]
    return found, reports, [found.gold[report.id] for report in reports]


def over_seeds(values: Sequence[float]) -> Figure:
    """Mean, with the 95 % interval of the mean by Student's t; no interval of one value."""
    from scipy.stats import t

    given = np.array(values, dtype=np.float64)
    if len(given) < 2:
        return Figure(float(given.mean()), np.nan, np.nan)
    half = float(t.ppf(0.975, len(given) - 1)) * float(given.std(ddof=1)) / sqrt(len(given))
    return Figure(float(given.mean()), float(given.mean() - half), float(given.mean() + half))


@dataclass(frozen=True, slots=True)
class Judged:
    """Figures of one yes-or-no question; with several seeds, the mean of each figure over them."""

    n: int
    positives: int
    sensitivity: Figure
    specificity: Figure
    f1: Figure
    auroc: Figure


def judge(gold: Mask, given: Mask, score: Values | None, *, seed: int = 0) -> Judged:
    """Score answers; intervals by a percentile bootstrap over reports, all seeds on the same draws.

    Args:
        gold: (reports,) bool.
        given: (seeds, reports) bool.
        score: (seeds, reports) probability of yes; None where there is none.
        seed: of the bootstrap.
    """
    drawn = np.concatenate(
        list(bootstrap.draws(len(gold), seed=seed, resamples=RESAMPLES)), axis=1, dtype=np.float64
    )
    once = np.ones((len(gold), 1))
    counted = [_ratios(gold, given, times) for times in (once, drawn)]
    three = [figure(float(whole[0]), samples) for whole, samples in zip(*counted, strict=True)]
    area = UNDEFINED if score is None else _area(gold, score, seed)
    sensitivity, specificity, f1 = three
    return Judged(len(gold), int(gold.sum()), sensitivity, specificity, f1, area)


def _ratios(gold: Mask, given: Mask, times: Values) -> list[Values]:
    """Sensitivity, specificity and F1, each (resamples,): the mean over seeds."""
    hit, denied = (given & gold) @ times, (~given & ~gold) @ times
    there, said = gold @ times, given @ times
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (hit / there, denied / ((~gold) @ times), 2 * hit / (there + said))
    return [np.asarray(value.mean(axis=0)) for value in values]


def _area(gold: Mask, score: Values, seed: int) -> Figure:
    columns = [ranking.usable(gold, row, np.ones_like(gold)) for row in score]
    observed = float(np.mean([ranking.observed(column)[0] for column in columns]))
    samples = ranking.sampled(columns, seed=seed, resamples=RESAMPLES)[:, :, 0].mean(axis=1)
    return figure(observed, samples)


def shown(value: Figure) -> str:
    """A figure with its interval, or a dash."""
    if np.isnan(value.value):
        return f"{'-':>21}"
    if np.isnan(value.low):
        return f"{value.value:>6.3f}{'':15}"
    return f"{value.value:>6.3f} ({value.low:.3f}-{value.high:.3f})"


HEADER = f"{'':44}{'n':>5}{'yes':>5}  {'sensitivity':21}  {'specificity':21}  {'F1':21}  {'AUROC':21}"


def line(title: str, judged: Judged) -> str:
    """One row of a table under `HEADER`."""
    figures = (judged.sensitivity, judged.specificity, judged.f1, judged.auroc)
    return f"{title:44}{judged.n:>5}{judged.positives:>5}  " + "  ".join(map(shown, figures))


def probability_of(posteriors: Posteriors, question: str, answers: Sequence[str]) -> Values:
    """(reports,) the probability that the answer is one of these."""
    at = next(i for i, q in enumerate(posteriors.questions) if q.name == question)
    names = [str(answer) for answer in posteriors.questions[at].answers]
    chosen = [names.index(answer) for answer in answers]
    return np.asarray(posteriors.values[:, at, chosen].sum(axis=1), dtype=np.float64)


def one_thread(threads: int) -> None:
    """Keep torch to so many processor threads."""
    import torch

    torch.set_num_threads(threads)


def tell(text: str) -> None:
    """Print at once: these scripts run for long."""
    print(text, flush=True)
