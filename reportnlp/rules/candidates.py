"""Which matched phrases are mentions: overlaps, exclusions and denied kinds sorted out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reportnlp.rules.lexicon import Kind
from reportnlp.rules.matcher import Match
from reportnlp.rules.readings import Found

STATEMENTS = (Kind.NORMAL, Kind.BROAD)
"""Kinds that state absence without naming the finding."""

_RANK = {Kind.NORMAL: 1, Kind.BROAD: 1, Kind.WIDER: 2}
_MENTION_KINDS = (
    Kind.FINDING,
    Kind.SIGN,
    Kind.DOUBTFUL,
    Kind.NORMAL,
    Kind.WIDER,
    Kind.BROAD,
    Kind.INCONCLUSIVE,
)


def surviving(by_kind: Mapping[Kind, Sequence[Found]]) -> list[Found]:
    """Mentions that no exclusion of their finding covers, one where several overlap, in order.

    A statement that all is normal gives way to a mention it runs into ("heart is enlarged and contour
    normal"), unless it spells out that mention's own words ("nodes of less than 1 cm").
    """
    excluded = by_kind.get(Kind.EXCLUSION, [])
    candidates = [item for kind in _MENTION_KINDS for item in by_kind.get(kind, ())]
    statements = [item for item in candidates if item.role.kind in STATEMENTS]
    kept: list[Found] = []
    for item in sorted(candidates, key=_longest_first):
        rivals = (s for s in statements if s.role.finding == item.role.finding and s is not item)
        if any(e.role.finding == item.role.finding and _excludes(e.match, item.match) for e in excluded):
            continue
        if item.role.kind not in STATEMENTS and any(_spells_out(s.match, item.match) for s in rivals):
            continue
        if any(k.role.finding == item.role.finding and overlap(k.match, item.match) for k in kept):
            continue
        kept.append(item)
    return sorted(kept, key=lambda item: (item.match.start, item.match.end, item.role.finding))


def _excludes(exclusion: Match, match: Match) -> bool:
    """An exclusion takes away a mention that has the last word of a part in it.

    One with gaps takes a mention with gaps only whole: another thing may stand at its other end.
    """
    if len(exclusion.parts) > 1 and len(match.parts) > 1:
        return covers(exclusion, match)
    return any(exclusion.start < end <= exclusion.end for _, end in match.parts)


def _longest_first(item: Found) -> tuple[int, int, int, int, int]:
    """Told mentions, then statements, then wider things; of each the longest, then the most spelled out."""
    role, match = item
    spelled = len(_words(match))
    kind = _MENTION_KINDS.index(role.kind)
    return _RANK.get(role.kind, 0), match.start - match.end, -spelled, match.start, kind


def _words(match: Match) -> set[int]:
    return {i for start, end in match.parts for i in range(start, end)}


def _spells_out(statement: Match, match: Match) -> bool:
    return _words(statement) > _words(match)


def covers(outer: Match, inner: Match) -> bool:
    """Whether one match lies within another."""
    return outer.start <= inner.start and inner.end <= outer.end


def overlap(one: Match, other: Match) -> bool:
    """Whether two matches share a token."""
    return one.start < other.end and other.start < one.end


def resting_on(found: Sequence[Found], shorthand: Iterable[Found]) -> frozenset[int]:
    """Indexes of the mentions that are nothing but a shorthand with other meanings."""
    spans = {(item.role.finding, item.match.start, item.match.end) for item in shorthand}
    return frozenset(i for i, (role, m) in enumerate(found) if (role.finding, m.start, m.end) in spans)
