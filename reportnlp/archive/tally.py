"""Every row accounted for: what was read, counted here, against what became of it, counted by the workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reportnlp.archive.counts import Counts
from reportnlp.archive.progress import Progress
from reportnlp.archive.shards import Shard
from reportnlp.archive.work import Work
from reportnlp.archive.worker import Task


class Tally:
    """Counts shards and rows as they pass.

    Attributes:
        shards: how many were seen.
    """

    def __init__(self, current: Work, progress: Progress) -> None:
        self._work = current
        self._progress = progress
        self._read = 0
        self._sum = Counts()
        self.shards = 0

    def tasks(self, cut_input: Iterable[Shard]) -> Iterator[Task]:
        """The shards that are still to be labelled; finished ones are counted and passed over."""
        for shard in cut_input:
            self.shards += 1
            self._read += len(shard.rows)
            record = self._work.done(shard)
            if record is None:
                yield Task(self._work.shards, shard)
            else:
                self.add(record.counts)

    def add(self, counts: Counts) -> None:
        """A shard is done."""
        self._sum += counts
        self._progress.advance(counts.read)

    def total(self) -> Counts:
        """The closing count."""
        return Counts(self._read, self._sum.labelled, self._sum.quarantined, self._sum.duplicates)
