"""Reports with gold answers by construction: content first, then words, then noise.

A generator is one file per panel that composes content, and one TOML file of the same name with its words.
Each report is drawn from the seed, the panel and its own number alone, so that any number of processes write
the same reports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from reportnlp.config import check, package_toml
from reportnlp.errors import InputError, unknown_name
from reportnlp.findings import Panel, load_panel
from reportnlp.findings.together import clashes
from reportnlp.generators._apart import Apart
from reportnlp.generators._body import Words, rest
from reportnlp.generators._grammar import Grammar
from reportnlp.generators._layout import Layout, place_of
from reportnlp.generators._noise import Blur
from reportnlp.generators.blocks import Act, Content
from reportnlp.registry import GENERATORS
from reportnlp.types import NOT_APPLICABLE, Report, Span

FIRST_DAY = date(2024, 1, 1)
DAYS = 1000
"""Later than any year that `_common.toml` has for earlier exams."""
TRIES = 1000
"""Pages to draw until one has no written sentence; one in some hundreds has."""

_RANK = ("findings", "impression", "addendum")
NO_ANSWERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Written:
    """One generated report with its gold answers.

    Attributes:
        report: id, text, patient, exam date, modality and site.
        answers: every question of the panel to its answer.
        evidence: finding to the words that show its presence; none where it is not mentioned.
    """

    report: Report
    answers: Mapping[str, str]
    evidence: Mapping[str, Span]


class _Page(NamedTuple):
    text: str
    site: str
    answers: Mapping[str, str]
    evidence: Mapping[str, Span]


class Generator:
    """Writes the reports of one panel.

    Args:
        panel: name of the generator, which is that of its panel.
        seed: of everything that is drawn.
        noise: factor on how often dictation, typing and de-identification slip; 0: never.

    Raises:
        UnknownNameError: no generator has that name.
    """

    def __init__(self, panel: str, *, seed: int, noise: float = 1.0) -> None:
        self._entry = GENERATORS.get(panel)
        self.panel: Panel = load_panel(panel)
        self._seed = seed
        self._words, self.grammar = load_words(panel, self._entry.SLOTS)
        self._heads = {name: topic.heads for name, topic in self._words.topics.items()}
        self._layout, self._blur, self._apart = Layout(), Blur(noise), Apart()
        self._questions = {question.name: question.answers for question in self.panel.questions}

    def write(
        self, number: int, *, report_id: str = "", wanted: Mapping[str, str] = NO_ANSWERS, attempt: int = 0
    ) -> Written:
        """Write one report.

        Args:
            number: which one; the same number gives the same report.
            report_id: its id; one with the number in it when empty.
            wanted: answers that it must have, by question; the others are drawn.
            attempt: another number gives another report with the same answers asked for.

        Raises:
            InputError: answers that no report can have together.
        """
        random = Random(f"{self._seed}/{self.panel.name}/{number}/{attempt}")
        pages = (self._page(random, wanted) for _ in range(TRIES))
        page = next((page for page in pages if not self._apart.shares(page.text)), None)
        if page is None:
            raise InputError(f"No report has these answers, in {TRIES} tries. Ask for fewer of them.")
        named = report_id or f"{self.panel.name}-{self._seed}-{number:07}"
        day = FIRST_DAY + timedelta(days=random.randrange(DAYS))
        modality = getattr(self._entry, "MODALITY", "CT")
        report = Report(named, page.text, f"{named}-patient", day, modality, page.site)
        return Written(report, page.answers, page.evidence)

    def _page(self, random: Random, wanted: Mapping[str, str]) -> _Page:
        """Content, words, layout and noise of one report."""
        style = self._layout.style(random)
        content: Content = self._entry.compose(random, wanted, style)
        acts = self._in_order([*content.acts, *rest(self._words, random, style, content.avoid)], random)
        numbers, shown = _shown(acts)
        marked = self._layout.set(acts, shown, style, self.grammar, self._heads, random)
        text, places = place_of(self._blur.apply(marked, random))
        evidence = {finding: Span(*places[n]) for finding, n in numbers.items() if n in places}
        return _Page(text, style.site, {name: content.answers[name] for name in self._questions}, evidence)

    def _in_order(self, acts: list[Act], random: Random) -> list[Act]:
        """Findings organ by organ as the file lists them, but for the reports that start elsewhere."""
        order = {topic: place for place, topic in enumerate(self._heads)}
        first = random.choice(list(order)) if random.random() < 0.2 else None
        return sorted(acts, key=lambda act: -1 if act.topic == first else order.get(act.topic, len(order)))

    def check(self, wanted: Mapping[str, str], where: str) -> None:
        """Refuse answers that are none, or that cannot stand together.

        Raises:
            UnknownNameError: a question or an answer that the panel does not have.
            InputError: an attribute of a finding that is not to be present, or a kind without its parent.
        """
        for question, answer in wanted.items():
            if question not in self._questions:
                kind = f"question of the panel '{self.panel.name}' ({where})"
                raise unknown_name(kind, _shown_name(question), self._questions)
            if answer not in self._questions[question]:
                kind = f"answer to {question} ({where})"
                raise unknown_name(kind, _shown_name(answer), self._questions[question])
        for finding in self.panel.findings:
            for clash in clashes(finding, wanted):
                raise InputError(
                    f"{where}: {clash}. An attribute has an answer of its own when its finding is present, "
                    f"and is {NOT_APPLICABLE} otherwise; a kind is there only where its parent is."
                )


def _shown_name(given: str) -> str:
    """A name as it was given; what does not look like one may be a report's text, and is not shown."""
    return given if re.fullmatch(r"[\w.]{1,60}", given) else "(something else)"


def load_words(name: str, slots: frozenset[str]) -> tuple[Words, Grammar]:
    """A generator's words, and its grammar over the rules that all generators share."""
    common = check(Words, package_toml("generators", "_common.toml"), where="_common.toml")
    own = check(Words, package_toml("generators", f"{name}.toml"), where=f"{name}.toml")
    grammar = Grammar({**common.rules, **own.all_rules()}, where=f"{name}.toml", slots=slots)
    return own, grammar


def _shown(acts: Sequence[Act]) -> tuple[dict[str, int], dict[int, int]]:
    """Finding to the number of its evidence, and place of an act to that number: the last word counts."""
    best: dict[str, int] = {}
    for place, act in enumerate(acts):
        for finding in act.shows:
            held = best.get(finding)
            if held is None or _rank(act) > _rank(acts[held]):
                best[finding] = place
    number = {place: n for n, place in enumerate(dict.fromkeys(best.values()))}
    return {finding: number[place] for finding, place in best.items()}, number


def _rank(act: Act) -> int:
    return _RANK.index(act.section) if act.section in _RANK else -1
