"""What stands around a chest film's findings: why it was taken, how, and what the rest leaves alone."""

from __future__ import annotations

from reportnlp.generators._chest_xray.tables import CLEAR, FILM
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators.blocks import Act

SEXES = ("m", "f", "f", "any")


def tell_front(telling: Telling) -> None:
    """Say why and how the film was taken, and what it is compared with."""
    exam = _exam(telling)
    slots = _front_slots(telling, exam)
    brief = 0.5 if telling.style.shape == "conclusion" else 1.0
    technique = 0.04 + 0.2 * telling.style.detail
    chances = {"title": 0.3, "indication": 0.85, "technique": technique, "comparison": 0.5}
    compared = f"compared_{'prior' if telling.prior else 'none'}"
    for section, chance in chances.items():
        if telling.happens(chance * brief):
            rule = compared if section == "comparison" else section
            telling.acts.append(Act(rule, section, slots=slots))
    if telling.style.has("findings") and telling.happens(0.12):
        telling.acts.append(Act(f"quality_{exam}", topic="film"))


def _exam(telling: Telling) -> str:
    """The kind of examination; anyone who is ill may have had a portable film."""
    words = FILM.patients[telling.patient].words
    portable = words == "plain" and telling.patient != "routine" and telling.happens(0.2)
    return "ward" if portable else words


def _front_slots(telling: Telling, exam: str) -> dict[str, str]:
    words = FILM.patients[telling.patient].words
    sex = "child" if words == "child" else telling.random.choice(SEXES)
    if sex != "f":
        telling.avoid.add("soft.breast")
    return {
        "exam": f"exam_{exam}",
        "person": f"who_{sex}",
        "why": f"why_{telling.patient}",
        "ill": f"ill_{words}",
        "ask": f"ask_{exam}",
        "technique_of": f"technique_{exam}",
    }


def leave_alone(telling: Telling) -> None:
    """Settle what the rest of the report must not say beside this."""
    rules, found, avoid = {act.rule for act in telling.acts}, telling.found, telling.avoid
    avoid.update(FILM.beside.child if telling.patient != "child" else FILM.beside.adult)
    if "normal_chest" in rules:
        avoid.update(FILM.beside.odd)
    if "pulmonary_edema" in found:
        avoid.add("vessels")
    if not FILM.patients[telling.patient].congested or not CLEAR.isdisjoint(telling.absent):
        avoid.add("vessels.congestion")
    if "angles_sharp" in rules or "pleural_effusion" in found or "pleural_thickening" in found:
        avoid.add("diaphragm.blunted")
    full = "lungs_expanded" in rules or "atelectasis" in found or "emphysema" in found
    low = not full and telling.happens(0.6)
    avoid.add("lungs.hyperinflated" if low else "lungs.low")
    avoid.update(topic for topic, chance in FILM.quieter.items() if telling.happens(chance))
