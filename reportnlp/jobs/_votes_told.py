"""The figures of labelling functions as tables: for the screen, for CSV and for JSON."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from reportnlp.functions._tally import ATTRIBUTES, PRESENCE, Record, Share, Tally
from reportnlp.types import Presence

SHARES = ("coverage", "overlap", "conflict", "accuracy", "two_way", "found")

VOTES_TOLD = (
    "coverage: share of reports and questions voted on; overlap: where another function votes too; conflict: "
    "where another votes otherwise"
)
GOLD_TOLD = (
    "accuracy: share of n votes that are gold's very answer; present or not: share that is right about that; "
    "found: share of gold's present that is voted present"
)


def write_csv(path: Path, records: Sequence[Record]) -> None:
    """A row per function and question, the pooled ones first; a figure of nothing is blank."""
    answers = list(dict.fromkeys(answer for record in records for answer in record.answers))
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [_row(record, answers) for record in records]
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["function"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _row(record: Record, answers: Iterable[str]) -> dict[str, str]:
    row = {"function": record.function, "question": record.question, "votes": str(record.coverage.part)}
    for name in SHARES:
        share: Share = getattr(record, name)
        row[name] = _plain(share.value)
        if name in ("accuracy", "two_way", "found"):
            low, high = share.interval
            row |= {f"{name}.low": _plain(low), f"{name}.high": _plain(high), f"{name}.n": str(share.whole)}
    for answer in answers:
        of_answer = record.answers.get(answer, Share(0, 0))
        row |= {f"{answer}.accuracy": _plain(of_answer.value), f"{answer}.n": str(of_answer.whole)}
    return row


def _plain(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.4f}"


def write_json(
    path: Path,
    counted: Tally,
    records: Sequence[Record],
    functions: Sequence[str],
    faults: Mapping[str, Counter[str]],
) -> None:
    """All of it, with who agrees with whom on presence; a figure of nothing is null."""
    content = {
        "reports": counted.reports,
        "reports_with_gold": counted.known,
        "functions": list(functions),
        "agreement": {"votes_of_both": counted.both.tolist(), "same_votes": counted.agreed.tolist()},
        "faults": {name: dict(faults.get(name, {})) for name in functions},
        "figures": [_document(record) for record in records],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _document(record: Record) -> dict[str, Any]:
    return {
        "function": record.function,
        "question": record.question,
        **{name: _parts(getattr(record, name)) for name in SHARES},
        "answers": {answer: _parts(share) for answer, share in record.answers.items() if share.whole},
    }


def _parts(share: Share) -> dict[str, float | int | None]:
    low, high = share.interval
    numbers = {"value": share.value, "low": low, "high": high}
    return {"part": share.part, "whole": share.whole} | {
        name: None if math.isnan(number) else round(number, 6) for name, number in numbers.items()
    }


def screen(records: Sequence[Record], faults: Mapping[str, Counter[str]], *, gold: bool) -> Iterator[Table]:
    """Tables for a terminal: presence and attributes each together, and against gold where it is known."""
    for name in (PRESENCE, ATTRIBUTES):
        rows = [record for record in records if record.question == name]
        if name == ATTRIBUTES:
            rows = [record for record in rows if record.coverage.part]
        if rows:
            yield _votes_table(name, rows, faults)
            if gold:
                yield _gold_table(name, rows)


def _votes_table(name: str, rows: Sequence[Record], faults: Mapping[str, Counter[str]]) -> Table:
    table = _table(f"Votes on {name}", "votes", "coverage", "overlap", "conflict", "faults")
    table.caption = VOTES_TOLD if name == PRESENCE else None
    for record in rows:
        shares = (record.coverage, record.overlap, record.conflict)
        count = faults.get(record.function, Counter()).total()
        table.add_row(
            record.function, f"{record.coverage.part:,}", *(_shown(s.value) for s in shares), f"{count:,}"
        )
    return table


def _gold_table(name: str, rows: Sequence[Record]) -> Table:
    if name == ATTRIBUTES:
        table = _table("Attributes against gold, where present", "accuracy", "95 %", "n")
    else:
        answers = [f"{answer}" for answer in Presence]
        columns = ("accuracy", "95 %", "n", "present or not", "n", "found", *answers)
        table = _table("Presence against gold; of each answer the share right (votes)", *columns)
        table.caption = GOLD_TOLD
    for record in rows:
        accuracy = (_shown(record.accuracy.value), _interval(record.accuracy), f"{record.accuracy.whole:,}")
        more: tuple[str, ...] = ()
        if name == PRESENCE:
            each = (record.answers[answer] for answer in Presence)
            two_way = (_shown(record.two_way.value), f"{record.two_way.whole:,}")
            more = (*two_way, _shown(record.found.value), *map(_counted, each))
        table.add_row(record.function, *accuracy, *more)
    return table


def _counted(share: Share) -> str:
    return f"{share.value:.3f} ({share.whole:,})" if share.whole else "-"


def _shown(number: float) -> str:
    return "-" if math.isnan(number) else f"{number:.3f}"


def _interval(share: Share) -> str:
    low, high = share.interval
    return "-" if math.isnan(low) else f"{low:.3f} to {high:.3f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=None, pad_edge=False)
    table.add_column("function", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
