"""Finding every phrase of a panel in a sentence, in one pass of spaCy's PhraseMatcher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from reportnlp.rules.phrases import Literal, Pattern
from reportnlp.text.tokens import Speller, blank_english, canonical

Payload = TypeVar("Payload")

SENTENCES_A_ZONE = 20_000
"""Sentences after which spaCy's memory of their words is freed."""


class Match(NamedTuple):
    """Where a phrase stands in a sentence.

    Attributes:
        start, end: tokens from its first part to its last.
        parts: the token range of each part.
    """

    start: int
    end: int
    parts: tuple[tuple[int, int], ...]


class Found(NamedTuple, Generic[Payload]):
    """A phrase that was found, and what it stands for."""

    role: Payload
    match: Match


@dataclass(frozen=True, slots=True)
class _Chain(Generic[Payload]):
    payload: Payload
    parts: tuple[int, ...]
    gaps: tuple[int, ...]
    narrow: tuple[bool, ...]


class TokenText(NamedTuple):
    """A sentence's tokens: canonical words, and the characters each stands on."""

    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


Hits = Mapping[int, Sequence[tuple[int, int]]]
"""Number of a part to the token ranges it was found on."""


@dataclass(slots=True)
class _Table(Generic[Payload]):
    """Phrases of one table by their first part: those without gaps, and the chains."""

    single: dict[int, list[Payload]] = field(default_factory=dict)
    chains: dict[int, list[_Chain[Payload]]] = field(default_factory=dict)


class Matcher(Generic[Payload]):
    """All phrases of a panel, with what each stands for, in tables that are joined when asked for.

    Args:
        tables: for each, pairs of what a phrase stands for and the compiled phrase.
        borders: canonical words that no gap may cross.
        narrow_borders: those that a narrow gap may not cross either.
    """

    def __init__(
        self,
        tables: Iterable[Iterable[tuple[Payload, Pattern]]],
        borders: frozenset[str],
        narrow_borders: frozenset[str],
    ) -> None:
        self._borders = borders
        self._narrow_borders = borders | narrow_borders
        numbers: dict[frozenset[Literal], int] = {}
        self._tables = [self._fill(patterns, numbers) for patterns in tables]
        speller = Speller(
            canonical(piece)
            for part in numbers
            for literal in part
            for word in literal
            for piece in word.split("/")
        )
        self.nlp = blank_english(speller)
        self._matcher = PhraseMatcher(self.nlp.vocab, attr="NORM")
        self._part_of_key: dict[int, list[int]] = {}
        self._add_parts(list(numbers))
        self._zone = ExitStack()
        self._sentences = 0

    def _fill(
        self, patterns: Iterable[tuple[Payload, Pattern]], numbers: dict[frozenset[Literal], int]
    ) -> _Table[Payload]:
        table: _Table[Payload] = _Table()
        for payload, pattern in patterns:
            chain = tuple(numbers.setdefault(part, len(numbers)) for part in pattern.parts)
            if len(chain) > 1:
                whole = _Chain(payload, chain, pattern.gaps, pattern.narrow)
                table.chains.setdefault(chain[0], []).append(whole)
            elif payload not in table.single.setdefault(chain[0], []):
                table.single[chain[0]].append(payload)
        return table

    def _add_parts(self, parts: Sequence[frozenset[Literal]]) -> None:
        """Give each distinct literal one key, however many parts it belongs to."""
        owners: dict[tuple[int, ...], list[int]] = {}
        docs: dict[tuple[int, ...], Doc] = {}
        made: dict[Literal, Doc] = {}
        for number, part in enumerate(parts):
            for literal in sorted(part):
                doc = made.get(literal)
                if doc is None:
                    doc = made[literal] = self.nlp.make_doc(" ".join(literal))
                norms = tuple(token.norm for token in doc)
                docs.setdefault(norms, doc)
                holders = owners.setdefault(norms, [])
                if not holders or holders[-1] != number:
                    holders.append(number)
        grouped: dict[tuple[int, ...], list[Doc]] = {}
        for norms, holders in owners.items():
            grouped.setdefault(tuple(holders), []).append(docs[norms])
        for group, examples in grouped.items():
            key = "p" + ",".join(map(str, group))
            self._matcher.add(key, examples)
            self._part_of_key[self.nlp.vocab.strings[key]] = list(group)

    def read(self, sentence: str) -> tuple[TokenText, Hits]:
        """Tokens of a sentence, and the parts of phrases on them."""
        self._forget_words()
        doc = self.nlp.make_doc(sentence)
        tokens = TokenText(
            tuple(token.norm_ for token in doc),
            tuple(token.idx for token in doc),
            tuple(token.idx + len(token) for token in doc),
        )
        hits: dict[int, list[tuple[int, int]]] = {}
        for key, start, end in self._matcher(doc):
            for part in self._part_of_key[key]:
                hits.setdefault(part, []).append((start, end))
        return tokens, hits

    def _forget_words(self) -> None:
        """Let spaCy forget past words now and then; it would keep every typing error for ever."""
        if self._sentences % SENTENCES_A_ZONE == 0:
            self._zone.close()
            self._zone.enter_context(self.nlp.memory_zone())
        self._sentences += 1

    def join(self, number: int, hits: Hits, words: Sequence[str]) -> list[Found[Payload]]:
        """The phrases of one table that the parts make up."""
        table = self._tables[number]
        found: list[Found[Payload]] = []
        for part, spans in hits.items():
            payloads = table.single.get(part)
            if payloads:
                matches = [Match(start, end, ((start, end),)) for start, end in spans]
                found.extend(Found(payload, match) for payload in payloads for match in matches)
            for chain in table.chains.get(part, ()):
                if all(p in hits for p in chain.parts):
                    joined = (self._follow(chain, (span,), hits, words) for span in spans)
                    found.extend(Found(chain.payload, Match(j[0][0], j[-1][1], j)) for j in joined if j)
        return found

    def _follow(
        self,
        chain: _Chain[Payload],
        so_far: tuple[tuple[int, int], ...],
        hits: Hits,
        words: Sequence[str],
    ) -> tuple[tuple[int, int], ...] | None:
        """The nearest way to fulfil the rest of a chain; None when there is none within its gaps."""
        if len(so_far) == len(chain.parts):
            return so_far
        end = so_far[-1][1]
        furthest = end + chain.gaps[len(so_far) - 1]
        borders = self._narrow_borders if chain.narrow[len(so_far) - 1] else self._borders
        for start, stop in sorted(hits[chain.parts[len(so_far)]]):
            if end <= start <= furthest and borders.isdisjoint(words[end:start]):
                whole = self._follow(chain, (*so_far, (start, stop)), hits, words)
                if whole:
                    return whole
        return None
