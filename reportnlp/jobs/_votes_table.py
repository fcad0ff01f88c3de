"""Votes as the archive runner sees them: the labels of one wide table, a column per function and question.

So the vote matrix has what a label table has: shards, processes, a resume, a quarantine, counts that add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reportnlp import votes
from reportnlp.findings import load_panel
from reportnlp.formats._writing import writing
from reportnlp.functions._ballot import Ballot, Cast
from reportnlp.functions.loader import Chosen, build
from reportnlp.types import ABSTAIN, Label, LabelTable, Question, Report

FAULT = "fault"
"""A column per function, `<function>:fault`: what went wrong with it on a report; null is nothing."""

ROWS = 50_000
"""Reports in a row group: few have long column lists, many fill the memory."""


def columns(functions: Sequence[str], questions: Sequence[Question]) -> tuple[Question, ...]:
    """The table's columns but for the id; one of faults has no answers of its own."""
    asked = [
        Question(f"{function}:{q.finding}", q.attribute, q.answers)
        for function in functions
        for q in questions
    ]
    return (*asked, *(Question(f"{function}:{FAULT}", None, ()) for function in functions))


class BallotLabeler:
    """Functions at the vote, in the shape of a labeler.

    Args:
        panel: name or path of the panel.
        chosen: who votes.
    """

    method = "votes"

    def __init__(self, panel: str, chosen: Sequence[Chosen]) -> None:
        loaded = load_panel(panel)
        self._ballot = Ballot(loaded, build(chosen, loaded))
        self.panel_name, self.panel_digest = loaded.name, loaded.digest
        self.questions = columns([voice.name for voice in self._ballot.voices], loaded.questions)
        told = "\n".join(f"{voice.name} {voice.identity}" for voice in self._ballot.voices)
        self.model = f"votes-{sha256(told.encode()).hexdigest()[:12]}"
        self._labels = [
            {int(ABSTAIN): Label(q.name, "", 1.0)}
            | {i: Label(q.name, a, 1.0) for i, a in enumerate(q.answers)}
            for q in self.questions
        ]

    @property
    def by_report(self) -> bool:
        """Whether a function looks at more of a report than its text."""
        return not self._ballot.text_only

    def label_batch(self, reports: Sequence[Report], /) -> list[tuple[Label, ...]]:
        """Per report its votes, then its faults."""
        found = self._ballot(reports)
        votes = [self._votes(row) for row in zip(*(cast.values.tolist() for cast in found), strict=True)]
        return [(*row, *self._faults(found, at)) for at, row in enumerate(votes)]

    def _votes(self, by_function: Iterable[Sequence[int]]) -> list[Label]:
        indices = [index for row in by_function for index in row]
        return [labels[index] for labels, index in zip(self._labels, indices, strict=False)]

    def _faults(self, found: Sequence[Cast], at: int) -> Iterator[Label]:
        for question, cast in zip(self.questions[-len(found) :], found, strict=True):
            yield Label(question.name, cast.faults[at], 1.0)


def make_labeler(panel: str, chosen: Sequence[Chosen]) -> BallotLabeler:
    """Load panel and functions, in each process for itself."""
    return BallotLabeler(panel, chosen)


class VotesWriter:
    """Writes the table in Parquet."""

    def write_shard(self, path: Path, table: LabelTable, /) -> None:
        """Write one shard's rows."""
        with writing(path) as out:
            pq.write_table(_arrow(table), out, compression="zstd")

    def merge(
        self, shards: Iterable[Path], out: Path, questions: tuple[Question, ...], /, progress: Any = None
    ) -> None:
        """Write the shards' rows, in order, as row groups of some size."""
        schema = _schema(questions)
        with writing(out) as target, pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for table in _gathered(pq.read_table(shard).cast(schema) for shard in shards):
                writer.write_table(table, row_group_size=ROWS)


def make_writer() -> VotesWriter:
    """The writer."""
    return VotesWriter()


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(len(one) for one in held) >= ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _schema(questions: Sequence[Question]) -> pa.Schema:
    coded = pa.dictionary(pa.int8(), pa.string())
    fields = [(q.name, coded if q.answers else pa.string()) for q in questions]
    return pa.schema([(votes.ID, pa.string()), *fields])


def _arrow(table: LabelTable) -> pa.Table:
    rows = [[label.answer for label in row.labels] for row in table.rows]
    by_question = zip(*rows, strict=True) if rows else ((),) * len(table.questions)
    cells = [_column(question, told) for question, told in zip(table.questions, by_question, strict=True)]
    ids = pa.array(table.report_ids, pa.string())
    return pa.table([ids, *cells], schema=_schema(table.questions))


def _column(question: Question, answers: Sequence[str]) -> pa.Array:
    if not question.answers:
        return pa.array([answer or None for answer in answers], pa.string())
    places = {answer: at for at, answer in enumerate(question.answers)}
    words = pa.array(question.answers, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array([places.get(a) for a in answers], pa.int8()), words)


def report_ids(folder: Path) -> Iterator[str]:
    """The ids of the reports, in order."""
    with pq.ParquetFile(folder / votes.TABLE) as file:
        for batch in file.iter_batches(votes.BATCH, columns=[votes.ID]):
            yield from batch.column(votes.ID).to_pylist()


def faults(folder: Path, functions: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Function, report id and kind of every fault, in the order of the reports."""
    names = [f"{function}:{FAULT}" for function in functions]
    with pq.ParquetFile(folder / votes.TABLE) as file:
        for batch in file.iter_batches(votes.BATCH, columns=[votes.ID, *names]):
            ids = batch.column(votes.ID)
            for function, name in zip(functions, names, strict=True):
                cells = batch.column(name)
                there = cells.is_valid()
                told = zip(ids.filter(there).to_pylist(), cells.filter(there).to_pylist(), strict=True)
                yield from ((function, report, kind) for report, kind in told)
