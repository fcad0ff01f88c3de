"""Answers out of a label table on disk, in every shape this package and others write one."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.labelled import Evidence, Labelled, posteriors_from, questions_of
from reportnlp.formats.blocks import ID_LIMIT

LONG = ("report_id", "question", "answer")
"""The columns of a long table that are read."""

MORE = ("probability", "evidence_start", "evidence_end", "section", "method", "model")
"""What a long table may say besides."""

NOT_QUESTIONS = ("report_id", "text")
"""Columns of a wide table that are no question. Probabilities and evidence end in `.p` and `.evidence`."""

Cell = tuple[str, str, str, Mapping[str, Any]]
"""Report id, question, answer, and what else the row says of it."""


def read_answers(path: Path, *, keep: Iterable[str] | None = None) -> Answers:
    """Read a label table: wide CSV or TSV, or long CSV, JSONL or Parquet.

    Args:
        path: the file; its suffix says what it is.
        keep: ids of the reports whose answers are wanted (the others are kept by id alone); None is all.

    Raises:
        InputError: it is none of these, lacks a column, is broken, or answers one question twice.
    """
    answers: dict[str, dict[str, str]] = {}
    with _readable(path):
        _gather(path, _cells(path, ()), answers, keep, lambda cell: None)
    return answers


def read_labels(path: Path, *, keep: Iterable[str] | None = None, more: Sequence[Answers] = ()) -> Labelled:
    """Read all that a label table knows: answers, their probabilities, and in a long table evidence.

    Args:
        path: as in `read_answers`.
        keep: as in `read_answers`.
        more: other answers to the same questions; an attribute's possible answers are those that occur.

    Raises:
        InputError: as in `read_answers`, or a probability or an offset is no such thing.
    """
    answers: dict[str, dict[str, str]] = {}
    rest = _Rest(path)
    with _readable(path):
        _gather(path, _cells(path, MORE), answers, keep, rest.take)
    posteriors = None
    if rest.probabilities:
        posteriors = posteriors_from(answers, rest.probabilities, questions_of(answers, *more))
    method = rest.method or path.name
    return Labelled(answers, posteriors, rest.evidence, method, rest.model, shared=True)


class _Rest:
    """What a table says besides the answers."""

    def __init__(self, path: Path) -> None:
        self.probabilities: dict[str, dict[str, float]] = {}
        self.evidence: dict[tuple[str, str], Evidence] = {}
        self.method = self.model = ""
        self._path = path

    def take(self, cell: Cell) -> None:
        report, question, _, more = cell
        self.method = self.method or _said(more, "method")
        self.model = self.model or _said(more, "model")
        if p := _said(more, "probability"):
            self.probabilities.setdefault(report, {})[question] = self._probability(report, p)
        start, end = _said(more, "evidence_start"), _said(more, "evidence_end")
        if start and end:
            self.evidence[report, question] = Evidence(
                *self._span(report, start, end), _said(more, "section")
            )

    def _probability(self, report: str, told: str) -> float:
        try:
            p = float(told)
        except ValueError:
            p = math.nan
        if not 0 <= p <= 1:
            raise InputError(
                f"{self._path} has a probability of report '{report}' that is no number from 0 to 1. Mend it."
            )
        return p

    def _span(self, report: str, start: str, end: str) -> tuple[int, int]:
        try:
            span = int(float(start)), int(float(end))
        except (ValueError, OverflowError):
            span = -1, -1
        if not 0 <= span[0] <= span[1]:
            raise InputError(
                f"{self._path} has evidence of report '{report}' that is no pair of offsets. Mend it."
            )
        return span


def _said(more: Mapping[str, Any], column: str) -> str:
    value = more.get(column)
    return "" if value is None else str(value).strip()


def _gather(
    path: Path,
    cells: Iterable[Cell],
    answers: dict[str, dict[str, str]],
    keep: Iterable[str] | None,
    take: Callable[[Cell], None],
) -> None:
    wanted = None if keep is None else set(keep)
    for cell in cells:
        report, question, answer, _ = cell
        _check_id(path, report)
        row = answers.setdefault(report, {})
        if wanted is not None and report not in wanted:
            continue
        if question in row:
            raise InputError(f"{path} answers {question} of report '{report}' twice. Remove one.")
        row[question] = answer
        take(cell)


def _check_id(path: Path, report: str) -> None:
    if not report or len(report) > ID_LIMIT:
        raise InputError(
            f"{path} has a report_id that is empty or longer than {ID_LIMIT} characters. "
            "Is it the right column?"
        )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what a broken file raises into one line that quotes nothing of it."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(
            f"There is no file {path}. Give a label table, as `reportnlp label` writes."
        ) from error
    except OSError as error:
        why = error.strerror or "it is broken"
        raise InputError(f"{path} cannot be read: {why}. Give a label table, or mend that.") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(
            f"{path} is broken or is no label table. Write it again, as {path.suffix} in UTF-8."
        ) from error


def _cells(path: Path, more: Sequence[str]) -> Iterator[Cell]:
    """The answers one after another, with those of the columns `more` that are there."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _csv_cells(path, "," if suffix == ".csv" else "\t", more)
    if suffix == ".jsonl":
        return _jsonl_cells(path)
    if suffix == ".parquet":
        return _parquet_cells(path, more)
    raise InputError(f"{path} is no label table. One ends in .csv, .tsv, .jsonl or .parquet.")


def _csv_cells(path: Path, delimiter: str, more: Sequence[str]) -> Iterator[Cell]:
    csv.field_size_limit(sys.maxsize)  # a column of report texts may stand beside the answers
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter=delimiter, strict=True, restval="")
        columns = list(rows.fieldnames or ())
        _check_columns(path, columns, ("report_id",))
        if set(LONG) <= set(columns):
            yield from (_stripped(row) for row in rows)
            return
        sure = {q: f"{q}.p" if more and f"{q}.p" in columns else "" for q in columns if _is_question(q)}
        for row in rows:
            report = row["report_id"].strip()
            for question, p in sure.items():
                yield report, question, row[question].strip(), {"probability": row[p]} if p else {}


def _check_columns(path: Path, columns: Sequence[str], needed: Sequence[str]) -> None:
    missing = [column for column in needed if column not in columns]
    if missing:
        # what stands there is not shown: without a header line it is a report
        raise InputError(
            f"{path} has no column '{missing[0]}'. A wide table has report_id and a column per question, "
            f"a long one has {', '.join(LONG)}."
        )


def _is_question(column: str) -> bool:
    return column not in NOT_QUESTIONS and not column.endswith((".p", ".evidence"))


def _stripped(row: Mapping[str, Any]) -> Cell:
    report, question, answer = (str(row[column]).strip() for column in LONG)
    return report, question, answer, row


def _jsonl_cells(path: Path) -> Iterator[Cell]:
    with path.open(encoding="utf-8") as file:
        yield from (_stripped(json.loads(line)) for line in file if line.strip())


def _parquet_cells(path: Path, more: Sequence[str]) -> Iterator[Cell]:
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        _check_columns(path, names, LONG)
        for batch in file.iter_batches(columns=[*LONG, *(name for name in more if name in names)]):
            yield from (_stripped(row) for row in batch.to_pylist())
