"""What context makes of each mention: the cues of a sentence, brought to bear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from reportnlp.rules.candidates import STATEMENTS
from reportnlp.rules.lexicon import TOLD, VALUES, Kind, Lexicon, Role
from reportnlp.rules.matcher import Hits, Match, TokenText
from reportnlp.rules.readings import Assertion, Found, Mention
from reportnlp.text.context import Category, Clauses, CueHit, Reach, load_words, reach, visible_cues

_ALTERNATIVE = frozenset({"versus", "vs"})
_LIMIT_REACH = 6
_QUESTION_REACH = 5


@dataclass(eq=False)
class SentenceState:
    """One sentence at work: tokens, phrases by kind, clause borders and the cues' reaches."""

    lexicon: Lexicon
    tokens: TokenText
    hits: Hits
    clauses: Clauses = field(init=False)
    reaches: Sequence[Reach] = ()

    @cached_property
    def told(self) -> Mapping[Kind, Sequence[Found]]:
        """Phrases of findings, and cues, by kind."""
        return self._by_kind(TOLD)

    @cached_property
    def values(self) -> Mapping[Kind, Sequence[Found]]:
        """Phrases of attributes by kind."""
        return self._by_kind(VALUES)

    def _by_kind(self, table: int) -> Mapping[Kind, Sequence[Found]]:
        by_kind: dict[Kind, list[Found]] = {}
        for item in self.lexicon.matcher.join(table, self.hits, self.tokens.words):
            by_kind.setdefault(item.role.kind, []).append(item)
        return by_kind


def bring_cues(state: SentenceState, found: Sequence[Found]) -> None:
    """Find the cues that count and how far each reaches, and keep them in `state`."""
    things = [match for role, match in found if role.kind not in STATEMENTS]
    named = {i for match in things for start, end in match.parts for i in range(start, end)}
    cues = visible_cues(_cue_hits(state, named))
    hidden = named | {i for hit in cues for i in range(hit.start, hit.end)}
    state.clauses = Clauses(state.tokens.words, frozenset(hidden))
    state.reaches = _one_way(
        [r for hit in cues for r in _reaches(hit, state.clauses, found)], state.tokens.words
    )


def _cue_hits(state: SentenceState, named: set[int]) -> Iterator[CueHit]:
    for role, match in state.told.get(Kind.CUE, ()):
        if role.cue is None or named.issuperset(range(match.start, match.end)):
            continue
        if role.cue.category is not Category.PRIOR or not _measure_follows(state.tokens, match):
            yield CueHit(role.cue, match.start, match.end)


def _one_way(reaches: list[Reach], words: Sequence[str]) -> list[Reach]:
    """Without the look back of doubts that go with the words ahead: "cardiomegaly with possible effusion"."""
    doubts = [r for r in reaches if r.hit.cue.category is Category.DOUBT]
    ahead = {r.hit[1:] for r in doubts if r.hit.cue.direction == "forward" and _goes_on(words, r.hit.end)}
    looks_back = [r for r in doubts if r.hit.cue.direction == "backward" and r.hit[1:] in ahead]
    return [r for r in reaches if r not in looks_back]


def _goes_on(words: Sequence[str], at: int) -> bool:
    """Whether the words from `at` on open with a thing, not with a place, a stop or nothing."""
    following = words[at] if at < len(words) else ""
    return following[:1].isalnum() and following not in load_words().trailing


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
        _limits(state, match, by, found) if assertion is Assertion.ABSENT else frozenset(),
        state.tokens.starts[start],
        state.tokens.ends[end - 1],
        is_alternative=by is not None and not _ALTERNATIVE.isdisjoint(state.tokens.words[by.start : by.end]),
        is_weak=by is not None and not load_words().weak.isdisjoint(state.tokens.words[by.start : by.end]),
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
        distance = _distance(hit, match)
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
    if Category.RESOLVED in cues and not _outdoes(state, match, cues):
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


def _outdoes(state: SentenceState, match: Match, cues: dict[Category, CueHit]) -> bool:
    """Whether "is there now" stands nearer, in the thing's own part, than "is gone"."""
    current, resolved = cues.get(Category.CURRENT), cues[Category.RESOLVED]
    if current is None:
        return False
    start, end = state.clauses.soft_before(match.start), state.clauses.soft_after(match.end)
    return start <= current.start < end and _distance(current, match) < _distance(resolved, match)


def _distance(hit: CueHit, match: Match) -> int:
    return max(0, match.start - hit.end, hit.start - match.end)


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
            for i in state.values.get(kind, ())
        )
        for kind in (Kind.VALUE, Kind.NOT_WITH)
    )
    return (named or bool(words & {"above", "known", "described", "those", "that", "one"})) and not distracted


def _limits(state: SentenceState, match: Match, by: CueHit | None, found: Sequence[Found]) -> frozenset[str]:
    """Words that make a denial a partial one: before the mention in its part, in it, or just behind it.

    A thing that is gone is denied for its own place only; a denial with an exception is none for that.
    """
    words = state.tokens.words
    start = min(match.start, by.start) if by is not None else match.start
    part = state.clauses.soft_before(start)
    others = any(part <= item.match.start < start for item in found)
    behind = words[match.end : state.clauses.hard_after(match.end)][:_LIMIT_REACH]
    known = load_words()
    limits = known.limits.intersection(words[start : match.end]) | known.places.intersection(behind)
    if not others:  # "left-sided arteries are free of thrombus"
        limits |= known.places.intersection(words[part:start])
    categories = {reached.hit.cue.category for reached in state.reaches}
    if by is not None and by.cue.category is Category.RESOLVED:
        limits |= {Category.RESOLVED.value}
    return limits | {Category.EXCEPTION.value} if Category.EXCEPTION in categories else limits
