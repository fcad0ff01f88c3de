r"""Another tool's labels as a voice: a CSV with CheXpert's columns, joined by the report's id.

Its numbers are 1 present, 0 absent, -1 uncertain, and a blank for nothing said (Irvin 2019,
arXiv:1901.07031); here, at the rim, they become answers. A column that stands for several of the panel's
findings denies them all by a 0; by a 1 or a -1 it speaks for the one that bears its name, or for none. A
column may also bear a finding's own name (`hiatal_hernia`).

    report_id,Pneumonia,Pleural Effusion,hiatal_hernia
    r1,1,0,
    r2,,-1,0

    reportnlp weak votes reports.csv --panel chest_xray -o votes --functions rules,chexpert_csv \
        --option chexpert_csv.file=labels.csv --option chexpert_csv.blank=not_mentioned
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

from reportnlp.errors import InputError
from reportnlp.findings.schema import Panel
from reportnlp.formats._columns import ID_NAMES, squashed
from reportnlp.formats.chexpert import COLUMNS, study_number
from reportnlp.functions import blocks
from reportnlp.types import Presence, Report

TITLE = "another tool's CheXpert-style CSV (file=LABELS.csv), joined by report id"

NUMBERS = {1.0: Presence.PRESENT, 0.0: Presence.ABSENT, -1.0: Presence.UNCERTAIN}


class Options(blocks.Options):
    """Settings of the voice.

    Attributes:
        file: the CSV.
        id_column: the column with the report's id; without it the usual names are looked for.
        uncertain: what a -1 votes for; `abstain`: for nothing.
        blank: what a blank votes for; `abstain`: for nothing. Most tools leave blank what they found no
            mention of.
    """

    file: str
    id_column: str = ""
    uncertain: Literal["uncertain", "present", "absent", "abstain"] = "uncertain"
    blank: Literal["abstain", "not_mentioned", "absent"] = "abstain"


class Function:
    """Votes as the table says.

    Args:
        panel: the findings to vote on.
        options: which table, and how it is read.

    Raises:
        InputError: the file cannot be read, has no column for the id or none for a finding of the panel, an
            id twice, or a cell that is no label.
    """

    def __init__(self, panel: Panel, options: Options) -> None:
        self._options = options
        path = Path(options.file)
        self._votes = dict(_read(path, panel, options))
        self.identity = sha256(path.read_bytes()).hexdigest()

    def vote(self, report: Report) -> Mapping[str, str]:
        """The row of the report's id; nothing where there is none."""
        return self._votes.get(study_number(report.id), {})

    def joined(self, report_ids: Iterable[str]) -> blocks.Joined:
        """How many of the reports have a row."""
        matched = sum(study_number(report) in self._votes for report in report_ids)
        return blocks.Joined(matched, len(self._votes))


def _read(path: Path, panel: Panel, options: Options) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(csv.reader(file, strict=True), path, panel, options)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}. Give the path of a CheXpert-style CSV.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no CSV in UTF-8 ({type(error).__name__}). Write it anew.") from None


def _rows(
    reader: Iterator[list[str]], path: Path, panel: Panel, options: Options
) -> Iterator[tuple[str, dict[str, str]]]:
    names = next(reader, [])
    at_id = _id_column(names, options.id_column, path)
    columns = dict(_columns(names, panel))
    if not columns:
        raise InputError(
            f"{path} has no column for a finding of the panel '{panel.name}'. Name columns as CheXpert does "
            f"({', '.join(list(COLUMNS)[:3])}, ...), or as the panel does."
        )
    shared: dict[tuple[str, ...], dict[str, str]] = {}
    seen: set[str] = set()
    for number, row in enumerate(reader, start=1):
        report = study_number(row[at_id].strip()) if at_id < len(row) else ""
        if not report or report in seen:
            what = "the id of an earlier row" if report else "no id"
            raise InputError(f"{path}, row {number} has {what}, and cannot be joined. Remove it.")
        seen.add(report)
        cells = tuple(row[at].strip() if at < len(row) else "" for at in columns)
        if cells not in shared:
            # Kept once: millions of reports have a few thousand kinds of rows.
            shared[cells] = _votes(cells, tuple(columns.values()), options, f"{path}, row {number}")
        yield report, shared[cells]


def _id_column(names: Sequence[str], given: str, path: Path) -> int:
    plain = [squashed(name) for name in names]
    for name in (given,) if given else ID_NAMES:
        if squashed(name) in plain:
            return plain.index(squashed(name))
    asked = (
        f"no column '{given}'" if given else f"no column for the report id ({', '.join(ID_NAMES[:4])}, ...)"
    )
    raise InputError(f"{path} has {asked}. Name it: --option chexpert_csv.id_column=NAME.")


def _columns(names: Sequence[str], panel: Panel) -> Iterator[tuple[int, tuple[tuple[str, ...], str]]]:
    """For each column of labels its place, the findings that its 0 denies, and the one that its 1 affirms."""
    asked = {squashed(finding.name): finding.name for finding in panel.findings}
    theirs = {squashed(name): findings for name, findings in COLUMNS.items()}
    owned = {asked[key] for name in names if (key := squashed(name)) in asked}
    for at, key in enumerate(map(squashed, names)):
        own = asked.get(key, "")
        stands_for = theirs.get(key, (own,) if own else ())
        # A finding that has a column of its own is left to that.
        denied = tuple(f for f in stands_for if f == own or (f in asked.values() and f not in owned))
        if denied:
            yield at, (denied, own or (denied[0] if len(stands_for) == 1 else ""))


def _votes(
    cells: Sequence[str], columns: Sequence[tuple[tuple[str, ...], str]], options: Options, where: str
) -> dict[str, str]:
    votes: dict[str, str] = {}
    for cell, (denied, affirmed) in zip(cells, columns, strict=True):
        answer = _answer(cell, options, where)
        for_all = answer in (Presence.ABSENT, Presence.NOT_MENTIONED)
        named = denied if for_all else (affirmed,) if affirmed else ()
        if answer != "abstain":
            votes.update((finding, answer) for finding in named)
    return votes


def _answer(cell: str, options: Options, where: str) -> str:
    if cell == "":
        return options.blank
    try:
        answer = NUMBERS[float(cell)]
    except (ValueError, KeyError):
        raise InputError(f"{where} has a label that is none of 1, 0, -1 and blank. Mend it.") from None
    return options.uncertain if answer is Presence.UNCERTAIN else answer.value


def plant(folder: Path, panel: Panel) -> dict[str, str]:
    """Options of an example: a table of one report, `id`, in the folder."""
    path = folder / "labels.csv"
    names = [finding.name for finding in panel.findings]
    path.write_text(f"report_id,{','.join(names)}\nid{',1' * len(names)}\n", encoding="utf-8")
    return {"file": str(path)}
