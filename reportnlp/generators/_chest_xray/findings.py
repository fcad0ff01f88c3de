"""What a chest film shows, told finding by finding or two in one breath, in findings and impression."""

from __future__ import annotations

from reportnlp.generators._chest_xray.tables import (
    DEVICES,
    FILM,
    FINDINGS,
    KINDS,
    OPACITY,
    PAIRS,
    PLEURA,
    TWICE,
)
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators._chest_xray.words import PLAIN, again, slots_of
from reportnlp.generators.blocks import PRESENT, UNCERTAIN, Act
from reportnlp.types import UNSPECIFIED

WARD_DEVICES = ("tube", "feeding", "line", "device_plain")
"""Rules of what a patient on a ward has in place; a drain where there is something to drain."""
PLACED = frozenset({"tube", "feeding", "line", "device_newborn"})
"""Rules of what an impression takes up as lines and tubes."""


def tell_findings(telling: Telling, told: set[str]) -> None:
    """Tell all that is found but what has been told, in the panel's order."""
    done = told | _pairs(telling, told)
    if telling.found.get(OPACITY) == UNCERTAIN and any(telling.found.get(kind) for kind in KINDS):
        done.add(OPACITY)  # where a kind is in doubt, so is the shadow
    for name in FINDINGS:
        if name in telling.found and name not in done:
            _one(telling, name)


def _one(telling: Telling, name: str) -> None:
    if name == DEVICES:
        _devices(telling)
    elif telling.found[name] == UNCERTAIN:
        _doubt(telling, name)
    elif (
        name in TWICE
        and _is_easily_missed(telling, name)
        and telling.style.has("findings")
        and telling.happens(0.04)
    ):
        _added(telling, name)
    else:
        slots = slots_of(telling, name)
        telling.add(f"yes_{name}", telling.main, name, slots)
        telling.end(f"end_{name}", name, again(telling, name, slots))


def _is_easily_missed(telling: Telling, name: str) -> bool:
    """Whether somebody may have overlooked it at first."""
    own = telling.attributes[name]
    return own.get("severity") in (None, UNSPECIFIED, "mild") and own.get("laterality") != "bilateral"


def _doubt(telling: Telling, name: str) -> None:
    slots = slots_of(telling, name, doubtful=True)
    if telling.twice and name in TWICE and telling.happens(0.03):
        telling.add(f"yes_{name}", "findings", name, slots)
        denied = {"n1": f"bare_{name}"}
        telling.acts.append(Act("deny_1", "impression", slots=denied, shows=(name,)))
        telling.ended += 1
        return
    spine = name == "fracture" and telling.happens(0.4)
    telling.add("maybe_spine" if spine else f"maybe_{name}", telling.main, name, slots)
    telling.end("maybe_spine" if spine else last_doubt(name), name, {**slots, **PLAIN})


def last_doubt(name: str) -> str:
    """The rule by which an impression takes up a doubt."""
    if name in FILM.groups["advised"]:
        return f"last_{name}"
    return "last_likely" if name in FILM.groups["tolerated"] else "last_maybe"


def _added(telling: Telling, name: str) -> None:
    """Overlooked at first, and added."""
    if telling.happens(0.6):
        telling.acts.append(Act("deny_1", "findings", telling.topic(name), {"n1": f"bare_{name}"}))
    telling.add("add_yes", "addendum", name, slots_of(telling, name))


def _devices(telling: Telling) -> None:
    slots = slots_of(telling, DEVICES)
    if telling.found[DEVICES] == UNCERTAIN:
        telling.add("maybe_support_devices", telling.main, DEVICES, slots)
        return
    rules = _device_rules(telling)
    for rule in rules:
        telling.add(rule, telling.main, DEVICES, slots)
    if PLACED.isdisjoint(rules):
        return
    telling.end("end_devices_before" if telling.prior else "end_support_devices", DEVICES, slots)


def _device_rules(telling: Telling) -> list[str]:
    patient = FILM.patients[telling.patient].words
    if patient != "ward":
        return [f"device_{patient}"]
    number = telling.random.choice((1, 2, 2, 3))
    drain = ("drain",) if any(telling.found.get(name) == PRESENT for name in PLEURA) else ()
    rules = telling.random.sample((*WARD_DEVICES, *drain), number)
    if telling.found.get("pneumothorax") == PRESENT and telling.happens(0.7):
        rules[0] = "drain"
    return list(dict.fromkeys(rules))


def _pairs(telling: Telling, told: set[str]) -> set[str]:
    """Tell some findings two by two; returns which."""
    done: set[str] = set()
    for (first, second), chance in PAIRS.items():
        both = {first, second}
        free = both.isdisjoint(told | done) and _go_together(telling, first, second)
        if free and telling.happens(chance):
            _pair(telling, first, second)
            done |= both
    return done


def _go_together(telling: Telling, first: str, second: str) -> bool:
    both = (first, second)
    if any(telling.found.get(name) != PRESENT for name in both):
        return False
    sides = {telling.attributes[name].get("laterality", UNSPECIFIED) for name in both}
    return first != "pleural_effusion" or len(sides - {UNSPECIFIED, "bilateral"}) <= 1


def _pair(telling: Telling, first: str, second: str) -> None:
    one, two = slots_of(telling, first), slots_of(telling, second)
    slots = {**two, **one, "np2": two["np"], "a2": two["a"]}
    if telling.random.random() < 0.5:  # the second is less often as fully placed as the first
        slots = {**slots, "kind_atelectasis": ""}
    rule = "two_with" if first == "pleural_effusion" else "two"
    telling.add(rule, telling.main, first, slots, second)
    if telling.happens(0.5):
        telling.end(f"{rule}_end", first, slots, second)
    else:
        telling.end(f"end_{first}", first, again(telling, first, one))
        telling.end(f"end_{second}", second, again(telling, second, two))
