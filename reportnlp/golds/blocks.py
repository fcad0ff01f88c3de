"""What the sources of gold answers share: what a source is, and how codes become answers of a panel.

A source is one file in this folder, with a TOML file of its name as its map. It has `TITLE`, `PANEL` (the
panel it answers), `asked()` (the findings of whose presence its silence can speak), `read(source)`, which
yields a row per report, and `plant(folder)`, which lays out a small example and tells its answers: the
contract tests read it.

Coders say what is there. Where they are silent they may have read a denial, or nothing at all: nobody can
tell. So `read` gives only what they coded, and `filled` writes into the gaps what the caller chooses; score
only `present` against it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from reportnlp.errors import InputError
from reportnlp.findings.schema import Attribute, Finding, Panel
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED, BadRow, Presence

NotCoded = Literal["absent", "not_mentioned", "blank"]
"""What stands for the findings that the coders are silent about."""

OPEN = ""
"""The answer to a question that the codes leave open; a scorer asks nothing of it."""

Codes = Mapping[str, Mapping[str, Collection[str]]]
"""Finding that is there, to attribute, to what its codes answer; an attribute without codes is missing."""


class GoldAnswers(NamedTuple):
    """What the coders say of one report.

    Attributes:
        report_id: as the package's readers give it.
        answers: question to answer, of the findings that are coded or left `OPEN`, and of no others.
    """

    report_id: str
    answers: Mapping[str, str]


class Uncoded(NamedTuple):
    """A report that its coders left without codes: nothing is known of it, and nothing went wrong."""

    report_id: str


GoldRow = GoldAnswers | Uncoded | BadRow


class Planted(NamedTuple):
    """A small example of a source, and what `read` must make of it."""

    source: Path
    rows: tuple[GoldAnswers, ...]


def require(source: Path) -> None:
    """Refuse what is not there.

    Raises:
        InputError: there is no such file or folder.
    """
    if not source.exists():
        raise InputError(f"There is no file or folder {source}. Give the path of the source as published.")


def answers_from(
    panel: Panel, codes: Codes, left_open: Collection[str], asked: Collection[str]
) -> dict[str, str]:
    """The answers that the codes of one report give, in the panel's order.

    A finding makes its parents present where those are asked for; and a finding that is there answers for the
    one that stands for "nothing else is there". That one is open where the codes speak of nothing in the
    panel: such a report may be coded for something else.
    """
    codes = _with_parents(panel, codes, asked)
    answers: dict[str, str] = {}
    for finding in panel.findings:
        if finding.none_of_panel:
            answers.update(_nothing_else(finding, codes) if finding.name in asked else {})
        elif finding.name in codes:
            answers.update(_present(finding, codes[finding.name]))
        elif finding.name in left_open:
            answers[finding.name] = OPEN
    return answers


def _with_parents(panel: Panel, codes: Codes, asked: Collection[str]) -> Codes:
    """Whatever is coded of a kind holds for its parent too."""
    whole = {name: {key: set(values) for key, values in given.items()} for name, given in codes.items()}
    for finding in panel.findings:
        for parent in finding.parents if finding.name in codes else ():
            if parent in asked:
                above = whole.setdefault(parent, {})
                for key, values in codes[finding.name].items():
                    above.setdefault(key, set()).update(values)
    return whole


def _nothing_else(finding: Finding, codes: Codes) -> dict[str, str]:
    if codes.keys() - {finding.name, *finding.exempt}:
        return {finding.name: Presence.ABSENT}
    return {finding.name: Presence.PRESENT if finding.name in codes else OPEN}


def _present(finding: Finding, given: Mapping[str, Collection[str]]) -> dict[str, str]:
    told = {
        f"{finding.name}.{key}": combined(attribute, given[key])
        for key, attribute in finding.attributes.items()
        if key in given
    }
    return {finding.name: Presence.PRESENT, **told}


def combined(attribute: Attribute, given: Collection[str]) -> str:
    """The one answer that several make together, by the attribute's own definition.

    What it does not list is joined two by two from the last: upper, lower and diffuse are diffuse.
    """
    answers = [answer for answer in attribute.answers if answer in given]
    if not answers:
        return UNSPECIFIED
    if attribute.pick == "first" or len(answers) == 1:
        return answers[0]
    if (whole := "+".join(answers)) in attribute.combine:
        return attribute.combine[whole]
    last = answers[-1]
    for answer in reversed(answers[:-1]):
        last = attribute.combine.get(f"{answer}+{last}", last)
    return last


def filled(panel: Panel, row: GoldAnswers, asked: Collection[str], not_coded: NotCoded) -> dict[str, str]:
    """An answer to every question of the panel, in its order; `OPEN` where there is none to give.

    Args:
        panel: the panel that the source answers.
        row: what the coders say.
        asked: the findings that are filled in where the coders are silent.
        not_coded: with what.
    """
    silence = OPEN if not_coded == "blank" else Presence(not_coded)
    answers: dict[str, str] = {}
    for question in panel.questions:
        if question.attribute is not None:
            there = answers[question.finding] in (OPEN, Presence.PRESENT)
            answers[question.name] = row.answers.get(question.name, OPEN if there else NOT_APPLICABLE)
        else:
            answers[question.name] = row.answers.get(
                question.name, silence if question.name in asked else OPEN
            )
    return answers
