"""Gold answers out of a table with a column of ones and zeros per code."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reportnlp.errors import InputError
from reportnlp.findings.loader import load_panel
from reportnlp.findings.schema import Panel
from reportnlp.formats.blocks import checked
from reportnlp.golds.blocks import Codes, GoldAnswers, GoldRow, answers_from, require
from reportnlp.golds.loader import load_table
from reportnlp.golds.schema import TableMap
from reportnlp.types import BadRow

Row = Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A published table, and how it is read.

    Attributes:
        name: of the source, and of its map.
        panel_name: the panel that it answers.
        report_id: makes a report id of what stands in the id column; "" is refused.
    """

    name: str
    panel_name: str
    report_id: Callable[[str], str] = str

    @cached_property
    def panel(self) -> Panel:
        """The panel that it answers."""
        return load_panel(self.panel_name)

    @cached_property
    def mapping(self) -> TableMap:
        """What its columns say."""
        return load_table(self.name, self.panel)

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """The findings of which a zero speaks, in the panel's order."""
        asked = self.mapping.findings.keys() - {*self.mapping.only_present}
        return tuple(finding.name for finding in self.panel.findings if finding.name in asked)

    def read(self, source: Path) -> Iterator[GoldRow]:
        """Stream its rows.

        Raises:
            InputError: the file is not there, cannot be read, or lacks a column of the map.
        """
        require(source)
        try:
            with source.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file, strict=True, restval="")
                self._check_columns(source, rows.fieldnames or ())
                for offset, row in enumerate(rows, start=1):
                    yield self._row(source.name, offset, row)
        except OSError as error:
            raise InputError(
                f"{source} cannot be read: {error.strerror}. Give the published file."
            ) from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(
                f"{source} is broken or no CSV in UTF-8. Get the published file again."
            ) from error

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """The columns that are read, without that of the id."""
        groups = (*self.mapping.findings.values(), *self.mapping.leaves_open.values())
        return tuple(dict.fromkeys(column for group in groups for column in group))

    def _check_columns(self, source: Path, there: Sequence[str]) -> None:
        # what stands there is not shown: in another file the first line may be a report
        needed = (self.mapping.id, *self._columns)
        missing = [column for column in needed if column not in there]
        if missing:
            raise InputError(
                f"{source} lacks {len(missing)} of the {len(needed)} columns that are read, "
                f"'{missing[-1]}' among them. Is it the published file?"
            )

    def _row(self, name: str, offset: int, row: Row) -> GoldRow:
        report = checked(name, offset, self.report_id(row[self.mapping.id]), "codes")
        if isinstance(report, BadRow):
            return report
        for column in self._columns:
            if row[column] not in ("0", "1"):
                return BadRow(name, offset, f"the column '{column}' has neither 0 nor 1", report.id)
        codes: Codes = {finding: {} for finding in _ones(row, self.mapping.findings)}
        left_open = _ones(row, self.mapping.leaves_open)
        return GoldAnswers(report.id, answers_from(self.panel, codes, left_open, self.asked))

    def plant(self, path: Path, ones: Mapping[str, Sequence[str]]) -> Path:
        """Lay out a table as it is published: of each row, its id and the columns with a one."""
        columns = (*self._columns, *self.mapping.unmapped)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([self.mapping.id, *columns])
            for report, coded in ones.items():
                writer.writerow([report, *("1" if column in coded else "0" for column in columns)])
        return path


def _ones(row: Row, findings: Mapping[str, Sequence[str]]) -> list[str]:
    """The findings of which a column has a one."""
    return [name for name, columns in findings.items() if any(row[column] == "1" for column in columns)]
