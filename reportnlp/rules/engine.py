"""The rule engine: a report in, an answer with probability and evidence for every question out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

from reportnlp.findings.schema import Panel
from reportnlp.rules.conclude import NOTHING, Placed, Verdict, conclude
from reportnlp.rules.kin import settle_kin, settle_none_of_panel
from reportnlp.rules.labels import labels_of
from reportnlp.rules.lexicon import Kind, compile_panel
from reportnlp.rules.mentions import read_sentence
from reportnlp.rules.readings import Assertion, Mention, Reading, Value
from reportnlp.text.normalise import NormalisedText, normalise
from reportnlp.text.sections import BODY, find_sections, load_headings
from reportnlp.text.sentences import DENIAL, split_sentences, with_denied_items
from reportnlp.text.tokens import fold
from reportnlp.types import Label, Section, Sentence, Span

REMEMBERED_SENTENCES = 50_000
"""Distinct sentences whose reading is kept: reports repeat themselves, and a reading depends on no other."""


class _Placement(NamedTuple):
    finding: int
    placed: Placed


class RuleEngine:
    """Answers a panel's questions by its findings' phrases and the context rules.

    Args:
        panel: the findings to label together.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self._lexicon = compile_panel(panel)
        self._readings: OrderedDict[str, Reading] = OrderedDict()
        self._silent = [labels_of(finding, NOTHING, []) for finding in panel.findings]

    def label(self, text: str) -> tuple[Label, ...]:
        """One label per question of the panel, in order. Pure: the same text gives the same labels."""
        return self.labels(self.mentions(text))

    def labels(self, placed: Mapping[int, Sequence[Placed]]) -> tuple[Label, ...]:
        """One label per question of the panel, in order, from the mentions of a report."""
        labels: list[Label] = []
        for i, verdict in enumerate(self._conclude(placed)):
            if verdict is NOTHING:
                labels.extend(self._silent[i])
            else:
                labels.extend(labels_of(self.panel.findings[i], verdict, placed.get(i, [])))
        return tuple(labels)

    def verdicts(self, text: str) -> dict[str, Verdict]:
        """Each finding's presence with the reason for it, by name."""
        names = (finding.name for finding in self.panel.findings)
        return dict(zip(names, self._conclude(self.mentions(text)), strict=True))

    def mentions(self, text: str, *, stated: bool = True) -> dict[int, list[Placed]]:
        """Every mention in a report, by finding's index.

        Args:
            text: the report.
            stated: in the sections that state findings; else in the others: what was asked, planned or known.
        """
        normalised = normalise(text)
        sections = [s for s in find_sections(normalised.text) if (s.name in load_headings().read) == stated]
        by_finding: dict[int, list[Placed]] = {}
        for finding, placed in self._placements(normalised, split_sentences(normalised.text, sections)):
            by_finding.setdefault(finding, []).append(placed)
        return by_finding

    def _conclude(self, placed: Mapping[int, Sequence[Placed]]) -> list[Verdict]:
        findings = self.panel.findings
        verdicts = [conclude(placed[i]) if i in placed else NOTHING for i in range(len(findings))]
        settle_kin(sorted(self._lexicon.kin), verdicts, placed)
        settle_none_of_panel(findings, verdicts)
        return verdicts

    def _placements(self, normalised: NormalisedText, sentences: list[Sentence]) -> list[_Placement]:
        hints: set[tuple[Kind, int]] = set()
        found: list[_Placement] = []
        shorthand: list[_Placement] = []
        latest: list[_Placement] = []
        remembered: list[_Placement] = []
        for sentence, denied in with_denied_items(normalised.text, sentences):
            words = normalised.text[sentence.start : sentence.end]
            reading = self._read_denied(words) if denied else self._read(words)
            hints |= reading.hints
            here = [_Placement(m.finding, _place(m, sentence, normalised)) for m in reading.mentions]
            shorthand.extend(here[i] for i in reading.shorthand)
            affirmed = [p for p in here if p.placed.mention.assertion is Assertion.PRESENT]
            spoken_of = remembered if reading.is_bare else latest if reading.continues else []
            if spoken_of:
                here.extend(self._followed_values(reading, sentence, normalised, spoken_of))
            found.extend(here)
            remembered = affirmed or remembered
            latest = affirmed or (latest if reading.continues and not reading.mentions else [])
        dropped = {id(p) for p in shorthand if self._means_another_thing(p, found, hints, normalised.text)}
        return [p for p in found if id(p) not in dropped]

    def _means_another_thing(
        self, item: _Placement, found: Sequence[_Placement], hints: set[tuple[Kind, int]], text: str
    ) -> bool:
        """Whether a shorthand ("PE") stands for something else (an effusion) in this report.

        It does where the report says so; where only rivals of its usual meaning are spoken of; and where the
        usual thing is denied under its full name and the shorthand comes without any attribute of it.
        """
        finding = item.finding
        if (Kind.REDEFINED, finding) in hints:
            return item.placed.mention.assertion is not Assertion.ABSENT
        if (Kind.RIVAL, finding) not in hints or self._has_own_values(item):
            return False
        denied = any(p.finding == finding and _denies_by_name(p.placed, item.placed) for p in found)
        if denied and item.placed.mention.assertion is Assertion.PRESENT:
            return True
        return not ((Kind.SUPPORT, finding) in hints or self._supported(finding, text))

    def _has_own_values(self, item: _Placement) -> bool:
        """Whether it comes with attributes that only the usual meaning has: anything but a mere place."""
        attributes = self.panel.findings[item.finding].attributes
        return any(not attributes[value.attribute].is_place for value in item.placed.values)

    def _supported(self, finding: int, text: str) -> bool:
        """Whether any sentence of the report, the request and technique included, shows the usual meaning."""
        sentences = split_sentences(text, [Section(BODY, 0, len(text))])
        return any((Kind.SUPPORT, finding) in self._read(text[s.start : s.end]).hints for s in sentences)

    def _followed_values(
        self, reading: Reading, sentence: Sentence, normalised: NormalisedText, latest: list[_Placement]
    ) -> list[_Placement]:
        """Attribute answers of a sentence that goes on speaking of the finding before it."""
        more: list[_Placement] = []
        for loose, (finding, source) in product(reading.loose, latest):
            value = loose.value
            if finding in loose.findings and self.panel.findings[finding].attributes[value.attribute].follow:
                told = (_moved(value, sentence, normalised),)
                more.append(_Placement(finding, source._replace(values=told)))
        return more

    def _read_denied(self, item: str) -> Reading:
        """Read an item of a list whose first line denies them all, as if the denial stood before it."""
        reading = self._read(DENIAL + item)
        moved = (
            m._replace(start=max(0, m.start - len(DENIAL)), end=m.end - len(DENIAL)) for m in reading.mentions
        )
        kept = tuple(m for m in moved if m.assertion is not Assertion.PRESENT)
        return Reading(kept, hints=reading.hints)

    def _read(self, sentence: str) -> Reading:
        key = fold(sentence)
        known = self._readings.get(key)
        if known is not None:
            return known
        reading = self._readings[key] = read_sentence(self._lexicon, key)
        if len(self._readings) > REMEMBERED_SENTENCES:
            self._readings.popitem(last=False)
        return reading


def _denies_by_name(other: Placed, shorthand: Placed) -> bool:
    same = other.span == shorthand.span
    return not same and other.mention.assertion is Assertion.ABSENT and other.mention.kind is not Kind.BROAD


def _place(mention: Mention, sentence: Sentence, normalised: NormalisedText) -> Placed:
    span = _original(normalised, sentence, mention.start, mention.end)
    if not mention.values:
        return Placed(mention, sentence.section.name, span)
    values = tuple(_moved(value, sentence, normalised) for value in mention.values)
    return Placed(mention, sentence.section.name, span, values)


def _moved(value: Value, sentence: Sentence, normalised: NormalisedText) -> Value:
    """A value with its place in the report rather than in its sentence."""
    start, end = _original(normalised, sentence, value.start, value.end)
    return value._replace(start=start, end=end)


def _original(normalised: NormalisedText, sentence: Sentence, start: int, end: int) -> Span:
    start, end = sentence.start + start, sentence.start + end
    return Span(*normalised.to_original(start, end)) if normalised.cuts else Span(start, end)
