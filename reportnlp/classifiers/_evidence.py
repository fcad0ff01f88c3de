"""Which words moved an answer, out of what each word added to its logit. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers._encode import Encoded
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.types import Span

PART = 0.25
"""Words at the rim of the evidence that speak for the answer less than this part of the strongest one are
left out; set on generated reports, whose evidence is known (`tests/bench/evidence.py`)."""

REACH = 2
"""Words to each side of a speaking one that belong to it: a filter sees its neighbours too."""

Numbers = npt.NDArray[np.int64]


def speaking(columns: Columns, relevance: Floats, question: int, answer: int) -> Floats:
    """(tokens,) how much each word speaks for one answer against the question's others.

    Args:
        columns: the questions.
        relevance: (tokens, columns) float32, what each word adds to each logit.
        question: number of the question.
        answer: number of the answer among those that have a column.
    """
    own = relevance[:, columns.slices[question]]
    for_it = own[:, answer]
    against = (own.sum(axis=1) - for_it) / max(1, own.shape[1] - 1)
    difference: Floats = for_it - against
    return difference


def strongest(encoded: Encoded, weights: Floats, ends: Numbers) -> Span | None:
    """The words of one sentence that speak most for an answer; None when no word does.

    Args:
        encoded: the report.
        weights: (tokens,) float32, of `speaking`.
        ends: ids of the tokens that end a sentence.
    """
    positive = np.maximum(weights[: len(encoded)], 0)
    if not positive.any():
        return None
    starts = sentence_starts(encoded.input_ids, ends)
    sentence = int(np.add.reduceat(positive, starts).argmax())
    first = int(starts[sentence])
    last = int(starts[sentence + 1]) if sentence + 1 < len(starts) else len(positive)
    there = np.flatnonzero(positive[first:last] >= PART * positive[first:last].max()) + first
    begin, end = max(first, int(there[0]) - REACH), min(last, int(there[-1]) + REACH + 1)
    while end - 1 > begin and encoded.input_ids[end - 1] in ends:
        end -= 1
    return Span(int(encoded.spans[begin, 0]), int(encoded.spans[end - 1, 1]))


def sentence_starts(ids: npt.NDArray[np.int32], ends: Numbers) -> Numbers:
    """Places at which a sentence begins: the first token, and each behind a token that ends one."""
    behind = np.flatnonzero(np.isin(ids[:-1], ends)) + 1
    return np.concatenate([[0], behind]).astype(np.int64)


def section_of(encoded: Encoded, span: Span, names: Sequence[str]) -> str:
    """Name of the section in which a span begins."""
    token = int(encoded.spans[:, 0].searchsorted(span.start, side="right")) - 1
    return names[int(encoded.section_ids[max(0, token)]) - 1]
