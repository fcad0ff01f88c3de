"""Precision, recall and F1 of answers against gold answers, per question and over a panel.

Figures come from scikit-learn; only the thousands of the bootstrap are counted by `bootstrap`, and a test
holds the two to the same numbers. Each answer alone is scored in `each`, probabilities in `ranking` and
`confidence`.
"""

from __future__ import annotations

from collections import Counter
from typing import get_args

import numpy as np

from reportnlp.errors import ReportNLPError, unknown_name
from reportnlp.evaluation import bootstrap, confidence, each, ranking
from reportnlp.evaluation.answers import (
    NO_ANSWER,
    Answers,
    Mask,
    Pair,
    Strings,
    answers_of,
    pair_up,
)
from reportnlp.evaluation.bootstrap import UNDEFINED, Counts, Figure, events, figure
from reportnlp.evaluation.labelled import Looked
from reportnlp.evaluation.policy import kept_of, positive, presence_column
from reportnlp.evaluation.ranking import Column, sklearn_metrics
from reportnlp.evaluation.scores import AttributeScore, PanelScore, PresenceScore, Scores, UncertainAs
from reportnlp.types import NOT_APPLICABLE, LabelTable, Posteriors, Presence


def evaluate(
    labels: LabelTable | Answers,
    gold: Answers,
    *,
    seed: int,
    uncertain_as: UncertainAs = "negative",
    resamples: int = 1000,
    posteriors: Posteriors | None = None,
) -> Scores:
    """Score labels against gold answers.

    Args:
        labels: a label table, or report id to question to answer.
        gold: report id to question to answer; blank or missing means no gold answer.
        seed: of the bootstrap's own generator: same input and seed, same intervals.
        uncertain_as: how `uncertain` counts for presence, see `UncertainAs`.
        resamples: number of bootstrap samples of the reports.
        posteriors: a probability of each answer (`evaluation.labelled.posteriors_of` makes them of a label
            table): areas under curves and calibration are scored too.

    Raises:
        InputError: nothing can be compared, or gold has an answer that cannot be.
        MissingExtraError: scikit-learn is not installed.
    """
    sklearn_metrics()
    _check(uncertain_as, resamples)
    given = answers_of(labels) if isinstance(labels, LabelTable) else labels
    questions = (
        labels.questions if isinstance(labels, LabelTable) else posteriors.questions if posteriors else ()
    )
    pairs, coverage = pair_up(given, gold, questions)
    asked = [pair for pair in pairs if pair.is_presence]
    looked = None if posteriors is None else Looked(posteriors)
    columns = [] if looked is None else [presence_column(pair, looked, uncertain_as) for pair in asked]
    presence, panel = _score_presence(asked, columns, uncertain_as, seed, resamples)
    attributes = tuple(_score_attribute(pair, seed, resamples) for pair in pairs if not pair.is_presence)
    answers, curves = each.score(pairs, looked, seed=seed, resamples=resamples)
    calibration = confidence.score(pairs, looked, seed=seed, resamples=resamples)
    found = [
        ranking.curve(pair.question, Presence.PRESENT.value, c)
        for pair, c in zip(asked, columns, strict=False)
    ]
    return Scores(
        presence,
        attributes,
        panel,
        coverage,
        uncertain_as,
        seed,
        resamples,
        answers,
        calibration,
        (*(curve for curve in found if curve), *curves),
    )


def _check(uncertain_as: str, resamples: int) -> None:
    if uncertain_as not in get_args(UncertainAs):
        raise unknown_name("policy for uncertain", uncertain_as, get_args(UncertainAs))
    if resamples < 1:
        raise ReportNLPError(f"{resamples} bootstrap samples were asked for; at least 1 is needed.")


def _score_presence(
    pairs: list[Pair], columns: list[Column], policy: UncertainAs, seed: int, resamples: int
) -> tuple[tuple[PresenceScore, ...], PanelScore | None]:
    if not pairs:
        return (), None
    kept = np.stack([kept_of(pair, policy) for pair in pairs], axis=1)
    gold = np.stack([positive(pair.gold, policy) for pair in pairs], axis=1) & kept
    given = np.stack([positive(pair.given, policy) for pair in pairs], axis=1) & kept
    counted = events(gold, given, kept)
    samples = bootstrap.resample(counted, seed=seed, resamples=resamples)
    areas = ranking.areas(columns, seed=seed, resamples=resamples)
    total = bootstrap.specificity(counted.sum(axis=0))
    scores = tuple(
        PresenceScore(
            *_shared(pair, kept[:, i]),
            *_presence_figures(gold[:, i], given[:, i], samples[:, i]),
            figure(float(total[i]), bootstrap.specificity(samples[:, i])),
            *(areas[i] if areas else (None, None)),
        )
        for i, pair in enumerate(pairs)
    )
    micro = _presence_figures(gold.ravel(), given.ravel(), samples.sum(axis=1))
    mean = bootstrap.mean(np.array([score.f1.value for score in scores]))
    macro = figure(float(mean), bootstrap.mean(bootstrap.f1(samples)))
    pooled = counted.sum(axis=(0, 1))
    specificity = figure(float(bootstrap.specificity(pooled)), bootstrap.specificity(samples.sum(axis=1)))
    return scores, PanelScore(*micro, macro, specificity)


def _presence_figures(gold: Mask, given: Mask, samples: Counts) -> tuple[Figure, Figure, Figure]:
    """Precision, recall and F1 of one class; `samples` is (resamples, counts)."""
    precision, recall, f1, _ = sklearn_metrics().precision_recall_fscore_support(
        gold, given, average="binary", zero_division=np.nan
    )
    return (
        figure(precision, bootstrap.precision(samples)),
        figure(recall, bootstrap.recall(samples)),
        figure(f1, bootstrap.f1(samples)),
    )


def _shared(pair: Pair, kept: Mask) -> tuple[str, int, dict[str, int], dict[str, dict[str, int]]]:
    """The fields of `QuestionScore`."""
    # scikit-learn's confusion matrix warns when only one answer occurs
    cells = Counter(zip(pair.gold[kept], pair.given[kept], strict=True))
    support = Counter(pair.gold[kept])
    confusion = {
        gold: {given: cells[gold, given] for given in pair.answers if cells[gold, given]}
        for gold in pair.answers
        if support[gold]
    }
    return pair.question, int(kept.sum()), {gold: support[gold] for gold in confusion}, confusion


def _score_attribute(pair: Pair, seed: int, resamples: int) -> AttributeScore:
    shared = _shared(pair, pair.asked)
    if not pair.asked.any():
        return AttributeScore(*shared, UNDEFINED, UNDEFINED, UNDEFINED)
    # in alphabetical order: that of the panel, where it is known, changes no figure
    answers = sorted(set(pair.answers) - {NOT_APPLICABLE, NO_ANSWER})
    gold, given = pair.gold[pair.asked], pair.given[pair.asked]
    counted = events(gold[:, None] == answers, given[:, None] == answers)
    samples = bootstrap.resample(counted, seed=seed, resamples=resamples)
    in_gold = [answer in shared[2] for answer in answers]
    return AttributeScore(*shared, *_attribute_figures(gold, given, answers, in_gold, samples))


def _attribute_figures(
    gold: Strings, given: Strings, answers: list[str], in_gold: list[bool], samples: Counts
) -> tuple[Figure, Figure, Figure]:
    """Accuracy, macro F1 over the answers that occur in gold, micro F1 over all."""
    metrics = sklearn_metrics()
    asked = [answer for answer, occurs in zip(answers, in_gold, strict=True) if occurs]
    macro = metrics.f1_score(gold, given, labels=asked, average="macro", zero_division=np.nan)
    micro = metrics.f1_score(gold, given, labels=answers, average="micro", zero_division=np.nan)
    pooled = samples.sum(axis=1)
    return (
        figure(metrics.accuracy_score(gold, given), bootstrap.recall(pooled)),
        figure(macro, bootstrap.mean(bootstrap.f1(samples[:, in_gold]))),
        figure(micro, bootstrap.f1(pooled)),
    )
