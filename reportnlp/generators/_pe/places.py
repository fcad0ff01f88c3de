"""Which arteries hold clot, and what they are called throughout a report."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from reportnlp.generators._pe.tables import (
    BOTH_LOWER,
    BURDENS,
    FAR,
    LATERALITY,
    LOCATION,
    SEGMENTS,
    SHORT,
    SIDED,
)
from reportnlp.types import UNSPECIFIED


def draw_spot(random: Random, side: str, number: int) -> dict[str, str]:
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


def draw_places(random: Random, answers: Mapping[str, str]) -> dict[str, str]:
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
        **draw_spot(random, side, 1),
        **draw_spot(random, other, 2),
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
