"""What sort of each thing a head CT shows: where the bleed lies, which tumor it is, whose territory."""

from __future__ import annotations

from random import Random

from reportnlp.generators._head_ct.draw import Case
from reportnlp.generators._head_ct.tables import HEAD, Told
from reportnlp.generators.blocks import SILENT

OLD_AGES = ("chronic", "acute_on_chronic")
WHOSE = {"mets": "lesions", "met": "tumor", "post_met": "post_tumor"}
"""What a metastasis is called where no cancer is known."""
WITHIN = {"transformed": "inf", "tumoral": "mass"}
"""Sorts of bleed that lie within something else, and what that is."""


def draw_sorts(random: Random, case: Case) -> dict[str, str]:
    """Short name of a finding to its sort, which a rule of that name tells.

    Beside those there are `op`, the operation that a postoperative scan follows, and `cause`, `trauma` or
    `rupture`, of the blood.
    """
    cause = "trauma" if _is_traumatic(case) else "rupture"
    op = _operation(random, case)
    iph = _sort_of_bleed(random, case, cause, op)
    subdural = "sdh_large" if case.age in OLD_AGES or case.there("me") else "sdh"
    return {
        "iph": iph,
        "mass": _sort_of_mass(random, case, iph),
        "inf": _sort_of_infarct(random, case, iph),
        "fx": _pick(random, "fx"),
        "sdh": _pick(random, subdural),
        "sah": "cisterns" if cause == "rupture" and iph not in WITHIN else "sulci",
        "op": op,
        "cause": cause,
    }


def _pick(random: Random, name: str) -> str:
    return random.choice(HEAD.sorts[name])


def _is_traumatic(case: Case) -> bool:
    if case.scene in ("headache", "bleed", "postop"):
        return False
    several = case.there("sah") and case.there("iph")
    return case.scene != "follow" or case.there("fx", "edh", "sdh") or several


def _operation(random: Random, case: Case) -> str:
    """What was done, so that what is left of it goes with that."""
    if case.told["mass"] != SILENT:
        return "tumor"
    if case.there("sdh"):
        return "burr"
    if case.there("sah"):
        return "clip"
    return "flap" if case.there("iph", "me") else _pick(random, "op")


def _sort_of_bleed(random: Random, case: Case, cause: str, op: str) -> str:
    if case.age == "chronic":
        return "ganglia"
    if case.scene == "postop":
        return _pick(random, f"iph_{op}")
    if case.there("inf") and case.there("iph"):
        return "transformed"
    if case.there("mass") and case.there("iph"):
        return "tumoral"
    if case.scene == "trauma" or (case.scene == "follow" and cause == "trauma"):
        iph = _pick(random, "iph_trauma")
        return "contusion" if case.there("me") and iph == "micro" else iph
    return "tract" if case.scene == "shunt" else _pick(random, "iph")


def _sort_of_mass(random: Random, case: Case, iph: str) -> str:
    if case.scene == "postop":
        return _pick(random, "mass_postop")
    large = "mass_large" if case.there("me") else "mass"
    mass = _pick(random, "mass_bleeding" if iph == "tumoral" else large)
    return mass if case.scene == "tumor" else WHOSE.get(mass, mass)


def _sort_of_infarct(random: Random, case: Case, iph: str) -> str:
    if case.scene == "arrest":
        return "shed"
    return _pick(random, "inf_large" if iph == "transformed" or case.there("me") else "inf")


def pusher_of(case: Case, sorts: Told) -> str:
    """The one thing that takes up room: the first there is that can shift the brain, or none."""
    for short in ("sdh", "edh", "mass", "iph", "inf"):
        weak = sorts.get(short) in HEAD.marks["weak"] or (short == "iph" and case.age == "chronic")
        if case.there(short) and not weak:
            return WITHIN.get(sorts["iph"], short) if short == "iph" else short
    return ""
