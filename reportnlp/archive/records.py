"""The small record written behind a shard: its rows are on disk, and this became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportnlp.archive import disk
from reportnlp.archive.counts import Counts
from reportnlp.types import BadRow


def body_path(shards: Path, number: int) -> Path:
    """The file of one shard's rows."""
    return shards / f"{number:07d}.body"


def record_path(shards: Path, number: int) -> Path:
    """The file whose presence says that a shard is done."""
    return shards / f"{number:07d}.json"


@dataclass(frozen=True, slots=True)
class Record:
    """One finished shard.

    Attributes:
        input_digest: of the rows it was made of.
        body_digest: of the bytes written, so that a damaged file is made again and not believed.
        counts: what became of the rows.
        quarantine: the rows that were not labelled, in input order.
    """

    input_digest: str
    body_digest: str
    counts: Counts
    quarantine: tuple[BadRow, ...]

    def write(self, shards: Path, number: int) -> None:
        """Write it: from here on the shard is done."""
        counts = self.counts
        value = {
            "input": self.input_digest,
            "body": self.body_digest,
            "labelled": counts.labelled,
            "duplicates": counts.duplicates,
            "quarantine": list(lines(self.quarantine)),
        }
        disk.put_json(record_path(shards, number), value)

    @classmethod
    def read(cls, shards: Path, number: int) -> Record | None:
        """Read one; None when the shard is not done."""
        value = disk.read_json(record_path(shards, number))
        if value is None:
            return None
        bad = tuple(_row(line) for line in value["quarantine"])
        read = value["labelled"] + value["duplicates"] + len(bad)
        counts = Counts(read, value["labelled"], len(bad), value["duplicates"])
        return cls(value["input"], value["body"], counts, bad)


def _row(line: dict[str, Any]) -> BadRow:
    return BadRow(line["source"], line["offset"], line["reason"], line["report_id"])


def lines(rows: tuple[BadRow, ...]) -> Iterator[dict[str, str | int | None]]:
    """The rows as the quarantine file has them: never with the report's text."""
    for row in rows:
        yield {"source": row.source, "offset": row.offset, "report_id": row.id, "reason": row.reason}
