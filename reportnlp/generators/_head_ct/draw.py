"""What a head CT shows: why the head was scanned, every finding's answer, and the age of the blood."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from random import Random

from reportnlp.errors import InputError
from reportnlp.generators._head_ct.tables import (
    AGE,
    AGES,
    ANSWERS,
    BLEED,
    HEAD,
    KINDS,
    NAMES,
    Four,
    Scene,
    Told,
)
from reportnlp.generators.blocks import (
    ABSENT,
    PRESENT,
    SILENT,
    UNCERTAIN,
    happens,
    presence_of,
    weighted,
)
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED

FLOOR = 0.002
"""Chance of an answer that a scene all but rules out, for those who ask for it."""
OFTEN = {name: scene.often for name, scene in HEAD.scenes.items()}
SINGLE = ("inf", "mass", "hc", "fx")
"""Findings whose answers hang on no other's."""
PUSHING = ("iph", "sdh", "edh", "inf", "mass")
"""What can shift the midline."""
OLD_KINDS = {**dict.fromkeys(KINDS, 0.0), "sdh": 0.9, "edh": 0.02, "iph": 0.08}
"""Chances of the kinds where the blood is old."""
FEW_DENIED = (("sdh", "edh"), ("sdh", "edh"), ("sdh",))
"""Kinds that are denied where nothing is said of bleeds at large."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a report is about: a key of `HEAD.scenes`, every finding's presence, the age of the blood."""

    scene: str
    told: Told
    age: str

    def answers(self) -> dict[str, str]:
        """Every question's answer."""
        answers = {name: self.told[short] for short, name in NAMES.items()}
        answers[AGE] = self.age if self.told["ich"] == PRESENT else NOT_APPLICABLE
        return answers

    def there(self, *shorts: str) -> bool:
        """Whether one of some findings is present."""
        return PRESENT in map(self.told.__getitem__, shorts)


def draw_case(random: Random, wanted: Mapping[str, str]) -> Case:
    """Draw all that is not asked for.

    Raises:
        InputError: answers about bleeds that no report can have together.
    """
    asked = _asked(wanted)
    name = _draw_scene(random, asked)
    if name == "useless":
        return Case(name, dict.fromkeys(NAMES, UNCERTAIN), UNSPECIFIED)
    scene, age = HEAD.scenes[name], wanted.get(AGE, "")
    told = _bleeds(random, asked, scene, age)
    if age in ("", NOT_APPLICABLE):
        age = _draw_age(random, scene, told)
    told.update({short: _draw(random, asked, short, scene.of(short)) for short in SINGLE})
    if told["ich"] == ABSENT and scene.clear and happens(random, 0.2):
        told.update({short: asked.get(short, ABSENT) for short in ("inf", "hc")})
        asked = {"me": ABSENT, **asked}
    told["me"] = _draw(random, asked, "me", _mass_effect(name, told, age))
    return Case(name, told, age)


def _asked(wanted: Mapping[str, str]) -> dict[str, str]:
    """The presences that are asked for, by short name; none that cannot be."""
    asked = {short: said for short, name in NAMES.items() if (said := presence_of(wanted, name))}
    kinds = [asked[kind] for kind in KINDS if kind in asked]
    parent = asked.get("ich")
    if parent is None and wanted.get(AGE) == NOT_APPLICABLE and PRESENT in kinds:
        parent = ABSENT
    if parent in (ABSENT, SILENT) and {PRESENT, UNCERTAIN} & set(kinds):
        raise InputError(f"{BLEED} cannot be {parent} where a kind of it is there, or may be.")
    if parent == ABSENT and SILENT in kinds:
        raise InputError(f"Where {BLEED} is absent, every kind of it is absent, too.")
    if parent not in (None, ABSENT) and kinds.count(ABSENT) == len(KINDS):
        raise InputError(f"Where every kind is absent, {BLEED} is absent, too.")
    return asked


def _draw_scene(random: Random, asked: Told) -> str:
    """A scene, the likelier the better it goes with what is asked for."""
    if not asked:
        return weighted(random, OFTEN)
    weights = {name: scene.often * _likelihood(scene, asked) for name, scene in HEAD.scenes.items()}
    if set(asked.values()) != {UNCERTAIN}:
        del weights["useless"]
    return weighted(random, weights)


def _likelihood(scene: Scene, asked: Told) -> float:
    """How well a scene goes with what is asked for."""
    likely = 1.0
    for short in ("ich", *SINGLE):
        if short in asked:
            likely *= _chance(scene.of(short), asked[short])
    for kind, share in zip(KINDS, scene.kinds, strict=True):
        if asked.get(kind) in (PRESENT, UNCERTAIN):
            likely *= (share + FLOOR) * (_chance(scene.ich, PRESENT) if "ich" not in asked else 1)
    return likely


def _chance(four: Four, answer: str) -> float:
    return four[ANSWERS.index(answer)] + FLOOR


def _draw(random: Random, asked: Told, short: str, four: Four, never: Collection[str] = ()) -> str:
    if short in asked:
        return asked[short]
    chances = {answer: share for answer, share in zip(ANSWERS, four, strict=True) if answer not in never}
    if not sum(chances.values()):
        chances = dict.fromkeys(chances, 1.0)
    return weighted(random, chances)


def _mass_effect(scene: str, told: Told, age: str) -> Four:
    weak = age == "chronic" or scene == "shunt"
    if any(told[short] == PRESENT for short in PUSHING if not (short == "iph" and weak)):
        return HEAD.mass_effect.pushed
    if scene == "elsewhere":
        return HEAD.mass_effect.unseen
    return HEAD.mass_effect.swollen if scene == "arrest" else HEAD.mass_effect.quiet


def _bleeds(random: Random, asked: Told, scene: Scene, age: str) -> dict[str, str]:
    kinds = {kind: asked[kind] for kind in KINDS if kind in asked}
    parent = _draw(random, asked, "ich", scene.ich, _never(list(kinds.values()), age))
    if parent == ABSENT:
        return {"ich": ABSENT, **dict.fromkeys(KINDS, ABSENT)}
    if parent == SILENT:
        return {"ich": SILENT, **_unparented(random, kinds)}
    shares = dict(zip(KINDS, scene.kinds, strict=True))
    if age in ("chronic", "acute_on_chronic"):
        shares = OLD_KINDS
    return {"ich": parent, **_draw_kinds(random, kinds, shares, parent)}


def _never(kinds: list[str], age: str) -> set[str]:
    """The answers that a bleed cannot have beside those of its kinds."""
    never = set()
    if {PRESENT, UNCERTAIN} & set(kinds):
        never |= {ABSENT, SILENT}
    if PRESENT in kinds:
        never.add(UNCERTAIN)
    if SILENT in kinds:
        never.add(ABSENT)
    if kinds.count(ABSENT) == len(KINDS):
        never |= {PRESENT, UNCERTAIN, SILENT}
    if age == NOT_APPLICABLE:
        never.add(PRESENT)
    return never


def _unparented(random: Random, kinds: Told) -> dict[str, str]:
    """Kinds of which nothing is said, or that are denied one by one."""
    told = {kind: kinds.get(kind, SILENT) for kind in KINDS}
    if happens(random, 0.2):
        for kind in random.choice(FEW_DENIED):
            told[kind] = kinds.get(kind, ABSENT)
    return told


def _draw_kinds(random: Random, asked: Told, shares: Mapping[str, float], parent: str) -> dict[str, str]:
    """Which kinds there are (or may be), and what is said of the rest."""
    free = [kind for kind in KINDS if kind not in asked]
    told = dict(asked)
    if parent == PRESENT:
        told.update({kind: PRESENT for kind in free if happens(random, shares[kind])})
    if parent not in told.values() and free and happens(random, 0.96 if parent == PRESENT else 0.82):
        told[weighted(random, {kind: shares[kind] + FLOOR for kind in free})] = parent
    named = {PRESENT, UNCERTAIN} & set(told.values())
    rest = weighted(random, HEAD.ways["rest"]) if named else "none"
    if parent == PRESENT and named and rest != "none" and happens(random, 0.05):
        left = [kind for kind in free if kind not in told]
        told.update(dict.fromkeys(left[:1], UNCERTAIN))
    for kind in KINDS:
        if kind not in told:
            denied = rest == "all" or (rest == "some" and happens(random, 0.4))
            told[kind] = ABSENT if denied else SILENT
    return told


def _draw_age(random: Random, scene: Scene, told: Told) -> str:
    """An age that the kinds can have: old blood is mostly subdural."""
    there = {kind for kind in KINDS if told[kind] == PRESENT}
    ages = dict(zip(AGES, scene.ages, strict=True))
    if not there or not there <= {"sdh"}:
        ages["chronic"] = 0.04 if there == {"iph"} else 0.0
    if "sdh" not in there:
        ages["acute_on_chronic"] = 0.0
    return weighted(random, ages)
