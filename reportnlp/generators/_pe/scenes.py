"""Why there was a scan, who was examined, and what the report tells beside the pulmonary arteries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from reportnlp.generators._pe.places import draw_spot
from reportnlp.generators._pe.tables import (
    AGES,
    BASES_ASKED,
    CANCERS,
    COURSES,
    DENIED_IN_LUNGS,
    EVERYTHING,
    FINDING,
    NO_SWEEPS,
    NOT_OF_SEX,
    NOT_WITH_RIGHT_HEART,
    NOT_YOUNG,
    OTHER_MEANINGS,
    PLAIN_SCENES,
    RIGHT_HEART,
    SCENE_AVOIDS,
    SCENE_KINDS,
    SEXES,
    SHOWS,
    VQ,
)
from reportnlp.generators.blocks import Act, Style, weighted
from reportnlp.types import Presence


def draw_patient(random: Random) -> tuple[dict[str, str], frozenset[str]]:
    """Sex and age as slots, and what such a patient does not have."""
    sex, years = weighted(random, SEXES), weighted(random, AGES)
    young = years == "years_young"
    slots = {"person": f"person_{sex}", "years": years, "past": "past_young" if young else "past"}
    slots["special"] = slots["past"]
    if sex == "f" or (sex == "m" and not young):
        slots["special"] = f"special_{sex}_{'young' if young else 'old'}"
    return slots, NOT_OF_SEX[sex] | (NOT_YOUNG if young else frozenset())


def what_to_avoid(acts: Sequence[Act], presence: str, scene: str) -> set[str]:
    """What the rest of the report must leave alone."""
    avoid = set(SCENE_AVOIDS.get(scene, ()))
    said = {act.rule for act in acts}
    avoid |= {"advice_no", "call_plain"} if presence == Presence.PRESENT else {"advice_yes", "call"}
    if presence in (Presence.PRESENT, Presence.NOT_MENTIONED):
        avoid |= {"advice_no"}
    if presence != Presence.PRESENT:
        avoid |= {"lungs.wedge"}
    if presence == Presence.NOT_MENTIONED:
        avoid |= {"sweep.nil", "sweep.great_vessels"}
    if said & RIGHT_HEART:
        avoid |= NOT_WITH_RIGHT_HEART
    if said & {"infarct", "no_infarct"}:
        avoid |= {*DENIED_IN_LUNGS, "lungs.wedge", "lungs.consolidation", "sweep.nil", "lungs.otherwise"}
    if "trunk_normal" in said:
        avoid |= {"vessels"}
    if "neg_whole" in said or "silent_imp" in said:
        avoid |= set(EVERYTHING) | {"sweep.nil"}
    if "silent_body" in said:
        avoid |= {"lungs", "pleura", "nodes", "sweep.heart_mediastinum", *NO_SWEEPS}
    if said & set(OTHER_MEANINGS):
        avoid |= {"heart", "pleura", "lungs.parapneumonic", "sweep.great_vessels", *NO_SWEEPS}
        avoid |= {"sweep.heart_mediastinum"}
    if any(act.topic == "lungs" for act in acts):
        avoid |= {"lungs.normal", "lungs.bare", "lungs.is.clear", "sweep.nil", "sweep.clear"}
    if said & {"other_septic", "other_fat", "other_septic_imp", "other_fat_imp"}:
        avoid |= {"lungs", "nodes.lymphoma", "nodes.sarcoid"}
    return avoid


def set_scene(
    random: Random, style: Style, scene: str, answers: Mapping[str, str]
) -> tuple[list[Act], dict[str, str]]:
    """What else the scan was made for, in findings and impression, and what it is called."""
    if scene in PLAIN_SCENES:
        return [], {} if scene == "pe" else {"scan": "scan_other", "scan_is": "scan_is_other"}
    slots = {"side": random.choice(("left", "right")), "trunk": random.choice(("34", "36", "37", "39", "41"))}
    if scene == "clinic":
        acts = [Act("right_heart_chronic", "findings", "heart", slots)] if style.has("findings") else []
        return acts, {}
    named = {} if scene == "icu" else {"scan": "scan_other", "scan_is": "scan_is_other"}
    if scene == "staging":
        acts, slots = _staged(random, slots)
    else:
        acts, slots = _found(random, scene, slots, answers)
    acts = [act for act in acts if style.has(act.section)]
    return acts, {**named, **{name: value for name, value in slots.items() if name not in ("side", "trunk")}}


def _staged(random: Random, slots: Mapping[str, str]) -> tuple[list[Act], dict[str, str]]:
    """A cancer under treatment: one course, in the findings and in the impression."""
    course = weighted(random, COURSES)
    site = "liver" if course == "clear" else random.choice(tuple(CANCERS))
    rule = "staging_clear" if course == "clear" else f"staging_{site}_{course}"
    acts = [Act(rule, "findings", CANCERS[site], slots)]
    acts.append(Act("staging_pelvis", "findings", "abdomen"))
    if course == "clear":
        acts.append(Act("staging_chest", "findings", "lungs"))
    acts.append(Act(f"staging_imp_{course}", "impression"))
    return acts, {"cancer": f"!cancer_{site}"}


def _found(
    random: Random, scene: str, slots: Mapping[str, str], answers: Mapping[str, str]
) -> tuple[list[Act], dict[str, str]]:
    """An injury, an aorta, an acute abdomen or a patient in intensive care."""
    kind, topic = random.choice(SCENE_KINDS[scene])
    if kind == "flap" and answers[FINDING] != Presence.NOT_MENTIONED:
        kind = "clear"
    acts = [Act(f"{scene}_says_{kind}", "findings", topic, slots)]
    more = {
        "trauma": ("trauma_aorta", "aorta"),
        "bases": ("bases_lungs", "lungs"),
        "icu": ("icu_lines", "lines"),
    }
    if scene in more and random.random() < 0.7:
        acts.append(Act(more[scene][0], "findings", more[scene][1], slots))
    acts.append(Act(f"{scene}_imp_{kind}", "impression", slots=slots))
    asked = {"icu": f"icu_{kind}_indication", "bases": BASES_ASKED.get(kind, "bases_pain")}
    return acts, {"asked": asked[scene]} if scene in asked else {}


def perfusion_scan(random: Random, presence: str) -> list[Act]:
    """A ventilation perfusion scan; it speaks of nothing but emboli."""
    slots = draw_spot(random, random.choice(("left", "right")), 1)
    fronts = [Act(f"vq_{part}", part) for part in ("title", "indication") if random.random() < 0.75]
    told = [Act("vq_ventilation", topic="vessels")] if random.random() < 0.6 else []
    rule = VQ[presence]
    seen = Act(rule, "findings", "vessels", slots, SHOWS)
    return [*fronts, *told, seen, Act(f"{rule}_imp", "impression", slots=slots, shows=SHOWS)]
