"""A corpus card: what a corpus is, where it comes from, what may be done with it, and its counts."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from reportnlp.config import check, read_toml

NAME = "card.toml"

Role = Literal["written", "generated", "external", "items"]
"""`written`: for this project; `generated`: by a generator; `external`: somebody else's, not in the folder.

`items`: no reports, but a test of word vectors written for this project, in `items.csv`.
"""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Strict):
    """One file of an external corpus, as it was when the card was written."""

    name: str
    sha256: str
    rows: int


class Disagreement(_Strict):
    """A question that two readers of a report answered differently, and how that was settled."""

    report: str
    question: str
    first: str
    second: str
    settled: str
    why: str


class Correction(_Strict):
    """An answer that both readers gave, and that a later look at the report has changed."""

    report: str
    question: str
    agreed: str
    corrected: str
    why: str


class Card(_Strict):
    """What a card says.

    Attributes:
        title, origin, licence, language: of the whole corpus; `licence` as SPDX or its source names it.
        role: see `Role`.
        how: how the reports and their answers were made, or how an external corpus is loaded.
        limits: what it must not be taken for.
        made: when the corpus was written.
        source: where an external corpus is obtained.
        shipped: whether the reports are in the folder.
        panel: whose questions are answered.
        reports: how many reports each set has.
        sites: how many reports each site has.
        voices, patients: how many people dictated the reports, and were examined.
        first_exam, last_exam: the earliest and the latest exam date.
        words: 10th, 50th and 90th percentile of the words of a report.
        digest: sha256 (hex) over `reports.jsonl`, `gold.csv` and, where it is there, `evidence.csv`; or over
            `items.csv`.
        answers: presence question to answer to number of reports.
        kappa: question to Cohen's kappa (1960) between two readers before anything was settled.
        disagreements: every difference between them.
        corrections: answers changed though both agreed.
        files: of an external corpus.
        rows, labels: of an external corpus, in words where need be.
        items: how many items each kind has, of a test of word vectors.
    """

    title: str
    role: Role
    origin: str
    licence: str
    language: str
    how: str
    limits: str = ""
    made: date | None = None
    source: str = ""
    shipped: bool = True
    panel: str = ""
    reports: dict[str, int] = {}
    sites: dict[str, int] = {}
    voices: int = 0
    patients: int = 0
    first_exam: date | None = None
    last_exam: date | None = None
    words: tuple[int, int, int] | None = None
    digest: str = ""
    answers: dict[str, dict[str, int]] = {}
    kappa: dict[str, float] = {}
    disagreements: tuple[Disagreement, ...] = ()
    corrections: tuple[Correction, ...] = ()
    files: tuple[File, ...] = ()
    rows: int | str = ""
    labels: str = ""
    items: dict[str, int] = {}


def read_card(folder: Path) -> Card:
    """Read a corpus folder's card.

    Raises:
        InputError: there is none, or it cannot be read.
        UnknownNameError: it has a key that cards do not have.
        InvalidDefinitionError: a key is missing or holds what it may not hold.
    """
    return check(Card, read_toml(folder / NAME), where=f"{folder.name}/{NAME}")
