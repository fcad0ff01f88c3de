"""Finding every phrase of a panel in a sentence, in one pass of spaCy's PhraseMatcher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from reportnlp.rules.phrases import Literal, Pattern
from reportnlp.text.tokens import Speller, blank_english, canonical

Payload = TypeVar("Payload")

SENTENCES_A_ZONE = 20_000
"""Sentences after which spaCy's memory of their words is freed."""


class Match(NamedTuple):
    """A phrase found in a sentence.

    Attributes:
        payload: number of what the phrase stands for.
        start, end: tokens from its first part to its last.
        parts: the token range of each part.
    """

    payload: int
    start: int
    end: int
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Chain:
    payload: int
    parts: tuple[int, ...]
    gaps: tuple[int, ...]
    narrow: tuple[bool, ...]


class TokenText(NamedTuple):
    """A sentence's tokens: canonical words, and the characters each stands on."""

    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


class Matcher(Generic[Payload]):
    """All phrases of a panel, with what each stands for.

    Args:
        patterns: pairs of what a phrase stands for and the compiled phrase.
        borders: canonical words that no gap may cross.
        narrow_borders: those that a narrow gap may not cross either.
    """

    def __init__(
        self,
        patterns: Iterable[tuple[Payload, Pattern]],
        borders: frozenset[str],
        narrow_borders: frozenset[str],
    ) -> None:
        self.payloads: list[Payload] = []
        self._borders = borders
        self._narrow_borders = borders | narrow_borders
        self._chains: dict[int, list[_Chain]] = {}
        self._single: dict[int, list[int]] = {}
        parts = self._number_parts(patterns)
        speller = Speller(
            canonical(piece)
            for part in parts
            for literal in part
            for word in literal
            for piece in word.split("/")
        )
        self.nlp = blank_english(speller)
        self._matcher = PhraseMatcher(self.nlp.vocab, attr="NORM")
        self._part_of_key: dict[int, list[int]] = {}
        self._add_parts(parts)
        self._zone = ExitStack()
        self._sentences = 0

    def _number_parts(self, patterns: Iterable[tuple[Payload, Pattern]]) -> list[frozenset[Literal]]:
        numbers: dict[frozenset[Literal], int] = {}
        payload_numbers: dict[Payload, int] = {}
        for payload, pattern in patterns:
            number = payload_numbers.setdefault(payload, len(payload_numbers))
            chain = tuple(numbers.setdefault(part, len(numbers)) for part in pattern.parts)
            if len(chain) == 1:
                self._single.setdefault(chain[0], []).append(number)
            else:
                self._chains.setdefault(chain[0], []).append(
                    _Chain(number, chain, pattern.gaps, pattern.narrow)
                )
        self.payloads = list(payload_numbers)
        return list(numbers)

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

    def find(self, sentence: str) -> tuple[TokenText, list[Match]]:
        """Tokens of a sentence, and every phrase in it, in order of the phrases' first parts."""
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
        return tokens, self._join(hits, tokens.words)

    def _forget_words(self) -> None:
        """Let spaCy forget past words now and then; it would keep every typing error for ever."""
        if self._sentences % SENTENCES_A_ZONE == 0:
            self._zone.close()
            self._zone.enter_context(self.nlp.memory_zone())
        self._sentences += 1

    def _join(self, hits: Mapping[int, list[tuple[int, int]]], words: Sequence[str]) -> list[Match]:
        found: list[Match] = []
        for part, spans in hits.items():
            for payload in self._single.get(part, ()):
                found.extend(Match(payload, start, end, ((start, end),)) for start, end in spans)
            for chain in self._chains.get(part, ()):
                if all(p in hits for p in chain.parts):
                    for span in spans:
                        joined = self._follow(chain, (span,), hits, words)
                        if joined:
                            found.append(Match(chain.payload, joined[0][0], joined[-1][1], joined))
        return sorted(set(found), key=lambda match: (match.start, -match.end, match.payload))

    def _follow(
        self,
        chain: _Chain,
        so_far: tuple[tuple[int, int], ...],
        hits: Mapping[int, list[tuple[int, int]]],
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
