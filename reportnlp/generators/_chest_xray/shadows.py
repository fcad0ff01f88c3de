"""The shadows of a chest film: one name where it is described, and what it is put down to or may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reportnlp.generators._chest_xray.tables import FILM, KINDS, OPACITY, SHADOWS
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators._chest_xray.words import again, slots_of, words
from reportnlp.generators.blocks import PRESENT, UNCERTAIN
from reportnlp.types import UNSPECIFIED

MOST_DOUBTS = 3
"""Things that one shadow may be."""
SOFT = frozenset({"atelectasis", "pulmonary_fibrosis", "infiltration", "consolidation", "pulmonary_edema"})
"""What nobody is concerned that a shadow is; it may be."""
LOOKS = {
    "pneumonia": "pneumonia",
    "atelectasis": "atelectasis",
    "pulmonary_fibrosis": "scar",
    "mass": "mass",
    "nodule": "mass",
}
"""What a shadow is put down to, to how such a shadow looks."""


def tell_shadows(telling: Telling) -> set[str]:
    """Tell of the shadow, what kind it is, and what it may be; returns what has been told."""
    present = [name for name in SHADOWS if telling.found.get(name) == PRESENT]
    if not present:
        return set()
    own = [telling.attributes[name] for name in present]
    places = {(each["location"], each["laterality"]) for each in own}
    degrees = {each["severity"] for each in own if "severity" in each}
    if len(places) > 1 or len(degrees) > 1:
        return _apart(telling, present)
    named = [kind for kind in ("consolidation", "infiltration") if kind in present]
    first = _first(telling, present, named)
    told = {name for name in present if name != "pneumonia" or first == name}
    told.update(_shadow(telling, first))
    for other in named:
        if other != first:
            telling.add(f"yes_{other}", telling.main, other, slots_of(telling, other))
    return told


def _apart(telling: Telling, present: Sequence[str]) -> set[str]:
    """Each in a place of its own."""
    for name in present:
        slots = slots_of(telling, name)
        telling.add(f"yes_{name}", telling.main, name, slots)
        telling.end(f"end_{name}", name, slots)
    return set(present)


def _first(telling: Telling, present: Sequence[str], named: Sequence[str]) -> str:
    """The name that the shadow goes by where it is described."""
    if named:
        return telling.random.choice(named)
    plain = telling.attributes[OPACITY]["severity"] == UNSPECIFIED
    if "pneumonia" in present and plain and telling.happens(0.35 if telling.main == "findings" else 0.7):
        return "pneumonia"
    return OPACITY


def _shadow(telling: Telling, first: str) -> tuple[str, ...]:
    """Tell of the shadow, and in findings or impression what it is; returns what it is or may be."""
    slots = slots_of(telling, first)
    doubts = _doubts(telling, first)
    cause = () if doubts else _cause(telling, first)
    more = (*doubts, *cause)
    slots.update(_bare_names(telling, more))
    if not SOFT.isdisjoint(more):
        slots["may"] = "may_be"
    if more and "kind_opacity" not in slots:
        slots["kind_opacity"] = f"kind_like_{LOOKS.get(more[0], 'any') if len(more) == 1 else 'any'}"
    in_findings = telling.happens(0.45)
    rule = f"shadow_may_{len(doubts)}" if doubts else "shadow_due"
    if more and (in_findings or not telling.twice):
        telling.add(rule, telling.main, first, slots, *more)
    else:
        telling.add(f"yes_{first}", telling.main, first, slots)
    if telling.twice and more and not in_findings:
        _finish(telling, rule, first, slots, more)
    elif telling.twice and doubts:
        telling.end(rule, first, again(telling, first, slots), *more)
    elif telling.twice:
        _conclude(telling, first, slots, cause)
    return more


def _conclude(telling: Telling, first: str, slots: Mapping[str, str], cause: Sequence[str]) -> None:
    """The impression takes up the shadow, by what it is put down to if there is a cause."""
    for name in cause or (first,):
        own = slots if name == first else slots_of(telling, name)
        telling.end(f"end_{name}", name, again(telling, name, own))


def _doubts(telling: Telling, first: str) -> tuple[str, ...]:
    """What the shadow may be."""
    if first == "pneumonia" or telling.found.get("pneumonia") == PRESENT:
        return ()
    doubts = [n for n in FILM.groups["doubted"] if telling.found.get(n) == UNCERTAIN and n != first]
    if first in KINDS:
        doubts = [name for name in doubts if name not in KINDS or name == "pneumonia"]
    told = telling.happens(0.88) or not set(doubts).isdisjoint(KINDS)
    return tuple(doubts[:MOST_DOUBTS]) if told else ()


def _cause(telling: Telling, first: str) -> tuple[str, ...]:
    """What the shadow is put down to, where it is not left open."""
    if first != "pneumonia" and telling.found.get("pneumonia") == PRESENT:
        return ("pneumonia",)
    collapsed = first == OPACITY and telling.found.get("atelectasis") == PRESENT
    if collapsed and telling.attributes["atelectasis"] == telling.attributes[OPACITY]:
        return ("atelectasis",)
    return ()


def _bare_names(telling: Telling, more: Sequence[str]) -> dict[str, str]:
    """Names without a place, as the shadow's is theirs."""
    names = list(more)
    telling.random.shuffle(names)
    return {f"n{number}": f"is_{name}" for number, name in enumerate(names, start=1)}


def _finish(telling: Telling, rule: str, first: str, slots: Mapping[str, str], more: tuple[str, ...]) -> None:
    """The impression says what the shadow is or may be."""
    telling.ended += 1
    name = "pneumonia"
    if more == (name,) and rule == "shadow_due" and telling.happens(0.55):
        telling.add("end_pneumonia", "impression", name, again(telling, name, slots_of(telling, name)))
    elif more == (name,) and rule == "shadow_may_1" and telling.happens(0.4):
        place = words(telling.random, name, telling.attributes[OPACITY], telling.looks)
        telling.add("last_maybe", "impression", name, {**slots_of(telling, name), **place})
    else:
        telling.add(rule, "impression", first, slots, *more)
