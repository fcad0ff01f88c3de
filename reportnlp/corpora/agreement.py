"""Cohen's kappa between two readers of the same reports."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from reportnlp.errors import MissingExtraError
from reportnlp.types import NOT_APPLICABLE

Answers = Mapping[str, Mapping[str, str]]


def kappas(first: Answers, second: Answers, questions: Iterable[str]) -> dict[str, float]:
    """Question to kappa, over the reports both answered.

    An attribute is compared where both say that the finding is present: elsewhere it has one answer only,
    and agreement on that would be agreement on presence, counted twice. A question that both always answer
    alike with one answer has kappa 1 by convention here (it is undefined).
    """
    return {question: _kappa(list(_pairs(first, second, question))) for question in questions}


def _pairs(first: Answers, second: Answers, question: str) -> Iterator[tuple[str, str]]:
    for report, answers in first.items():
        pair = (answers.get(question, ""), second.get(report, {}).get(question, ""))
        if "" not in pair and not ("." in question and NOT_APPLICABLE in pair):
            yield pair


def _kappa(pairs: list[tuple[str, str]]) -> float:
    try:
        from sklearn.metrics import cohen_kappa_score
    except ImportError as error:
        raise MissingExtraError("Agreement between readers", "evaluate") from error
    if not pairs:
        return float("nan")
    if len({answer for pair in pairs for answer in pair}) == 1:
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a reader who gives one answer only
        return float(np.round(cohen_kappa_score(*zip(*pairs, strict=True)), 3))


def disagreements(
    first: Answers, second: Answers, questions: Iterable[str]
) -> Iterator[tuple[str, str, str, str]]:
    """Report, question and both answers, wherever two readers differ."""
    names = list(questions)
    for report, answers in first.items():
        for question in names:
            one, other = answers.get(question, ""), second.get(report, {}).get(question, "")
            if one != other:
                yield report, question, one, other
