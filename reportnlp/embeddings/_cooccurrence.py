"""How often words stand near one another, counted out of core (Pennington et al. 2014, sections 3 and 4.2).

Two words at distance d add 1/d to their count. The pairs of the most frequent words are summed in a dense
square, all others in a hash table; a table that is full is written to disk as a sorted run, and the runs are
merged by ranges of keys. Sums are whole numbers of 2^-32, so that neither the order of adding, nor the number
of workers, nor the memory that was allowed changes a count.

What goes to disk goes to files without a name, which are gone when nobody has them open any more: a training
that is killed leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryFile
from threading import Event
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings._numba_cooccurrence import count_pairs, move
from reportnlp.embeddings.blocks import Ids

Long = npt.NDArray[np.int64]
Entries = npt.NDArray[np.void]
Block = tuple[Long, Long]

ONE = 2**32
"""Stands for a count of 1. A pair may reach 2^31; 1/d is off by less than d 2^-33 of itself."""

ENTRY = np.dtype([("word", "<i4"), ("context", "<i4"), ("log_count", "<f4"), ("weight", "<f4")])
"""One cell of the matrix as training reads it: row, column, log X and f(X)."""

DENSE = 2048
"""Most frequent words whose pairs are summed in a square. Tuned on 6 million words of reports, window 10, by
the processor time of `count`: 1.9 s at 1024, 1.24 s at 2048, 1.27 s at 3072, 1.33 s at 4096, which takes four
times the memory of 2048."""

BAND = 256
"""Rows of the square that are folded at a time."""

FULL = 0.6
"""A hash table this full is written out."""

SLOT_BYTES = 40
"""Memory per slot: 16 for the slot itself, and what growing it or sorting a full table into a run takes."""

FIRST_SLOTS = 1 << 16
"""A table begins with so many, and doubles while the memory allows it: a small corpus fills a small one."""

TOKENS = 1 << 18
"""A worker takes the corpus by spans of at least so many tokens."""

PIECE = 1 << 18
"""Ids between two signs of progress: some hundredths of a second."""

BLOCK = 1 << 20
"""Entries of the runs that are merged together, at most."""

BUCKETS = 128
"""Buckets of a shuffle at most, each of which is an open file; macOS allows a process 256."""


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted, and within which memory.

    Attributes:
        words: words in the vocabulary; each id is below it.
        window: the largest distance that counts.
        symmetric: count both sides, X = X transposed; otherwise row i, column j counts i to the left of j, as
            the original program does.
        memory: bytes that counting may use, all workers together.
        workers: threads.
    """

    words: int
    window: int
    symmetric: bool
    memory: int
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Run:
    """Sums on disk, sorted by key = row * words + column.

    Of a symmetric matrix they are the half with row <= column, each pair of places in the text summed once.

    Attributes:
        keys: (n,) int64, strictly rising. A memory map.
        sums: (n,) int64, in units of 1 / `ONE`. A memory map.
    """

    keys: Long
    sums: Long


def count(
    ids: Ids, counting: Counting, *, folder: Path | None, seen: Callable[[int], None] | None = None
) -> list[Run]:
    """Count the corpus into sorted runs; a key may be in several.

    Args:
        ids: (n,) int32, words, with `BREAK` between texts.
        counting: what and how.
        folder: an existing folder that has room for the runs; None: the system's for temporary files.
        seen: hears, in the caller's thread, that so many words more were counted.
    """
    edges = np.linspace(0, len(ids), _spans(len(ids), counting) + 1).astype(np.int64)
    spans = [(int(start), int(stop)) for start, stop in pairwise(edges)]
    signs: SimpleQueue[int | None] = SimpleQueue()
    stopped = Event()

    def tell(words: int) -> None:
        if stopped.is_set():
            raise CancelledError
        signs.put(words)

    def one(span: tuple[int, int]) -> list[Run]:
        try:
            return [_write(block, folder) for block in _span(ids, span, counting, tell)]
        finally:
            signs.put(None)

    with ThreadPoolExecutor(counting.workers) as pool:
        found = [pool.submit(one, span) for span in spans]
        try:
            for _ in spans:
                for words in iter(signs.get, None):
                    (seen or _unheard)(words)
        finally:
            stopped.set()
    return [run for runs in found for run in runs.result()]


def _unheard(words: int) -> None:
    """Nobody watches."""


def merged(runs: Sequence[Run], *, block: int) -> Iterator[Block]:
    """Merge runs into rising blocks of about `block` entries; each key comes once, with its whole sum.

    Yields:
        keys (n,) int64, sums (n,) int64.
    """
    edges = _edges(runs, block)
    cuts = [[0, *np.searchsorted(run.keys, edges).tolist(), len(run.keys)] for run in runs]
    for place in range(len(edges) + 1):
        parts = [slice(cut[place], cut[place + 1]) for cut in cuts]
        keys = np.concatenate([run.keys[part] for run, part in zip(runs, parts, strict=True)])
        sums = np.concatenate([run.sums[part] for run, part in zip(runs, parts, strict=True)])
        if len(keys):
            yield (keys, sums) if len(runs) == 1 else _added(keys, sums)


def cells(block: Block, counting: Counting) -> tuple[Ids, Ids, npt.NDArray[np.float64]]:
    """The cells of the matrix that a merged block stands for, both halves of a symmetric one.

    Returns:
        rows (m,) int32, columns (m,) int32, counts (m,) float64.
    """
    keys, sums = block
    rows, columns = np.divmod(keys, counting.words)
    counts = sums / ONE
    if counting.symmetric:
        other = rows != columns
        counts = np.concatenate([np.where(other, counts, 2 * counts), counts[other]])
        rows, columns = np.concatenate([rows, columns[other]]), np.concatenate([columns, rows[other]])
    return rows.astype(np.int32), columns.astype(np.int32), counts


def shuffled(
    runs: Sequence[Run], counting: Counting, *, x_max: float, alpha: float, seed: int, folder: Path | None
) -> Entries:
    """Merge the runs into the cells of the matrix, on disk and in random order.

    Each cell goes to a random bucket that fits in memory (but for `BUCKETS`); each bucket is then permuted: a
    uniform shuffle.

    Returns:
        (cells,) of `ENTRY`, a memory map.
    """
    rng = np.random.default_rng((seed, 1))
    most = sum(len(run.keys) for run in runs) * (2 if counting.symmetric else 1)
    room = max(1024, counting.memory // (4 * ENTRY.itemsize))
    with ExitStack() as stack:
        size = min(BUCKETS, max(1, -(-most // room)))
        buckets = [stack.enter_context(TemporaryFile(dir=folder)) for _ in range(size)]
        for block in merged(runs, block=max(1024, min(BLOCK, room // 8))):
            _scatter(_entries(cells(block, counting), x_max, alpha), buckets, rng)
        return _joined(buckets, folder, rng)


def _spans(tokens: int, counting: Counting) -> int:
    return max(1, min(counting.workers, tokens // TOKENS))


def _span(
    ids: Ids, span: tuple[int, int], counting: Counting, tell: Callable[[int], None]
) -> Iterator[Block]:
    """Count the pairs whose right word is in one span; a sorted block whenever the table is full."""
    share = counting.memory // _spans(len(ids), counting)
    dense = np.zeros((min(counting.words, DENSE, isqrt(share // 32)),) * 2, np.int64)
    most = _slots(share - 2 * dense.nbytes, span, counting)
    table = np.zeros((min(FIRST_SLOTS, most), 2), np.int64)
    weights = np.array([0, *(round(ONE / distance) for distance in range(1, counting.window + 1))], np.int64)
    position, filled = span[0], 0
    while position < span[1]:
        start, stop = position, min(position + PIECE, span[1])
        limit = int(FULL * len(table)) - counting.window
        position, filled = count_pairs(
            ids, start, stop, weights, counting.words, counting.symmetric, dense, table, filled, limit
        )
        tell(int(np.count_nonzero(ids[start:position] >= 0)))
        if position < stop and len(table) < most:
            table = _doubled(table)
        elif position < stop:
            yield _sorted(table)
            table[:], filled = 0, 0
    yield _sorted(table)
    del table
    yield _square(dense, counting)


def _doubled(table: Long) -> Long:
    larger = np.zeros((2 * len(table), 2), np.int64)
    move(table, larger)
    return larger


def _slots(room: int, span: tuple[int, int], counting: Counting) -> int:
    """A power of two: what the memory allows, no more than the span can fill, and room for a few windows."""
    most = 2 * (span[1] - span[0]) * counting.window
    slots = max(min(room // SLOT_BYTES, most), 8 * counting.window)
    return 1 << (slots.bit_length() - 1)


def _sorted(table: Long) -> Block:
    """The filled slots in order of their keys; a slot holds key + 1, so that zero is an empty one."""
    filled = table[table[:, 0] > 0]
    order = np.argsort(filled[:, 0])
    return filled[order, 0] - 1, filled[order, 1]


def _square(dense: Long, counting: Counting) -> Block:
    """The cells of the dense square, whose rows are the right words."""
    if not counting.symmetric:
        rows, columns = np.nonzero(dense.T)
        return rows * counting.words + columns, dense[columns, rows]
    bands = [_band(dense, start, counting.words) for start in range(0, max(1, len(dense)), BAND)]
    return np.concatenate([keys for keys, _ in bands]), np.concatenate([sums for _, sums in bands])


def _band(dense: Long, start: int, words: int) -> Block:
    """Some rows of the upper half of the dense square with the lower half added."""
    upper = dense[start : start + BAND, start:] + dense[start:, start : start + BAND].T
    rows, columns = np.nonzero(np.triu(upper))
    sums = upper[rows, columns]
    sums[rows == columns] //= 2  # both halves hold the diagonal
    return (rows + start) * words + columns + start, sums


def _write(block: Block, folder: Path | None) -> Run:
    keys, sums = block
    if not len(keys):
        return Run(keys, sums)
    with TemporaryFile(dir=folder) as file:
        keys.tofile(file)
        sums.tofile(file)
        file.flush()
        both: Any = np.memmap(file, np.int64, "r", shape=(2, len(keys)))
    return Run(both[0], both[1])


def _edges(runs: Sequence[Run], block: int) -> Long:
    """Keys that cut the runs into ranges of about `block` entries: quantiles of a regular sample."""
    step = max(1, block // (4 * len(runs)))
    sample = np.sort(np.concatenate([run.keys[::step] for run in runs]))
    return sample[block // step :: block // step]


def _added(keys: Long, sums: Long) -> Block:
    """Sort, and add the sums of equal keys."""
    order = np.argsort(keys)
    keys = keys[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], np.add.reduceat(sums[order], first)


def _entries(block: tuple[Ids, Ids, npt.NDArray[np.float64]], x_max: float, alpha: float) -> Entries:
    """Cells with log X and the weight f(X) = min(1, (X / x_max)^alpha) of equation 9."""
    rows, columns, counts = block
    entries = np.empty(len(rows), ENTRY)
    entries["word"], entries["context"] = rows, columns
    entries["log_count"] = np.log(counts)
    entries["weight"] = np.minimum(1.0, (counts / x_max) ** alpha)
    return entries


def _scatter(entries: Entries, buckets: Sequence[IO[bytes]], rng: np.random.Generator) -> None:
    """Append each entry to a random bucket."""
    places = rng.integers(len(buckets), size=len(entries))
    order = np.argsort(places, kind="stable")
    cuts = np.searchsorted(places[order], np.arange(len(buckets) + 1))
    for bucket, start, stop in zip(buckets, cuts[:-1], cuts[1:], strict=True):
        entries[order[start:stop]].tofile(bucket)


def _joined(buckets: Sequence[IO[bytes]], folder: Path | None, rng: np.random.Generator) -> Entries:
    """Permute each bucket and put one after the other; the buckets are emptied."""
    with TemporaryFile(dir=folder) as whole:
        for bucket in buckets:
            bucket.seek(0)
            entries = np.fromfile(bucket, ENTRY)
            bucket.truncate(0)
            rng.shuffle(entries)
            entries.tofile(whole)
        whole.flush()
        if not whole.tell():
            return np.empty(0, ENTRY)
        joined: Entries = np.memmap(whole, ENTRY, "r")
        return joined
