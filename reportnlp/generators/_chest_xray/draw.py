"""What a chest film shows: a kind of patient, what is present or in doubt, and where that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from reportnlp.errors import InputError
from reportnlp.generators._chest_xray.places import draw_attributes
from reportnlp.generators._chest_xray.tables import (
    EXEMPT,
    FILM,
    FINDINGS,
    KINDS,
    NONE,
    OPACITY,
    PROFILES,
    SHADOWS,
    Chances,
)
from reportnlp.generators.blocks import ABSENT, PRESENT, SILENT, UNCERTAIN, presence_of, weighted
from reportnlp.types import NOT_APPLICABLE

MOST_DOUBTS = 2
NAMED, PNEUMONIA = ("consolidation", "infiltration"), "pneumonia"
FLOOR = 0.002
"""Chance of an answer that a kind of patient does not have, where it is asked for all the same."""
RESTS_ON = {PRESENT: ABSENT, UNCERTAIN: UNCERTAIN, ABSENT: PRESENT}
"""Where a finding is this, "no finding" is that (the first that fits), and the other way round."""
_PATIENTS = tuple(FILM.patients)
_OFTEN = tuple(accumulate(patient.often for patient in FILM.patients.values()))
_CLASHES: Mapping[str, set[str]] = {
    PRESENT: {PRESENT, UNCERTAIN},
    UNCERTAIN: {PRESENT},
    SILENT: {PRESENT, UNCERTAIN},
}
"""Answer to "no finding", to the answers that it rules out for the other findings."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a report is about.

    Attributes:
        patient: a key of `FILM.patients`.
        found: the findings that are present or in doubt.
        attributes: those of the findings that are present.
    """

    patient: str
    found: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, str]]


def draw_case(random: Random, wanted: Mapping[str, str]) -> Case:
    """Draw all that is not asked for.

    Raises:
        InputError: answers that no report can have together.
    """
    if wanted:
        _refuse(wanted)
    patient = _draw_patient(random, wanted)
    found = _draw_found(random, wanted, patient)
    return Case(patient, found, draw_attributes(random, wanted, found))


def _refuse(wanted: Mapping[str, str]) -> None:
    """Refuse kinds beside their parent's denial, findings beside "no finding", and the like."""
    if _shadows_clash(wanted) or _none_clashes(wanted) or _bars_what_is_there(wanted):
        raise InputError(
            f"No chest film can have these answers together: {dict(wanted)}. A shadow that is absent or not "
            f"mentioned leaves no kind of it, and {NONE} stands or falls with the other findings."
        )


def _shadows_clash(wanted: Mapping[str, str]) -> bool:
    above = presence_of(wanted, OPACITY)
    below = {presence_of(wanted, kind) for kind in KINDS} - {None, ABSENT}
    if above == ABSENT:
        return bool(below)
    if above == SILENT:
        return bool(below - {SILENT})
    return PRESENT in below and (above == UNCERTAIN or OPACITY in _barred(wanted))


def _none_clashes(wanted: Mapping[str, str]) -> bool:
    counted = [presence_of(wanted, name) for name in FINDINGS if name not in EXEMPT]
    none = wanted.get(NONE, "")
    forbidden = _CLASHES.get(none, set()) | ({ABSENT} if none == SILENT else set())
    unmet = none in RESTS_ON and None not in counted and RESTS_ON[none] not in counted
    return unmet or not forbidden.isdisjoint(filter(None, counted))


def _bars_what_is_there(wanted: Mapping[str, str]) -> bool:
    return any(presence_of(wanted, name) == PRESENT for name in _barred(wanted))


def _barred(wanted: Mapping[str, str]) -> set[str]:
    """Findings that may be anything but present: an attribute of theirs is not to apply."""
    if NOT_APPLICABLE not in wanted.values():
        return set()
    found = {
        name
        for name, finding in FILM.findings.items()
        if name not in wanted
        and any(wanted.get(f"{name}.{key}") == NOT_APPLICABLE for key in finding.attributes)
    }
    return found | (set(KINDS) - wanted.keys() if OPACITY in found else set())


def _draw_patient(random: Random, wanted: Mapping[str, str]) -> str:
    """A kind of patient in whom what is asked for is likely."""
    asked = _asked(wanted)
    if not asked:
        return random.choices(_PATIENTS, cum_weights=_OFTEN)[0]
    weights = {}
    for name, patient in FILM.patients.items():
        weight = patient.often
        for finding, answer in asked.items():
            present, doubtful = PROFILES[name][finding]
            likely = {PRESENT: present, UNCERTAIN: doubtful}.get(answer, 1 - present - doubtful)
            weight *= max(likely, FLOOR)
        weights[name] = weight
    return weighted(random, weights)


def _asked(wanted: Mapping[str, str]) -> dict[str, str]:
    if not wanted:
        return {}
    return {name: answer for name in FINDINGS if (answer := presence_of(wanted, name))}


def _draw_found(random: Random, wanted: Mapping[str, str], patient: str) -> dict[str, str]:
    """The findings that are present or in doubt."""
    asked, chances = _asked(wanted), PROFILES[patient]
    drawn = {name: asked.get(name) or _drawn(random, chances[name]) for name in FINDINGS}
    never = _barred(wanted)
    drawn.update(dict.fromkeys((name for name in never if drawn[name] == PRESENT), ""))
    free = [name for name in FINDINGS if name not in asked]
    none = wanted.get(NONE, "")
    _limit(drawn, free, none)
    _settle_shadows(drawn, asked, free)
    _settle_doubts(drawn, free)
    needed = RESTS_ON.get(none, "") if none != PRESENT else ""
    if needed and needed not in {answer for name, answer in drawn.items() if name not in EXEMPT}:
        out = {*EXEMPT, *SHADOWS, *(never if needed == PRESENT else ())}
        drawn[random.choice([name for name in free if name not in out] or [OPACITY])] = needed
    return {name: answer for name, answer in drawn.items() if answer in (PRESENT, UNCERTAIN)}


def _drawn(random: Random, chances: Chances) -> str:
    at = random.random()
    present, doubtful = chances
    return PRESENT if at < present else UNCERTAIN if at < present + doubtful else ""


def _limit(drawn: dict[str, str], free: Iterable[str], none: str) -> None:
    """Take out, in place, what "no finding" leaves no room for."""
    forbidden = _CLASHES.get(none, set())
    for name in free:
        if name not in EXEMPT and drawn[name] in forbidden:
            drawn[name] = ""


def _settle_kinds(drawn: dict[str, str], free: Sequence[str]) -> None:
    """Call a shadow by one name, in place, and doubt no more than what it is due to."""
    named = [kind for kind in NAMED if drawn[kind] == PRESENT]
    for kind in (kind for kind in NAMED if kind in free):
        doubled = kind == NAMED[-1] and drawn[NAMED[0]] == drawn[kind]
        settled = drawn[kind] == UNCERTAIN and (named or drawn[PNEUMONIA])
        if doubled or settled:
            drawn[kind] = ""


def _settle_doubts(drawn: dict[str, str], free: Iterable[str]) -> None:
    """Leave few things in doubt, in place: a report that doubts everything says nothing."""
    doubts = [n for n in free if drawn[n] == UNCERTAIN and n not in SHADOWS]
    for name in doubts[MOST_DOUBTS:]:
        drawn[name] = ""
    if drawn["mass"] and drawn["nodule"] == UNCERTAIN and "nodule" in free:
        drawn["nodule"] = ""


def _settle_shadows(drawn: dict[str, str], asked: Mapping[str, str], free: Sequence[str]) -> None:
    """Make the kinds of shadow and their parent agree, in place."""
    if (above := asked.get(OPACITY)) in (ABSENT, SILENT, UNCERTAIN):
        for kind in KINDS:
            if kind in free and (drawn[kind] == PRESENT or above != UNCERTAIN):
                drawn[kind] = ""
    _settle_kinds(drawn, free)
    if OPACITY not in free:
        return
    below = {drawn[kind] for kind in KINDS}
    if PRESENT in below:
        drawn[OPACITY] = PRESENT
    elif UNCERTAIN in below and drawn[OPACITY] != PRESENT:
        drawn[OPACITY] = UNCERTAIN
