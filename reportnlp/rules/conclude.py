"""From the mentions of a whole report to one answer for one finding, and for each of its attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from reportnlp.findings.schema import Attribute
from reportnlp.rules.lexicon import Kind
from reportnlp.rules.readings import Assertion, Mention, Value
from reportnlp.text.context import Category
from reportnlp.types import UNSPECIFIED, Presence, Span


class Basis(StrEnum):
    """Why an answer was given; the probability of an answer depends on it."""

    ADDENDUM = "addendum"
    BOTH = "impression_and_findings"
    IMPRESSION = "impression"
    FINDINGS = "findings"
    CONTRADICTION = "contradiction"
    NORMAL = "normal_statement"
    BROAD = "broad_statement"
    INCONCLUSIVE = "inconclusive_exam"
    QUESTION = "question"
    CHILD = "child"
    PARENT = "parent"
    PANEL = "whole_panel"
    NOTHING = "nothing"


class Placed(NamedTuple):
    """A mention with its section, and its evidence in the report's own characters."""

    mention: Mention
    section: str
    span: Span
    values: tuple[Value, ...] = ()


class Verdict(NamedTuple):
    """An answer, why, and the mention that shows it best."""

    answer: Presence
    basis: Basis
    shown_by: Placed | None = None
    is_whole: bool = True


NOTHING = Verdict(Presence.NOT_MENTIONED, Basis.NOTHING)
_TIME_LIMITS = frozenset({"acute", "chronic", "new", "recurrent", "interval"})
_ANY_TIME = frozenset({"acute", "chronic"})
_SECTION_BASIS = {"addendum": Basis.ADDENDUM, "impression": Basis.IMPRESSION}
_TOLD = frozenset({Kind.FINDING, Kind.SIGN, Kind.DOUBTFUL})
_STRENGTHS = (
    ("normal", Presence.ABSENT, Basis.NORMAL),
    ("inconclusive", Presence.UNCERTAIN, Basis.INCONCLUSIVE),
    ("question", Presence.UNCERTAIN, Basis.QUESTION),
    ("broad", Presence.ABSENT, Basis.BROAD),
)
_GROUPS = (*_SECTION_BASIS, "preliminary")


def conclude(placed: Sequence[Placed]) -> Verdict:
    """One finding's presence, from all its mentions in sections that state findings.

    An addendum wins; a preliminary reading gives way to any other. Impression and findings that openly
    contradict one another leave `uncertain`; a denial limited to a level, side or time contradicts nothing
    outside its limits.
    """
    if len(placed) == 1 and placed[0].section not in _GROUPS:
        return _within("findings", placed) or NOTHING
    groups: dict[str, list[Placed]] = {}
    for item in placed:
        group = item.section if item.section in _GROUPS else "findings"
        groups.setdefault(group, []).append(item)
    verdicts = {name: verdict for name, items in groups.items() if (verdict := _within(name, items))}
    addendum = verdicts.get("addendum")
    if addendum and addendum.basis is Basis.ADDENDUM:
        return addendum
    impression, findings = verdicts.get("impression"), verdicts.get("findings")
    if impression and findings:
        return _across(impression, findings)
    return impression or findings or addendum or verdicts.get("preliminary", NOTHING)


def _within(group: str, items: Sequence[Placed]) -> Verdict | None:
    """What one part of the report says by itself; None when it says nothing."""
    basis = _SECTION_BASIS.get(group, Basis.FINDINGS)
    told: dict[Assertion, list[Placed]] = {}
    for item in items:
        if item.mention.kind in _TOLD:
            told.setdefault(item.mention.assertion, []).append(item)
    return (_told(told, basis) if told else None) or _weaker(items, basis)


def _told(told: Mapping[Assertion, list[Placed]], basis: Basis) -> Verdict | None:
    """What the mentions by name, by sign or in doubt say."""
    present, doubts = told.get(Assertion.PRESENT, []), told.get(Assertion.UNCERTAIN, [])
    denials = told.get(Assertion.ABSENT, [])
    whole = [i for i in denials if not i.mention.limits]
    if doubts and all(i.mention.kind is Kind.SIGN for i in present):
        present = []
    if _named(whole) and all(i.mention.kind is Kind.SIGN for i in (*present, *doubts)):
        placed = next((i for i in present if i.values), None)
        # An addendum speaks of a sign to explain it away; elsewhere a sign that has its place contradicts.
        if placed and basis is not Basis.ADDENDUM:
            return Verdict(Presence.UNCERTAIN, Basis.CONTRADICTION, placed)
        return Verdict(Presence.ABSENT, basis, whole[0])
    if present:
        return Verdict(Presence.PRESENT, basis, max(present, key=_tells))
    if doubts and not (denials and _only_unexcluded(doubts)):
        return Verdict(Presence.UNCERTAIN, basis, doubts[0])
    return Verdict(Presence.ABSENT, basis, (whole or denials)[0], bool(whole)) if denials else None


def _named(items: Sequence[Placed]) -> bool:
    return any(item.mention.kind is Kind.FINDING for item in items)


def _weaker(items: Sequence[Placed], basis: Basis) -> Verdict | None:
    """What statements, an exam that cannot tell, and questions say, strongest first."""
    found: dict[str, Placed] = {}
    for item in items:
        kind, assertion = item.mention.kind, item.mention.assertion
        if kind is Kind.NORMAL and assertion is Assertion.ABSENT:
            found.setdefault("normal", item)
        elif kind is Kind.INCONCLUSIVE and assertion is Assertion.UNCERTAIN:
            found.setdefault("inconclusive", item)
        elif assertion is Assertion.QUESTIONED and kind is not Kind.WIDER:
            found.setdefault("question", item)
        elif assertion is Assertion.ABSENT and kind in (Kind.BROAD, Kind.WIDER):
            found.setdefault("broad", item)
    for name, answer, why in _STRENGTHS:
        if name in found:
            keeps = basis is Basis.ADDENDUM and name in ("normal", "inconclusive")
            return Verdict(answer, basis if keeps else why, found[name], is_whole=name == "question")
    return None


def _of(items: Iterable[Placed], assertion: Assertion) -> list[Placed]:
    return [item for item in items if item.mention.assertion is assertion]


def denials_of(items: Iterable[Placed]) -> list[Placed]:
    """The mentions that deny."""
    return _of(items, Assertion.ABSENT)


def _tells(item: Placed) -> tuple[int, int]:
    """Prefer the mention that says most: more attributes, then the longer evidence."""
    return len(item.values), item.span.end - item.span.start


def _only_unexcluded(doubts: Sequence[Placed]) -> bool:
    """Whether all doubt is of the kind "cannot be excluded", which a plain denial outweighs."""
    return all(item.mention.is_weak for item in doubts)


def _across(impression: Verdict, findings: Verdict) -> Verdict:
    answers = (impression.answer, findings.answer)
    if answers[0] is answers[1]:
        return _agreeing(impression, findings)
    if answers == (Presence.ABSENT, Presence.PRESENT):
        if _is_gone(impression):
            return impression
        return _contradiction(impression, findings) if _denies_all(impression, findings) else findings
    if answers == (Presence.PRESENT, Presence.ABSENT):
        return _contradiction(findings, impression) if _denies_all(findings, impression) else impression
    # The impression has the last word on doubt, unless it only says that the exam, or nobody, can tell.
    if impression.basis is Basis.INCONCLUSIVE and findings.answer is Presence.ABSENT:
        return findings if findings.is_whole or findings.basis is Basis.NORMAL else impression
    if impression.basis is Basis.QUESTION and findings.basis in (Basis.NORMAL, Basis.BROAD):
        return impression
    if impression.basis in (Basis.INCONCLUSIVE, Basis.QUESTION, Basis.BROAD):
        return findings
    if findings.answer is Presence.PRESENT and _only_names_an_alternative(impression, findings):
        return findings
    return impression


def _is_gone(denial: Verdict) -> bool:
    """Whether a denial says that the thing has resolved, everywhere."""
    return denial.shown_by is not None and denial.shown_by.mention.limits == {Category.RESOLVED.value}


def _only_names_an_alternative(doubt: Verdict, claim: Verdict) -> bool:
    """Whether a doubt only weighs two readings of a sign, while elsewhere the finding is stated by name."""
    if doubt.shown_by is None or claim.shown_by is None:
        return False
    return doubt.shown_by.mention.is_alternative and claim.shown_by.mention.kind is Kind.FINDING


def _agreeing(impression: Verdict, findings: Verdict) -> Verdict:
    strong = (Basis.IMPRESSION, Basis.FINDINGS)
    if findings.basis in strong and impression.basis not in strong:
        return findings
    basis = Basis.BOTH if findings.basis in strong else impression.basis
    return impression._replace(basis=basis)


def _denies_all(denial: Verdict, claim: Verdict) -> bool:
    """Whether a denial in one part speaks of the very thing another part affirms."""
    if denial.basis in (Basis.NORMAL, Basis.BROAD) or denial.shown_by is None or claim.shown_by is None:
        return False
    limits = denial.shown_by.mention.limits
    if limits >= _ANY_TIME:
        limits -= _ANY_TIME
    if limits and limits <= _TIME_LIMITS:
        times = {value.answer for value in claim.shown_by.values if value.attribute == "chronicity"}
        return "acute" in times
    return not limits


def _contradiction(denial: Verdict, claim: Verdict) -> Verdict:
    return Verdict(Presence.UNCERTAIN, Basis.CONTRADICTION, claim.shown_by or denial.shown_by)


def conclude_attribute(
    name: str, attribute: Attribute, placed: Sequence[Placed]
) -> tuple[str, Span | None, str]:
    """The answer to one attribute of a present finding, its evidence and section."""
    found = [(value, item.section) for item in placed for value in item.values if value.attribute == name]
    found = [f for f in found if not f[0].is_fallback] or found
    answers = [answer for answer in attribute.answers if any(answer == value.answer for value, _ in found)]
    if not answers:
        return UNSPECIFIED, None, ""
    best = answers[0]
    if attribute.pick == "all" and len(answers) > 1:
        best = attribute.combine.get("+".join(answers), best)
    value, section = next((f for f in found if f[0].answer == best), found[0])
    return best, Span(value.start, value.end), section
