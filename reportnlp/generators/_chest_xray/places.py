"""Place, side and degree of what a chest film shows; one place for a shadow and its kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from reportnlp.errors import InputError
from reportnlp.generators._chest_xray.tables import FILM, FINDINGS, OPACITY, SHADOWS
from reportnlp.generators.blocks import PRESENT, weighted
from reportnlp.types import UNSPECIFIED

DEGREES = ("mild", "moderate", "severe")
SIDED = ("upper", "middle", "lower")
VAGUE: Mapping[str, tuple[str, ...]] = {
    "emphysema": SIDED,
    "pulmonary_fibrosis": ("upper", "lower"),
    "atelectasis": ("lower",),
    OPACITY: ("lower",),
}
"""Findings to the zones in which they may be without a side: basilar atelectasis, but no basilar nodule."""
SAME_SIDE = 0.8
"""Chance that an effusion is on the side of the atelectasis."""


def draw_attributes(
    random: Random, wanted: Mapping[str, str], found: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The attributes of each finding that is present.

    Raises:
        InputError: a kind of shadow is asked for where the shadow is not to be.
    """
    attributes: dict[str, dict[str, str]] = {}
    for name in (name for name in FINDINGS if found.get(name) == PRESENT and name not in SHADOWS):
        own = {key: wanted.get(f"{name}.{key}", "") for key in FILM.findings[name].attributes}
        beside = attributes.get("atelectasis", {})
        if name == "pleural_effusion" and beside and not own["laterality"] and random.random() < SAME_SIDE:
            own["laterality"] = beside["laterality"]
        attributes[name] = filled(random, name, own)
    shadows = [name for name in SHADOWS if found.get(name) == PRESENT]
    if shadows:
        attributes |= _of_shadows(random, wanted, shadows)
        _settle_degrees(attributes, wanted)
    return attributes


def _settle_degrees(attributes: Mapping[str, dict[str, str]], wanted: Mapping[str, str]) -> None:
    """Collapse and shadow in one place do not differ in degree, in place."""
    collapse, shadow = attributes.get("atelectasis"), attributes.get(OPACITY)
    if not collapse or not shadow or "atelectasis.severity" in wanted:
        return
    if all(collapse[key] == shadow[key] for key in ("location", "laterality")):
        collapse["severity"] = UNSPECIFIED


def filled(random: Random, name: str, own: Mapping[str, str]) -> dict[str, str]:
    """Attributes of a finding, those drawn that are empty."""
    finding = FILM.findings[name]
    drawn = {key: answer for key, answer in own.items() if answer}
    if "location" in own and "location" not in drawn:
        drawn["location"] = weighted(random, finding.zones or FILM.zones)
    if "laterality" in own and "laterality" not in drawn:
        usual = finding.sides or FILM.sides
        zone = drawn.get("location", "")
        side = weighted(random, FILM.sides_at.get(zone, usual))
        if side == UNSPECIFIED and zone in SIDED and not (name in VAGUE and zone in VAGUE[name]):
            side = random.choice(("left", "right"))
        drawn["laterality"] = side
    if "severity" in own and "severity" not in drawn:
        drawn["severity"] = weighted(random, FILM.severities)
    return drawn


def _of_shadows(
    random: Random, wanted: Mapping[str, str], shadows: Sequence[str]
) -> dict[str, dict[str, str]]:
    keys = FILM.findings[OPACITY].attributes
    asked = {key: [wanted.get(f"{name}.{key}", "") for name in shadows] for key in keys}
    base = filled(random, OPACITY, {key: next(filter(None, given), "") for key, given in asked.items()})
    own = {
        name: {key: wanted.get(f"{name}.{key}") or base[key] for key in FILM.findings[name].attributes}
        for name in shadows
    }
    for key, answer in own[OPACITY].items():
        beyond = {kind[key] for kind in own.values() if key in kind} - {UNSPECIFIED, answer}
        if beyond and not _holds(answer, beyond):
            raise InputError(
                f"A shadow whose kinds are {sorted(beyond)} is not itself {answer} ({OPACITY}.{key})."
            )
    return own


def _holds(whole: str, parts: set[str]) -> bool:
    """Whether an answer about a shadow leaves room for those about its kinds."""
    if whole in DEGREES:
        return all(DEGREES.index(part) < DEGREES.index(whole) for part in parts)
    return whole in ("bilateral", "diffuse") or (whole == "multiple" and "diffuse" not in parts)
