"""CT pulmonary angiogram reports: what is in the pulmonary arteries, and how a report comes to say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from reportnlp.generators._pe.scenes import draw_patient, perfusion_scan, set_scene, what_to_avoid
from reportnlp.generators._pe.tables import (
    CHRONICITIES,
    CHRONICITY,
    CLOSING,
    EVERYTHING,
    FINDING,
    LATERALITIES,
    LATERALITY,
    LOCATION,
    LOCATIONS,
    PRESENCE,
    SCENES,
    TECHNIQUES,
    VQ,
)
from reportnlp.generators._pe.telling import Telling, tell_absent, tell_nothing, tell_present, tell_uncertain
from reportnlp.generators.blocks import Act, Content, Style, presence_of, wanted_or, weighted
from reportnlp.types import NOT_APPLICABLE, Presence

TITLE = "CT pulmonary angiograms: pulmonary embolism with chronicity, location and laterality"
SLOTS = frozenset(
    {
        "age",
        "where",
        "side",
        "side2",
        "order",
        "pe_side",
        "pe_at",
        "size",
        "tail",
        "burden",
        "amount",
        "qanadli",
        "rv",
        "hu",
        "trunk",
    }
    | {f"{part}{n}" for part in ("lobe", "art", "seg", "more", "num", "segart", "sub") for n in (1, 2)}
)


def compose(random: Random, wanted: Mapping[str, str], style: Style) -> Content:
    """Draw the answers that are not asked for, and what a report with these answers says."""
    presence = presence_of(wanted, FINDING) or weighted(random, _presences(wanted))
    answers = {FINDING: str(presence), CHRONICITY: NOT_APPLICABLE, LOCATION: NOT_APPLICABLE}
    answers[LATERALITY] = NOT_APPLICABLE
    if presence == Presence.PRESENT:
        answers.update(_attributes(random, wanted))
    patient, unfit = draw_patient(random)
    if presence in VQ and style.shape == "both" and random.random() < 0.025:
        return Content(
            answers, _with(perfusion_scan(random, presence), patient), frozenset({*EVERYTHING, *CLOSING})
        )
    if presence == Presence.NOT_MENTIONED:
        scene, acts = tell_nothing(random, style)
    else:
        scene = weighted(random, SCENES)
        if answers[CHRONICITY] == "chronic" and random.random() < 0.4:
            scene = "clinic"
        tellings: dict[str, Telling] = {Presence.PRESENT: tell_present, Presence.ABSENT: tell_absent}
        acts = tellings.get(presence, tell_uncertain)(random, style, answers, scene)
    found, slots = set_scene(random, style, scene, answers)
    acts = _with([*_front(random, style, answers, scene), *acts, *found], {**patient, **slots})
    return Content(answers, acts, frozenset(what_to_avoid(acts, presence, scene) | unfit))


def _presences(wanted: Mapping[str, str]) -> dict[str, float]:
    """How often each presence is drawn; one without attributes where they are not to apply."""
    without = NOT_APPLICABLE in (wanted.get(name) for name in (CHRONICITY, LOCATION, LATERALITY))
    return {str(p): often for p, often in PRESENCE.items() if not (without and p == Presence.PRESENT)}


def _with(acts: Sequence[Act], slots: Mapping[str, str]) -> list[Act]:
    """The acts, which know the patient and the scan, too."""
    return [replace(act, slots={**slots, **act.slots}) for act in acts]


def _attributes(random: Random, wanted: Mapping[str, str]) -> dict[str, str]:
    location = wanted_or(random, wanted, LOCATION, LOCATIONS)
    sides = {"bilateral": 1.0} if location == "saddle" else LATERALITIES
    return {
        CHRONICITY: wanted_or(random, wanted, CHRONICITY, CHRONICITIES),
        LOCATION: location,
        LATERALITY: wanted_or(random, wanted, LATERALITY, sides),
    }


def _front(random: Random, style: Style, answers: Mapping[str, str], scene: str) -> list[Act]:
    """Title, indication, technique and comparison, each there or not."""
    if style.layout == "paragraph" and scene == "pe" and random.random() < 0.05:
        return [Act("letter", "title"), Act("letter_end", "closing")]
    acts = [Act("title" if scene == "pe" else f"{scene}_title", "title")] if random.random() < 0.6 else []
    brief = 0.4 if style.shape == "conclusion" else 1.0
    chances = {"indication": 0.68, "technique": 0.04 + 0.28 * style.detail**2, "comparison": 0.08}
    chances["comparison"] += 0.18 * style.detail
    rules = {
        "comparison": "compared_pe",
        "indication": "indication" if scene == "pe" else f"{scene}_indication",
        "technique": TECHNIQUES.get(scene, "technique"),
    }
    acts += [Act(rules[name], name) for name, chance in chances.items() if random.random() < chance * brief]
    return acts
