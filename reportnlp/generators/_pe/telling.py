"""How a report comes to say that there are emboli, none, perhaps, or nothing of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from reportnlp.generators._pe.places import draw_places, draw_spot
from reportnlp.generators._pe.tables import (
    ABSENCES,
    CHRONICITY,
    DOUBTS,
    ELSEWHERE,
    FAR,
    IN_LUNGS,
    LATERALITY,
    LOCATION,
    OTHER_EMBOLI,
    OTHER_MEANINGS,
    PLAIN_SCENES,
    RATIOS,
    SHOWS,
    SILENCES,
    SILENT_SCENES,
    STRAIN_ACTS,
    STRAINS,
    TAILS,
)
from reportnlp.generators.blocks import Act, Style, weighted
from reportnlp.types import UNSPECIFIED

Telling = Callable[[Random, Style, Mapping[str, str], str], list[Act]]


def tell_present(random: Random, style: Style, answers: Mapping[str, str], scene: str) -> list[Act]:
    slots = draw_places(random, answers)
    strain = "strain_unsaid" if scene == "clinic" else weighted(random, STRAINS[slots["load"]])
    slots["rv"] = random.choice(RATIOS[strain])
    if strain == "strain_yes" and answers[CHRONICITY] in ("acute", UNSPECIFIED):
        slots |= {"risk": "risk_yes"} | ({"pert": "pert_yes"} if slots["load"] == "high" else {})
    infarct = random.random() < (0.05 if answers[CHRONICITY] == "chronic" else 0.2)
    told = random.random() < 0.45
    if told:
        slots["tail"] = TAILS.get((strain, infarct), "tail_none")
    acts = _clot(random, style, answers, slots, scene)
    if any(act.section == "addendum" for act in acts):
        return acts  # the report proper denies it
    if style.has("findings"):
        told_already = any(act.rule.startswith("find_good") for act in acts)
        acts = acts if told_already else [*_quality(random, style, slots, scene), *acts]
        acts += _beside(random, style, answers, slots)
    acts += _strain(random, strain, style, slots, told)
    return [*acts, *_infarct(random, infarct, style, slots, told)]


def _strain(random: Random, strain: str, style: Style, slots: Mapping[str, str], told: bool) -> list[Act]:
    if strain == "strain_unsaid":
        return []
    seen, concluded = STRAIN_ACTS[strain]
    acts = [Act(seen, topic="heart", slots=slots)] if style.has("findings") else []
    often = 0.95 if strain == "strain_yes" else 0.6
    if style.has("impression") and not told and random.random() < (often if acts else 1):
        acts.append(Act(concluded, "impression", slots=slots))
    return acts


def _infarct(random: Random, infarct: bool, style: Style, slots: Mapping[str, str], told: bool) -> list[Act]:
    if not infarct:
        return [Act("no_infarct", topic="lungs")] if style.has("findings") and random.random() < 0.14 else []
    acts = [Act("infarct", topic="lungs", slots=slots)] if style.has("findings") else []
    if style.has("impression") and not told and random.random() < 0.6:
        acts.append(Act("imp_infarct", "impression", slots=slots))
    return acts


def _beside(random: Random, style: Style, answers: Mapping[str, str], slots: Mapping[str, str]) -> list[Act]:
    """What is said beside the clot: the other side is clear, nothing lies nearer the heart, how much."""
    chances = {"burden_said": 0.12, "trunk_normal": 0.05}
    if answers[LATERALITY] in ("left", "right"):
        chances["other_side_clear"] = 0.3
    if answers[LOCATION] in ("interlobar", "lobar", "segmental", "subsegmental"):
        chances[f"no_more_central_{answers[LOCATION]}"] = 0.22
    if answers[CHRONICITY] == "acute":
        chances["no_chronic"] = 0.06
    if answers[CHRONICITY] == "chronic":
        chances["no_fresh"] = 0.3
    more = 0.6 + 0.9 * style.detail
    return [
        Act(rule, "findings", "vessels", slots)
        for rule, chance in chances.items()
        if random.random() < chance * more
    ]


def _clot(
    random: Random, style: Style, answers: Mapping[str, str], slots: Mapping[str, str], scene: str
) -> list[Act]:
    if answers[CHRONICITY] == UNSPECIFIED and answers[LOCATION] != "saddle" and random.random() < 0.25:
        return _still(random, style, _several(slots))
    said = answers[CHRONICITY]
    where = "findings" if style.has("findings") else "impression"
    acts = _seen(random, said, where, answers, slots)
    if style.shape == "both":
        if said == "acute" and random.random() < 0.5:
            acts = _seen(random, UNSPECIFIED, "findings", answers, slots)  # the impression tells its age
        rule = "imp_chronic_ph" if scene == "clinic" and random.random() < 0.5 else _conclusion(said)
        acts.append(Act(rule, "impression", slots=slots, shows=SHOWS))
    elif style.shape == "conclusion" and said in ("acute", UNSPECIFIED) and random.random() < 0.6:
        rule = "imp_acute_where" if said == "acute" else "imp_plain_where"
        acts = [Act(rule, "impression", slots=slots, shows=SHOWS)]
    if style.has("findings") and random.random() < 0.09 and _may_be_missed(answers):
        return _added(random, style, said, slots)
    return acts


def _may_be_missed(answers: Mapping[str, str]) -> bool:
    """Whether a first reader could have overlooked it."""
    return answers[CHRONICITY] in ("acute", UNSPECIFIED) and answers[LOCATION] in (*FAR, UNSPECIFIED)


def _seen(
    random: Random, chronicity: str, section: str, answers: Mapping[str, str], slots: Mapping[str, str]
) -> list[Act]:
    """The clot as it is described, with the words or signs of its age."""
    number = slots["number"]
    if answers[LOCATION] == "saddle":
        rule = "find_saddle"
    elif chronicity == "chronic":
        rule = f"find_chronic_{number}"
    else:
        good = section == "findings" and random.random() < 0.15
        rule = f"find_{'good_' if good else ''}{number}"
    by_sign = chronicity == "acute" and random.random() < 0.25
    named = chronicity in ("acute", "acute_on_chronic") and not by_sign
    age = {"chronic": "adj_chronic"}.get(chronicity, "adj_acute" if named else "adj_none")
    topic = "vessels" if section == "findings" else ""
    acts = [Act(rule, section, topic, {**slots, "age": age}, SHOWS)]
    if by_sign:
        acts.append(Act(f"sign_acute_{number}", section, topic))
    if chronicity == "acute_on_chronic":
        acts.append(Act("also_chronic", section, topic))
    return acts


def _conclusion(chronicity: str) -> str:
    rules = {"acute": "imp_acute", "chronic": "imp_chronic", "acute_on_chronic": "imp_both_ages"}
    return rules.get(chronicity, "imp_plain")


def _several(slots: Mapping[str, str]) -> dict[str, str]:
    """The same slots, of more than one clot."""
    keys = ("where", "pe_side", "pe_at", "size")
    return {**slots, "number": "many"} | {key: slots[key].replace("_one", "_many") for key in keys}


def _still(random: Random, style: Style, slots: Mapping[str, str]) -> list[Act]:
    """Known emboli, smaller or not changed: they say nothing of their age."""
    course = random.choice(("smaller", "same"))
    acts = [Act(f"still_{course}", "findings", "vessels", slots, SHOWS)] if style.has("findings") else []
    if style.shape == "conclusion":
        acts.append(Act(f"still_{course}", "impression", slots=slots, shows=SHOWS))
    elif style.has("impression"):
        acts.append(Act(f"imp_still_{course}", "impression", slots=slots, shows=SHOWS))
    return acts


def _added(random: Random, style: Style, chronicity: str, slots: Mapping[str, str]) -> list[Act]:
    """Overlooked at first, and added."""
    age = "adj_acute" if chronicity == "acute" else "adj_none"
    acts = [Act("neg", "findings", "vessels", slots)]
    told = {**slots, "age": age, "missed": f"missed_{slots['number']}"}
    if style.has("impression"):
        acts.append(Act("neg_imp", "impression", slots=slots))
    return [*acts, Act("add_yes", "addendum", slots=told, shows=SHOWS)]


def tell_absent(random: Random, style: Style, answers: Mapping[str, str], scene: str) -> list[Act]:
    way = weighted(random, ABSENCES)
    slots = _doubtful_place(random)
    whole = scene == "pe" and random.random() < (0.5 if style.shape == "conclusion" else 0.15)
    if style.shape == "conclusion":
        rule = {"gone": "imp_gone", "limited": "neg_limited"}.get(way) or (
            "neg_whole" if whole else "neg_imp"
        )
        return [Act(rule, "impression", slots=slots, shows=SHOWS), *_no_strain(random, style, slots)]
    if style.shape == "body" and way == "denied" and whole:
        return [Act("neg_whole", "findings", "vessels", slots, SHOWS)]
    good = random.random() < 0.35
    rules = {"limited": "neg_limited", "gone": "gone", "explained": "explained"}
    acts = [Act(rules.get(way, "neg_good" if good else "neg"), "findings", "vessels", slots, SHOWS)]
    if way == "corrected":
        acts = [Act("hedged", "findings", "vessels", slots), Act("add_no", "addendum", shows=SHOWS)]
    elif way == "other":
        return _other_emboli(random, style, acts[0], slots)
    if way in ("denied", "gone"):
        acts = acts if good else [*_quality(random, style, slots, scene), *acts]
        acts += _no_more(random, style, slots)
    if style.has("impression"):
        acts += _denied_again(random, way, slots)
    return [*acts, *_no_strain(random, style, slots)]


def _other_emboli(random: Random, style: Style, denied: Act, slots: Mapping[str, str]) -> list[Act]:
    """No thrombus, but cement, septic or fat emboli, or air."""
    rule = random.choice([rule for rule in OTHER_EMBOLI if rule != "other_tumor"])
    acts = [denied, Act(rule, "findings", "lungs" if rule in IN_LUNGS else "vessels", slots)]
    if style.has("impression"):
        acts.append(Act("neg_imp_plain", "impression", slots=slots, shows=SHOWS))
        acts.append(Act(f"{rule}_imp", "impression", slots=slots))
    return acts


def _quality(random: Random, style: Style, slots: Mapping[str, str], scene: str) -> list[Act]:
    told = random.random() < 0.14 + 0.25 * style.detail
    rule = "quality" if scene in ("pe", "icu", "clinic") else "quality_other"
    return [Act(rule, topic="vessels", slots=slots)] if told else []


def _no_more(random: Random, style: Style, slots: Mapping[str, str]) -> list[Act]:
    chances = {"no_chronic": 0.05 + 0.15 * style.detail, "trunk_normal": 0.04 + 0.12 * style.detail}
    chances["neg_detail"] = 0.3 if style.detail > 0.75 else 0.03
    drawn = [rule for rule, chance in chances.items() if random.random() < chance]
    return [Act(rule, "findings", "vessels", slots) for rule in drawn]


def _no_strain(random: Random, style: Style, slots: Mapping[str, str]) -> list[Act]:
    if random.random() < 0.18 and style.has("findings"):
        return [Act("strain_absent", topic="heart", slots=slots)]
    return []


def _denied_again(random: Random, way: str, slots: Mapping[str, str]) -> list[Act]:
    if way == "corrected":
        return [Act("hedged_imp", "impression", slots=slots)]
    if way == "limited":
        return [Act("neg_limited_imp", "impression", slots=slots, shows=SHOWS)]
    if way == "gone":
        return [Act("imp_gone", "impression", slots=slots, shows=SHOWS)]
    return [Act("neg_imp", "impression", slots=slots, shows=SHOWS)]


def _doubtful_place(random: Random) -> dict[str, str]:
    """A small branch somewhere."""
    location = random.choice(("segmental", "subsegmental", "subsegmental"))
    slots = draw_places(random, {LOCATION: location, LATERALITY: random.choice(("left", "right"))})
    number, where = "one", slots["where"].replace("_many", "_one")
    return {**slots, "number": number, "where": where, "rv": random.choice(RATIOS["strain_no"])}


def tell_uncertain(random: Random, style: Style, answers: Mapping[str, str], scene: str) -> list[Act]:
    way = weighted(random, DOUBTS)
    slots = _doubtful_place(random)
    if style.shape == "conclusion":
        rule = "failed_imp" if way == "failed" else "hedged_imp"
        return [Act(rule, "impression", slots=slots, shows=SHOWS)]
    if way == "contradicted" and style.has("impression"):
        return _contradicted(random, slots)
    acts = [Act("failed" if way == "failed" else "hedged", "findings", "vessels", slots, SHOWS)]
    if way == "spot":
        acts.insert(0, Act("but_spot", "findings", "vessels", slots))
    if way != "failed" and random.random() < 0.25:
        acts.append(Act("rest_clear", "findings", "vessels", slots))
    if style.has("impression"):
        rule = "failed_imp" if way == "failed" else "hedged_imp"
        acts.append(Act(rule, "impression", slots=slots, shows=SHOWS))
    return acts


def _contradicted(random: Random, slots: Mapping[str, str]) -> list[Act]:
    """Findings say one thing and the impression the other."""
    if random.random() < 0.5:
        seen = Act("contradict_yes", "findings", "vessels", {**slots, "age": "adj_none"})
        return [seen, Act("neg_imp", "impression", slots=slots, shows=SHOWS)]
    denied = Act("neg", "findings", "vessels", slots)
    return [denied, Act("imp_plain_where", "impression", slots=slots, shows=SHOWS)]


def tell_nothing(random: Random, style: Style) -> tuple[str, list[Act]]:
    """Other emboli, clot elsewhere, another meaning of PE, or none of it; and why there was a scan."""
    way = weighted(random, SILENCES)
    scene = weighted(random, SILENT_SCENES[way])
    side = random.choice(("right", "left"))
    slots = {"side": side, **draw_spot(random, side, 1)}
    kinds = {"other_emboli": OTHER_EMBOLI, "elsewhere": ELSEWHERE, "other_meaning": tuple(OTHER_MEANINGS)}
    body = random.choice(kinds.get(way, ("",)))
    acts = []
    if body and style.has("findings"):
        topic = "lungs" if body in IN_LUNGS else "vessels" if way == "other_emboli" else "other"
        acts.append(Act(body, "findings", OTHER_MEANINGS.get(body, topic), slots))
    if way in ("other_emboli", "elsewhere") and style.has("impression"):
        acts.append(Act(f"{body}_imp", "impression", slots=slots))
    if not acts and scene in PLAIN_SCENES:
        silent = Act("silent_imp", "impression", slots=slots)
        acts.append(Act("silent_body", "findings", "lungs", slots) if style.has("findings") else silent)
    return scene, acts
