"""What chest film reports are drawn from (`_chest_xray/tables.toml`), typed, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from reportnlp.generators._tables import Strict, read, refuse_unknown

FILE = "_chest_xray/tables.toml"
OPACITY, NONE, DEVICES = "lung_opacity", "no_finding", "support_devices"
KINDS = ("consolidation", "infiltration", "pneumonia")
"""Of shadow: `OPACITY` is their parent."""
SHADOWS = (OPACITY, *KINDS)
EXEMPT = (DEVICES, "calcified_granuloma")
"""Findings beside which there is still "no finding"."""

Chances = tuple[float, float]
"""Of being present, and of being in doubt."""


class Finding(Strict):
    """One finding, as films show it.

    Attributes:
        attributes: its questions beside that of presence.
        topic: the organ under whose sub-head it stands.
        chances: in any patient.
        covers: what is denied along with it: where there is no infiltrate, there is no pneumonia.
        taken_up: chance that an impression takes it up.
        counted: a noun with an article and a plural; the others have neither.
        degree: the rules that name its degree (`size`: small, not mild).
        varied: findings and impression share words for its looks: rules `kind_mass_a` to `kind_mass_c`.
        transient: it comes, goes and may have cleared; the rest is there or unchanged.
        zones, sides: chances of its place, where they are not the usual ones.
    """

    attributes: tuple[str, ...] = ()
    topic: str = "lungs"
    chances: Chances
    covers: tuple[str, ...] = ()
    taken_up: float = 0.88
    counted: bool = False
    degree: str = "deg"
    varied: bool = False
    transient: bool = False
    zones: dict[str, float] = Field(default_factory=dict)
    sides: dict[str, float] = Field(default_factory=dict)


class Patient(Strict):
    """A kind of patient.

    Attributes:
        often: how often, beside the others.
        words: which rules name the examination and the illness.
        congested: the vessels may be.
        chances: of the findings that are not as likely as in anybody.
    """

    often: float
    words: Literal["plain", "ward", "child", "newborn"] = "plain"
    congested: bool = False
    chances: dict[str, Chances] = Field(default_factory=dict)


class Denial(Strict):
    """What a rule denies, and when.

    Attributes:
        denies: the findings.
        topic: where in the findings it stands.
        spoiled: beside which findings nobody would say it.
        beside: the findings without one of which nobody would say it; none when empty.
        says: what it names, which no section names twice; what it denies when empty.
    """

    denies: tuple[str, ...]
    topic: str = "lungs"
    spoiled: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


class Beside(Strict):
    """Topics and things of the rest of a film that only some chests have; a normal one has none of `odd`."""

    adult: tuple[str, ...]
    child: tuple[str, ...]
    odd: tuple[str, ...]


class Film(Strict):
    """`_chest_xray/tables.toml`."""

    slots: tuple[str, ...]
    severities: dict[str, float]
    zones: dict[str, float]
    sides: dict[str, float]
    sides_at: dict[str, dict[str, float]]
    courses: dict[str, float]
    findings: dict[str, Finding]
    patients: dict[str, Patient]
    groups: dict[str, tuple[str, ...]]
    denials: dict[str, Denial]
    said: dict[str, float]
    ends: dict[str, float]
    ended: dict[str, float]
    pairs: dict[str, float]
    quieter: dict[str, float]
    beside: Beside

    def members(self, names: Iterable[str]) -> frozenset[str]:
        """The findings that names of findings and groups stand for.

        Raises:
            UnknownNameError: a name of neither.
        """
        members: set[str] = set()
        for name in names:
            members |= set(self.groups.get(name, (name,)))
        refuse_unknown(f"finding or group of {FILE}", members, self.findings)
        return frozenset(members)


FILM = read(Film, FILE)
FINDINGS = tuple(FILM.findings)
"""In the order of the telling."""
COUNTED = frozenset(name for name, finding in FILM.findings.items() if finding.counted)
TRANSIENT = frozenset(name for name, finding in FILM.findings.items() if finding.transient)
CLEAR = FILM.members(("clear",))
PLEURA = FILM.members(("pleura",))
LUNG_DISEASE = FILM.members(("lung_disease",))
LESIONS = FILM.members(("lesions",))
RANK: Mapping[str, int] = {name: rank for rank, name in enumerate(FILM.groups["ranked"])}
"""What an impression takes up first."""
BITS: Mapping[str, int] = {name: 1 << place for place, name in enumerate((*FILM.findings, "clear", "acute"))}
"""Of sets of findings, and of two wide statements: sets that are compared often are numbers."""
TWICE = FILM.groups["twice"]
"""Findings that an impression may contradict, or an addendum correct, with no other answer changing."""

PROFILES: Mapping[str, Mapping[str, Chances]] = {
    name: {**{each: finding.chances for each, finding in FILM.findings.items()}, **patient.chances}
    for name, patient in FILM.patients.items()
}
"""Kind of patient to the chances of every finding."""
PAIRS = {
    (first, second): chance for (first, second), chance in ((p.split(), c) for p, c in FILM.pairs.items())
}


def bits(names: Iterable[str]) -> int:
    """A set of findings as a number."""
    held = 0
    for name in names:
        held |= BITS[name]
    return held


refuse_unknown(f"finding of {FILE}", [n for p in FILM.patients.values() for n in p.chances], FINDINGS)
refuse_unknown(f"finding of {FILE}", [name for pair in PAIRS for name in pair], FINDINGS)
