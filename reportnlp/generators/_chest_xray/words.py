"""What the words for a finding stand for: its noun, degree, place, looks and course."""

from __future__ import annotations

from collections.abc import Mapping

from reportnlp.generators._chest_xray.places import filled
from reportnlp.generators._chest_xray.tables import COUNTED, FILM, OPACITY, SHADOWS, TRANSIENT
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators.blocks import weighted
from reportnlp.types import UNSPECIFIED

PARTS = ("sev", "pre", "at", "adv", "kind")
"""Slots of every finding's own: `mass_sev`."""
SINGLE_SIDES = ("left", "right")
_FRACTURES = {"left": "side", "right": "side", "bilateral": "both"}


def slots_of(telling: Telling, name: str, *, doubtful: bool = False) -> dict[str, str]:
    """The slots of a finding's rules; of one that is not there, anything."""
    own = dict(telling.attributes.get(name, {})) or _supposed(telling, name)
    many = _is_many(telling, name, own, doubtful=doubtful)
    slots = {**_noun(name, own, many=many, doubtful=doubtful), **telling.sizes}
    british = telling.style.british and telling.happens(0.45)
    slots.update(words(name, own, telling.looks, british=british), **_course(telling, name))
    slots["drain"] = slots["side"] = _drained_side(telling)
    if own.get("laterality") in SINGLE_SIDES:
        slots["side"] = own["laterality"]
    if name == "infiltration":
        above = telling.attributes.get(OPACITY, {}) if not doubtful and name in telling.attributes else {}
        slots[f"{OPACITY}_sev"] = f"deg_{above.get('severity', UNSPECIFIED)}"
    return slots


def _supposed(telling: Telling, name: str) -> dict[str, str]:
    """A place for something that is not there."""
    same = telling.shadow if name in SHADOWS else {}
    keys = FILM.findings[name].attributes
    own = filled(telling.random, name, {key: same.get(key, "") for key in keys})
    own.pop("severity", None)
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


def words(name: str, own: Mapping[str, str], looks: str, *, british: bool = False) -> dict[str, str]:
    """The rules for a finding's degree, place and looks."""
    degree = own.get("severity", UNSPECIFIED)
    sized = FILM.findings[name].sized
    side, zone = own.get("laterality", UNSPECIFIED), own.get("location", "side")
    ending = f"_{looks}" if zone == "multiple" and side != UNSPECIFIED else ""
    english = "uk_" if british and zone in ("lower", "middle", "upper") else ""
    place = f"{english}{zone}_{side}{ending}"
    slots = {
        f"{name}_sev": f"{'size' if sized else 'deg'}_{degree}",
        f"{name}_adv": f"adv_{degree}",
        f"{name}_pre": f"pre_{place}",
        f"{name}_at": f"at_{place}",
    }
    if FILM.findings[name].varied:
        slots[f"{name}_kind"] = f"kind_{name}_{looks}"
    return slots


def _course(telling: Telling, name: str) -> dict[str, str]:
    """How it stands beside an earlier film, if there is one."""
    course = weighted(telling.random, FILM.courses) if telling.prior else "plain"
    if course != "plain" and name not in TRANSIENT:
        course = "still"
    return {"see": f"see_{course}", "end": f"last_{course}"}


def _drained_side(telling: Telling) -> str:
    """The side on which a drain would be."""
    for name in ("pneumothorax", "pleural_effusion"):
        side = telling.attributes.get(name, {}).get("laterality")
        if side in SINGLE_SIDES:
            return side
    return telling.random.choice(SINGLE_SIDES)


def again(telling: Telling, name: str, slots: Mapping[str, str]) -> Mapping[str, str]:
    """The same in the impression, now and then without its degree or place."""
    less = dict(slots)
    if telling.twice and telling.happens(0.25):
        less[f"{name}_sev"] = less[f"{name}_adv"] = ""
    if telling.twice and telling.happens(0.1) and not slots["np"].endswith("_many"):
        less[f"{name}_pre"] = less[f"{name}_at"] = ""
    return less
