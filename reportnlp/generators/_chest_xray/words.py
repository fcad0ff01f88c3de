"""What the words for a finding stand for: its noun, degree, place, looks and course."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from reportnlp.generators._chest_xray.places import filled
from reportnlp.generators._chest_xray.tables import COUNTED, FILM, OPACITY, SHADOWS, TRANSIENT
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators.blocks import weighted
from reportnlp.types import UNSPECIFIED

PARTS = ("sev", "pre", "at", "front", "back", "adv", "kind")
"""Slots of every finding's own: `mass_sev`."""
SINGLE_SIDES = ("left", "right")
FRONTED = ("lower", "middle", "upper")
"""Zones that stand in front of the noun where there is no side: basilar opacity."""
_LOOKS = ("atelectasis", "consolidation", "opacity", "infiltrate", "emphysema")
PLAIN = {f"kind_{kind}": "" for kind in _LOOKS}
"""An impression leaves out how a shadow looks."""
_FRACTURES = {"left": "side", "right": "side", "bilateral": "both"}


def slots_of(telling: Telling, name: str, *, doubtful: bool = False) -> dict[str, str]:
    """The slots of a finding's rules; of one that is not there, anything."""
    own = dict(telling.attributes.get(name, {})) or _supposed(telling, name)
    many = _is_many(telling, name, own, doubtful=doubtful)
    slots = {**_noun(name, own, many=many, doubtful=doubtful), **telling.sizes}
    british = telling.style.british and telling.happens(0.45)
    slots.update(words(telling.random, name, own, telling.looks, british=british), **_course(telling, name))
    slots["proj"] = "proj_ward" if telling.exam in ("ward", "newborn") else "proj_plain"
    slots.update(_kinds(name, own))
    local = own.get("laterality") in SINGLE_SIDES and own.get("location") != "unspecified"
    if name == "pulmonary_fibrosis" and local:
        slots["pulmonary_fibrosis_kind"] = "kind_local_fibrosis"
    slots["drain"] = slots["side"] = _drained_side(telling)
    if own.get("laterality") in SINGLE_SIDES:
        slots["side"] = own["laterality"]
    if name == "infiltration":
        above = telling.attributes.get(OPACITY, {}) if not doubtful and name in telling.attributes else {}
        slots[f"{OPACITY}_sev"] = f"shade_{above.get('severity', UNSPECIFIED)}"
    if name == OPACITY and own.get("severity", UNSPECIFIED) != UNSPECIFIED:
        _grade(slots, own)
    return slots


def _kinds(name: str, own: Mapping[str, str]) -> dict[str, str]:
    """A shadow whose degree is told, or that is in many places, has no focal looks."""
    graded = own.get("severity", UNSPECIFIED) != UNSPECIFIED
    wide = own.get("location") in ("multiple", "diffuse") or own.get("laterality") == "bilateral"
    if name in SHADOWS and (graded or wide):
        rule = "kind_graded"
        return {"kind_opacity": rule, "kind_consolidation": rule, "kind_infiltrate": rule}
    strong = name == "atelectasis" and own.get("severity") in ("moderate", "severe")
    return {"kind_atelectasis": ""} if strong or (name == "atelectasis" and wide) else {}


def _grade(slots: dict[str, str], own: Mapping[str, str]) -> None:
    """Name an opacity by words that go with a degree, in place; only a mild one can be counted."""
    if own["severity"] == "mild" and not slots["np"].endswith("_many"):
        slots["np"] = f"np_{OPACITY}_mild"
    else:
        slots.update(np=f"np_{OPACITY}_graded", a="", **{"is": "is", "has": "has"})


def _supposed(telling: Telling, name: str) -> dict[str, str]:
    """A place for something that is not there."""
    same = telling.shadow() if name in SHADOWS else {}
    keys = FILM.findings[name].attributes
    own = filled(telling.random, name, {key: same.get(key, "") for key in keys})
    own.pop("severity", None)
    if own.get("location") in ("multiple", "diffuse") and name not in SHADOWS:
        own["location"] = "lower"
    if name == "emphysema":
        return dict.fromkeys(own, UNSPECIFIED)
    if own.get("laterality") and name not in SHADOWS:
        own["laterality"] = telling.random.choice(SINGLE_SIDES)
    return own


def _is_many(telling: Telling, name: str, own: Mapping[str, str], *, doubtful: bool) -> bool:
    if name not in COUNTED:
        return False
    side = own.get("laterality")
    wide = side == "bilateral" or own.get("location") in ("multiple", "diffuse")
    if not wide and (doubtful or not telling.happens(0.12)):
        return False
    single = {
        "hiatal_hernia": True,
        "pneumothorax": side != "bilateral",
        "pleural_effusion": side in SINGLE_SIDES,
    }
    return not single.get(name, False)


def _noun(name: str, own: Mapping[str, str], *, many: bool, doubtful: bool) -> dict[str, str]:
    """The noun with its article and verbs."""
    verbs = {"is": "are" if many else "is", "has": "have" if many else "has"}
    if name == "fracture":
        rule = "maybe" if doubtful else _FRACTURES.get(own["laterality"], "mid")
        return {"np": f"np_fracture_{rule}", "a": "a " if doubtful else "", "fx": own["laterality"], **verbs}
    if name not in COUNTED:
        return {"np": f"np_{name}", "a": "", **verbs}
    return {"np": f"np_{name}_{'many' if many else 'one'}", "a": "" if many else "a ", **verbs}


def words(
    random: Random, name: str, own: Mapping[str, str], looks: str, *, british: bool = False
) -> dict[str, str]:
    """The rules for a finding's degree, place and looks."""
    degree = own.get("severity", UNSPECIFIED)
    scale = FILM.findings[name].degree
    side, zone = own.get("laterality", UNSPECIFIED), own.get("location", "side")
    ending = f"_{looks}" if zone == "multiple" and side != UNSPECIFIED else ""
    english = "uk_" if british and zone in ("lower", "middle", "upper") else ""
    place = f"{english}{zone}_{side}{ending}"
    slots = {
        f"{name}_sev": f"{scale}_{degree}",
        f"{name}_adv": f"adv_{degree}",
        f"{name}_pre": f"pre_{place}",
        f"{name}_at": f"at_{place}",
    }
    behind = zone not in FRONTED if side == UNSPECIFIED else random.random() < 0.5
    slots[f"{name}_front"] = "" if behind else slots[f"{name}_pre"]
    slots[f"{name}_back"] = slots[f"{name}_at"] if behind else ""
    if FILM.findings[name].varied:
        slots[f"{name}_kind"] = f"kind_{name}_{looks}"
    return slots


def _course(telling: Telling, name: str) -> dict[str, str]:
    """How it stands beside an earlier film, if there is one."""
    group = OPACITY if name in SHADOWS else name
    course = telling.courses.get(group)
    if course is None:
        course = telling.courses[group] = _drawn_course(telling, name)
    return {"see": f"see_{course}", "end": f"last_{course}"}


def _drawn_course(telling: Telling, name: str) -> str:
    course = weighted(telling.random, FILM.courses) if telling.prior else "plain"
    return "still" if course != "plain" and name not in TRANSIENT else course


def _drained_side(telling: Telling) -> str:
    """The side on which a drain would be."""
    for name in ("pneumothorax", "pleural_effusion"):
        side = telling.attributes.get(name, {}).get("laterality")
        if side in SINGLE_SIDES:
            return side
    return telling.random.choice(SINGLE_SIDES)


def again(telling: Telling, name: str, slots: Mapping[str, str]) -> Mapping[str, str]:
    """The same in the impression, now and then without its degree or place."""
    less = {**slots, **PLAIN}
    if telling.twice and telling.happens(0.25):
        less[f"{name}_sev"] = less[f"{name}_adv"] = ""
    if telling.twice and telling.happens(0.04) and name in SHADOWS and not slots["np"].endswith("_many"):
        less[f"{name}_front"] = less[f"{name}_back"] = ""
    return less
