"""What the words of a head CT stand for, the same in findings and impression: sides, sizes, ages, places."""

from __future__ import annotations

from random import Random

from reportnlp.generators._head_ct.draw import Case
from reportnlp.generators._head_ct.tables import HEAD, KINDS, Told
from reportnlp.generators.blocks import happens, other_side

EMPTY = ("withme", "withiv", "tail", "end")
"""Slots that an act fills where something is told in the same breath."""
EARLIER = {"was": "was_size", "was_big": "was_mass", "was_shift": "was_moved"}


def draw_slots(random: Random, case: Case, sorts: Told, *, british: bool) -> dict[str, str]:
    """Every slot that no single act fills."""
    side = random.choice(("left", "right"))
    slots = {"side": side, "other": other_side(side), **_sizes(random, case, sorts)}
    slots["here"] = random.choice(HEAD.sorts["lobe"])
    deep = "fx_deep" if sorts["fx"] in HEAD.marks["deep_fracture"] else "fx_crack"
    slots["fx_kind"] = random.choice(("fx_plain", "fx_crack", "fx_open", deep))
    slots["count"] = random.choice(HEAD.sorts["count"])
    slots["inf_place"] = f"place_{sorts['inf']}"
    slots.update(dict.fromkeys(EMPTY, ""), shut="close")
    slots["edh_word"] = "edh_uk" if british and happens(random, 0.85) else "edh_us"
    slots.update({f"{short}_where": f"{short}_{sort}" for short, sort in sorts.items()})
    slots.update(EARLIER if HEAD.scenes[case.scene].known else dict.fromkeys(EARLIER, "was_none"))
    return {**slots, **_ages(random, case)}


def _sizes(random: Random, case: Case, sorts: Told) -> dict[str, str]:
    """Millimeters of a collection now and before, of the shift it causes, and of a mass."""
    number = random.randint
    size = number(2, 8) if sorts["sdh"] in ("falx", "tent") else number(3, 22)
    if case.there("me"):
        size = max(size, number(8, 12))
    grown = number(1, 7)
    before = max(2, size + random.choice((grown, -grown)))
    shift = number(2, 6) if size < 11 else number(3, 13)
    bulk = "bulk_small" if size < 7 else "bulk_none" if size < 12 else "bulk_big"
    sizes = {"size": str(size), "before": str(before), "shift": str(shift), "bulk": bulk}
    big = number(max(size, 12), 52)
    return {**sizes, "big": str(big), **_big(random, big)}


def _big(random: Random, big: int) -> dict[str, str]:
    """The size of a hematoma or a mass, in one unit throughout, and what it was before."""
    before = max(8, big + random.choice((-9, -6, -4, 4, 6, 9)))
    if happens(random, 0.4):
        return {"bigsize": f"{big / 10:.1f} cm", "oldsize": f"{before / 10:.1f} cm"}
    if happens(random, 0.4):
        return {"bigsize": f"{big} x {big * 2 // 3} mm", "oldsize": f"{before} x {before * 2 // 3} mm"}
    return {"bigsize": f"{big} mm", "oldsize": f"{before} mm"}


def _ages(random: Random, case: Case) -> dict[str, str]:
    """The adjective of each kind's age, so that all together are as old as the answer says."""
    there = [kind for kind in KINDS if case.there(kind)] or ["ich"]
    ages = dict.fromkeys(("ich", *KINDS), "adj_none")
    if case.age == "acute":
        ages.update({kind: "adj_acute" for kind in there if happens(random, 0.7)})
        ages[random.choice(there)] = "adj_acute"
    elif case.age == "chronic":
        ages.update(dict.fromkeys(there, "adj_chronic"))
    elif case.age == "acute_on_chronic":
        ages.update(_mixed_ages(random, there))
    return {f"{kind}_age": age for kind, age in ages.items()}


def _mixed_ages(random: Random, there: list[str]) -> dict[str, str]:
    """One bleed that is both, or an old subdural beside fresh blood."""
    first = "sdh" if "sdh" in there else there[0]
    fresh = [kind for kind in ("sah", "iph") if kind in there]
    if first == "sdh" and fresh and happens(random, 0.4):
        return {first: "adj_chronic", **dict.fromkeys(fresh, "adj_acute")}
    return {first: "adj_mixed"}
