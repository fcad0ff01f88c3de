"""What a finding file and a panel file may say. Unknown keys are refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from reportnlp.types import NOT_APPLICABLE, Presence, Question


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(_Strict):
    """An identifier of the finding in a terminology.

    Attributes:
        system: RadLex, SNOMED CT or RadElement.
        code: the identifier alone, never the terminology's text.
        of: the answer it stands for ("presence=absent"); empty when it stands for the finding.
        source, retrieved: where it was looked up, and when.
        confirmed: False when it is second-hand.
    """

    system: Literal["RadLex", "SNOMED CT", "RadElement"]
    code: str
    of: str = ""
    source: str
    retrieved: date
    confirmed: bool = True


class Attribute(_Strict):
    """One attribute of a finding: its answers, in order, and the phrases that give each.

    Attributes:
        use: name of a shared attribute file whose content this one takes.
        answers: ordered; `unspecified` is the last.
        phrases: answer to phrases.
        fallback: answer to phrases that count only where none of `phrases` is found.
        not_with: phrases of other things; a value in a clause with one of them and without a mention of
            the finding belongs to that other thing.
        ignore: phrases that contain a value's words and are none.
        pick: `first` takes the first answer in order that is found; `all` joins what is found by `combine`,
            and falls back to the first.
        combine: for `pick = "all"`: answers joined by "+" in order, to the answer they make together.
        imply: answers of other attributes that settle this one when nothing else does ("location=saddle").
        follow: whether sentences that continue the one with the mention are read too.
        is_place: whether it says where; mentions that stand in one list share their place.
    """

    use: str = ""
    answers: tuple[str, ...] = ()
    phrases: dict[str, tuple[str, ...]] = {}
    fallback: dict[str, tuple[str, ...]] = {}
    not_with: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    pick: Literal["first", "all"] = "first"
    combine: dict[str, str] = {}
    imply: dict[str, str] = {}
    follow: bool = False
    is_place: bool = False


class Case(BaseModel):
    """A worked case: a text and the answers it must get. Keys beyond `text` and `presence` are attributes."""

    model_config = ConfigDict(frozen=True, extra="allow")

    text: str
    presence: Presence

    @property
    def attributes(self) -> dict[str, str]:
        """Attribute name to the answer it must get."""
        return {name: str(answer) for name, answer in (self.model_extra or {}).items()}


class Finding(_Strict):
    """One finding, read from one TOML file; the file's name is its name.

    Attributes:
        name: key of the finding.
        title: what people call it.
        definition: what counts as present, in a sentence or two.
        parents: findings that are present when this one is, and whose absence makes this one absent.
        phrases: mentions of the finding; context decides what is said of it.
        signs: mentions that describe without naming ("filling defect"): a doubt about the finding by name
            outweighs them.
        normal: statements that the finding is absent, without naming it ("heart size is normal").
        broad: statements that everything is well ("no acute disease"); weaker than any of the others.
        wider: names of a wider thing whose denial denies this finding too ("acute intracranial process");
            said in any other way they say nothing of it.
        inconclusive: statements that the exam cannot tell; they count when nothing else is said.
        exclusions: phrases that contain a mention's words and are none.
        doubtful: mentions that by themselves leave doubt.
        shorthand: mentions with other meanings too ("PE").
        redefined: phrases that, anywhere in a report, show that a shorthand means something else there.
        rivals: phrases that make a shorthand doubtful, unless one of `supports` stands in the report.
        supports: phrases that show the shorthand means this finding.
        none_of_panel: True for a finding that is present when no other finding of the panel is; its
            `exempt` findings do not count against it.
        classes: phrase classes of this file, beside the shared ones.
        codes, attributes, cases: see their types.
    """

    name: str
    title: str
    definition: str
    parents: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    broad: tuple[str, ...] = ()
    wider: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    shorthand: tuple[str, ...] = ()
    redefined: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    supports: tuple[str, ...] = ()
    none_of_panel: bool = False
    exempt: tuple[str, ...] = ()
    classes: dict[str, tuple[str, ...]] = {}
    codes: tuple[Code, ...] = ()
    attributes: dict[str, Attribute] = {}
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]

    @staticmethod
    def names() -> tuple[str, ...]:
        """Names of all findings that are shipped or added by other packages, sorted."""
        from reportnlp.findings.loader import finding_names

        return finding_names()

    @staticmethod
    def load(name: str | Path) -> Finding:
        """Load one finding; see `reportnlp.findings.load_finding`."""
        from reportnlp.findings.loader import load_finding

        return load_finding(name)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The finding's presence, then its attributes."""
        presence = Question(self.name, None, tuple(Presence))
        return (
            presence,
            *(Question(self.name, key, (*a.answers, NOT_APPLICABLE)) for key, a in self.attributes.items()),
        )


class Panel(_Strict):
    """The findings that are labelled together, in order.

    Attributes:
        name: key of the panel, or the stem of a user's file.
        title: what people call it.
        definition: what reports it is for.
        findings: the findings, whole.
        digest: sha256 (hex) over every definition the answers depend on.
    """

    name: str
    title: str
    definition: str
    findings: tuple[Finding, ...]
    digest: str

    @staticmethod
    def names() -> tuple[str, ...]:
        """Names of all panels that are shipped or added by other packages, sorted."""
        from reportnlp.findings.loader import panel_names

        return panel_names()

    @staticmethod
    def load(name: str | Path) -> Panel:
        """Load one panel; see `reportnlp.findings.load_panel`."""
        from reportnlp.findings.loader import load_panel

        return load_panel(name)

    @property
    def questions(self) -> tuple[Question, ...]:
        """Every question of the panel, finding by finding."""
        return tuple(question for finding in self.findings for question in finding.questions)


class PanelFile(_Strict):
    """A panel file: names of findings, and definitions or files of the user's own."""

    title: str
    definition: str
    findings: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]] = {}
