"""How what takes up room pushes the brain, and what the patient feels of it."""

from __future__ import annotations

from random import Random

from reportnlp.generators._head_ct.draw import Case
from reportnlp.generators._head_ct.sorts import pusher_of
from reportnlp.generators._head_ct.tables import HEAD, Told
from reportnlp.generators.blocks import ABSENT, PRESENT, SILENT, UNCERTAIN, happens

LEVELED = {
    "shift": ((10, 22), (32, 54)),
    "horn": ((8, 13), (24, 36)),
    "sulci": ((5, 8), (18, 28)),
    "post": ((5, 10), (20, 34)),
    "diffuse": ((7, 14), (20, 34)),
}
"""Millimeters of a collection, and of a hematoma or a mass, by the way in which they push the brain."""
SMALL = {PRESENT: (7, 12), UNCERTAIN: (6, 10), ABSENT: (3, 7), SILENT: (3, 9)}
"""Millimeters of a collection, by whether there is mass effect."""
BIG = {PRESENT: (24, 36), UNCERTAIN: (18, 26), ABSENT: (8, 19), SILENT: (9, 24)}
"""Millimeters of a hematoma or a mass."""


def place_of_pusher(case: Case, sorts: Told, here: str) -> str:
    """Where it is that the brain is pushed: a lobe, a nucleus, a territory, or `both` sides."""
    pusher = pusher_of(case, sorts)
    if not pusher:
        return ""
    sort = sorts.get(pusher, "")
    if pusher == "sdh":
        return "both" if sort == "both" else "convexity"
    return sort if sort in HEAD.horns or sort in HEAD.marks["low"] else here


def level_of(random: Random, case: Case, sorts: Told, place: str) -> str:
    """How the brain is pushed: the rules of mass effect have this at the end of their names."""
    if place in HEAD.marks["low"]:
        return "post"
    if not place or place == "both":
        return "diffuse"
    if not case.there("me"):
        return "sulci"
    aside = place in HEAD.marks["aside"]
    return random.choice(("horn", "horn", "sulci") if aside else ("shift", "shift", "shift", "horn", "sulci"))


def sizes_of(random: Random, case: Case, sorts: Told, level: str, trend: str) -> dict[str, int]:
    """Millimeters of a collection (`size`), a hematoma or mass (`big`), the shift, and what they were."""
    me = case.told["me"]
    size, (low, high) = random.randint(*SMALL[me]), BIG[me]
    if me == PRESENT:
        size, (low, high) = random.randint(*LEVELED[level][0]), LEVELED[level][1]
    if sorts["sdh"] in HEAD.marks["weak"]:
        size = min(size, random.randint(4, 8))
    if sorts["mass"] in HEAD.bulks and case.there("mass"):
        low, high = HEAD.bulks[sorts["mass"]]
    big = random.randint(low, high)
    shift = random.randint(3, max(4, size * 2 // 3 if case.there("sdh", "edh") else big // 5))
    sizes = {"size": size, "size2": max(2, size - random.randint(1, 5)), "big": big, "shift": shift}
    grown = {"same": 0, "less": 1, "more": -1}[trend]
    sizes["before"] = max(2, size + grown * random.randint(2, 5)) if grown >= 0 else max(2, size - 2)
    sizes["old"] = big + grown * random.choice((4, 6, 7))
    sizes["shift0"] = max(1, shift + grown * random.randint(1, 3))
    return sizes


def symptoms(random: Random, case: Case, sorts: Told, here: str) -> str:
    """What a lesion of this place and side does: the rules `motor_` and `speech_` have it in their names."""
    name = next((short for short in ("inf", "iph", "mass") if case.there(short)), "")
    sort = sorts.get(name, "")
    sort = sorts["inf"] if sort == "transformed" else sorts["mass"] if sort == "tumoral" else sort
    found = HEAD.symptoms.get(sort)
    if found:
        return found
    if name in ("iph", "mass") and here == "occipital":
        return "visual"
    clear = not any(case.told[short] in (PRESENT, UNCERTAIN) for short in ("ich", "inf", "mass"))
    if clear and happens(random, 0.35):
        return random.choice(("low", "deep", "visual"))
    return ""


def horn_of(random: Random, place: str) -> str:
    """The part of the ventricles that lies nearest."""
    return random.choice(HEAD.horns.get(place, HEAD.horns["convexity"]))
