"""Open-I's manual MeSH terms: presence, place, side and degree of what the annotators coded.

A term is a heading and its qualifiers, `Pulmonary Atelectasis/base/left/mild`; the map is `openi_mesh.toml`.
Only the manual terms (`<major>`) are read. The automatic ones (`<automatic>`) were made by a program out of
the same text: they are another labeller's output, without qualifiers, and no gold.

Several terms of one finding make one answer, as the finding defines it: left and right are bilateral, two
zones are multiple, the greatest degree stands. What no qualifier says is `unspecified`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from reportnlp.findings.loader import load_panel
from reportnlp.findings.schema import Panel
from reportnlp.formats.openi import Coded, read_terms, write_terms
from reportnlp.golds.blocks import GoldAnswers, GoldRow, Planted, Uncoded, answers_from, require
from reportnlp.golds.loader import load_terms
from reportnlp.golds.schema import Rule, TermMap, Words
from reportnlp.types import BadRow

TITLE = "Open-I's manual MeSH terms (NLMCXR_reports.tgz, its folder, or one XML file)"
PANEL = "chest_xray"


class Term(NamedTuple):
    """A heading and its qualifiers, in small letters."""

    heading: str
    qualifiers: frozenset[str]


@cache
def _map() -> tuple[Panel, TermMap]:
    panel = load_panel(PANEL)
    return panel, load_terms("openi_mesh", panel)


@cache
def asked() -> tuple[str, ...]:
    """The findings of whose presence the coders' silence speaks."""
    panel, mapping = _map()
    coded = {rule.finding for rule in mapping.rules if not rule.leaves_open}
    return tuple(finding.name for finding in panel.findings if finding.name in coded)


def read(source: Path) -> Iterator[GoldRow]:
    """Stream the reports of the archive, a folder or a file; one left without codes is `Uncoded`.

    Raises:
        InputError: there is nothing to read at all.
    """
    require(source)
    yield from (item if isinstance(item, BadRow) else _row(item) for item in read_terms(source))


def _row(coded: Coded) -> GoldRow:
    nothing = _lower(_map()[1].not_coded)
    if all(parse(term).heading in nothing for term in coded.terms):
        return Uncoded(coded.report_id)
    return GoldAnswers(coded.report_id, answers(coded.terms))


def answers(terms: Iterable[str]) -> dict[str, str]:
    """The answers that the terms of one report give."""
    panel, mapping = _map()
    codes: dict[str, dict[str, set[str]]] = {}
    left_open: set[str] = set()
    for term in map(parse, terms):
        for rule in _fitting(mapping, term):
            if rule.leaves_open:
                left_open.add(rule.finding)
            else:
                _add(codes.setdefault(rule.finding, {}), mapping, term)
    return answers_from(panel, codes, left_open, asked())


def parse(term: str) -> Term:
    """A term as it is published, in parts; the order of qualifiers says nothing."""
    heading, *qualifiers = (part.strip().lower() for part in term.split("/"))
    return Term(heading, frozenset(filter(None, qualifiers)))


def left_over(term: str) -> tuple[str, ...]:
    """The parts of a term that the map does not know: its heading, or qualifiers."""
    mapping = _map()[1]
    parsed = parse(term)
    known = bool(_fitting(mapping, parsed)) or parsed.heading in _lower(mapping.unmapped)
    strange = parsed.qualifiers - _lower(mapping.other_qualifiers) - _words(mapping.qualifiers)
    return (*(() if known else (parsed.heading,)), *sorted(strange))


def _fitting(mapping: TermMap, term: Term) -> list[Rule]:
    return [rule for rule in mapping.rules if _fits(rule, term)]


def _fits(rule: Rule, term: Term) -> bool:
    needed, barred = _lower(rule.only_with), _lower(rule.never_with)
    return (
        term.heading in _lower(rule.terms)
        and not (needed and needed.isdisjoint(term.qualifiers))
        and barred.isdisjoint(term.qualifiers)
    )


def _add(codes: dict[str, set[str]], mapping: TermMap, term: Term) -> None:
    """Add what a term's qualifiers answer to what other terms of the finding do."""
    for attribute, words in mapping.qualifiers.items():
        told = _told(words, term) or _told(mapping.implied.get(attribute, {}), term)
        codes.setdefault(attribute, set()).update(told)


def _told(words: Mapping[str, tuple[str, ...]], term: Term) -> set[str]:
    return {answer for answer, given in words.items() if not term.qualifiers.isdisjoint(given)}


@cache
def _lower(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)


def _words(words: Words) -> frozenset[str]:
    return frozenset(word for answers in words.values() for given in answers.values() for word in given)


def plant(folder: Path) -> Planted:
    """The archive with two reports."""
    terms = {
        "CXR7001": ("Pulmonary Atelectasis/base/left/mild", "Pulmonary Atelectasis/upper lobe/right"),
        "CXR7002": ("normal",),
    }
    coded = {
        "atelectasis": "present",
        "atelectasis.location": "multiple",
        "atelectasis.laterality": "bilateral",
        "atelectasis.severity": "mild",
        "no_finding": "absent",
    }
    rows = (GoldAnswers("CXR7001", coded), GoldAnswers("CXR7002", {"no_finding": "present"}))
    return Planted(write_terms(folder / "NLMCXR_reports.tgz", terms), rows)
