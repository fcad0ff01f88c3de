"""Answers out of a label table on disk, in every shape this package and others write one."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.formats.blocks import ID_LIMIT

LONG = ("report_id", "question", "answer")
"""The columns of a long table that are read."""

NOT_QUESTIONS = ("report_id", "text")
"""Columns of a wide table that are no question. Probabilities and evidence end in `.p` and `.evidence`."""


def read_answers(path: Path, *, keep: Iterable[str] | None = None) -> Answers:
    """Read a label table: wide CSV or TSV, or long CSV, JSONL or Parquet.

    Args:
        path: the file; its suffix says what it is.
        keep: ids of the reports whose answers are wanted (the others are kept by id alone); None is all.

    Raises:
        InputError: it is none of these, lacks a column, is broken, or answers one question twice.
    """
    wanted = None if keep is None else set(keep)
    answers: dict[str, dict[str, str]] = {}
    with _readable(path):
        for report, question, answer in _cells(path):
            _check_id(path, report)
            row = answers.setdefault(report, {})
            if wanted is not None and report not in wanted:
                continue
            if question in row:
                raise InputError(f"{path} answers {question} of report '{report}' twice. Remove one.")
            row[question] = answer
    return answers


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


def _cells(path: Path) -> Iterator[tuple[str, str, str]]:
    """Report id, question and answer, one after another."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _csv_cells(path, "," if suffix == ".csv" else "\t")
    if suffix == ".jsonl":
        return _jsonl_cells(path)
    if suffix == ".parquet":
        return _parquet_cells(path)
    raise InputError(f"{path} is no label table. One ends in .csv, .tsv, .jsonl or .parquet.")


def _csv_cells(path: Path, delimiter: str) -> Iterator[tuple[str, str, str]]:
    csv.field_size_limit(sys.maxsize)  # a column of report texts may stand beside the answers
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter=delimiter, strict=True, restval="")
        columns = list(rows.fieldnames or ())
        _check_columns(path, columns, ("report_id",))
        if set(LONG) <= set(columns):
            yield from (_stripped(row) for row in rows)
            return
        questions = [column for column in columns if _is_question(column)]
        for row in rows:
            report = row["report_id"].strip()
            yield from ((report, question, row[question].strip()) for question in questions)


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


def _stripped(row: dict[str, Any]) -> tuple[str, str, str]:
    report, question, answer = (str(row[column]).strip() for column in LONG)
    return report, question, answer


def _jsonl_cells(path: Path) -> Iterator[tuple[str, str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from (_stripped(json.loads(line)) for line in file if line.strip())


def _parquet_cells(path: Path) -> Iterator[tuple[str, str, str]]:
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow.names, LONG)
        for batch in file.iter_batches(columns=list(LONG)):
            yield from (_stripped(row) for row in batch.to_pylist())
