"""CT pulmonary angiogram reports: what is in the pulmonary arteries, and how a report comes to say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from reportnlp.generators.blocks import Act, Content, Style, presence_of, wanted_or, weighted
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED, Presence

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

FINDING = "pulmonary_embolism"
CHRONICITY, LOCATION, LATERALITY = (f"{FINDING}.{key}" for key in ("chronicity", "location", "laterality"))

# How often each answer is drawn; set by eye so that every answer has volume, not after any archive.
PRESENCE = {
    Presence.PRESENT: 0.36,
    Presence.ABSENT: 0.42,
    Presence.UNCERTAIN: 0.13,
    Presence.NOT_MENTIONED: 0.09,
}
CHRONICITIES = {"acute": 0.46, UNSPECIFIED: 0.32, "chronic": 0.13, "acute_on_chronic": 0.09}
LOCATIONS = {
    "saddle": 0.08,
    "main": 0.14,
    "interlobar": 0.11,
    "lobar": 0.2,
    "segmental": 0.26,
    "subsegmental": 0.13,
}
LOCATIONS = {**LOCATIONS, UNSPECIFIED: 0.1}
LATERALITIES = {"bilateral": 0.4, "left": 0.24, "right": 0.3, UNSPECIFIED: 0.06}
ABSENCES = {"denied": 0.7, "limited": 0.1, "gone": 0.07, "explained": 0.06, "corrected": 0.04, "other": 0.03}
DOUBTS = {"hedged": 0.44, "failed": 0.32, "spot": 0.12, "contradicted": 0.12}
RATIOS: dict[str, tuple[str, ...]] = {"strain_yes": ("1.2", "1.2", "1.3", "1.4", "1.5", "1.6", "1.8")}
RATIOS |= {"strain_no": ("0.7", "0.75", "0.8", "0.8", "0.85"), "strain_unsaid": ("0.8",)}
RATIOS |= {"strain_mild": ("1.0", "1.0", "1.1")}
STRAINS: Mapping[str, Mapping[str, float]] = {
    "high": {"strain_yes": 0.55, "strain_mild": 0.12, "strain_no": 0.23, "strain_unsaid": 0.1},
    "moderate": {"strain_yes": 0.2, "strain_mild": 0.15, "strain_no": 0.35, "strain_unsaid": 0.3},
    "low": {"strain_no": 0.5, "strain_unsaid": 0.5},
}
"""What is said of the right heart, by how much clot there is."""
STRAIN_ACTS: Mapping[str, tuple[str, str]] = {
    "strain_yes": ("strain_seen", "imp_strain"),
    "strain_mild": ("strain_mild", "imp_mild"),
    "strain_no": ("strain_absent", "imp_no_strain"),
}
TAILS: Mapping[tuple[str, bool], str] = {
    ("strain_yes", True): "tail_both",
    ("strain_yes", False): "tail_strain",
    ("strain_mild", False): "tail_mild",
    ("strain_no", True): "tail_infarct",
    ("strain_no", False): "tail_no_strain",
    ("strain_unsaid", True): "tail_infarct",
}
"""How the impression ends where it tells of strain, or of an infarct, in the same breath."""
SILENCES = {"nothing": 0.5, "other_emboli": 0.2, "elsewhere": 0.2, "other_meaning": 0.1}

SCENES = {"pe": 0.86, "staging": 0.05, "trauma": 0.025, "aorta": 0.03, "icu": 0.035}
"""Why there was a scan: for emboli, or for something else that the report then tells of."""
SILENT_SCENES: Mapping[str, Mapping[str, float]] = {
    "nothing": {"chest": 0.4, "staging": 0.2, "trauma": 0.1, "aorta": 0.12, "bases": 0.1, "pe": 0.08},
    "other_emboli": {"chest": 0.4, "chest_iv": 0.3, "pe": 0.3},
    "elsewhere": {"chest_iv": 0.7, "pe": 0.3},
    "other_meaning": {"chest": 0.7, "pe": 0.3},
}
PLAIN_SCENES = ("pe", "chest", "chest_iv")
"""Scenes that find nothing of their own."""
NO_SWEEPS = frozenset({"sweep.nil", "sweep.clear", "sweep.lower", "sweep.effusions", "sweep.nodes_pleura"})
SPREAD = frozenset(
    {
        *(f"lungs.{key}" for key in ("mass", "hilar_mass", "mets", "nodule", "stable_nodule", "tiny_nodule")),
        *("lungs.normal", "lungs.is.nodules", "lungs.cavity", "lungs.covid", "lungs.treated", "bones.mets"),
        *("lungs.is.clear", "lungs.otherwise", "bones.is.lesion", "bones.normal", "bones.otherwise"),
        *("nodes", "abdomen", "wall.breast_mass", "sweep.heart_mediastinum", *NO_SWEEPS),
    }
)
"""Where a cancer may have spread to; the scene speaks of it."""
SCENE_AVOIDS: Mapping[str, frozenset[str]] = {
    "staging": SPREAD,
    "trauma": frozenset({"bones", "pleura", "aorta", "nodes.is.mass", "sweep.great_vessels", *NO_SWEEPS}),
    "aorta": frozenset({"aorta", "pleura", "heart", "sweep.great_vessels", *NO_SWEEPS}),
    "bases": frozenset({"heart", "aorta", "lungs", "nodes", "esophagus", "neck", "lines", "abdomen", "bones"})
    | {"wall", "other", "vessels", "sweep.great_vessels", "sweep.heart_mediastinum", *NO_SWEEPS},
    "icu": frozenset({"lungs", "lines", "esophagus", "neck", *NO_SWEEPS}),
    "chest": frozenset(
        {"vessels", "abdomen.lesions", "aorta.is.dissection", "aorta.normal", "heart.is.chambers"}
    ),
}
SCENE_KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "trauma": (
        *(("ribs", "bones"), ("ribs", "bones"), ("hemo", "pleura"), ("ptx", "pleura")),
        *(("sternum", "bones"), ("clavicle", "bones")),
    ),
    "aorta": (("clear", "aorta"), ("wide", "aorta"), ("flap", "aorta")),
    "bases": (("sigmoid", "abdomen"), ("stone", "abdomen"), ("pancreas", "abdomen"), ("post", "abdomen")),
    "icu": (("covid", "lungs"), ("ards", "lungs")),
}
"""What such a scan finds, said alike in findings and impression, and the organ it belongs to."""
BASES_ASKED = {"stone": "bases_flank", "post": "bases_post"}
CANCERS: Mapping[str, str] = {"liver": "abdomen", "nodes": "nodes", "lungs": "lungs", "peritoneum": "abdomen"}
COURSES = {"stable": 0.3, "better": 0.3, "worse": 0.25, "clear": 0.15}
TECHNIQUES = {"staging": "technique_portal"} | {
    name: f"technique_{name}" for name in ("trauma", "aorta", "bases", "chest", "chest_iv")
}

AGES = {"years_young": 0.2, "years_old": 0.8}
NOT_YOUNG = frozenset(
    {"aorta.atheroma", "aorta.ectasia", "aorta.aneurysm", "aorta.unfolded", "heart.coronary"}
) | {
    *("heart.cabg", "heart.valve", "heart.pacing", "lungs.emphysema", "lungs.mass", "lungs.hilar_mass"),
    *("bones.vertebra", "bones.spine", "bones.normal", "bones.is.degenerative", "pleura.plaques"),
    *("lungs.fibrosis", "lungs.mets", "abdomen.mets", "bones.mets", "wall.mastectomy", "lungs.treated"),
    *(
        "heart.la",
        "wall.breast_mass",
        "heart.cardiomegaly",
        "bones.bare",
        "lungs.old_tb",
        "abdomen.cirrhosis",
    ),
}
SEXES = {"f": 0.45, "m": 0.35, "any": 0.2}
NOT_OF_SEX: Mapping[str, frozenset[str]] = {
    "f": frozenset({"wall.gynecomastia"}),
    "m": frozenset({"wall.mastectomy", "wall.implants", "wall.breast_mass"}),
    "any": frozenset(),
}

VQ: Mapping[str, str] = {Presence.ABSENT: "vq_neg", Presence.UNCERTAIN: "vq_doubt"}
EVERYTHING: tuple[str, ...] = ("vessels", "heart", "aorta", "lungs", "pleura", "nodes", "esophagus", "neck")
EVERYTHING = (*EVERYTHING, "lines", "abdomen", "bones", "wall", "other")

SIDED = {"right": ("rul", "rll", "rll", "rll", "rml"), "left": ("lul", "lll", "lll", "lll", "lingula")}
SEGMENTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "rul": (("apical", "A1"), ("posterior", "A2"), ("anterior", "A3")),
    "rml": (("lateral", "A4"), ("medial", "A5")),
    "rll": (
        ("superior", "A6"),
        ("medial basal", "A7"),
        ("anterior basal", "A8"),
        ("lateral basal", "A9"),
        ("posterior basal", "A10"),
    ),
    "lul": (("apicoposterior", "A1+2"), ("anterior", "A3")),
    "lingula": (("superior lingular", "A4"), ("inferior lingular", "A5")),
    "lll": (
        ("superior", "A6"),
        ("anteromedial basal", "A8"),
        ("lateral basal", "A9"),
        ("posterior basal", "A10"),
    ),
}
SHORT = {"posterior basal": "posterobasal", "lateral basal": "laterobasal", "anterior basal": "anterobasal"}
SHORT |= {"medial basal": "mediobasal", "apicoposterior": "apico-posterior"}
BURDENS: Mapping[str, tuple[str, str]] = {
    "saddle": ("high", "high"),
    "main": ("moderate", "high"),
    "interlobar": ("moderate", "moderate"),
    "lobar": ("low", "moderate"),
    "segmental": ("low", "low"),
    "subsegmental": ("low", "low"),
    UNSPECIFIED: ("low", "moderate"),
}
"""How much clot there is, on one side and on both."""
BOTH_LOWER = {
    f"!where_{order}_bilateral": f"!where_{order}_bilateral_lower" for order in ("segmental", "subsegmental")
}
FAR = ("lobar", "segmental", "subsegmental")
"""Orders of vessel that belong to a lobe."""
DENIED_IN_LUNGS = frozenset({"lungs.normal", "lungs.is.clear", "lungs.is.consolidation", "lungs.is.infarct"})

RIGHT_HEART = frozenset(
    {
        "strain_seen",
        "strain_mild",
        "strain_absent",
        "right_heart_chronic",
        "imp_strain",
        "imp_no_strain",
        "imp_mild",
    }
)
NOT_WITH_RIGHT_HEART = frozenset(
    {
        *("heart.normal", "heart.otherwise", "heart.is.rv", "heart.is.size", "heart.is.chambers", "vessels"),
        *("heart.cardiomegaly", "heart.bare", "sweep.nil", "sweep.heart_mediastinum", "sweep.great_vessels"),
    }
)
"""What is said of the right heart, and what else would say it again or contradict it."""

CLOSING = ("advice_yes", "advice_no", "call", "call_plain")
OTHER_EMBOLI = ("other_cement", "other_septic", "other_fat", "other_tumor", "other_air")
OTHER_MEANINGS: Mapping[str, str] = {"other_meaning_heart": "heart", "other_meaning_pleura": "pleura"}
IN_LUNGS = ("other_septic", "other_fat")
ELSEWHERE: tuple[str, ...] = (
    "elsewhere_vein",
    "elsewhere_vein",
    "elsewhere_line",
    "elsewhere_line",
    "elsewhere_portal",
)
ELSEWHERE = (*ELSEWHERE, "elsewhere_heart", "elsewhere_renal")
"""Kinds of emboli that are no thrombus, and places of thrombus that are no pulmonary artery."""

SHOWS = (FINDING,)
Telling = Callable[[Random, Style, Mapping[str, str], str], list[Act]]


def compose(random: Random, wanted: Mapping[str, str], style: Style) -> Content:
    """Draw the answers that are not asked for, and what a report with these answers says."""
    presence = presence_of(wanted, FINDING) or weighted(random, _presences(wanted))
    answers = {FINDING: str(presence), CHRONICITY: NOT_APPLICABLE, LOCATION: NOT_APPLICABLE}
    answers[LATERALITY] = NOT_APPLICABLE
    if presence == Presence.PRESENT:
        answers.update(_attributes(random, wanted))
    patient, unfit = _patient(random)
    if presence in VQ and style.shape == "both" and random.random() < 0.025:
        return Content(answers, _with(_vq(random, presence), patient), frozenset({*EVERYTHING, *CLOSING}))
    if presence == Presence.NOT_MENTIONED:
        scene, acts = _not_mentioned(random, style)
    else:
        scene = weighted(random, SCENES)
        if answers[CHRONICITY] == "chronic" and random.random() < 0.4:
            scene = "clinic"
        tellings: dict[str, Telling] = {Presence.PRESENT: _present, Presence.ABSENT: _absent}
        acts = tellings.get(presence, _uncertain)(random, style, answers, scene)
    found, slots = _scene(random, style, scene, answers)
    acts = _with([*_front(random, style, answers, scene), *acts, *found], {**patient, **slots})
    return Content(answers, acts, frozenset(_avoided(acts, presence, scene) | unfit))


def _presences(wanted: Mapping[str, str]) -> dict[str, float]:
    """How often each presence is drawn; one without attributes where they are not to apply."""
    without = NOT_APPLICABLE in (wanted.get(name) for name in (CHRONICITY, LOCATION, LATERALITY))
    return {str(p): often for p, often in PRESENCE.items() if not (without and p == Presence.PRESENT)}


def _with(acts: Sequence[Act], slots: Mapping[str, str]) -> list[Act]:
    """The acts, which know the patient and the scan, too."""
    return [replace(act, slots={**slots, **act.slots}) for act in acts]


def _patient(random: Random) -> tuple[dict[str, str], frozenset[str]]:
    """Sex and age as slots, and what such a patient does not have."""
    sex, years = weighted(random, SEXES), weighted(random, AGES)
    young = years == "years_young"
    slots = {"person": f"person_{sex}", "years": years, "past": "past_young" if young else "past"}
    slots["special"] = slots["past"]
    if sex == "f" or (sex == "m" and not young):
        slots["special"] = f"special_{sex}_{'young' if young else 'old'}"
    return slots, NOT_OF_SEX[sex] | (NOT_YOUNG if young else frozenset())


def _avoided(acts: Sequence[Act], presence: str, scene: str) -> set[str]:
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


def _scene(
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


def _vq(random: Random, presence: str) -> list[Act]:
    """A ventilation perfusion scan; it speaks of nothing but emboli."""
    slots = _spot(random, random.choice(("left", "right")), 1)
    fronts = [Act(f"vq_{part}", part) for part in ("title", "indication") if random.random() < 0.75]
    told = [Act("vq_ventilation", topic="vessels")] if random.random() < 0.6 else []
    rule = VQ[presence]
    seen = Act(rule, "findings", "vessels", slots, SHOWS)
    return [*fronts, *told, seen, Act(f"{rule}_imp", "impression", slots=slots, shows=SHOWS)]


def _spot(random: Random, side: str, number: int) -> dict[str, str]:
    """A lobe and a segment of it, and what their arteries are called; slots end in the number."""
    lobe = random.choice(SIDED[side])
    first, second = random.sample(SEGMENTS[lobe], 2)
    named = "ling" if lobe == "lingula" else "any"
    first, second = (
        seg if random.random() < 0.8 else (SHORT.get(seg[0], seg[0]), seg[1]) for seg in (first, second)
    )
    parts = {
        "lobe": f"place_{lobe}",
        "art": f"art_{lobe}",
        "seg": first[0],
        "more": second[0],
        "num": f"{side} {first[1]}",
        "segart": f"segart_{named}{number}",
        "sub": f"sub_{named}{number}",
    }
    return {f"{part}{number}": value for part, value in parts.items()}


def _places(random: Random, answers: Mapping[str, str]) -> dict[str, str]:
    """What the words for vessels stand for; what begins with "!" is the same in all of the report."""
    location, laterality = answers[LOCATION], answers[LATERALITY]
    kind = "side" if laterality in ("left", "right") else laterality
    side = laterality if kind == "side" else random.choice(("left", "right"))
    other = "right" if side == "left" else "left"
    number = "many" if laterality == "bilateral" or random.random() < 0.4 else "one"
    number = "one" if location == "saddle" else number
    burden = BURDENS[location][kind == "bilateral"]
    slots = {
        **_named(location, kind, number),
        "number": number,
        "level": "!level_any",
        "mimic_short": "!mimic_short",
        "size": f"size_{burden}_{number}",
        "load": burden,
        "burden": f"!burden_{burden}",
        "amount": f"amount_{burden}",
        "qanadli": f"qan_{burden}",
        "tail": "tail_none",
        "order": "small" if location in ("saddle", UNSPECIFIED) else location,
        "side": side,
        "side2": other,
        "hu": str(random.randrange(22, 46) * 10),
        "trunk": str(random.randrange(22, 28)),
        **_spot(random, side, 1),
        **_spot(random, other, 2),
    }
    if {slots["lobe1"], slots["lobe2"]} == {"place_rll", "place_lll"} and random.random() < 0.8:
        slots["where"] = BOTH_LOWER.get(slots["where"], slots["where"])
    if location not in ("saddle", UNSPECIFIED) and random.random() < 0.4:
        slots["pe_side"] = slots["pe_side"].replace("pe_side_", "pe_side_order_")
    return slots


def _named(location: str, kind: str, number: str) -> dict[str, str]:
    """The rules that say where the clot is, at length and in short, and how many there are."""
    if location == "saddle":
        return {"where": "!where_saddle", "pe_side": "pe_side_saddle", "pe_at": "pe_at_saddle"}
    if kind == "bilateral":
        where = f"!where_{location}_bilateral"
        return {"where": where, "pe_side": "pe_side_bilateral", "pe_at": "pe_at_bilateral"}
    reach = f"_{'far' if location in FAR else 'near'}" if kind == "side" else ""
    return {
        "where": f"!where_{location}_{kind}_{number}",
        "pe_side": f"pe_side_{kind}{reach}_{number}",
        "pe_at": f"pe_at_{kind}_{number}",
    }


def _present(random: Random, style: Style, answers: Mapping[str, str], scene: str) -> list[Act]:
    slots = _places(random, answers)
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


def _absent(random: Random, style: Style, answers: Mapping[str, str], scene: str) -> list[Act]:
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
    slots = _places(random, {LOCATION: location, LATERALITY: random.choice(("left", "right"))})
    number, where = "one", slots["where"].replace("_many", "_one")
    return {**slots, "number": number, "where": where, "rv": random.choice(RATIOS["strain_no"])}


def _uncertain(random: Random, style: Style, answers: Mapping[str, str], scene: str) -> list[Act]:
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


def _not_mentioned(random: Random, style: Style) -> tuple[str, list[Act]]:
    """Other emboli, clot elsewhere, another meaning of PE, or none of it; and why there was a scan."""
    way = weighted(random, SILENCES)
    scene = weighted(random, SILENT_SCENES[way])
    side = random.choice(("right", "left"))
    slots = {"side": side, **_spot(random, side, 1)}
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
