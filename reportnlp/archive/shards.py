"""The input cut into shards: the same input always gives the same shards, whoever labels them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from reportnlp.archive.parties import Placed
from reportnlp.archive.seen import Seen, digest
from reportnlp.types import BadRow, Report

MAX_CHARACTERS = 4_000_000
"""A shard also ends when its texts hold so many characters, so that long reports do not fill the memory."""


class Entry(NamedTuple):
    """A report to label.

    Attributes:
        source, offset: where it came from.
        report: the report.
        text_digest: stands for its text.
        duplicate: whether an earlier report has the same text.
    """

    source: str
    offset: int
    report: Report
    text_digest: bytes
    duplicate: bool


class Shard(NamedTuple):
    """Rows that are labelled and written together.

    Attributes:
        number: its place in the output, from 0.
        rows: reports to label and rows to quarantine, in input order.
        input_digest: stands for everything in the rows.
    """

    number: int
    rows: tuple[Entry | BadRow, ...]
    input_digest: str


def cut(rows: Iterable[Placed], size: int) -> Iterator[list[Placed]]:
    """Cut the input every `size` rows (sooner where texts are very long)."""
    piece: list[Placed] = []
    room = MAX_CHARACTERS
    for placed in rows:
        piece.append(placed)
        room -= len(placed.row.text) if isinstance(placed.row, Report) else 0
        if len(piece) >= size or room <= 0:
            yield piece
            piece, room = [], MAX_CHARACTERS
    if piece:
        yield piece


def shards(pieces: Iterable[list[Placed]], seen: Seen) -> Iterator[Shard]:
    """Number the pieces, mark duplicate texts, and put duplicate ids among the bad rows."""
    for number, piece in enumerate(pieces):
        rows = tuple(_screen(placed, seen) for placed in piece)
        yield Shard(number, rows, _input_digest(rows))


def _screen(placed: Placed, seen: Seen) -> Entry | BadRow:
    source, offset, report = placed
    if isinstance(report, BadRow):
        return report
    try:
        id_digest, text_digest = digest(report.id), digest(report.text)
    except UnicodeEncodeError:
        return _bad(placed, "holds half a surrogate pair, which is no character; write the file as UTF-8")
    first = seen.first_id(id_digest, source, offset)
    if first is not None:
        return _bad(placed, f"duplicate id, first seen at {first[0]}, record {first[1]}")
    return Entry(source, offset, report, text_digest, not seen.is_new_text(text_digest))


def _bad(placed: Placed, reason: str) -> BadRow:
    return BadRow(placed.source, placed.offset, reason, placed.row.id)


def _input_digest(rows: tuple[Entry | BadRow, ...]) -> str:
    whole = blake2b(digest_size=16)
    for row in rows:
        whole.update(_facts(row).encode("utf-8", "backslashreplace"))
        if isinstance(row, Entry):
            whole.update(row.text_digest)
    return whole.hexdigest()


def _facts(row: Entry | BadRow) -> str:
    if isinstance(row, BadRow):
        return repr((row.source, row.offset, row.id, row.reason))
    report = row.report
    return repr(
        (row.source, row.offset, report.id, report.patient, report.exam_date, report.modality, report.site)
    )
