"""One head CT report under way: what its findings say, what its impression says, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from reportnlp.generators._head_ct.draw import Case
from reportnlp.generators._head_ct.slots import draw_slots
from reportnlp.generators._head_ct.sorts import WITHIN, draw_sorts, pusher_of
from reportnlp.generators._head_ct.tables import HEAD, KINDS, NAMES, Told
from reportnlp.generators.blocks import PRESENT, UNCERTAIN, Act, Style

ORGANS = {"hc": "ventricles", "ivh": "ventricles", "sdh": "extra", "edh": "extra"}
"""Where things stand in a report organ by organ; the rest of what is in the head stands under the brain."""


class Story:
    """The state that everything which is told is drawn from, and adds to.

    Attributes:
        random, style, case: what to tell, and how.
        answers: short name of a finding to its answer.
        scene: the row of `HEAD.scenes`.
        body, end: the answers as the findings and the impression give them; an addendum or the other of the
            two may say otherwise.
        acts: what is said so far.
        added: addenda, said last.
        avoid: what the rest of the report must leave alone.
        open: findings that the two sections contradict one another about.
        sorts: what sort of each thing it is.
        slots: what the words stand for.
        pusher: what takes up room, by its short name, if anything does.
        holder: what a bleed lies within, by its short name, if in anything.
        low: whether what takes up room lies in the posterior fossa.
        flat: whether the report is one text, with no conclusion that one could tell from the rest.
        after: whether an infarct has been treated before the scan.
        gone: whether a bleed that was followed up is gone.
        bare: whether infarcts are denied, old ones included.
        told_with: findings that were denied in the same breath as something in the findings.
        ended_with: the same in the impression.
        child: whether the patient is one.
    """

    def __init__(self, random: Random, style: Style, case: Case) -> None:
        self.random, self.style, self.case = random, style, case
        self.answers, self.scene = case.told, HEAD.scenes[case.scene]
        self.body, self.end = dict(case.told), dict(case.told)
        self.acts: list[Act] = []
        self.added: list[Act] = []
        self.avoid: set[str] = set()
        self.open: set[str] = set()
        self.sorts = draw_sorts(random, case)
        self.slots = draw_slots(random, case, self.sorts, british=style.british)
        self.pusher = pusher_of(case, self.sorts)
        self.holder = WITHIN.get(self.sorts["iph"], "") if case.there("iph") else ""
        self.low = self.slots["level"] == "post"
        self.bare = self.happens(0.18)
        self.told_with: set[str] = set()
        self.ended_with: set[str] = set()
        self.child = False
        self.flat = style.layout == "paragraph" and style.shape == "body"
        self.gone = False
        treated = case.scene == "stroke" and self.sorts["inf"] in ("mca", "mca_part") and case.there("inf")
        self.after = treated and self.happens(0.2)

    @property
    def both(self) -> bool:
        """Whether there are findings and an impression."""
        return self.style.shape == "both"

    @property
    def alone(self) -> bool:
        """Whether there is an impression and nothing else."""
        return self.style.shape == "conclusion"

    def happens(self, chance: float) -> bool:
        """True as often as the chance says."""
        return self.random.random() < chance

    def say(self, rule: str, section: str, topic: str = "", shows: Sequence[str] = (), **slots: str) -> None:
        """Add one act; it is evidence only for what it does not leave to a later word."""
        proves = tuple([NAMES[short] for short in shows if self._proves(short, section)])
        if section == "impression":
            topic = ""
        own = {name: self.slots.get(value, value) for name, value in slots.items()}
        self.acts.append(Act(self.slots.get(rule, rule), section, topic, {**self.slots, **own}, proves))

    def _proves(self, short: str, section: str) -> bool:
        if section == "findings":
            return self.body[short] == self.answers[short]
        return section != "impression" or self.end[short] == self.answers[short] or short in self.open

    def add(self, rule: str, shows: Sequence[str] = (), **slots: str) -> None:
        """Keep an addendum for the end."""
        names = tuple(NAMES[short] for short in shows)
        self.added.append(Act(rule, "addendum", slots={**self.slots, **slots}, shows=names))

    def topic(self, short: str) -> str:
        """Where a finding stands."""
        if short == "fx":
            return "bones"
        return ORGANS.get(short, "brain") if self.style.layout == "organ" else "brain"

    def in_doubt(self, told: Told) -> list[str]:
        """What may be there."""
        return without_parent([short for short in NAMES if told[short] == UNCERTAIN], told)

    def doubted(self, short: str) -> str:
        """The last part of the names of the rules that tell what may be there.

        A low density collection is a hygroma or old blood, where nothing settles it.
        """
        if f"{short}_doubt" in HEAD.doubts and short != "me":
            return f"{short}_{self.slots[f'{short}_doubt']}"
        settled = self.answers["sdh"] != UNCERTAIN or self.body["sdh"] != self.end["sdh"]
        old = short == "sdh" and not settled and self.sorts["sdh"] in ("both", "tent")
        return "sdh_old" if old else short


def present(told: Told, order: Sequence[str]) -> list[str]:
    """What is there, in some order."""
    return without_parent([short for short in order if told[short] == PRESENT], told)


def without_parent(there: list[str], told: Told) -> list[str]:
    """A bleed of some kind is told as that kind."""
    if "ich" in there and any(told[kind] == told["ich"] for kind in KINDS):
        return [short for short in there if short != "ich"]
    return there


def with_parent(short: str, told: Told) -> tuple[str, ...]:
    """What telling a finding shows: a kind of bleed shows a bleed of the same answer."""
    return ("ich", short) if short in KINDS and told["ich"] == told[short] else (short,)
