"""Gold answers of a published source, as a table that `reportnlp evaluate` reads."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from reportnlp.archive import disk, records
from reportnlp.archive.places import refuse_folder
from reportnlp.errors import InputError, OutputError
from reportnlp.findings.loader import load_panel
from reportnlp.golds.blocks import GoldAnswers, GoldRow, NotCoded, Uncoded, filled
from reportnlp.registry import GOLDS
from reportnlp.types import BadRow, Presence

REASONS = 5
"""Kinds of rows that were left out of which a user is told: the commonest."""


@dataclass(frozen=True, slots=True)
class GoldSettings:
    """What to read, and into what.

    Attributes:
        source: the published file or folder.
        out: the CSV to write: report_id and a column per question of the source's panel.
        kind: name of the source of gold answers.
        not_coded: what stands for findings that the coders are silent about. They may have read a denial or
            nothing: whatever is written there, only `present` can be scored.
        overwrite: whether `out` may be replaced.
    """

    source: Path
    out: Path
    kind: str
    not_coded: NotCoded = "absent"
    overwrite: bool = False


@dataclass(slots=True)
class GoldCounts:
    """What became of the rows.

    Attributes:
        reports: rows written.
        present: findings that are present in them.
        uncoded: reports that their coders left without codes; they are not written.
        quarantined: the rows that were not written, and why; `OUT.quarantine.jsonl` lists them.
    """

    reports: int = 0
    present: int = 0
    uncoded: int = 0
    quarantined: list[BadRow] = field(default_factory=list)

    @property
    def left_out(self) -> Counter[str]:
        """Reasons why rows were not written, with how often."""
        return Counter(row.reason for row in self.quarantined)


def run(settings: GoldSettings) -> GoldCounts:
    """Read the source, and write the table when it is whole.

    Raises:
        UnknownNameError: no source has that name.
        InputError: the source cannot be read, or holds no gold answers.
        OutputError: `out` exists, is no CSV, or cannot be written.
    """
    source = GOLDS.get(settings.kind)
    _check_out(settings)
    counts = GoldCounts()
    draft = disk.temporary(settings.out)
    try:
        _write(draft, source, settings, counts)
        disk.put(draft, settings.out)
        _list_quarantined(settings.out, counts)
        disk.sync(settings.out.parent)
    except OSError as error:
        raise disk.cannot_write(settings.out, error) from error
    finally:
        draft.unlink(missing_ok=True)
    return counts


def _check_out(settings: GoldSettings) -> None:
    out = settings.out
    refuse_folder(out)
    if out.suffix.lower() != ".csv":
        raise OutputError(f"Gold answers cannot be written to {out}. Name a file that ends in .csv.")
    if not out.parent.is_dir():
        raise OutputError(f"Cannot write {out}: there is no folder {out.parent}. Make it first.")
    if out.exists() and not settings.overwrite:
        raise OutputError(f"{out} exists. Name another file, or add --overwrite.")


def _write(draft: Path, source: ModuleType, settings: GoldSettings, counts: GoldCounts) -> None:
    panel = load_panel(source.PANEL)
    asked = source.asked()
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["report_id", *(question.name for question in panel.questions)])
        for row in _kept(source.read(settings.source), counts, settings.source.name):
            writer.writerow([row.report_id, *filled(panel, row, asked, settings.not_coded).values()])
    if not counts.reports:
        raise InputError(
            f"{settings.source} holds no gold answers for the source '{settings.kind}'.{_why(counts)}"
        )


def _why(counts: GoldCounts) -> str:
    if counts.quarantined:
        return f" The commonest reason: {counts.left_out.most_common(1)[0][0]}"
    return f" {counts.uncoded} reports have no codes." if counts.uncoded else ""


def _list_quarantined(out: Path, counts: GoldCounts) -> None:
    """Name the rows that were left out, as `label` does; no file when there are none."""
    listed = disk.quarantine_file(out)
    listed.unlink(missing_ok=True)
    if counts.quarantined:
        lines = (json.dumps(line, ensure_ascii=False) for line in records.lines(tuple(counts.quarantined)))
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _kept(rows: Iterable[GoldRow], counts: GoldCounts, source: str) -> Iterator[GoldAnswers]:
    """The rows to write, counted with those that are not."""
    seen: set[str] = set()
    for offset, row in enumerate(rows, start=1):
        if isinstance(row, BadRow):
            counts.quarantined.append(row)
        elif isinstance(row, Uncoded):
            counts.uncoded += 1
        elif row.report_id in seen:
            reason = "the report id was there before"
            counts.quarantined.append(BadRow(source, offset, reason, row.report_id))
        else:
            seen.add(row.report_id)
            counts.reports += 1
            counts.present += sum(answer == Presence.PRESENT for answer in row.answers.values())
            yield row
