"""Which words moved an answer, out of what each word added to its logit. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers._encode import Encoded
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.types import Span

PART = 0.2
"""Words at the rim of the evidence that speak for the answer less than this part of the strongest one are
left out; set on generated reports, whose evidence is known (`tests/bench/evidence.py`)."""

REACH = 3
"""Words to each side of a speaking one that belong to it: a filter sees its neighbours too."""

FOCUS = 1 / 3
"""Words that carry less than this part of all that speaks for an answer show nothing: the answer is of the
whole report. In reports of the right exam one in twenty spans carries less, in documents of other kinds every
second (`corpora/ctpa_unseen` and `corpora/head_ct_rules` beside MTSamples, 2026-11-25)."""

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


def strongest(encoded: Encoded, weights: Floats, borders: Numbers) -> Span | None:
    """The words of one sentence that speak most for an answer; None when none stand out.

    Args:
        encoded: the report.
        weights: (tokens,) float32, of `speaking`.
        borders: of `sentence_borders`.
    """
    positive = np.maximum(weights, 0)
    if not positive.any():
        return None
    sentence = int(np.add.reduceat(positive, borders[:-1]).argmax())
    first, last = int(borders[sentence]), int(borders[sentence + 1])
    there = np.flatnonzero(positive[first:last] >= PART * positive[first:last].max()) + first
    begin, end = max(first, int(there[0]) - REACH), min(last, int(there[-1]) + REACH + 1)
    if positive[begin:end].sum() < FOCUS * positive.sum():
        return None
    if end == last and end < len(encoded) and end - begin > 1:
        end -= 1  # the mark that ends the sentence
    return Span(int(encoded.spans[begin, 0]), int(encoded.spans[end - 1, 1]))


def sentence_borders(ids: npt.NDArray[np.int32], is_end: npt.NDArray[np.bool_]) -> Numbers:
    """(sentences + 1,) where each sentence begins and, last, where the report ends.

    Args:
        ids: (tokens,) int32, one or more.
        is_end: (vocabulary,) bool, whether a token ends a sentence.
    """
    behind = np.flatnonzero(is_end[ids[:-1]]) + 1
    return np.concatenate([[0], behind, [len(ids)]]).astype(np.int64)


def section_of(encoded: Encoded, span: Span, names: Sequence[str]) -> str:
    """Name of the section in which a span begins."""
    token = int(encoded.spans[:, 0].searchsorted(span.start, side="right")) - 1
    return names[int(encoded.section_ids[max(0, token)]) - 1]
