"""What context makes of each mention: the cues of a sentence, brought to bear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportnlp.rules.candidates import STATEMENTS
from reportnlp.rules.lexicon import Kind, Lexicon, Role
from reportnlp.rules.matcher import Match, TokenText
from reportnlp.rules.readings import Assertion, Found, Mention
from reportnlp.text.context import Category, Clauses, CueHit, Reach, load_words, reach, visible_cues

_WEAK = frozenset(
    {"exclude", "excluded", "excluding", "out", "limited", "suboptimal", "inadequate", "non-diagnostic"}
)
_ALTERNATIVE = frozenset({"versus", "vs"})
_LIMIT_REACH = 6
_QUESTION_REACH = 5


@dataclass(frozen=True, slots=True)
class SentenceState:
    """One sentence at work: tokens, phrases by kind, clause borders and the cues' reaches."""

    lexicon: Lexicon
    tokens: TokenText
    by_kind: Mapping[Kind, Sequence[Found]]
    clauses: Clauses
    reaches: Sequence[Reach]


def with_cues(
    lexicon: Lexicon, tokens: TokenText, by_kind: Mapping[Kind, Sequence[Found]], found: Sequence[Found]
) -> SentenceState:
    """Find the cues that count and how far each reaches."""
    things = [match for role, match in found if role.kind not in STATEMENTS]
    named = {i for match in things for start, end in match.parts for i in range(start, end)}
    hits = [
        CueHit(role.cue, match.start, match.end)
        for role, match in by_kind.get(Kind.CUE, ())
        if role.cue is not None
        and not named.issuperset(range(match.start, match.end))
        and not (role.cue.category is Category.PRIOR and _measure_follows(tokens, match))
    ]
    cues = visible_cues(hits)
    hidden = named | {i for hit in cues for i in range(hit.start, hit.end)}
    clauses = Clauses(tokens.words, frozenset(hidden))
    reaches = [r for hit in cues for r in _reaches(hit, clauses, found)]
    return SentenceState(lexicon, tokens, by_kind, clauses, reaches)


def _measure_follows(tokens: TokenText, match: Match) -> bool:
    """Whether a number follows: "41 mm, previously 36 mm" compares, and says nothing of the past."""
    return tokens.words[match.end : match.end + 1] != () and tokens.words[match.end][0].isdigit()


def _reaches(hit: CueHit, clauses: Clauses, found: Sequence[Found]) -> list[Reach]:
    ranges = reach(hit, clauses)
    starts = [match.start for _, match in found]
    if hit.cue.category is Category.QUESTION:
        following = clauses.words[hit.end : clauses.hard_after(hit.end)]
        ends = not any(character.isalnum() for word in following for character in word)
        ranges = [_within_brackets(r, clauses) for r in ranges]
        near = any(hit.end <= start < min(hit.end + _QUESTION_REACH, ranges[0].end) for start in starts)
        return ranges[:1] if near else ranges[1:] if ends else []
    # "Pneumothorax: none", "effusion - no": a denial with nothing behind it looks back over the colon.
    alone = hit.cue.category is Category.NEGATION and not any(
        ranges[0].start <= s < ranges[0].end for s in starts
    )
    if alone and hit.start > 0 and clauses.words[hit.start - 1] in (":", "-", "="):
        ranges.append(Reach(hit, clauses.list_before(hit.start - 1), hit.start))
    return ranges


def _within_brackets(reached: Reach, clauses: Clauses) -> Reach:
    """A reach cut at brackets: "(small airway disease?)" questions nothing outside them."""
    words, (hit, start, end) = clauses.words, reached
    opened = [i + 1 for i in range(start, hit.start) if words[i] == "["]
    closed = [i for i in range(hit.end, end) if words[i] == "]"]
    return Reach(hit, max([start, *opened]), min([end, *closed]))


def mention(state: SentenceState, role: Role, match: Match, found: Sequence[Found]) -> Mention:
    """A mention as its context leaves it."""
    deciding = _cues_on(state, match)
    assertion, by = _assert(state, role, match, deciding, found)
    start, end = match.start, match.end
    if by is not None:
        start, end = min(start, by.start), max(end, by.end)
    return Mention(
        role.finding,
        role.kind,
        assertion,
        _limits(state, match, by) if assertion is Assertion.ABSENT else frozenset(),
        state.tokens.starts[start],
        state.tokens.ends[end - 1],
        is_alternative=by is not None and not _ALTERNATIVE.isdisjoint(state.tokens.words[by.start : by.end]),
        is_weak=by is not None and not _WEAK.isdisjoint(state.tokens.words[by.start : by.end]),
    )


def _cues_on(state: SentenceState, match: Match) -> dict[Category, CueHit]:
    """The nearest cue of each category that speaks of a mention, or stands inside it."""
    found: dict[Category, CueHit] = {}
    distances: dict[Category, int] = {}
    for hit, start, end in state.reaches:
        if hit.cue.category is Category.CURRENT and _is_denied(state, hit):
            continue
        forward = hit.end <= match.start
        inside = match.start <= hit.start < match.end
        speaks = inside or (start <= match.start < end if forward else start < match.end <= end)
        if not speaks:
            continue
        distance = 0 if inside else min(abs(match.start - hit.end), abs(hit.start - match.end))
        if distance < distances.get(hit.cue.category, 10_000):
            found[hit.cue.category], distances[hit.cue.category] = hit, distance
    return found


def _is_denied(state: SentenceState, hit: CueHit) -> bool:
    """Whether a cue stands in a denial itself ("with no residual thrombus")."""
    return any(
        r.hit.cue.category is Category.NEGATION and r.start <= hit.start < r.end for r in state.reaches
    )


def _assert(
    state: SentenceState,
    role: Role,
    match: Match,
    cues: dict[Category, CueHit],
    found: Sequence[Found],
) -> tuple[Assertion, CueHit | None]:
    """What the cues on a mention make of it, strongest first, and the cue that decided."""
    if role.kind in STATEMENTS:
        denied = cues.get(Category.NEGATION)
        if denied is not None and match.start <= denied.start < match.end:
            denied = None
        return (Assertion.HYPOTHETICAL if denied else Assertion.ABSENT), denied
    for category, assertion in (
        (Category.PERSON, Assertion.SOMEBODY_ELSE),
        (Category.HYPOTHETICAL, Assertion.HYPOTHETICAL),
        (Category.HISTORY, Assertion.HISTORY),
    ):
        if category in cues and not (category is Category.HISTORY and Category.CURRENT in cues):
            return assertion, cues[category]
    if Category.NEGATION in cues:
        return _denied(state, role, match, cues, found)
    if Category.RESOLVED in cues and not _stands_with(state, cues.get(Category.CURRENT), match):
        return Assertion.ABSENT, cues[Category.RESOLVED]
    if role.kind is Kind.INCONCLUSIVE:
        return Assertion.UNCERTAIN, None
    if Category.DOUBT in cues:
        return Assertion.UNCERTAIN, cues[Category.DOUBT]
    if Category.QUESTION in cues:
        return Assertion.QUESTIONED, cues[Category.QUESTION]
    if Category.PRIOR in cues and Category.CURRENT not in cues:
        return Assertion.HISTORY, cues[Category.PRIOR]
    return (Assertion.UNCERTAIN if role.kind is Kind.DOUBTFUL else Assertion.PRESENT), None


def _stands_with(state: SentenceState, hit: CueHit | None, match: Match) -> bool:
    """Whether a cue stands in the same comma-bounded part of the sentence as a mention."""
    if hit is None:
        return False
    start, end = state.clauses.soft_before(match.start), state.clauses.soft_after(match.end)
    return start <= hit.start < end


def _denied(
    state: SentenceState,
    role: Role,
    match: Match,
    cues: dict[Category, CueHit],
    found: Sequence[Found],
) -> tuple[Assertion, CueHit]:
    """A denial, unless an exception takes it back: "no embolus other than the known segmental one"."""
    negation = cues[Category.NEGATION]
    for hit, start, end in state.reaches:
        if hit.cue.category is not Category.EXCEPTION:
            continue
        if start <= match.start < end and negation.end <= hit.start:
            return Assertion.PRESENT, hit
        if match.end <= hit.start and _excepts(state, role, (start, end), found):
            return Assertion.PRESENT, hit
    return Assertion.ABSENT, negation


def _excepts(state: SentenceState, role: Role, span: tuple[int, int], found: Sequence[Found]) -> bool:
    """Whether what an exception names is a thing of the same finding, and nothing else."""
    inside = [r for r, m in found if span[0] <= m.start < span[1] and r.kind in (Kind.FINDING, Kind.SIGN)]
    if inside:
        return any(r.finding == role.finding for r in inside)
    words = set(state.tokens.words[span[0] : span[1]])
    groups = state.lexicon.groups
    named, distracted = (
        any(
            role.finding in groups[i.role.group].findings and span[0] <= i.match.start < span[1]
            for i in state.by_kind.get(kind, ())
        )
        for kind in (Kind.VALUE, Kind.NOT_WITH)
    )
    return (named or bool(words & {"above", "known", "described", "those", "that", "one"})) and not distracted


def _limits(state: SentenceState, match: Match, by: CueHit | None) -> frozenset[str]:
    """Words that make a denial a partial one: before the mention in its part, in it, or just behind it.

    A thing that is gone is denied for its own place only; a denial with an exception is none for that.
    """
    words = state.tokens.words
    start = min(match.start, by.start) if by is not None else match.start
    before = words[state.clauses.soft_before(start) : match.end]
    behind = words[match.end : state.clauses.hard_after(match.end)][:_LIMIT_REACH]
    known = load_words()
    limits = known.limits.intersection(before) | known.places.intersection(behind)
    categories = {reached.hit.cue.category for reached in state.reaches}
    if by is not None and by.cue.category is Category.RESOLVED:
        limits |= {Category.RESOLVED.value}
    return limits | {Category.EXCEPTION.value} if Category.EXCEPTION in categories else limits
