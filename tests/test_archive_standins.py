"""Stand-ins for the parties of a run, which the archive tests share: importable, so that processes can."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from reportnlp.archive.parties import Labeler, Parties, Placed, Writer
from reportnlp.archive.runner import Job
from reportnlp.types import BadRow, Label, LabelTable, Question, Report, Span

QUESTIONS = (Question("stone", None, ("present", "absent")), Question("stone", "size", ("small", "large")))
SIGNAL = "REPORTNLP_TEST_SIGNAL"
"""Environment variable: the number of a signal, sent at a text with the word SIGNAL to REPORTNLP_TEST_AT."""
AT = "REPORTNLP_TEST_AT"


class Stones:
    """Finds the word 'stone'; does as it is told by capital words in the text."""

    panel_name = "stones"
    method = "words"
    model = "words-1"
    questions = QUESTIONS

    def __init__(self, panel_digest: str = "5701e") -> None:
        self.panel_digest = panel_digest
        self.texts: list[str] = []

    def label_batch(self, reports: Sequence[Report], /) -> list[tuple[Label, ...]]:
        return [self.label(report) for report in reports]

    def label(self, report: Report, /) -> tuple[Label, ...]:
        self.texts.append(report.text)
        if "FAULT" in report.text:
            raise ValueError(report.text)
        if "SIGNAL" in report.text and SIGNAL in os.environ:
            _send(int(os.environ[SIGNAL]))
        at = report.text.find("stone")
        if at < 0:
            return Label("stone", "absent", 0.75), Label("stone.size", "not_applicable", 1.0)
        return Label("stone", "present", 0.9, Span(at, at + 5), "findings"), Label("stone.size", "small", 0.5)


def _send(number: int) -> None:
    if os.environ.get(AT) == "group":
        os.killpg(0, number)
    else:
        os.kill(os.getpid(), number)


class Lines:
    """A line of text per report."""

    def write_shard(self, path: Path, table: LabelTable, /) -> None:
        path.write_text("".join(f"{row.report.id} {_answers(row.labels)}\n" for row in table.rows))

    def merge(self, shards: Iterable[Path], out: Path, questions: tuple[Question, ...], /) -> None:
        head = " ".join(question.name for question in questions)
        out.write_text("".join([f"id {head}\n", *(shard.read_text() for shard in shards)]))


def _answers(labels: Sequence[Label]) -> str:
    return " ".join(f"{label.answer} {label.probability:.2f} {label.evidence}" for label in labels)


def make_stones(panel_digest: str = "5701e") -> Labeler:
    return Stones(panel_digest)


def make_lines() -> Writer:
    return Lines()


def no_panel() -> Labeler:
    from reportnlp.errors import unknown_name

    raise unknown_name("panel", "stonse", ["stones"])


def no_extra() -> Labeler:
    from reportnlp.errors import MissingExtraError

    raise MissingExtraError("Labelling stones", "stones")


def job(out: Path, *, digest: str = "5701e", workers: int = 1, resume: bool = False, size: int = 3) -> Job:
    """A job with the stand-ins."""
    parties = Parties(out, partial(make_stones, digest), make_lines)
    settings = {"version": "1", "output format": "lines"}
    return Job(parties, settings, workers=workers, shard_size=size, resume=resume)


def placed(texts: Iterable[str | None], *, source: str = "reports.csv") -> list[Placed]:
    """Rows r1, r2, ... of these texts; None is a row that cannot be read."""
    return [Placed(source, at, _row(source, at, text)) for at, text in enumerate(texts, start=1)]


def _row(source: str, at: int, text: str | None) -> Report | BadRow:
    return BadRow(source, at, "no text") if text is None else Report(f"r{at}", text)


MIXED: tuple[str | None, ...] = (
    "a stone",
    "nothing",
    None,
    "a stone",
    "FAULT of a stone",
    "SIGNAL one",
    "nothing",
    "FAULT of a stone",
    "stone again",
    "SIGNAL two",
    None,
)
"""11 rows: 5 texts labelled, 4 rows for the quarantine, 2 duplicates."""


def test_the_stand_ins_answer_every_question() -> None:
    for text in ("a stone", "nothing"):
        labels = Stones().label(Report("r", text))
        assert [label.question for label in labels] == [question.name for question in QUESTIONS]
