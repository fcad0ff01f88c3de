"""The shape of what the runner is given: it knows no format and no finding itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from reportnlp.types import BadRow, Label, LabelTable, Question, Report


class Labeler(Protocol):
    """Answers a panel's questions about one report.

    Its answers may depend on the report's text only: a duplicate text is given the first one's labels. One
    that looks at more of a report says so with a true `by_report`.
    """

    @property
    def panel_name(self) -> str:
        """The panel's name."""

    @property
    def panel_digest(self) -> str:
        """Digest of the panel and all its findings."""

    @property
    def method(self) -> str:
        """The method, as written in the table."""

    @property
    def model(self) -> str:
        """Identity of what labels."""

    @property
    def questions(self) -> tuple[Question, ...]:
        """What it answers, in order."""

    def label_batch(self, reports: Sequence[Report], /) -> Sequence[tuple[Label, ...]]:
        """Per report one label per question, in order; each report gets what it would get alone."""


class Writer(Protocol):
    """An output format: bodies of shards, and their merging into one file."""

    def write_shard(self, path: Path, table: LabelTable, /) -> None:
        """Write one shard's body; the same table gives the same bytes."""

    def merge(self, shards: Iterable[Path], out: Path, questions: tuple[Question, ...], /) -> None:
        """Write the bodies, in order, as one file."""


class Placed(NamedTuple):
    """One row of the input, and where it came from."""

    source: str
    offset: int
    row: Report | BadRow


@dataclass(frozen=True, slots=True)
class Parties:
    """What every worker builds for itself; both makers are importable, so that they travel to a process.

    Attributes:
        out: the file the job writes, for messages.
        make_labeler: builds the labeler.
        make_writer: finds the output format.
    """

    out: Path
    make_labeler: Callable[[], Labeler]
    make_writer: Callable[[], Writer]


@dataclass(frozen=True, slots=True)
class Identity:
    """What labels, as a worker reports it: two workers, or two runs, must agree on it."""

    panel: str
    panel_digest: str
    method: str
    model: str
    questions: tuple[Question, ...]

    @classmethod
    def of(cls, labeler: Labeler) -> Identity:
        """The identity of one labeler."""
        return cls(labeler.panel_name, labeler.panel_digest, labeler.method, labeler.model, labeler.questions)
