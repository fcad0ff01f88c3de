"""Context of a mention in its sentence: denied, doubted, past, somebody else's, or there now.

The idea is NegEx's (Chapman et al. 2001) and ConText's (Harkema et al. 2009): cue phrases with a direction
and a scope, held as data rows in `context.toml`. The scopes here follow the lists and telegraphic commas of
dictated reports rather than a fixed number of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from reportnlp.config import package_toml
from reportnlp.errors import InvalidDefinitionError


class Category(StrEnum):
    """What a cue says of the things in its scope; `context.toml` explains each."""

    NEGATION = "negation"
    RESOLVED = "resolved"
    DOUBT = "doubt"
    QUESTION = "question"
    HISTORY = "history"
    PRIOR = "prior"
    CURRENT = "current"
    HYPOTHETICAL = "hypothetical"
    PERSON = "person"
    EXCEPTION = "exception"
    PSEUDO = "pseudo"


class Cue(NamedTuple):
    """One row of the cue table: what it means, and where it reaches."""

    category: Category
    direction: str
    scope: str


class CueHit(NamedTuple):
    """A cue found in a sentence, on tokens `start` to `end`."""

    cue: Cue
    start: int
    end: int


class Reach(NamedTuple):
    """A cue hit and the token range it speaks of."""

    hit: CueHit
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ContextWords:
    """Words that bound a scope or colour a denial; `context.toml` explains each set."""

    hard: frozenset[str]
    soft: frozenset[str]
    verbs: frozenset[str]
    openers: frozenset[str]
    lists: frozenset[str]
    limits: frozenset[str]
    places: frozenset[str]
    continues: frozenset[str]
    breaks: frozenset[str]
    copulas: frozenset[str]
    perceived: frozenset[str]
    trailing: frozenset[str]
    weak: frozenset[str]
    links: frozenset[str]
    equates: frozenset[str]


@cache
def _table() -> dict[str, Any]:
    return package_toml("text", "context.toml")


@cache
def load_words() -> ContextWords:
    """The word sets of `context.toml`."""
    return ContextWords(**{name: frozenset(words) for name, words in _table()["words"].items()})


@cache
def load_cues() -> tuple[tuple[Cue, tuple[str, ...]], ...]:
    """Rows of `context.toml`: a cue and its phrases.

    Raises:
        InvalidDefinitionError: a row with an unknown key, category, direction or scope.
    """
    return tuple((_checked(row), tuple(row["phrases"])) for row in _table()["cue"])


def _checked(row: dict[str, str]) -> Cue:
    allowed = {"direction": ("forward", "backward", "both"), "scope": ("list", "choice", "nearest", "clause")}
    if set(row) != {"category", "phrases", *allowed} or any(row[k] not in v for k, v in allowed.items()):
        raise InvalidDefinitionError(f"context.toml: the row {row.get('category')} has a wrong key or value.")
    return Cue(Category(row["category"]), row["direction"], row["scope"])


@dataclass(slots=True)
class Clauses:
    """A sentence's tokens with the borders that bound a cue's scope.

    Attributes:
        words: canonical forms.
        hidden: tokens inside a cue or a phrase, which are no borders.
    """

    words: Sequence[str]
    hidden: frozenset[int] = frozenset()
    _hard: list[int] = field(init=False)
    _soft: list[int] = field(init=False)
    _known: ContextWords = field(init=False)

    def __post_init__(self) -> None:
        known = self._known = load_words()
        self._hard = [i for i, word in enumerate(self.words) if word in known.hard and i not in self.hidden]
        self._soft = [i for i, word in enumerate(self.words) if word in known.soft and i not in self.hidden]

    def hard_after(self, at: int) -> int:
        """First clause border at or after token `at`; the sentence's end when there is none."""
        return next((i for i in self._hard if i >= at), len(self.words))

    def hard_before(self, at: int) -> int:
        """Token behind the last clause border before `at`; 0 when there is none."""
        return next((i + 1 for i in reversed(self._hard) if i < at), 0)

    def soft_after(self, at: int) -> int:
        """First border of either kind at or after `at`."""
        hard = self.hard_after(at)
        return next((i for i in self._soft if at <= i < hard), hard)

    def soft_before(self, at: int) -> int:
        """Token behind the last border of either kind before `at`."""
        hard = self.hard_before(at)
        return next((i + 1 for i in reversed(self._soft) if hard <= i < at), hard)

    def list_after(self, at: int) -> int:
        """Where a list of denied things that starts at `at` ends.

        A comma or "and" ends it when what follows opens a statement of its own ("no effusion, small
        nodule", "no effusion, heart is enlarged"), unless an "or" further on shows that the list goes on
        ("no effusion, large nodule or mass").
        """
        hard = self.hard_after(at)
        border = self.soft_after(at)
        while border < hard:
            if self._ends_list(at, border, hard):
                return border
            border = self.soft_after(border + 1)
        return hard

    def _ends_list(self, at: int, border: int, hard: int) -> bool:
        known, words = self._known, self.words
        following = words[border + 1 : self.soft_after(border + 1)]
        if not following or following[0] in known.lists or border == at:
            return False
        if known.equates.intersection((words[border], words[border - 1])):
            return False  # "no defect compatible with embolism"
        if words[border] == ",":
            if self._list_goes_on(words[border + 1 : hard]):
                return False
            if known.verbs.isdisjoint(words[at:border]) and self._shares_verb(following):
                return False
            if not known.lists.isdisjoint(words[at:border]):
                return True
        return following[0] in known.openers or not known.verbs.isdisjoint(following)

    def _shares_verb(self, following: Sequence[str]) -> bool:
        """Whether a list's last member carries the verb of all: "no effusion, thickening was observed"."""
        if following[0] in self._known.openers:
            return False
        pairs = pairwise(following)
        return any(one in self._known.copulas and other in self._known.perceived for one, other in pairs)

    def choice_after(self, at: int) -> int:
        """Where a choice that starts at `at` ends: at a border, unless an "or" shows that it goes on."""
        hard, border = self.hard_after(at), self.soft_after(at)
        while (
            border < hard and self.words[border] == "," and self._list_goes_on(self.words[border + 1 : hard])
        ):
            border = self.soft_after(border + 1)
        return border

    def _list_goes_on(self, rest: Sequence[str]) -> bool:
        """Whether an "or" follows before any verb does."""
        signs = (word for word in rest if word in self._known.lists or word in self._known.verbs)
        return next(signs, "") in self._known.lists

    def list_before(self, at: int) -> int:
        """Where the list of things that ends at `at` begins: commas are crossed while no verb is met."""
        # "was sought and is not present": a cue right behind a border shares the subject before it.
        at = at - 1 if at - 1 in self._soft or (at > 0 and self.words[at - 1] == "but") else at
        start, hard = self.soft_before(at), self.hard_before(at)
        while start > hard and self.words[start - 1] in {",", "and", "&", "+"}:
            earlier = self.soft_before(start - 1)
            segment = self.words[earlier : start - 1]
            if not segment or segment[0] in self._known.openers or not self._known.verbs.isdisjoint(segment):
                break
            start = earlier
        return start


def _precedence(hit: CueHit) -> tuple[int, int, bool, Cue]:
    """Longer, then earlier, cues first; of equal ones the pseudo cues last, then a fixed order."""
    return hit.start - hit.end, hit.start, hit.cue.category is Category.PSEUDO, hit.cue


def visible_cues(hits: Iterable[CueHit]) -> list[CueHit]:
    """The cues that count: the longest where several overlap.

    Of equally long ones that mean the same both count ("is equivocal" looks back, "equivocal for" ahead).
    """
    kept: list[CueHit] = []
    for hit in sorted(set(hits), key=_precedence):
        rivals = [k for k in kept if k.start < hit.end and hit.start < k.end]
        if all(k.cue.category == hit.cue.category and k.end - k.start == hit.end - hit.start for k in rivals):
            kept.append(hit)
    return sorted((h for h in kept if h.cue.category != Category.PSEUDO), key=lambda h: h.start)


def reach(hit: CueHit, clauses: Clauses) -> list[Reach]:
    """The token ranges that one cue speaks of, on the side or sides its row names."""
    ranges: list[Reach] = []
    if hit.cue.direction in ("forward", "both"):
        ranges.append(Reach(hit, hit.end, _forward_end(hit, clauses)))
    if hit.cue.direction in ("backward", "both"):
        ranges.append(Reach(hit, _backward_start(hit, clauses), hit.start))
    return ranges


def _forward_end(hit: CueHit, clauses: Clauses) -> int:
    if hit.cue.scope == "list":
        return clauses.list_after(hit.end)
    if hit.cue.scope == "choice":
        return clauses.choice_after(hit.end)
    return clauses.soft_after(hit.end) if hit.cue.scope == "nearest" else clauses.hard_after(hit.end)


def _backward_start(hit: CueHit, clauses: Clauses) -> int:
    return clauses.hard_before(hit.start) if hit.cue.scope == "clause" else clauses.list_before(hit.start)
