"""Precision, recall and F1 of answers against gold answers, per question and over a panel.

Figures come from scikit-learn; only the thousands of the bootstrap are counted by `bootstrap`, and a test
holds the two to the same numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

import numpy as np

from reportnlp.errors import MissingExtraError, ReportNLPError, unknown_name
from reportnlp.evaluation import bootstrap
from reportnlp.evaluation.answers import (
    NO_ANSWER,
    Answers,
    Mask,
    Pair,
    Strings,
    answers_of,
    pair_up,
)
from reportnlp.evaluation.bootstrap import Counts, Figure, figure
from reportnlp.evaluation.scores import AttributeScore, PanelScore, PresenceScore, Scores, UncertainAs
from reportnlp.types import NOT_APPLICABLE, LabelTable, Presence


def evaluate(
    labels: LabelTable | Answers,
    gold: Answers,
    *,
    seed: int,
    uncertain_as: UncertainAs = "negative",
    resamples: int = 1000,
) -> Scores:
    """Score labels against gold answers.

    Args:
        labels: a label table, or report id to question to answer.
        gold: report id to question to answer; blank or missing means no gold answer.
        seed: of the bootstrap's own generator: same input and seed, same intervals.
        uncertain_as: how `uncertain` counts for presence, see `UncertainAs`.
        resamples: number of bootstrap samples of the reports.

    Raises:
        InputError: nothing can be compared, or gold has an answer that cannot be.
        MissingExtraError: scikit-learn is not installed.
    """
    _sklearn()
    if uncertain_as not in get_args(UncertainAs):
        raise unknown_name("policy for uncertain", uncertain_as, get_args(UncertainAs))
    if resamples < 1:
        raise ReportNLPError(f"{resamples} bootstrap samples were asked for; at least 1 is needed.")
    given = answers_of(labels) if isinstance(labels, LabelTable) else labels
    pairs, coverage = pair_up(given, gold)
    presence, panel = _score_presence(
        [pair for pair in pairs if pair.is_presence], uncertain_as, seed, resamples
    )
    attributes = tuple(_score_attribute(pair, seed, resamples) for pair in pairs if not pair.is_presence)
    return Scores(presence, attributes, panel, coverage, uncertain_as, seed, resamples)


def _sklearn() -> Any:
    """scikit-learn's metrics, imported here because it takes a second and is an extra."""
    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtraError("Evaluation", "evaluate") from error
    return metrics


def _score_presence(
    pairs: list[Pair], policy: UncertainAs, seed: int, resamples: int
) -> tuple[tuple[PresenceScore, ...], PanelScore | None]:
    if not pairs:
        return (), None
    kept = np.stack([_kept(pair, policy) for pair in pairs], axis=1)
    gold = np.stack([_positive(pair.gold, policy) for pair in pairs], axis=1) & kept
    given = np.stack([_positive(pair.given, policy) for pair in pairs], axis=1) & kept
    samples = bootstrap.resample(_events(gold, given), seed=seed, resamples=resamples)
    scores = tuple(
        PresenceScore(
            *_shared(pair, kept[:, i]),
            *_presence_figures(gold[:, i], given[:, i], samples[:, i]),
        )
        for i, pair in enumerate(pairs)
    )
    micro = _presence_figures(gold.ravel(), given.ravel(), samples.sum(axis=1))
    mean = bootstrap.mean(np.array([score.f1.value for score in scores]))
    macro = figure(float(mean), bootstrap.mean(bootstrap.f1(samples)))
    return scores, PanelScore(*micro, macro)


def _presence_figures(gold: Mask, given: Mask, samples: Counts) -> tuple[Figure, Figure, Figure]:
    """Precision, recall and F1 of one class; `samples` is (resamples, 3)."""
    precision, recall, f1, _ = _sklearn().precision_recall_fscore_support(
        gold, given, average="binary", zero_division=np.nan
    )
    return (
        figure(precision, bootstrap.precision(samples)),
        figure(recall, bootstrap.recall(samples)),
        figure(f1, bootstrap.f1(samples)),
    )


def _kept(pair: Pair, policy: UncertainAs) -> Mask:
    left_out = [Presence.UNCERTAIN.value] * (policy == "ignore")
    return np.asarray(pair.asked & ~np.isin(pair.gold, left_out))


def _positive(answers: Strings, policy: UncertainAs) -> Mask:
    counted = [Presence.PRESENT.value] + [Presence.UNCERTAIN.value] * (policy == "positive")
    return np.asarray(np.isin(answers, counted))


def _events(gold: Mask, given: Mask) -> Counts:
    """(reports, classes) twice to (reports, classes, 3): right, given, gold."""
    return np.stack([gold & given, given, gold], axis=-1).astype(np.float64)


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
        undefined = Figure(np.nan, np.nan, np.nan)
        return AttributeScore(*shared, undefined, undefined, undefined)
    answers = [answer for answer in pair.answers if answer not in (NOT_APPLICABLE, NO_ANSWER)]
    gold, given = pair.gold[pair.asked], pair.given[pair.asked]
    events = _events(gold[:, None] == answers, given[:, None] == answers)
    samples = bootstrap.resample(events, seed=seed, resamples=resamples)
    in_gold = [answer in shared[2] for answer in answers]
    return AttributeScore(*shared, *_attribute_figures(gold, given, answers, in_gold, samples))


def _attribute_figures(
    gold: Strings, given: Strings, answers: list[str], in_gold: list[bool], samples: Counts
) -> tuple[Figure, Figure, Figure]:
    """Accuracy, macro F1 over the answers that occur in gold, micro F1 over all."""
    metrics = _sklearn()
    asked = [answer for answer, occurs in zip(answers, in_gold, strict=True) if occurs]
    macro = metrics.f1_score(gold, given, labels=asked, average="macro", zero_division=np.nan)
    micro = metrics.f1_score(gold, given, labels=answers, average="micro", zero_division=np.nan)
    pooled = samples.sum(axis=1)
    return (
        figure(metrics.accuracy_score(gold, given), bootstrap.recall(pooled)),
        figure(macro, bootstrap.mean(bootstrap.f1(samples[:, in_gold]))),
        figure(micro, bootstrap.f1(pooled)),
    )
