"""Labels one shard and writes it; the same in a worker process and in the parent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reportnlp.archive import disk
from reportnlp.archive.counts import Counts
from reportnlp.archive.failures import Failure, failure_of
from reportnlp.archive.parties import Identity, Labeler, Parties, Writer
from reportnlp.archive.records import Record, body_path
from reportnlp.archive.seen import digest
from reportnlp.archive.shards import Entry, Shard
from reportnlp.types import BadRow, Label, LabelledReport, LabelTable

REMEMBERED = 8192
"""Texts whose labels a worker keeps: about 2 KiB each. Most duplicates are a few texts, over and over."""


class Task(NamedTuple):
    """A shard, and the folder it is written to."""

    folder: Path
    shard: Shard


class Memory:
    """Labels by text, so that a duplicate text is not labelled again; the least recently used go first.

    By id where the labeler says, by `by_report`, that it looks at more of a report than its text.
    """

    def __init__(self, labeler: Labeler) -> None:
        self._labeler = labeler
        self._by_report = bool(getattr(labeler, "by_report", False))
        self._known: dict[bytes, tuple[Label, ...] | str] = {}
        self._shared: dict[Label, Label] = {}

    def read(self, entries: Sequence[Entry]) -> None:
        """Label the texts among these that are not known yet, all at once."""
        fresh = {key: entry for entry in entries if (key := self._key(entry)) not in self._known}
        found = self._fresh(list(fresh.values()))
        for key, labels in zip(fresh, found, strict=True):
            self._known[key] = labels

    def label(self, entry: Entry) -> tuple[Label, ...] | str:
        """A read report's labels, or the name of the error that the labeler raised."""
        key = self._key(entry)
        labels = self._known.pop(key)
        self._known[key] = labels
        return labels

    def _key(self, entry: Entry) -> bytes:
        return digest(entry.report.id) if self._by_report else entry.text_digest

    def forget(self) -> None:
        """Drop the texts that were met longest ago, but for so many."""
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def _fresh(self, entries: Sequence[Entry]) -> list[tuple[Label, ...] | str]:
        """Their labels; where that fails, one by one, so that a bad report stops no good one."""
        if not entries:
            return []
        try:
            found = self._labeler.label_batch([entry.report for entry in entries])
            return [tuple(map(self._share, labels)) for labels in found]
        except MemoryError:
            raise
        except Exception as error:
            # Its message may hold a report's text.
            if len(entries) == 1:
                return [type(error).__name__]
            return [labels for entry in entries for labels in self._fresh([entry])]

    def _share(self, label: Label) -> Label:
        # Most labels say that nothing was mentioned; kept once, they take no room.
        return label if label.evidence else self._shared.setdefault(label, label)


class Worker:
    """A labeler and a writer, built once."""

    def __init__(self, parties: Parties) -> None:
        self._labeler = parties.make_labeler()
        self._writer: Writer = parties.make_writer()
        self._memory = Memory(self._labeler)
        self.identity = Identity.of(self._labeler)

    def do(self, task: Task) -> Counts:
        """Label one shard; when this returns, it is on disk and will not be done again."""
        rows: list[LabelledReport] = []
        bad: list[BadRow] = []
        duplicates = 0
        self._memory.read([row for row in task.shard.rows if isinstance(row, Entry)])
        for row in task.shard.rows:
            outcome = self._outcome(row)
            if isinstance(outcome, BadRow):
                bad.append(outcome)
            else:
                rows.append(outcome)
                duplicates += isinstance(row, Entry) and row.duplicate
        self._memory.forget()
        counts = Counts(len(task.shard.rows), len(rows) - duplicates, len(bad), duplicates)
        self._write(task, tuple(rows), tuple(bad), counts)
        return counts

    def _outcome(self, row: Entry | BadRow) -> LabelledReport | BadRow:
        if isinstance(row, BadRow):
            return row
        labels = self._memory.label(row)
        if isinstance(labels, str):
            reason = f"the labeler failed on it ({labels}); report the fault with the report's id"
            return BadRow(row.source, row.offset, reason, row.report.id)
        return LabelledReport(row.report, labels)

    def _write(
        self, task: Task, rows: tuple[LabelledReport, ...], bad: tuple[BadRow, ...], counts: Counts
    ) -> None:
        body = body_path(task.folder, task.shard.number)
        draft = disk.temporary(body)
        self._writer.write_shard(
            draft, LabelTable(self.identity.questions, rows, self.identity.method, self.identity.model)
        )
        disk.put(draft, body)
        record = Record(task.shard.input_digest, disk.digest(body), counts, bad)
        record.write(task.folder, task.shard.number)


def build(parties: Parties) -> Worker | Failure:
    """Build a worker, or say why that cannot be done (a wrong panel, a missing extra)."""
    try:
        return Worker(parties)
    except OSError as error:
        return Failure(
            "InputError", f"The labeler cannot be loaded: {error.strerror or type(error).__name__}."
        )
    except Exception as error:
        return failure_of(error, parties.out)


def attempt(worker: Worker, task: Task, out: Path) -> Counts | Failure:
    """Label one shard, or say why that cannot be done (a full disk)."""
    try:
        return worker.do(task)
    except Exception as error:
        return failure_of(error, out)
