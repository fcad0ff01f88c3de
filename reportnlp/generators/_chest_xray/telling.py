"""One chest film report under way: what there is to tell, the acts so far, and the findings they deny."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from reportnlp.generators._chest_xray.denials import SAID, Statement
from reportnlp.generators._chest_xray.draw import RESTS_ON, Case
from reportnlp.generators._chest_xray.places import filled
from reportnlp.generators._chest_xray.tables import EXEMPT, FILM, FINDINGS, KINDS, NONE, OPACITY
from reportnlp.generators.blocks import ABSENT, SILENT, Act, Style
from reportnlp.types import NOT_APPLICABLE

BIG = ("3.4", "3.8", "4", "4.5", "5", "6.2")
"""Sizes of a mass, in centimeters."""


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
        fitting: the statements that contradict nothing.
        shadow: the place of a shadow that is only supposed.
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
        self.silent = {name for name in FINDINGS if self._must_not_be_said(name)}
        self.spoken = self.silent | self.found.keys()
        self.needed = {name for name in FINDINGS if wanted.get(name) == ABSENT}
        self.prior = self.happens(0.4)
        self.looks = random.choice("abc")
        self.sizes = {"size": str(random.randint(4, 19)), "big": random.choice(BIG)}
        self.heart = "heart" if style.layout == "organ" or self.happens(0.5) else "heart_late"
        self.fitting = [statement for statement in SAID if self.fits(statement)]
        supposed = dict.fromkeys(("location", "laterality"), "")
        self.shadow = dict(self.attributes.get(OPACITY) or filled(random, OPACITY, supposed))
        self.ended = 0

    def _must_not_be_said(self, name: str) -> bool:
        all_silent = self.wanted.get(NONE) == SILENT and name not in EXEMPT and name not in self.wanted
        return all_silent or self.wanted.get(name) == SILENT

    def happens(self, chance: float) -> bool:
        """True as often as the chance says."""
        return self.random.random() < chance

    def fits(self, statement: Statement) -> bool:
        """Whether a denial reaches nothing that is spoken of otherwise, and goes with what is found."""
        return self.spoken.isdisjoint(statement.denies) and statement.spoiled.isdisjoint(self.found)

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
        self.acts.append(Act(rule, section, self.topic(name), slots, shows))

    def end(self, rule: str, name: str, slots: Mapping[str, str], *more: str) -> None:
        """Take a finding up in the impression, where there is one beside the findings."""
        if self.twice and self.happens(FILM.findings[name].taken_up):
            self.add(rule, "impression", name, slots, *more)
            self.ended += 1

    def deny(self, statement: Statement, section: str) -> None:
        """Make a denial."""
        self.absent |= statement.denies
        self.acts.append(statement.act(section, self.place(statement.topic), many=self.happens(0.3)))

    def answers(self) -> dict[str, str]:
        """Every question's answer, as it has been told."""
        presence = {
            name: self.found.get(name, ABSENT if name in self.absent else SILENT) for name in FINDINGS
        }
        if presence[OPACITY] == SILENT and OPACITY not in self.silent and self.absent.issuperset(KINDS):
            presence[OPACITY] = ABSENT
        counted = {answer for name, answer in presence.items() if name not in EXEMPT}
        answers = {}
        for name, finding in FILM.findings.items():
            answers[name] = presence[name]
            own = self.attributes.get(name, {})
            answers.update({f"{name}.{key}": own.get(key, NOT_APPLICABLE) for key in finding.attributes})
        answers[NONE] = next((RESTS_ON[answer] for answer in RESTS_ON if answer in counted), SILENT)
        return answers

    def show_derived(self) -> None:
        """A shadow denied by all its kinds, and "no finding", are shown by the words they rest on."""
        answers = self.answers()
        if answers[OPACITY] == ABSENT and OPACITY not in self.absent:
            self._show_too(OPACITY, set(KINDS))
        rests_on = RESTS_ON.get(answers[NONE])
        self._show_too(NONE, {n for n in FINDINGS if n not in EXEMPT and answers[n] == rests_on})

    def _show_too(self, name: str, others: set[str]) -> None:
        for place, act in enumerate(self.acts):
            if not others.isdisjoint(act.shows):
                self.acts[place] = replace(act, shows=(*act.shows, name))
