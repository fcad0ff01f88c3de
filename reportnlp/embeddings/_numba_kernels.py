"""The numba kernels of word2vec and fastText: one thread's work on one stretch of the corpus.

Stochastic gradient steps on the logistic loss of word2vec.c, pair by pair, every pair with negatives of its
own. Threads share the matrices without locks (Hogwild, Recht et al. 2011, arXiv:1106.5730), as the original
programs do.

What makes them fast, without changing what is computed: the products of a pair's vector with its word and all
its negatives are taken in one pass over it, and so are the steps (`_numba_simd`); a negative costs one
look-up; and in fastText's skip-gram a word's n-grams are summed and stepped once per window, not once per
pair (`subword_skipgram`).

Shapes: `ids` (n,) int32 with negative numbers between texts; `inputs` (rows, width) and `outputs`
(output rows, width) float32; `state` (1,) uint64, the random numbers' state.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from reportnlp.embeddings._numba_simd import (
    BLOCK,
    add_row,
    block_scores,
    block_steps,
    one_score,
    one_step,
)
from reportnlp.embeddings._numba_tables import SPAN, STEPS, Bits, Floats, Ids, Long, Tables, logistic_table

Matrix = npt.NDArray[np.float32]

GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_1, SHIFT_2, SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
UPPER, LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)
CHANCE, LOSS = logistic_table()
REACH = np.float32(SPAN)
SCALE = np.float32(STEPS / (2 * SPAN))
NOUGHT, UNIT = np.float32(0), np.float32(1)


@njit(nogil=True)
def draw(state: Bits) -> np.uint64:
    """64 random bits (SplitMix64: Steele, Lea and Flood 2014, OOPSLA)."""
    state[0] += GAMMA
    bits = state[0]
    bits = (bits ^ (bits >> SHIFT_1)) * MIX_1
    bits = (bits ^ (bits >> SHIFT_2)) * MIX_2
    return np.uint64(bits ^ (bits >> SHIFT_3))


@njit(nogil=True)
def thin(ids: Ids, keep: Bits, state: Bits) -> int:
    """Subsample in place; returns how many ids are left, at the front."""
    kept = 0
    for place in range(len(ids)):
        word = ids[place]
        if word < 0 or (draw(state) >> UPPER) <= keep[word]:
            ids[kept] = word
            kept += 1
    return kept


@njit(nogil=True)
def span(ids: Ids, kept: int, center: int, window: int, state: Bits) -> tuple[int, int]:
    """The first and the last-but-one place of a window drawn from 1 to `window`, within the text."""
    reach = np.int64(((draw(state) >> UPPER) * np.uint64(window)) >> UPPER) + 1
    first, end = center, center + 1
    while first > 0 and center - first < reach and ids[first - 1] >= 0:
        first -= 1
    while end < kept and end - center <= reach and ids[end] >= 0:
        end += 1
    return first, end


@njit(nogil=True)
def negatives(alias: Bits, count: int, rows: Ids, state: Bits) -> None:
    """Draw into rows[1 : count + 1]."""
    size = np.uint64(len(alias))
    for target in range(1, count + 1):
        bits = draw(state)
        slot = ((bits >> UPPER) * size) >> UPPER
        entry = alias[slot]
        own = (bits & LOWER) < (entry >> UPPER)
        rows[target] = np.int32(slot) if own else np.int32(entry & LOWER)


@njit(nogil=True)
def path(word: int, tables: Tables, first: int, rows: Ids, labels: Floats) -> int:
    """Put a word's path through the tree behind the first targets; returns how many targets that makes."""
    begin = tables.tree_offsets[word]
    length = tables.tree_offsets[word + 1] - begin
    for step in range(length):
        rows[first + step] = tables.tree_rows[begin + step]
        labels[first + step] = tables.tree_labels[begin + step]
    return int(first + length)


@njit(nogil=True)
def targets(
    word: int, tables: Tables, negative: int, draws: bool, rows: Ids, labels: Floats, state: Bits
) -> int:
    """What a word is predicted against: itself with negatives, drawn now or left as they are; its path."""
    count = 0
    if negative > 0:
        rows[0] = word
        count = negative + 1
        if draws:
            negatives(tables.alias, negative, rows, state)
    return path(word, tables, count, rows, labels)


@njit(nogil=True)
def gather(sink: Matrix, inputs: Matrix, offsets: Long, members: Ids, word: int, factor: np.float32) -> None:
    """Add `factor` times each of a word's rows to sink[0]."""
    for member in range(offsets[word], offsets[word + 1]):
        add_row(sink, 0, inputs, members[member], factor)


@njit(nogil=True)
def spread(inputs: Matrix, offsets: Long, members: Ids, word: int, steps: Matrix) -> None:
    """Add steps[1] to each of a word's rows."""
    for member in range(offsets[word], offsets[word + 1]):
        add_row(inputs, members[member], steps, 1, UNIT)


@njit(nogil=True)
def errors(rows: Ids, labels: Floats, count: int, scores: Floats, rate: np.float32) -> float:
    """Turn products into sizes of steps; returns the loss. A negative that is the word itself takes none."""
    loss = 0.0
    for target in range(count):
        score = scores[target]
        label = labels[target]
        if target > 0 and rows[target] == rows[0]:
            scores[target] = NOUGHT
        elif score >= REACH:
            scores[target] = (label - UNIT) * rate
            loss += (UNIT - label) * score
        elif score <= -REACH:
            scores[target] = label * rate
            loss -= label * score
        elif score > -REACH:
            step = min(int((score + REACH) * SCALE), STEPS - 1)  # just below REACH it rounds up
            scores[target] = (label - CHANCE[step]) * rate
            loss += LOSS[step] if label > NOUGHT else LOSS[STEPS - 1 - step]
        else:
            loss = np.nan  # no number: the caller stops
    return loss


@njit(nogil=True)
def learn(
    hidden: Matrix,
    row: int,
    sink: Matrix,
    into: int,
    outputs: Matrix,
    rows: Ids,
    labels: Floats,
    count: int,
    scores: Floats,
    rate: np.float32,
) -> float:
    """One example: hidden[row] against `count` targets; its step is added to sink[into]. Returns the loss."""
    target = 0
    while target + BLOCK <= count:
        block_scores(hidden, row, outputs, rows, target, scores)
        target += BLOCK
    while target < count:
        one_score(hidden, row, outputs, rows, target, scores)
        target += 1
    loss = errors(rows, labels, count, scores, rate)
    target = 0
    while target + BLOCK <= count:
        block_steps(hidden, row, sink, into, outputs, rows, target, scores)
        target += BLOCK
    while target < count:
        one_step(hidden, row, sink, into, outputs, rows, target, scores)
        target += 1
    return loss


@njit(nogil=True)
def learn_in_place(
    hidden: Matrix,
    row: int,
    work: Matrix,
    outputs: Matrix,
    rows: Ids,
    labels: Floats,
    count: int,
    scores: Floats,
    rate: np.float32,
) -> float:
    """One example whose step goes to hidden[row] itself, which stays as it was until all targets had theirs.

    One block's pass reads and writes each number once, so it needs no row (`work`, (1, width)) in between.
    """
    if count == BLOCK:
        return learn(hidden, row, hidden, row, outputs, rows, labels, count, scores, rate)
    work[:] = NOUGHT
    loss = learn(hidden, row, work, 0, outputs, rows, labels, count, scores, rate)
    add_row(hidden, row, work, 0, UNIT)
    return loss


@njit(nogil=True)
def buffers(tables: Tables, negative: int) -> tuple[Ids, Floats, Floats]:
    """Rows, labels and scores of one example's targets; the first label is the word's own."""
    longest = 0
    for word in range(len(tables.keep)):
        longest = max(longest, tables.tree_offsets[word + 1] - tables.tree_offsets[word])
    size = 1 + negative + longest
    labels = np.zeros(size, np.float32)
    labels[0] = UNIT
    return np.zeros(size, np.int32), labels, np.zeros(size, np.float32)


@njit(nogil=True)
def skipgram(
    ids: Ids,
    tables: Tables,
    inputs: Matrix,
    outputs: Matrix,
    window: int,
    negative: int,
    shared: bool,
    first_rate: float,
    last_rate: float,
    state: Bits,
) -> tuple[float, int]:
    """Skip-gram as word2vec.c trains it: each context's vector predicts the window's centre.

    `ids` is overwritten; the learning rate goes from `first_rate` to `last_rate`.

    Returns:
        The summed loss, and how many examples there were.
    """
    kept = thin(ids, tables.keep, state)
    rows, labels, scores = buffers(tables, negative)
    work = np.zeros((1, inputs.shape[1]), np.float32)
    loss, examples = 0.0, 0
    for center in range(kept):
        word = ids[center]
        if word < 0:
            continue
        rate = np.float32(first_rate + (last_rate - first_rate) * center / kept)
        first, end = span(ids, kept, center, window, state)
        count = targets(word, tables, negative, shared, rows, labels, state)
        for place in range(first, end):
            if place == center:
                continue
            context = ids[place]
            if negative > 0 and not shared:
                negatives(tables.alias, negative, rows, state)
            loss += learn_in_place(inputs, context, work, outputs, rows, labels, count, scores, rate)
            examples += 1
    return loss, examples


@njit(nogil=True)
def subword_skipgram(
    ids: Ids,
    tables: Tables,
    offsets: Long,
    members: Ids,
    inputs: Matrix,
    outputs: Matrix,
    window: int,
    negative: int,
    first_rate: float,
    last_rate: float,
    state: Bits,
) -> tuple[float, int]:
    """Skip-gram as fastText trains it: the mean of the centre's rows predicts each word around it.

    The rows of word w are inputs[members[offsets[w] : offsets[w + 1]]]. Each example's step goes whole to all
    of them, so their mean moves by that same step: the mean is kept up to date by itself through the window,
    and the rows get the sum of its steps at the end. That is what the original computes example by example,
    but for a word with one n-gram twice, whose mean would move a little further within the window.

    Returns:
        The summed loss, and how many examples there were.
    """
    kept = thin(ids, tables.keep, state)
    rows, labels, scores = buffers(tables, negative)
    work = np.zeros((1, inputs.shape[1]), np.float32)
    mean = np.zeros((2, inputs.shape[1]), np.float32)  # now, and how far the window moved it
    loss, examples = 0.0, 0
    for center in range(kept):
        word = ids[center]
        if word < 0:
            continue
        rate = np.float32(first_rate + (last_rate - first_rate) * center / kept)
        first, end = span(ids, kept, center, window, state)
        mean[:] = NOUGHT
        size = offsets[word + 1] - offsets[word]
        gather(mean, inputs, offsets, members, word, np.float32(1.0 / size))
        add_row(mean, 1, mean, 0, -UNIT)
        for place in range(first, end):
            if place == center:
                continue
            count = targets(ids[place], tables, negative, True, rows, labels, state)
            loss += learn_in_place(mean, 0, work, outputs, rows, labels, count, scores, rate)
            examples += 1
        add_row(mean, 1, mean, 0, UNIT)
        spread(inputs, offsets, members, word, mean)
    return loss, examples


@njit(nogil=True)
def cbow(
    ids: Ids,
    tables: Tables,
    offsets: Long,
    members: Ids,
    inputs: Matrix,
    outputs: Matrix,
    window: int,
    negative: int,
    first_rate: float,
    last_rate: float,
    state: Bits,
) -> tuple[float, int]:
    """CBOW: the mean of all rows of all contexts predicts the centre; each row gets the step whole.

    In word2vec a word has one row, its own. Dividing the step by the number of rows would be the gradient;
    neither word2vec.c nor fastText does.

    Returns:
        The summed loss, and how many examples there were.
    """
    kept = thin(ids, tables.keep, state)
    rows, labels, scores = buffers(tables, negative)
    hidden = np.zeros((2, inputs.shape[1]), np.float32)  # the mean, and its step
    loss, examples = 0.0, 0
    for center in range(kept):
        word = ids[center]
        if word < 0:
            continue
        first, end = span(ids, kept, center, window, state)
        size = 0
        for place in range(first, end):
            if place != center:
                size += offsets[ids[place] + 1] - offsets[ids[place]]
        if size == 0:
            continue
        hidden[:] = NOUGHT
        for place in range(first, end):
            if place != center:
                gather(hidden, inputs, offsets, members, ids[place], np.float32(1.0 / size))
        count = targets(word, tables, negative, True, rows, labels, state)
        rate = np.float32(first_rate + (last_rate - first_rate) * center / kept)
        loss += learn(hidden, 0, hidden, 1, outputs, rows, labels, count, scores, rate)
        examples += 1
        for place in range(first, end):
            if place != center:
                spread(inputs, offsets, members, ids[place], hidden)
    return loss, examples
