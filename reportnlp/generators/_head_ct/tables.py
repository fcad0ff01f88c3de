"""What head CT reports are drawn from (`_head_ct/tables.toml`), typed, and the names that follow from it."""

from __future__ import annotations

from collections.abc import Mapping

from reportnlp.generators._tables import Strict, read, refuse_unknown
from reportnlp.generators.blocks import ABSENT, PRESENT, SILENT, UNCERTAIN
from reportnlp.types import UNSPECIFIED

FILE = "_head_ct/tables.toml"
BLEED = "intracranial_hemorrhage"
AGE = f"{BLEED}.chronicity"

ANSWERS = (PRESENT, ABSENT, UNCERTAIN, SILENT)
AGES = ("acute", "chronic", "acute_on_chronic", UNSPECIFIED)
Four = tuple[float, float, float, float]
"""Chances in the order of `ANSWERS` or `AGES`."""
Five = tuple[float, float, float, float, float]
"""Chances in the order of `KINDS`."""
Told = Mapping[str, str]
"""Short name of a finding to its answer."""


class Around(Strict):
    """What goes with a scene and answers nothing: drains, flaps, tubes."""

    rule: str
    chance: float
    topic: str
    avoid: tuple[str, ...] = ()


class Scene(Strict):
    """Why a head is scanned, and what is found.

    Attributes:
        often: how often, beside the others.
        title, technique: the rules that tell them.
        ich, inf, mass, hc, fx: chances of each answer.
        kinds: chances of the kinds of bleed, where there is one.
        ages: chances of its age.
        clear: whether a whole study may be clear.
        known: whether there is an earlier scan.
        avoid: what the rest of the report must leave alone.
        around: what goes with it.
    """

    often: float
    title: str = "title"
    technique: str = "technique"
    ich: Four
    kinds: Five
    ages: Four
    inf: Four
    mass: Four
    hc: Four
    fx: Four
    clear: bool = False
    known: bool = False
    avoid: tuple[str, ...] = ("bones.face",)
    around: Around | None = None

    def of(self, short: str) -> Four:
        """The chances of a finding's answers."""
        chances: Four = getattr(self, short)
        return chances


class MassEffect(Strict):
    """Chances of mass effect where something pushes, where the brain is swollen, where nothing is."""

    pushed: Four
    swollen: Four
    quiet: Four
    unseen: Four


class Child(Strict):
    """What the rest of a child's report must leave alone."""

    avoid: tuple[str, ...]


class Head(Strict):
    """`_head_ct/tables.toml`."""

    slots: tuple[str, ...]
    fixed: tuple[str, ...]
    kinds: dict[str, str]
    others: dict[str, str]
    scenes: dict[str, Scene]
    mass_effect: MassEffect
    ways: dict[str, dict[str, float]]
    sorts: dict[str, tuple[str, ...]]
    marks: dict[str, frozenset[str]]
    bulks: dict[str, tuple[int, int]]
    horns: dict[str, tuple[str, ...]]
    symptoms: dict[str, str]
    over: dict[str, str]
    metastatic: frozenset[str]
    concluded: tuple[str, ...]
    tumors: dict[str, tuple[str, ...]]
    remarks: dict[str, tuple[str, ...]]
    doubts: dict[str, dict[str, tuple[str, ...]]]
    words: dict[str, tuple[str, ...]]
    leaves: dict[str, dict[str, tuple[str, ...]]]
    child: Child


HEAD = read(Head, FILE)
KINDS = HEAD.kinds
"""Of bleed: short name to finding."""
NAMES = {"ich": BLEED, **KINDS, **HEAD.others}
"""Short name to finding, for all findings."""
ALL_BLEEDS = ("ich", *KINDS)

refuse_unknown(f"finding of {FILE}", HEAD.leaves, NAMES)
