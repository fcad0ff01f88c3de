"""What stands around a chest film's findings: why it was taken, how, and what the rest leaves alone."""

from __future__ import annotations

from reportnlp.generators._chest_xray.tables import CLEAR, DEVICES, FILM
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators.blocks import PRESENT, Act

SEXES = ("m", "f", "f", "any")
OWN_ILLS = (*FILM.patients, "screen")
ASKS = ("tubes", "screen", "infection", "failure", "bones", "lung_air", "tumor", "injury")
ELDERLY = ("chronic", "failure", "tumor")
WORN = frozenset({"emphysema", "pulmonary_fibrosis", "hiatal_hernia", "pleural_thickening", "cardiomegaly"})
URGENT = ("mass", "enlarged_cardiomediastinum", "pneumonia")


def tell_front(telling: Telling) -> None:
    """Say why and how the film was taken, and what it is compared with."""
    slots = _front_slots(telling)
    brief = 0.5 if telling.style.shape == "conclusion" else 1.0
    technique = 0.04 + 0.2 * telling.style.detail
    chances = {"title": 0.3, "indication": 0.85, "technique": technique, "comparison": 0.5}
    compared = f"compared_{'prior' if telling.prior else 'none'}"
    for section, chance in chances.items():
        bare = section == "comparison" and not telling.prior and telling.style.layout == "paragraph"
        if telling.happens(chance * brief) and not bare:
            rule = compared if section == "comparison" else section
            telling.acts.append(Act(rule, section, slots=slots))
    if telling.style.has("findings") and telling.happens(0.12):
        telling.acts.append(Act(f"quality_{telling.exam}", topic="film"))
        telling.avoid.update(("lungs.low", "lungs.hyperinflated"))


def tell_urgently(telling: Telling) -> None:
    """A new or large pneumothorax is called, and has a drain or advice; a mass may be."""
    if telling.found.get("pneumothorax") == PRESENT:
        fresh = telling.courses.get("pneumothorax", "plain") in ("plain", "new", "worse")
        drained = any(act.rule == "drain" for act in telling.acts)
        if not drained and telling.happens(0.85 if fresh else 0.2):
            telling.acts.append(Act("call_urgent", "closing"))
        if not drained and fresh and telling.style.has("impression") and telling.happens(0.4):
            telling.acts.append(Act("drain_advice", "impression"))
    elif any(telling.found.get(name) == PRESENT for name in URGENT) and telling.happens(0.12):
        telling.acts.append(Act("call_urgent", "closing"))


def _front_slots(telling: Telling) -> dict[str, str]:
    words, exam = FILM.patients[telling.patient].words, telling.exam
    sex = words if telling.young else telling.random.choice(SEXES)
    if sex != "f":
        telling.avoid.add("soft.breast")
    why = _why(telling)
    age = "age" if telling.young else _age(telling)
    ask = {"ward": "ward", "child": "child", "newborn": "newborn"}.get(words, "plain")
    ask = why if why in ASKS else ask
    return {
        "exam": f"exam_{exam}",
        "person": f"who_{sex}",
        "why": f"why_{why}",
        "ill": f"ill_{'screen' if why == 'screen' else words}"
        if why in OWN_ILLS or why == "tubes"
        else f"why_{why}",
        "age": age,
        "ask": f"ask_{ask}",
        "technique_of": f"technique_{exam}",
    }


def _age(telling: Telling) -> str:
    """The rule of the age; what wears out is worn out in the old."""
    if telling.patient in ELDERLY or not WORN.isdisjoint(telling.found):
        return "age_old"
    if not telling.found and telling.happens(0.3):
        telling.avoid.update(("aorta", "spine", "airway.deviated", "vessels.hila", "lungs.hyperinflated"))
        return "age_young"
    return "age"


def _why(telling: Telling) -> str:
    """The rule of the reason for the film, which what it shows should follow from."""
    patient, found = telling.patient, telling.found
    if patient not in ("injury", "ward", "newborn") and (
        "pneumothorax" in found or "maybe_pneumothorax" in {act.rule for act in telling.acts}
    ):
        return "lung_air"
    rules = {act.rule for act in telling.acts}
    if patient != "injury" and ("fracture" in found or "maybe_fracture" in rules):
        return "bones"
    if patient == "ward":
        return "tubes" if found.get(DEVICES) == PRESENT and telling.happens(0.4) else patient
    if patient in ("routine", "chronic") and "pneumonia" in found:
        return "infection"
    if patient == "routine" and telling.happens(0.25):
        return "screen"
    return "failure" if patient in ("routine", "chronic") and "pulmonary_edema" in found else patient


def leave_alone(telling: Telling) -> None:
    """Settle what the rest of the report must not say beside this."""
    rules, found, avoid = {act.rule for act in telling.acts}, telling.found, telling.avoid
    avoid.update(FILM.beside.child if not telling.young else FILM.beside.adult)
    if "normal_chest" in rules:
        avoid.update(FILM.beside.odd)
    if "pulmonary_edema" in found:
        avoid.add("vessels")
    if not FILM.patients[telling.patient].congested or not CLEAR.isdisjoint(telling.absent):
        avoid.add("vessels.congestion")
    if "angles_sharp" in rules or "pleural_effusion" in found or "pleural_thickening" in found:
        avoid.add("diaphragm.blunted")
    if telling.patient not in ("injury", "ward"):
        avoid.add("soft.air")
    full = "lungs_expanded" in rules or "atelectasis" in found or "emphysema" in found
    low = not full and telling.happens(0.6)
    avoid.add("lungs.hyperinflated" if low else "lungs.low")
    if not low:
        avoid.update(("diaphragm.raised", "diaphragm.normal"))
    if "lungs_expanded" in rules:
        avoid.add("lungs.hyperinflated")
    avoid.update(topic for topic, chance in FILM.quieter.items() if telling.happens(chance))
