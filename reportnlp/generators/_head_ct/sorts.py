"""What sort of each thing a head CT shows: where the bleed lies, which tumor it is, whose territory."""

from __future__ import annotations

from random import Random

from reportnlp.generators._head_ct.draw import Case
from reportnlp.generators._head_ct.tables import HEAD, Told

OLD_AGES = ("chronic", "acute_on_chronic")


def draw_sorts(random: Random, case: Case) -> dict[str, str]:
    """Short name of a finding to its sort, which a rule of that name tells."""
    iph = _sort_of_bleed(random, case)
    mass, infarct = _sort_of_mass(random, case, iph), _sort_of_infarct(random, case, iph)
    fracture = _pick(random, "fx")
    subdural = _pick(random, "sdh")
    if case.age in OLD_AGES or case.there("me"):
        subdural = _pick(random, "sdh_large")
    ruptured = case.scene in ("headache", "bleed", "postop") or (
        case.scene == "follow" and iph != "contusion"
    )
    return {
        "iph": iph,
        "mass": mass,
        "inf": infarct,
        "fx": fracture,
        "sdh": subdural,
        "sah": _pick(random, "sah") if ruptured else "sulci",
    }


def _pick(random: Random, name: str) -> str:
    return random.choice(HEAD.sorts[name])


def _sort_of_bleed(random: Random, case: Case) -> str:
    if case.age == "chronic":
        return "ganglia"
    if case.scene == "trauma" or (case.scene == "follow" and case.there("fx", "sah")):
        return _pick(random, "iph_trauma")
    if case.there("inf") and case.there("iph"):
        return "transformed"
    if case.there("mass") and case.there("iph"):
        return "tumoral"
    if case.scene == "shunt":
        return "tract"
    return _pick(random, "iph_postop" if case.scene == "postop" else "iph")


def _sort_of_mass(random: Random, case: Case, iph: str) -> str:
    large = case.there("me") or case.scene == "postop"
    mass = _pick(random, "mass_bleeding" if iph == "tumoral" else "mass_large" if large else "mass")
    return "lesions" if mass == "mets" and case.scene != "tumor" else mass


def _sort_of_infarct(random: Random, case: Case, iph: str) -> str:
    if case.scene == "arrest":
        return "shed"
    return _pick(random, "inf_large" if iph == "transformed" or case.there("me") else "inf")


def is_low(case: Case, sorts: Told) -> bool:
    """Whether all that takes up room lies in the posterior fossa."""
    there = [short for short in ("iph", "inf", "mass", "sdh", "edh") if case.there(short)]
    return bool(there) and all(sorts.get(short) in HEAD.marks["low"] for short in there)
