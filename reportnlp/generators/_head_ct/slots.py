"""What the words of a head CT stand for, the same in findings and impression: sides, sizes, ages, places."""

from __future__ import annotations

from random import Random

from reportnlp.generators._head_ct.draw import Case
from reportnlp.generators._head_ct.places import (
    horn_of,
    level_of,
    place_of_pusher,
    sizes_of,
    symptoms,
)
from reportnlp.generators._head_ct.tables import HEAD, KINDS, Told
from reportnlp.generators.blocks import happens, other_side, weighted

EMPTY = ("withme", "withiv", "tail", "end", "residual")
"""Slots that an act fills where something is told in the same breath."""
EARLIER = {"was": "was_size", "was_big": "was_mass", "was_shift": "was_moved"}
LEVELED = ("me_of_it", "n_me", "is_me", "more_me")
"""Rules of mass effect that there is one of for every way of pushing."""
TRENDS = {"same": 0.42, "less": 0.36, "more": 0.22}
TOLD_BY_TREND = ("same", "known_adj", "known_end", "is_me_known", "is_hc_known", "hc_now", "hc_trend", "bare")
BONES = ("parietal", "temporal", "occipital", "frontal")
KNOWN = ("sdh", "sah", "iph", "edh", "ivh")
"""Kinds in the order in which a bleed that is followed up is called by one of them."""


def draw_slots(random: Random, case: Case, sorts: Told, *, british: bool) -> dict[str, str]:
    """Every slot that no single act fills."""
    side = random.choice(("left", "right"))
    here = random.choice(HEAD.sorts["lobe"])
    slots = {"side": side, "other": other_side(side), "here": here, "limb": other_side(side)}
    slots.update(dict.fromkeys(EMPTY, ""), shut="close")
    trend = weighted(random, TRENDS)
    slots.update({name: f"{name}_{trend}" for name in TOLD_BY_TREND})
    slots["fx_where"] = f"fx_{_bone(case, sorts, here)}"
    _push(random, case, sorts, slots, trend)
    _fix_words(random, case, sorts, slots)
    slots["edh_word"] = "edh_uk" if british and happens(random, 0.85) else "edh_us"
    slots["swelling"] = "swelling_none" if slots["fx_where"] == "fx_base" else "swelling_over"
    slots["tube"] = "tube_shunt" if case.scene == "shunt" else "tube_evd"
    slots["inf_place"] = f"place_{sorts['inf']}"
    slots.update(
        {f"{short}_where": f"{short}_{sorts[short]}" for short in ("iph", "sdh", "sah", "inf", "mass")}
    )
    _fill_history(random, case, sorts, slots)
    moved = HEAD.scenes[case.scene].known and trend != "same"
    slots.update(EARLIER if moved else dict.fromkeys(EARLIER, "was_none"))
    return {**slots, **_ages(random, case)}


def _push(random: Random, case: Case, sorts: Told, slots: dict[str, str], trend: str) -> None:
    """Sizes, the way in which the brain is pushed, and the horn that is."""
    place = place_of_pusher(case, sorts, slots["here"])
    level = level_of(random, case, sorts, place)
    sizes = sizes_of(random, case, sorts, level, trend)
    slots.update({name: str(number) for name, number in sizes.items()}, level=level)
    slots.update({rule: f"{rule}_{level}" for rule in LEVELED})
    slots["horn"] = horn_of(random, place).format(**slots)
    slots["me_grade"] = random.choice(HEAD.words[f"grade_{level}"])
    size, big = sizes["size"], sizes["big"]
    slots["bulk"] = "bulk_small" if size < 7 else "bulk_none" if size < 12 else "bulk_big"
    slots["vol"] = str(max(1, big**3 // 2900))
    slots.update(_big(random, big, sizes["old"]))


def _big(random: Random, big: int, before: int) -> dict[str, str]:
    """The size of a hematoma or a mass, in one unit throughout, and what it was before."""
    if happens(random, 0.4):
        return {"bigsize": f"{big / 10:.1f} cm", "oldsize": f"{before / 10:.1f} cm"}
    if happens(random, 0.4):
        return {"bigsize": f"{big} x {big * 2 // 3} mm", "oldsize": f"{before} x {before * 2 // 3} mm"}
    return {"bigsize": f"{big} mm", "oldsize": f"{before} mm"}


def _fix_words(random: Random, case: Case, sorts: Told, slots: dict[str, str]) -> None:
    """Draw once the words that may not change from one sentence to the next."""

    def draw(name: str) -> str:
        return random.choice(HEAD.words[name]).format(**slots)

    for name in HEAD.fixed:
        slots[name] = draw(name)
    slots["over"] = HEAD.over.get(slots["region"], "cerebral hemisphere")
    slots["sah_at"] = draw(f"sah_{sorts['sah']}")
    low = sorts["iph"] in HEAD.marks["low"] and case.there("iph")
    slots["ivh_at"] = draw("ivh_low" if low else "ivh_iph" if case.there("iph") else "ivh")
    slots["sah_vol"] = f"extent_{sorts['sah']}"
    slots["iph_word"] = random.choice(("bleed_hematoma", "bleed_hemorrhage"))
    slots["transf_word"] = draw("transf_large" if case.there("me") else "transf")
    hurt = sorts["cause"] == "trauma" and case.scene in ("trauma", "follow")
    slots["doubt"] = draw("doubt_trauma" if hurt else "doubt")
    deep = "fx_deep" if sorts["fx"] in HEAD.marks["deep_fracture"] else "fx_crack"
    slots["fx_kind"] = random.choice(("fx_plain", "fx_crack", draw("fx_open"), deep))
    slots["mass_short"] = f"short_{sorts['mass']}" if sorts["mass"] in HEAD.marks["named"] else "short_tumor"
    if case.there("mass", "ivh", "iph"):
        slots["hc_kind"] = draw("hc_blocked")
    slots["residual"] = "residual " if case.scene == "postop" else ""
    _fix_doubts(random, case, slots)


def _fix_doubts(random: Random, case: Case, slots: dict[str, str]) -> None:
    """What is in doubt, where what goes with it differs from scene to scene."""
    for name, by_scene in HEAD.doubts.items():
        slots[name] = random.choice(by_scene.get(case.scene) or HEAD.words[name])
    if HEAD.scenes[case.scene].known:
        slots["hc_doubt"] = "known"
    if case.there("fx"):
        bone = slots["fx_where"].removeprefix("fx_")
        slots["fx_doubt"] = "line" if bone in BONES else "base" if bone == "base" else "vault"
        slots["doubt_bone"] = bone


def _bone(case: Case, sorts: Told, here: str) -> str:
    """An extradural hematoma lies beneath the bone that is broken."""
    return here if case.there("edh") and here in BONES else sorts["fx"]


def _fill_history(random: Random, case: Case, sorts: Told, slots: dict[str, str]) -> None:
    """What was known, and what the patient feels, so that the scan bears it out."""
    felt = symptoms(random, case, sorts, slots["here"]) or slots["side"]
    slots.update(motor=f"motor_{felt}", speech=f"speech_{felt}")
    kind = next((kind for kind in KNOWN if case.there(kind)), "none")
    name = kind if kind in ("none", "edh", "sdh", "ivh") else f"{kind}_{sorts['cause']}"
    slots["known_bleed"] = f"known_{name}"
    slots["past"] = random.choice(("known_sdh", "known_sdh", "known_sah_trauma", "known_contusion"))
    slots["team"] = f"team_{case.scene}" if case.scene in HEAD.marks["teams"] else "team_any"


def _ages(random: Random, case: Case) -> dict[str, str]:
    """The adjective of each kind's age, so that all together are as old as the answer says."""
    there = [kind for kind in KINDS if case.there(kind)] or ["ich"]
    ages = dict.fromkeys(("ich", *KINDS), "adj_none")
    if case.age == "acute":
        fresh = "adj_subacute" if happens(random, 0.07) and case.scene != "trauma" else "adj_acute"
        ages.update({kind: fresh for kind in there if happens(random, 0.7)})
        ages[random.choice(there)] = fresh
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
