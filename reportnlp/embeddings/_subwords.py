"""Character n-grams of words and the buckets they are hashed to (Bojanowski 2016, arXiv:1607.04606, 3.2).

As the original program has it: a word is `<word>`, a character is a code point, its n-grams are those of
`min_n` to `max_n` characters, the boundaries `<` and `>` alone are none. A bucket is the 32-bit FNV-1a hash
of the n-gram's UTF-8 bytes, modulo the number of buckets. The program takes a byte for a signed number and
extends its sign to 32 bits before it is mixed in, so that letters outside ASCII hash otherwise than in the
published FNV-1a; vectors that were trained elsewhere depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError

OFFSET_BASIS = np.uint32(2166136261)
PRIME = np.uint32(16777619)

AT_ONCE = 20_000
"""Words whose n-grams are found together; it bounds the memory."""

Long = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]


def subwords_of(words: Sequence[str], min_n: int, max_n: int, buckets: int) -> tuple[Long, Ids]:
    """Find the buckets of every word's n-grams, in the original program's order.

    Args:
        words: (n,) words.
        min_n: characters in the shortest n-gram.
        max_n: characters in the longest; 0 for no n-grams.
        buckets: how many buckets there are.

    Returns:
        Offsets (n + 1,) int64 and buckets (offsets[-1],) int32: word w has those from offsets[w] to
        offsets[w + 1].
    """
    if buckets < 1 or min_n < 1:
        raise InputError(f"buckets ({buckets}) and min_n ({min_n}) must be at least 1.")
    parts = [_some(words[at : at + AT_ONCE], min_n, max_n, buckets) for at in range(0, len(words), AT_ONCE)]
    sizes = np.concatenate([np.zeros(1, np.int64), *(part[0] for part in parts)])
    found = np.concatenate([np.zeros(0, np.int32), *(part[1] for part in parts)])
    return np.cumsum(sizes), found


@dataclass(frozen=True, slots=True)
class _Letters:
    """All characters of `<word>` after `<word>`.

    Attributes:
        data: (bytes,) uint8, UTF-8.
        starts: (characters + 1,) int64, where each character begins in `data`.
        word: (characters,) int64, which word each is of.
        left: (characters,) int64, how many characters its word has from there on.
        first: (characters,) bool, whether it is the boundary `<`.
    """

    data: npt.NDArray[np.uint8]
    starts: Long
    word: Long
    left: Long
    first: npt.NDArray[np.bool_]


def _letters(words: Sequence[str]) -> _Letters:
    text = "".join(f"<{word}>" for word in words).encode("utf-8", "surrogatepass")
    data = np.frombuffer(text, np.uint8)
    starts = np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))
    sizes = np.array([len(word) + 2 for word in words], np.int64)
    word = np.repeat(np.arange(len(words)), sizes)
    left = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(word))
    return _Letters(data, starts, word, left, left == sizes[word])


def _some(words: Sequence[str], min_n: int, max_n: int, buckets: int) -> tuple[Long, Ids]:
    """How many n-grams each word has (words,), and all their buckets."""
    letters = _letters(words)
    hashes = np.full(len(letters.word), OFFSET_BASIS, np.uint32)
    begins, lengths, found = [], [], []
    for length in range(1, max_n + 1):
        live = np.flatnonzero(letters.left >= length)
        hashes[live] = _mixed(hashes[live], letters, live + length - 1)
        if length < min_n:
            continue
        if length == 1:
            live = live[~letters.first[live] & (letters.left[live] > 1)]
        begins.append(live)
        lengths.append(np.full(len(live), length))
        found.append((hashes[live] % np.uint32(buckets)).astype(np.int32))
    if not found:
        return np.zeros(len(words), np.int64), np.zeros(0, np.int32)
    begin = np.concatenate(begins)
    order = np.lexsort((np.concatenate(lengths), begin))
    sizes = np.bincount(letters.word[begin], minlength=len(words)).astype(np.int64)
    return sizes, np.concatenate(found)[order]


def _mixed(hashes: npt.NDArray[np.uint32], letters: _Letters, characters: Long) -> npt.NDArray[np.uint32]:
    """Mix one character, of one to four bytes, into each hash."""
    for byte in range(4):
        at = letters.starts[characters] + byte
        there = at < letters.starts[characters + 1]
        signed = letters.data[at[there]].view(np.int8).astype(np.int32).view(np.uint32)
        hashes[there] = (hashes[there] ^ signed) * PRIME
    return hashes
