"""Near-duplicates: pairs of texts whose runs of five words overlap (Broder 1997)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

RUN = 5
LIMIT = 0.5
"""Jaccard similarity from which two texts count as near-duplicates."""

COMMON = 200
"""A run that more texts than this share tells no pair of them apart, and is left out of the search (not of
the similarity): stock phrases would make every text a candidate for every other."""

_WORD = re.compile(r"\w+")


class Pair(NamedTuple):
    """Two report ids and the Jaccard similarity of their texts' five-word runs."""

    first: str
    second: str
    similarity: float


def runs_of(text: str) -> frozenset[tuple[str, ...]]:
    """Every run of five words, in lower case, without punctuation; a shorter text is one run."""
    words = _WORD.findall(text.lower())
    return frozenset(tuple(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1)))


def near_duplicates(texts: Mapping[str, str], limit: float = LIMIT) -> Iterator[Pair]:
    """Every pair of texts as similar as that or more, by id."""
    runs = {report: runs_of(text) for report, text in texts.items()}
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for report, own in runs.items():
        shared = Counter(other for run in own if len(holders[run]) <= COMMON for other in holders[run])
        for other, common in shared.items():
            if common >= limit * max(len(own), len(runs[other])):
                similarity = len(own & runs[other]) / len(own | runs[other])
                if similarity >= limit:
                    yield Pair(other, report, similarity)
        for run in own:
            holders[run].append(report)
