"""Keeps generated reports apart from written ones: no sentence of the written test corpora is ever generated.

The written sentences are known by their digests alone (`_apart.bin`, made of `corpora/ctpa` and
`corpora/head_ct` by `tests/bench/generated_reports.py --write-apart`), so that nobody who works on the words
of a generator needs to read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("_apart.bin")
SHORTEST = 6
"""Words from which a sentence is somebody's own; shorter ones ("No pleural effusion.") are everybody's."""

_END = re.compile(r"[.;:?!\n]+")
_WORD = re.compile(r"\w+")


def sentences(text: str) -> Iterator[str]:
    """Sentences of at least `SHORTEST` words, in small letters and without punctuation."""
    for part in _END.split(text.lower()):
        words = _WORD.findall(part)
        if len(words) >= SHORTEST:
            yield " ".join(words)


def digests(texts: Iterable[str]) -> frozenset[int]:
    """64-bit digests of the sentences of some texts."""
    return frozenset(_digest(sentence) for text in texts for sentence in sentences(text))


def _digest(sentence: str) -> int:
    return int.from_bytes(blake2b(sentence.encode(), digest_size=8).digest(), "little")


class Apart:
    """Knows the sentences that must not be generated."""

    def __init__(self) -> None:
        self._written = frozenset(np.fromfile(FILE, dtype="<u8").tolist())

    def shares(self, text: str) -> bool:
        """Whether a text has one of them."""
        return any(_digest(sentence) in self._written for sentence in sentences(text))


def write(texts: Iterable[str]) -> int:
    """Write the digests of some texts' sentences into the package; returns how many."""
    known = sorted(digests(texts))
    np.array(known, dtype="<u8").tofile(FILE)
    return len(known)
