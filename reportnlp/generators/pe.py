"""CT pulmonary angiogram reports: what is in the pulmonary arteries, and how a report comes to say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    "interlobar": 0.09,
    "lobar": 0.2,
    "segmental": 0.26,
    "subsegmental": 0.13,
}
LOCATIONS = {**LOCATIONS, UNSPECIFIED: 0.1}
LATERALITIES = {"bilateral": 0.4, "left": 0.24, "right": 0.3, UNSPECIFIED: 0.06}
ABSENCES = {"denied": 0.7, "limited": 0.1, "gone": 0.07, "explained": 0.06, "corrected": 0.04, "other": 0.03}
DOUBTS = {"hedged": 0.44, "failed": 0.32, "spot": 0.12, "contradicted": 0.12}
RATIOS: dict[str, tuple[str, ...]] = {"strain_yes": ("1.1", "1.2", "1.2", "1.3", "1.4", "1.5", "1.6", "1.8")}
RATIOS |= {"strain_no": ("0.7", "0.8", "0.8", "0.85", "0.9", "0.9"), "strain_unsaid": ("0.9",)}
STRAINS = {"strain_yes": 0.3, "strain_no": 0.35, "strain_unsaid": 0.35}
SILENCES = {"nothing": 0.5, "other_emboli": 0.2, "elsewhere": 0.2, "other_meaning": 0.1}

SCENES = {"pe": 0.84, "staging": 0.05, "trauma": 0.025, "aorta": 0.03, "bases": 0.02, "icu": 0.035}
SILENT_SCENES = {"pe": 0.45, "staging": 0.17, "trauma": 0.08, "aorta": 0.12, "bases": 0.06, "icu": 0.12}
"""Why there was a scan: for emboli, or for something else that the report then tells of."""
SCENE_TOPICS: Mapping[str, tuple[str, frozenset[str]]] = {
    "staging": ("abdomen", frozenset({"abdomen", "nodes", "lungs.normal", "lungs.mass", "lungs.is.nodules"})),
    "trauma": ("bones", frozenset({"bones", "pleura", "lungs.normal", "lungs.is.consolidation"})),
    "aorta": ("aorta", frozenset({"aorta", "pleura.normal", "heart.pericardial", "heart.is.pericardium"})),
    "bases": ("abdomen", frozenset({"abdomen", "sweep.nil"})),
    "icu": ("lungs", frozenset({"lungs", "lines", "airways", "sweep.nil"})),
}

SCENE_KINDS: Mapping[str, tuple[str, ...]] = {
    "staging": ("stable", "better", "worse", "clear"),
    "trauma": ("ribs",),
    "aorta": ("flap", "clear", "wide"),
    "bases": ("sigmoid", "stone", "pancreas", "post", "clear"),
    "icu": ("covid", "ards"),
    "clinic": ("heart",),
}
"""What such a scan finds, said alike in findings and impression."""

VQ: Mapping[str, str] = {Presence.ABSENT: "vq_neg", Presence.UNCERTAIN: "vq_doubt"}
EVERYTHING = ("heart", "aorta", "lungs", "pleura", "nodes", "lines", "abdomen", "bones", "other")

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
BURDENS = {
    "saddle": "burden_big",
    "main": "burden_big",
    "subsegmental": "burden_small",
    "segmental": "burden_small",
}
DENIED_IN_LUNGS = frozenset({"lungs.normal", "lungs.is.clear", "lungs.is.consolidation", "lungs.is.infarct"})

OTHER_EMBOLI = ("other_cement", "other_septic", "other_fat", "other_tumor", "other_air")
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
Telling = Callable[[Random, Style, Mapping[str, str]], list[Act]]


def compose(random: Random, wanted: Mapping[str, str], style: Style) -> Content:
    """Draw the answers that are not asked for, and what a report with these answers says."""
    presence = presence_of(wanted, FINDING) or weighted(random, PRESENCE)
    answers = {FINDING: str(presence), CHRONICITY: NOT_APPLICABLE, LOCATION: NOT_APPLICABLE}
    answers[LATERALITY] = NOT_APPLICABLE
    if presence == Presence.PRESENT:
        answers.update(_attributes(random, wanted))
    tellings: dict[str, Telling] = {
        Presence.PRESENT: _present,
        Presence.ABSENT: _absent,
        Presence.UNCERTAIN: _uncertain,
        Presence.NOT_MENTIONED: _not_mentioned,
    }
    silent = presence == Presence.NOT_MENTIONED
    scene = weighted(random, SILENT_SCENES if silent else SCENES)
    if answers[CHRONICITY] == "chronic" and random.random() < 0.4:
        scene = "clinic"
    if presence in VQ and scene == "pe" and style.shape == "both" and random.random() < 0.04:
        return Content(answers, _vq(random, presence), frozenset(EVERYTHING))
    acts = [*_front(random, style, answers, scene), *tellings[presence](random, style, answers)]
    acts += _scene(random, style, scene)
    return Content(answers, acts, frozenset(_avoided(acts, presence, scene)))


def _avoided(acts: Sequence[Act], presence: str, scene: str) -> set[str]:
    """What the rest of the report must leave alone."""
    avoid = {"heart.strain"} | SCENE_TOPICS.get(scene, ("", frozenset()))[1]
    said = {act.rule for act in acts}
    if presence != Presence.PRESENT:
        avoid |= {"lungs.wedge"}
    if presence == Presence.NOT_MENTIONED:
        avoid |= {"sweep.nil", "sweep.great_vessels"}
    if said & {"strain_seen", "strain_absent", "right_heart_chronic", "imp_strain", "imp_no_strain"}:
        avoid |= {
            "heart.normal",
            "heart.otherwise",
            "heart.is.rv",
            "heart.is.size",
            "heart.is.chambers",
            "sweep.nil",
            "heart.trunk",
            "heart.is.trunk",
        }
    if said & {"infarct", "no_infarct", "infarct_old"}:
        avoid |= {*DENIED_IN_LUNGS, "lungs.wedge", "lungs.consolidation", "sweep.nil"}
    if any(act.topic == "lungs" for act in acts):
        avoid |= {"lungs.normal", "lungs.is.clear", "sweep.nil", "sweep.clear"}
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
    silent = answers[FINDING] == Presence.NOT_MENTIONED
    if style.layout == "paragraph" and scene == "pe" and random.random() < 0.05:
        return [Act("letter", "title"), Act("letter_end", "closing")]
    title = "other_exam_title" if silent and scene == "pe" and random.random() < 0.5 else "title"
    acts = [Act(title if scene == "pe" else f"{scene}_title", "title")] if random.random() < 0.6 else []
    brief = 0.4 if style.shape == "conclusion" else 1.0
    chances = {"indication": 0.68, "technique": 0.04 + 0.28 * style.detail**2, "comparison": 0.1}
    chances["comparison"] += 0.2 * style.detail
    rules = {
        "comparison": "compared_pe",
        "indication": "indication" if scene == "pe" else f"{scene}_indication",
    }
    acts += [
        Act(rules.get(name, name), name)
        for name, chance in chances.items()
        if random.random() < chance * brief
    ]
    return acts


def _scene(random: Random, style: Style, scene: str) -> list[Act]:
    """What else the scan was made for, in findings and, now and then, the impression."""
    if scene == "pe":
        return []
    slots = {"side": random.choice(("left", "right")), "trunk": random.choice(("34", "36", "37", "39", "41"))}
    topic = SCENE_TOPICS[scene][0] if scene in SCENE_TOPICS else "heart"
    kind = random.choice(SCENE_KINDS[scene])
    rule = "right_heart_chronic" if scene == "clinic" else f"{scene}_says_{kind}"
    acts = [Act(rule, "findings", topic, slots)] if style.has("findings") else []
    if style.has("impression") and (random.random() < 0.7 or not acts):
        acts.append(Act(f"{scene}_imp_{kind}", "impression", slots=slots))
    return acts


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
    """What the words for vessels stand for, the same in findings and impression."""
    location, laterality = answers[LOCATION], answers[LATERALITY]
    kind = "side" if laterality in ("left", "right") else laterality
    side = laterality if kind == "side" else random.choice(("left", "right"))
    other = "right" if side == "left" else "left"
    slots = {
        "where": "where_saddle" if location == "saddle" else f"where_{location}_{kind}",
        "pe_side": "pe_side_saddle" if location == "saddle" else f"pe_side_{kind}",
        "pe_at": "pe_at_saddle" if location == "saddle" else f"pe_at_{kind}",
        "size": "size_small" if location in ("segmental", "subsegmental") else "size_big",
        "burden": BURDENS.get(location, "burden_any"),
        "qanadli": BURDENS.get(location, "burden_any").replace("burden", "qan"),
        "tail": "tail_none",
        "side": side,
        "side2": other,
        "hu": str(random.randrange(22, 46) * 10),
        "trunk": str(random.randrange(22, 30)),
        **_spot(random, side, 1),
        **_spot(random, other, 2),
    }
    if location not in ("saddle", UNSPECIFIED):
        slots["order"] = location
        if random.random() < 0.3:
            slots["pe_side"] = "pe_side_order" if kind == "unspecified" else f"pe_side_order_{kind}"
    return slots


def _present(random: Random, style: Style, answers: Mapping[str, str]) -> list[Act]:
    slots = _places(random, answers)
    strain = "strain_no" if answers[LOCATION] == "subsegmental" else weighted(random, STRAINS)
    slots["rv"] = random.choice(RATIOS[strain])
    infarct = random.random() < (0.05 if answers[CHRONICITY] == "chronic" else 0.24)
    tails = {("strain_yes", True): "tail_both", ("strain_yes", False): "tail_strain"}
    tails |= {("strain_no", True): "tail_infarct", ("strain_no", False): "tail_no_strain"}
    tails |= {("strain_unsaid", True): "tail_infarct"}
    told = random.random() < 0.45
    if told:
        slots["tail"] = tails.get((strain, infarct), "tail_none")
    acts = _clot(random, style, answers, slots)
    if any(act.section == "addendum" for act in acts):
        return acts  # the report proper denies it
    if style.has("findings"):
        acts = [*_quality(random, style, slots), *acts]
        acts += _beside(random, style, answers, slots)
    acts += _strain(random, strain, style, slots, told) if random.random() < 0.8 else []
    return [*acts, *_infarct(random, infarct, style, slots, told)]


def _strain(random: Random, strain: str, style: Style, slots: Mapping[str, str], told: bool) -> list[Act]:
    if strain == "strain_unsaid":
        return []
    seen, concluded = (
        ("strain_seen", "imp_strain") if strain == "strain_yes" else ("strain_absent", "imp_no_strain")
    )
    acts = [Act(seen, topic="heart", slots=slots)] if style.has("findings") else []
    if style.has("impression") and not told and random.random() < (0.6 if acts else 1):
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


def _clot(random: Random, style: Style, answers: Mapping[str, str], slots: Mapping[str, str]) -> list[Act]:
    if answers[CHRONICITY] == UNSPECIFIED and answers[LOCATION] != "saddle" and random.random() < 0.25:
        return _still(style, slots)
    said = answers[CHRONICITY]
    where = "findings" if style.has("findings") else "impression"
    acts = _seen(random, said, where, answers, slots)
    if style.shape == "both":
        if said == "acute" and random.random() < 0.5:
            acts = _seen(random, UNSPECIFIED, "findings", answers, slots)  # the impression tells its age
        acts.append(Act(_conclusion(said), "impression", slots=slots, shows=SHOWS))
    elif style.shape == "conclusion" and said in ("acute", UNSPECIFIED) and random.random() < 0.6:
        rule = "imp_acute_where" if said == "acute" else "imp_plain_where"
        acts = [Act(rule, "impression", slots=slots, shows=SHOWS)]
    if style.has("findings") and random.random() < 0.06 and said in ("acute", UNSPECIFIED):
        return _added(random, style, said, slots)
    return acts


def _seen(
    random: Random, chronicity: str, section: str, answers: Mapping[str, str], slots: Mapping[str, str]
) -> list[Act]:
    """The clot as it is described, with the words or signs of its age."""
    number = _number(random, answers)
    if answers[LOCATION] == "saddle":
        rule = "find_saddle"
    elif chronicity == "chronic":
        rule = f"find_chronic_{number}"
    else:
        rule = f"find_{number}"
    by_sign = chronicity == "acute" and random.random() < 0.25
    named = chronicity in ("acute", "acute_on_chronic") and not by_sign
    age = {"chronic": "adj_chronic"}.get(chronicity, "adj_acute" if named else "adj_none")
    topic = "vessels" if section == "findings" else ""
    acts = [Act(rule, section, topic, {**slots, "age": age}, SHOWS)]
    if by_sign:
        acts.append(Act("sign_acute", section, topic))
    if chronicity == "acute_on_chronic":
        acts.append(Act("also_chronic", section, topic))
    return acts


def _number(random: Random, answers: Mapping[str, str]) -> str:
    if answers[LATERALITY] == "bilateral":
        return "many"
    return "one" if random.random() < 0.6 else "many"


def _conclusion(chronicity: str) -> str:
    rules = {"acute": "imp_acute", "chronic": "imp_chronic", "acute_on_chronic": "imp_both_ages"}
    return rules.get(chronicity, "imp_plain")


def _still(style: Style, slots: Mapping[str, str]) -> list[Act]:
    """Known emboli, changed or not: they say nothing of their age."""
    acts = [Act("still", "findings", "vessels", slots, SHOWS)] if style.has("findings") else []
    if style.shape == "conclusion":
        acts.append(Act("still", "impression", slots=slots, shows=SHOWS))
    elif style.has("impression"):
        acts.append(Act("imp_still", "impression", slots=slots, shows=SHOWS))
    return acts


def _added(random: Random, style: Style, chronicity: str, slots: Mapping[str, str]) -> list[Act]:
    """Overlooked at first, and added."""
    age = "adj_acute" if chronicity == "acute" else "adj_none"
    acts = [Act("neg", "findings", "vessels", slots)]
    if style.has("impression"):
        acts.append(Act("neg_imp", "impression", slots=slots))
    return [*acts, Act("add_yes", "addendum", slots={**slots, "age": age}, shows=SHOWS)]


def _absent(random: Random, style: Style, answers: Mapping[str, str]) -> list[Act]:
    way = weighted(random, ABSENCES)
    slots = _doubtful_place(random)
    if style.shape == "conclusion":
        rule = {"gone": "imp_gone", "limited": "neg_limited"}.get(way) or random.choice(
            ("neg_imp", "neg_whole")
        )
        return [Act(rule, "impression", slots=slots, shows=SHOWS), *_no_strain(random, style, slots)]
    rules = {"limited": "neg_limited", "gone": "gone", "explained": "explained"}
    acts = [Act(rules.get(way, "neg"), "findings", "vessels", slots, SHOWS)]
    if way == "corrected":
        acts = [Act("hedged", "findings", "vessels", slots), Act("add_no", "addendum", shows=SHOWS)]
    elif way == "other":
        acts.append(Act(random.choice(OTHER_EMBOLI), "findings", "lungs", slots))
    elif style.shape == "body" and way == "denied" and random.random() < 0.15:
        acts = [Act("neg_whole", "findings", "vessels", slots, SHOWS)]
    if way in ("denied", "gone"):
        acts = [*_quality(random, style, slots), *acts]
        acts += _no_more(random, style, slots)
    if style.has("impression"):
        acts += _denied_again(random, way, slots)
    return [*acts, *_no_strain(random, style, slots)]


def _quality(random: Random, style: Style, slots: Mapping[str, str]) -> list[Act]:
    told = random.random() < 0.08 + 0.2 * style.detail
    return [Act("quality", topic="vessels", slots=slots)] if told else []


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
    if way == "gone":
        return [Act("imp_gone", "impression", slots=slots, shows=SHOWS)]
    return [Act("neg_imp", "impression", slots=slots, shows=SHOWS)]


def _doubtful_place(random: Random) -> dict[str, str]:
    """A small branch somewhere."""
    location = random.choice(("segmental", "subsegmental", "subsegmental"))
    slots = _places(random, {LOCATION: location, LATERALITY: random.choice(("left", "right"))})
    return {**slots, "rv": random.choice(RATIOS["strain_no"])}


def _uncertain(random: Random, style: Style, answers: Mapping[str, str]) -> list[Act]:
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


def _not_mentioned(random: Random, style: Style, answers: Mapping[str, str]) -> list[Act]:
    """Other emboli, clot elsewhere, another meaning of PE, or nothing of the kind."""
    way = weighted(random, SILENCES)
    side = random.choice(("right", "left"))
    slots = {"side": side, **_spot(random, side, 1)}
    kinds = {"other_emboli": OTHER_EMBOLI, "elsewhere": ELSEWHERE, "other_meaning": ("other_meaning",)}
    body = random.choice(kinds.get(way, ("",)))
    acts = []
    if body and style.has("findings"):
        acts.append(Act(body, "findings", "lungs" if way == "other_emboli" else "other", slots))
    if way in ("other_emboli", "elsewhere") and style.has("impression"):
        acts.append(Act(f"{body}_imp", "impression", slots=slots))
    if not style.has("findings") and not acts:
        acts.append(Act("silent_imp", "impression", slots=slots))
    return acts or [Act("lungs.is.airways", "findings", "lungs")]
