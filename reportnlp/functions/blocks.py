"""What labelling functions share: what one is, and one reading of a report for all that the rules say."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict

from reportnlp.errors import ReportNLPError
from reportnlp.findings.schema import Finding, Panel
from reportnlp.types import UNSPECIFIED, Presence, Report

if TYPE_CHECKING:
    from reportnlp.rules.conclude import Placed
    from reportnlp.rules.engine import RuleEngine

REMEMBERED = 1024
"""Reports whose reading is kept: more than a ballot takes at once."""

PROTOCOL_SECTIONS = frozenset({"technique", "title"})
"""Where an exam is named, and a finding with it: "CT PE protocol"."""


class Options(BaseModel):
    """Settings of a function; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Voter(Protocol):
    """A labelling function at work.

    It sees the report and nothing else, gold answers least of all. It may have two more things: `vote_batch`,
    which takes and gives a sequence, where many reports at once are cheaper; and `text_only`, true where the
    votes depend on the report's text alone, so that equal texts are not asked about twice. An entry that
    looks reports up in a table has `joined`, which takes all report ids and gives a `Joined`.
    """

    def vote(self, report: Report, /) -> Mapping[str, str] | None:
        """Question to answer; a question that is left out is one it has nothing to say to. None is none."""


class Answers(dict[str, str]):
    """Votes with a word on what went wrong with those that are missing.

    Attributes:
        fault: counted like an error that was raised; "" is none. Holds no text of a report.
    """

    fault: str = ""


class Joined(NamedTuple):
    """How a table that a voter joins by report id fits the reports.

    Attributes:
        matched: reports that are in the table.
        ids: rows of the table.
    """

    matched: int
    ids: int


class VotingError(ReportNLPError):
    """A function that cannot vote on a report: it abstains, and is counted."""


class Told(NamedTuple):
    """Every mention in a report, by finding's index in the panel.

    Attributes:
        stated: in sections that state findings.
        named: in the others: request, technique, comparison, the exam's title, recommendation.
    """

    stated: Mapping[int, Sequence[Placed]]
    named: Mapping[int, Sequence[Placed]]


class Reader:
    """Reads each report once, however many functions ask.

    Attributes:
        engine: the panel's rules.
    """

    def __init__(self, panel: Panel) -> None:
        from reportnlp.rules.engine import RuleEngine  # spaCy

        self.engine: RuleEngine = RuleEngine(panel)
        self._known: OrderedDict[str, Told] = OrderedDict()

    def __call__(self, text: str) -> Told:
        """What a report mentions."""
        known = self._known.get(text)
        if known is None:
            known = Told(self.engine.mentions(text), self.engine.mentions(text, stated=False))
            self._known[text] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return known


_READERS: WeakValueDictionary[str, Reader] = WeakValueDictionary()


def reader_of(panel: Panel) -> Reader:
    """The panel's reader, one for as long as any function holds it."""
    reader = _READERS.get(panel.digest)
    if reader is None:
        reader = _READERS[panel.digest] = Reader(panel)
    return reader


class RuleVoice:
    """One thing that the rules know of a finding, as a voice of its own.

    A subclass says in `presence` what it makes of one finding's mentions. What it affirms it affirms of the
    finding's parents too. A finding that stands for "nothing else is there" has no mentions, and its answer
    follows from those on the others.

    Args:
        panel: the findings to vote on.

    Attributes:
        findings: those that have mentions, with their indexes in the panel.
        parents: a kind's index in the panel to those of its parents.
    """

    text_only: ClassVar[bool] = True

    def __init__(self, panel: Panel) -> None:
        self._read = reader_of(panel)
        self.findings = [(i, f) for i, f in enumerate(panel.findings) if not f.none_of_panel]
        self._none = [finding for finding in panel.findings if finding.none_of_panel]
        self._names = {finding.name for finding in panel.findings}
        self.parents = _parents(panel)
        self._kin = _kin(self.parents)

    def vote(self, report: Report) -> dict[str, str]:
        """Votes on presence, and on the attributes of what is present."""
        told = self._read(report.text)
        votes: dict[str, str] = {}
        for i, finding in self.findings:
            votes.update(self._votes_on(i, finding, told))
        self._add_parents(votes)
        answers = {finding.name: self.nothing_else(finding, votes, told) for finding in self._none}
        votes.update((name, answer.value) for name, answer in answers.items() if answer)
        return votes

    def _votes_on(self, index: int, finding: Finding, told: Told) -> Mapping[str, str]:
        answer = self.presence(index, told)
        if answer is None:
            return {}
        shown = self.showing(told.stated.get(index, ())) if answer is Presence.PRESENT else ()
        return {finding.name: answer.value, **attribute_votes(finding, shown)}

    def presence(self, index: int, told: Told) -> Presence | None:
        """The vote on one finding, by its index; None is nothing to say."""
        raise NotImplementedError

    def showing(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """The mentions whose attributes are voted on where the vote is `present`."""
        return affirmed(placed)

    def spoken_of(self, index: int, told: Told) -> bool:
        """Whether a section that states findings says something of a finding, its parents or its kinds."""
        return any(current(told.stated.get(i, ())) for i in (index, *self._kin.get(index, ())))

    def nothing_else(self, finding: Finding, votes: Mapping[str, str], told: Told) -> Presence | None:
        """The vote on a finding that stands for "nothing else is there"."""
        counted = [(i, other.name) for i, other in self.findings if other.name not in finding.exempt]
        answers = {votes.get(name) for _, name in counted}
        if Presence.PRESENT in answers:
            return Presence.ABSENT
        there = any(affirmed(told.stated.get(i, ())) for i, _ in counted)
        return Presence.UNCERTAIN if Presence.UNCERTAIN in answers and not there else None

    def _add_parents(self, votes: dict[str, str]) -> None:
        for _, finding in self.findings:
            if votes.get(finding.name) == Presence.PRESENT:
                votes.update((p, Presence.PRESENT.value) for p in finding.parents if p in self._names)


def _parents(panel: Panel) -> dict[int, list[int]]:
    index = {finding.name: i for i, finding in enumerate(panel.findings)}
    return {
        kind: [index[name] for name in finding.parents if name in index]
        for kind, finding in enumerate(panel.findings)
        if finding.parents
    }


def _kin(parents: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Each finding's parents and kinds, as indexes."""
    kin: dict[int, list[int]] = {}
    for kind, above in parents.items():
        for parent in above:
            kin.setdefault(kind, []).append(parent)
            kin.setdefault(parent, []).append(kind)
    return kin


def affirmed(placed: Iterable[Placed]) -> list[Placed]:
    """The mentions by name or sign that a report affirms."""
    from reportnlp.rules.lexicon import Kind
    from reportnlp.rules.readings import Assertion

    told = (Kind.FINDING, Kind.SIGN)
    return [p for p in placed if p.mention.kind in told and p.mention.assertion is Assertion.PRESENT]


def current(placed: Iterable[Placed]) -> list[Placed]:
    """The mentions that say something of now: not of the past, of somebody else or of what might come."""
    from reportnlp.rules.readings import Assertion

    past = (Assertion.HISTORY, Assertion.HYPOTHETICAL, Assertion.SOMEBODY_ELSE)
    return [p for p in placed if p.mention.assertion not in past]


def naming(placed: Iterable[Placed]) -> list[Placed]:
    """The mentions by name or sign, whatever is said of them; no statements that all is well."""
    from reportnlp.rules.lexicon import Kind

    return [p for p in placed if p.mention.kind in (Kind.FINDING, Kind.SIGN, Kind.DOUBTFUL)]


def attribute_votes(finding: Finding, placed: Sequence[Placed]) -> dict[str, str]:
    """What the mentions of a present finding say of its attributes; what they leave open is no vote."""
    if not placed or not finding.attributes:
        return {}
    from reportnlp.rules.conclude import Basis, Verdict
    from reportnlp.rules.labels import labels_of

    verdict = Verdict(Presence.PRESENT, Basis.FINDINGS, placed[0])
    labels = labels_of(finding, verdict, placed)[1:]
    return {label.question: label.answer for label in labels if label.answer != UNSPECIFIED}
