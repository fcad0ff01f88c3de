"""One chest film report under way: what there is to tell, the acts so far, and the findings they deny."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from reportnlp.generators._chest_xray.denials import Statement
from reportnlp.generators._chest_xray.draw import RESTS_ON, Case
from reportnlp.generators._chest_xray.places import filled
from reportnlp.generators._chest_xray.tables import (
    EXEMPT,
    FILM,
    FINDINGS,
    KINDS,
    NONE,
    OPACITY,
    RANK,
    SHADOWS,
    bits,
)
from reportnlp.generators.blocks import ABSENT, PRESENT, SILENT, Act, Style
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED

BIG = ("3.4", "3.8", "4", "4.5", "5", "6.2")
"""Sizes of a mass, in centimeters."""
VIEWS = ("plain", "two")
_ALL_SILENT = dict.fromkeys(FINDINGS, SILENT)
_NONE_APPLIES = {
    f"{name}.{key}": NOT_APPLICABLE for name, each in FILM.findings.items() for key in each.attributes
}
SHADOWS_HELD = frozenset(SHADOWS)


class Telling:
    """The state that everything which is told is drawn from, and adds to.

    Attributes:
        random, wanted, style: as in `compose`.
        patient, found, attributes: as in `Case`.
        main: the section in which things are told first.
        twice: whether there is an impression after the findings.
        acts: what is said so far.
        absent: the findings that are denied so far.
        avoid: what the rest of the report must leave alone.
        silent: the findings of which nothing may be said.
        spoken: those, and the ones that are found: no denial may reach them.
        needed: the findings that are to be denied.
        prior: whether there is an earlier film.
        looks: `a`, `b` or `c`: findings and impression use the same words for how things look.
        sizes: slots, the same in findings and impression.
        heart: the topic of the heart, before the lungs or after them.
        spoken_bits, found_bits: as numbers, what no denial may reach, what is found,
            and (`there_bits`) what of it is not in doubt.
        said: section to what its denials name so far, as a number.
        courses: finding to how it stands beside an earlier film.
        young: whether this is a child.
        exam: which rules name the examination and the technique.
        lead: whether findings begin with what is urgent.
        top: the finding that matters most; an impression always takes it up.
        ended: how much the impression has taken up.
    """

    def __init__(self, random: Random, wanted: Mapping[str, str], style: Style, case: Case) -> None:
        self.random, self.wanted, self.style = random, wanted, style
        self.patient, self.found, self.attributes = case.patient, case.found, case.attributes
        self.main = "findings" if style.has("findings") else "impression"
        self.twice = style.shape == "both"
        self.acts: list[Act] = []
        self.absent: set[str] = set()
        self.avoid: set[str] = set()
        self.silent = {name for name in FINDINGS if self._must_not_be_said(name)} if wanted else set()
        self.spoken = self.silent | self.found.keys()
        self.needed = {name for name in FINDINGS if wanted.get(name) == ABSENT} if wanted else set()
        self.prior = self.happens(0.4)
        self.looks = random.choice("abc")
        self.sizes = {"size": str(random.randint(4, 19)), "big": random.choice(BIG)}
        self.heart = "heart" if style.layout == "organ" or self.happens(0.5) else "heart_late"
        self.spoken_bits, self.found_bits = bits(self.spoken), bits(self.found)
        self.there_bits = bits(name for name, answer in self.found.items() if answer == PRESENT)
        self.said = {"findings": 0, "impression": 0}
        if not SHADOWS_HELD.isdisjoint(self.found):
            self.spoken_bits |= bits(SHADOWS_HELD)
        self.courses: dict[str, str] = {}
        self.young = FILM.patients[self.patient].words in ("child", "newborn")
        self.exam = self._exam()
        self.lead = style.layout != "organ" and self.happens(0.92)
        self._shadow: dict[str, str] = {}
        counted = [name for name in self.found if name not in EXEMPT]
        self.top = min(counted, key=lambda name: RANK[name], default="")
        self.ended = 0
        self._answers: dict[str, str] = {}

    def _exam(self) -> str:
        """The kind of examination; anyone who is ill may have had a portable film."""
        words = FILM.patients[self.patient].words
        if words != "plain":
            return words
        return "ward" if self.patient != "routine" and self.happens(0.2) else self.random.choice(VIEWS)

    def _must_not_be_said(self, name: str) -> bool:
        all_silent = self.wanted.get(NONE) == SILENT and name not in EXEMPT and name not in self.wanted
        return all_silent or self.wanted.get(name) == SILENT

    def happens(self, chance: float) -> bool:
        """True as often as the chance says."""
        return self.random.random() < chance

    def fits(self, statement: Statement) -> bool:
        """Whether a denial reaches nothing that is spoken of otherwise, and goes with what is found."""
        found = self.found_bits
        if statement.mask & self.spoken_bits or statement.spoiled & found:
            return False
        return not statement.beside or bool(statement.beside & self.there_bits)

    def shadow(self) -> Mapping[str, str]:
        """The place of a shadow, and of one that is only supposed."""
        if not self._shadow:
            supposed = dict.fromkeys(("location", "laterality"), "")
            held = self.attributes.get(OPACITY)
            self._shadow = dict(held or filled(self.random, OPACITY, supposed))
            if not held and self._shadow["laterality"] == UNSPECIFIED:
                self._shadow["laterality"] = self.random.choice(("left", "right"))
        return self._shadow

    def topic(self, name: str) -> str:
        """The topic under which a finding stands."""
        return self.place(FILM.findings[name].topic)

    def place(self, topic: str) -> str:
        """Where a topic stands in this report."""
        return self.heart if topic == "heart" else topic

    def add(self, rule: str, section: str, name: str, slots: Mapping[str, str], *more: str) -> None:
        """Say something that shows a finding, perhaps more than one; a kind of shadow shows its parent."""
        shows = (name, *more)
        if OPACITY not in shows and not set(KINDS).isdisjoint(shows):
            shows = (*shows, OPACITY)
        shows = tuple(each for each in shows if each in self.found or each in self.absent)
        self.acts.append(Act(rule, section, self._where(name), slots, shows))

    def _where(self, name: str) -> str:
        """The topic under which it is told; what is urgent may come before all else."""
        first = self.lead and name in FILM.groups["urgent"] and name in self.found
        return "lead" if first else self.topic(name)

    def end(self, rule: str, name: str, slots: Mapping[str, str], *more: str) -> None:
        """Take a finding up in the impression, where there is one beside the findings."""
        first = self.top in (name, *more) or (name in SHADOWS_HELD and self.top in SHADOWS_HELD)
        first = first or self.attributes.get(name, {}).get("severity") == "severe"
        if self.twice and (first or self.happens(FILM.findings[name].taken_up)):
            self.add(rule, "impression", name, slots, *more)
            self.ended += 1

    def deny(self, statement: Statement, section: str) -> None:
        """Make a denial."""
        self.absent |= statement.denies
        self.said[section] |= statement.says
        self.acts.append(statement.act(section, self.place(statement.topic), many=self.happens(0.3)))

    def answers(self) -> dict[str, str]:
        """Every question's answer, as it has been told; not to be asked before all is."""
        if not self._answers:
            self._answers = self._count_up()
        return self._answers

    def _count_up(self) -> dict[str, str]:
        presence = {**_ALL_SILENT, **dict.fromkeys(self.absent, ABSENT), **self.found}
        if presence[OPACITY] == SILENT and OPACITY not in self.silent and self.absent.issuperset(KINDS):
            presence[OPACITY] = ABSENT
        counted = {answer for name, answer in presence.items() if name not in EXEMPT}
        answers = {**presence, **_NONE_APPLIES}
        for name, own in self.attributes.items():
            answers.update({f"{name}.{key}": answer for key, answer in own.items()})
        answers[NONE] = next((RESTS_ON[answer] for answer in RESTS_ON if answer in counted), SILENT)
        return answers

    def show_derived(self) -> None:
        """A shadow denied by all its kinds, and "no finding", are shown by the words they rest on."""
        answers = self.answers()
        if answers[OPACITY] == ABSENT and OPACITY not in self.absent:
            self._show_too(OPACITY, set(KINDS))
        rests_on = RESTS_ON.get(answers[NONE])
        self._show_too(NONE, {n for n in FINDINGS if n not in EXEMPT and answers[n] == rests_on})

    def order_impression(self) -> None:
        """Put what matters most first in the impression, and denials last."""
        for place, act in enumerate(self.acts):
            if act.section == "impression" and act.topic:
                self.acts[place] = Act(act.rule, act.section, "", act.slots, act.shows)
        self.acts.sort(key=self._place_at_the_end)

    def _place_at_the_end(self, act: Act) -> int:
        if act.section != "impression":
            return -1
        found = [RANK[name] for name in act.shows if name in self.found]
        return min(found) if found and not act.rule.startswith("deny") else len(RANK)

    def _show_too(self, name: str, others: set[str]) -> None:
        for place, act in enumerate(self.acts):
            if not others.isdisjoint(act.shows):
                shows = (*act.shows, name)
                self.acts[place] = Act(act.rule, act.section, act.topic, act.slots, shows)
