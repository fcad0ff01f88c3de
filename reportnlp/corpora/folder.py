"""A corpus folder read: reports, gold answers, evidence, and two readers' answers."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportnlp.corpora.card import Card, read_card
from reportnlp.errors import InputError
from reportnlp.evaluation.read import read_answers
from reportnlp.types import Report

REPORTS = ("reports.jsonl", "reports.csv")
"""A corpus has one of the two."""

GOLD, EVIDENCE = "gold.csv", "evidence.csv"
READERS = ("first_reader.csv", "second_reader.csv")

Answers = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """One corpus folder.

    Attributes:
        name: the folder's.
        card: what it says of itself.
        rows: the lines of `reports.jsonl`, as they are.
        gold: report id to question to answer.
        evidence: rows of `evidence.csv`; None where the folder has no such file.
        readers: both readers' answers; empty where there were not two.
        digest: sha256 (hex) over the bytes of reports, gold and evidence.
    """

    name: str
    card: Card
    rows: Sequence[Mapping[str, Any]]
    gold: Answers
    evidence: Sequence[Mapping[str, str]] | None
    readers: tuple[Answers, ...]
    digest: str

    @property
    def texts(self) -> dict[str, str]:
        """Report id to text."""
        return {row["report_id"]: row["text"] for row in self.rows}

    def reports(self) -> list[Report]:
        """The reports, in order."""
        return [Report(row["report_id"], row["text"]) for row in self.rows]


def read_corpus(folder: Path) -> Corpus:
    """Read a corpus folder whose reports are in it.

    Raises:
        InputError: a file is missing or broken; the message names it.
    """
    evidence = folder / EVIDENCE
    return Corpus(
        name=folder.name,
        card=read_card(folder),
        rows=_rows(_reports_of(folder)),
        gold=read_answers(folder / GOLD),
        evidence=_table(evidence) if evidence.exists() else None,
        readers=tuple(read_answers(folder / name) for name in READERS if (folder / name).exists()),
        digest=digest_of(folder),
    )


def digest_of(folder: Path) -> str:
    """sha256 (hex) over what the corpus is made of."""
    parts = (folder / name for name in (*REPORTS, GOLD, EVIDENCE))
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts if part.exists())).hexdigest()


def _reports_of(folder: Path) -> Path:
    return next((path for name in REPORTS if (path := folder / name).exists()), folder / REPORTS[0])


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = _table(path) if path.suffix == ".csv" else _lines(path)
        return [{**row, "report_id": str(row["report_id"]), "text": str(row["text"])} for row in rows]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is broken: each report has report_id and text.") from None


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
