"""What counts as present where some answers are uncertain: one place for every figure about presence."""

from __future__ import annotations

import numpy as np

from reportnlp.evaluation import ranking
from reportnlp.evaluation.answers import Mask, Pair, Strings
from reportnlp.evaluation.labelled import Looked
from reportnlp.evaluation.scores import UncertainAs
from reportnlp.types import Presence


def kept_of(pair: Pair, policy: UncertainAs) -> Mask:
    """The reports that count for a presence question."""
    left_out = [Presence.UNCERTAIN.value] * (policy == "ignore")
    return np.asarray(pair.asked & ~np.isin(pair.gold, left_out))


def counted_present(policy: UncertainAs) -> list[str]:
    """The answers that count as present."""
    return [Presence.PRESENT.value] + [Presence.UNCERTAIN.value] * (policy == "positive")


def positive(answers: Strings, policy: UncertainAs) -> Mask:
    """Which answers count as present."""
    return np.asarray(np.isin(answers, counted_present(policy)))


def presence_column(pair: Pair, looked: Looked, policy: UncertainAs) -> ranking.Column:
    """Present against the rest, ranked by the probability of what counts as present."""
    score = looked.of(pair, counted_present(policy)).sum(axis=1)
    return ranking.usable(positive(pair.gold, policy), score, kept_of(pair, policy))


def right(pair: Pair, policy: UncertainAs) -> tuple[Mask, Mask]:
    """Which answers are right, and which reports count: presence under the policy, attributes as they are."""
    if not pair.is_presence:
        return np.asarray(pair.gold == pair.given), pair.asked
    same = positive(pair.gold, policy) == positive(pair.given, policy)
    return np.asarray(same), kept_of(pair, policy)
