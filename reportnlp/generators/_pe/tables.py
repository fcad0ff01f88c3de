"""What CT pulmonary angiogram reports are drawn from: chances, vessels, scenes, and what must not meet."""

from __future__ import annotations

from collections.abc import Mapping

from reportnlp.types import UNSPECIFIED, Presence

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
