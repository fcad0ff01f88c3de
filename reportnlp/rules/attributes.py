"""Which mention an attribute's answer belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from reportnlp.rules.assertions import SentenceState
from reportnlp.rules.candidates import STATEMENTS, covers, overlap
from reportnlp.rules.lexicon import Kind
from reportnlp.rules.matcher import Match
from reportnlp.rules.readings import Assertion, Found, Loose, Mention, Value
from reportnlp.text.context import Category, load_words

_DENYING = frozenset({Category.NEGATION, Category.RESOLVED, Category.HYPOTHETICAL})
_OWNERS = (Kind.FINDING, Kind.SIGN, Kind.DOUBTFUL)
_LONGEST_LINK = 6
_LIST_STEP = 2
"""Tokens between the parts of a list of values: a comma, "and"."""
MOST_LENDERS = 12
"""Mentions in one sentence beyond which none lends to another: nobody means such a text as a sentence."""
_PAST = frozenset({Category.PRIOR, Category.HISTORY})

Holdings = Mapping[int, Sequence[Found]]
"""Mention's index to the values that stand with it, whatever finding it is of."""


def share_values(
    state: SentenceState, found: Sequence[Found], mentions: Sequence[Mention]
) -> tuple[dict[int, list[Value]], list[Loose]]:
    """Give every attribute answer to the affirmed mentions it belongs to.

    In a sentence that affirms nothing the answers are loose: the sentence may go on from the one before.
    """
    told = [i for i, item in enumerate(found) if item.role.kind in _OWNERS]
    affirmed = [i for i in told if mentions[i].assertion is Assertion.PRESENT]
    if not affirmed:
        return {}, _loose(state, found, told) if _may_continue(state.tokens.words) else []
    findings = {found[i].role.finding for i in affirmed}
    holdings: dict[int, list[Found]] = {}
    for value in _visible_values(state, findings):
        holder = _holder(state, value, found, told)
        if holder is not None:
            holdings.setdefault(holder, []).append(value)
    return {i: _owned(state, i, found, affirmed, holdings) for i in affirmed}, []


def _loose(state: SentenceState, found: Sequence[Found], told: Sequence[int]) -> list[Loose]:
    named = {found[i].role.finding for i in told}
    return [
        Loose(state.lexicon.groups[value.role.group].findings - named, _value(state, value))
        for value in _visible_values(state)
        if _holder(state, value, found, told) is None
        and not _other_thing(state, value)
        and not _in_part_of(state, value.match, found, told)
    ]


def _may_continue(words: Sequence[str]) -> bool:
    """Whether a sentence may go on from the one before it, so that its loose values matter."""
    known = load_words()
    return not known.continues.isdisjoint(words) or known.verbs.isdisjoint(words)


def _value(state: SentenceState, value: Found) -> Value:
    role, match = value
    start, end = state.tokens.starts[match.start], state.tokens.ends[match.end - 1]
    return Value(state.lexicon.groups[role.group].attribute, role.answer, start, end, role.is_fallback)


def _visible_values(state: SentenceState, findings: Set[int] | None = None) -> list[Found]:
    """Values that stand for themselves: not inside a longer one of their attribute, ignored, or denied.

    Args:
        state: the sentence.
        findings: leave out the values of all others.
    """
    groups = state.lexicon.groups
    values = state.values.get(Kind.VALUE, [])
    if findings is not None:
        values = [v for v in values if not findings.isdisjoint(groups[v.role.group].findings)]
    values = [_weakened(v) if _is_topic(state, v.match) else v for v in values]
    ignored = state.values.get(Kind.IGNORE, []) if values else []
    kept: list[Found] = []
    for item in sorted(values, key=lambda pair: pair.match.start - pair.match.end):
        longer = (k.match for k in kept if k.role.group == item.role.group)
        hidden = (i.match for i in ignored if i.role.group == item.role.group)
        if any(overlap(m, item.match) for m in longer) or any(covers(m, item.match) for m in hidden):
            continue
        if not _value_denied(state, item.match):
            kept.append(item)
    return sorted(kept, key=lambda item: item.match.start)


def _is_topic(state: SentenceState, match: Match) -> bool:
    """Whether words only head the line: "Right pulmonary artery: thrombus in the lower lobar branch"."""
    return match.start <= 1 and state.tokens.words[match.end : match.end + 1] == (":",)


def _weakened(value: Found) -> Found:
    return value._replace(role=replace(value.role, is_fallback=True))


def _value_denied(state: SentenceState, match: Match) -> bool:
    hits = {r.hit.cue.category for r in state.reaches if r.start <= match.start < r.end}
    if Category.EXCEPTION in hits:
        return False
    return not hits.isdisjoint(_DENYING) or (not hits.isdisjoint(_PAST) and Category.CURRENT not in hits)


def _holder(state: SentenceState, value: Found, found: Sequence[Found], told: Sequence[int]) -> int | None:
    """The mention a value stands with.

    One in the same comma-bounded part of the sentence comes first, of the value's own findings if there is
    one; else, unless another thing claims it, the last mention before it; else the first one behind it in
    the clause.
    """
    match = value.match
    start, end = state.clauses.soft_before(match.start), state.clauses.soft_after(match.end)
    own = state.lexicon.groups[value.role.group].findings
    here = [i for i in told if found[i].match.start < end and start < found[i].match.end]
    here = [i for i in here if found[i].role.finding in own] or here
    if here:
        return min(here, key=lambda i: _distance(found[i].match, match))
    if _other_thing(state, value):
        return None
    before = [i for i in told if found[i].match.end <= match.start]
    if before:
        return before[-1]
    hard = state.clauses.hard_after(match.end)
    behind = [i for i in told if match.end <= found[i].match.start < hard]
    return behind[0] if behind and not _is_statement(state, match) else None


def _owned(
    state: SentenceState, mention: int, found: Sequence[Found], affirmed: Sequence[int], holdings: Holdings
) -> list[Value]:
    """The values of one mention: its own, and what its neighbours lend where it has none of an attribute."""
    match, finding = found[mention].match, found[mention].role.finding
    groups = [i for i, group in enumerate(state.lexicon.groups) if finding in group.findings]
    owned: list[Found] = []
    for group in groups:
        own = [
            v
            for i in holdings
            if overlap(found[i].match, match)
            for v in holdings[i]
            if v.role.group == group
        ]
        owned.extend(own or _lent(state, mention, group, found, affirmed, holdings))
    return [_value(state, value) for value in owned]


def _lent(
    state: SentenceState,
    mention: int,
    group: int,
    found: Sequence[Found],
    affirmed: Sequence[int],
    holdings: Holdings,
) -> list[Found]:
    """Values of mentions that are the same thing ("opacity in keeping with ...") or one of a list with it."""
    lent: list[Found] = []
    if len(affirmed) > MOST_LENDERS:
        return lent
    for other in affirmed:
        if other == mention or overlap(found[other].match, found[mention].match):
            continue
        if _is_same(state, found[other].match, found[mention].match) or (
            state.lexicon.groups[group].is_place and _is_near(state, other, mention, found, affirmed)
        ):
            lent.extend(value for value in holdings.get(other, ()) if value.role.group == group)
    return lent


def _is_same(state: SentenceState, sign: Match, named: Match) -> bool:
    """Whether one mention is put down to the other by words between them."""
    between = _words_between(state, range(sign.end, named.start))
    words = load_words()
    is_link = len(between) <= _LONGEST_LINK and words.links.issuperset(between)
    return is_link and not words.equates.isdisjoint(between)


def _words_between(state: SentenceState, tokens: Iterable[int]) -> list[str]:
    """The words of some tokens, without those of attributes ("opacity in the right base is ...")."""
    valued = {i for item in state.values.get(Kind.VALUE, ()) for i in range(item.match.start, item.match.end)}
    return [state.tokens.words[i] for i in tokens if i not in valued]


def _is_near(
    state: SentenceState, other: int, mention: int, found: Sequence[Found], affirmed: Sequence[int]
) -> bool:
    """Whether two mentions stand in one list, or one is put down to the other."""
    first, last = sorted((found[other].match, found[mention].match))
    between = set(range(first.end, last.start))
    for i in affirmed:
        between.difference_update(range(found[i].match.start, found[i].match.end))
    words = _words_between(state, sorted(between))
    return len(words) <= _LONGEST_LINK and load_words().links.issuperset(words)


def _is_statement(state: SentenceState, match: Match) -> bool:
    """Whether the value has a verb of its own: "the lower lobe vessels are included, and ..."."""
    following = state.tokens.words[match.end : state.clauses.soft_after(match.end)]
    return not load_words().copulas.isdisjoint(following)


def _distance(one: Match, other: Match) -> int:
    """Tokens between two matches; negative when they overlap."""
    return max(one.start - other.end, other.start - one.end)


def _in_part_of(state: SentenceState, match: Match, found: Sequence[Found], told: Iterable[int]) -> bool:
    start, end = state.clauses.soft_before(match.start), state.clauses.soft_after(match.end)
    return any(found[i].match.start < end and start < found[i].match.end for i in told)


def _list_end(state: SentenceState, value: Found) -> int:
    """Where the list ends that a value stands in: what is said behind the last one is said of them all."""
    fellows = [v.match for v in state.values.get(Kind.VALUE, ()) if v.role.group == value.role.group]
    end = state.clauses.soft_after(value.match.end)
    while following := [m.end for m in fellows if end <= m.start <= end + _LIST_STEP]:
        end = state.clauses.soft_after(max(following))
    return end


def _other_thing(state: SentenceState, value: Found) -> bool:
    """Whether another thing, or a statement that all is well, stands in the same part of the sentence."""
    start, end = state.clauses.soft_before(value.match.start), _list_end(state, value)
    others = [i for i in state.values.get(Kind.NOT_WITH, ()) if i.role.group == value.role.group]
    others += [i for kind in STATEMENTS for i in state.told.get(kind, ())]
    return any(start <= item.match.start < end for item in others)
