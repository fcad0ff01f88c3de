"""What a job is made of, as JSON lines that can be sent again from their start."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, BinaryIO

from reportnlp.errors import InputError

CHUNK = 256 * 1024
"""Bytes that are read and sent at a time."""

LINES = (".jsonl", ".ndjson")
"""Suffixes of files that are sent as they are."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An open file of JSON lines.

    Attributes:
        file: the file; it is closed with this.
        size: in bytes.
        digest: sha256 (hex) of its bytes.
    """

    file: BinaryIO
    size: int
    digest: str

    def rewind(self) -> None:
        """Start from its first byte."""
        self.file.seek(0)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, from the start, however often it is asked."""
        self.rewind()
        while chunk := self.file.read(CHUNK):
            yield chunk

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def open_upload(reports: str | Path | Iterable[Any]) -> Upload:
    """Open a file of reports, or write reports into a temporary file that has no name.

    Args:
        reports: a file in any format that `reportnlp.read_reports` knows, or reports.

    Raises:
        InputError: the file cannot be read, or a row of it is no report.
    """
    if isinstance(reports, str | Path):
        path = Path(reports)
        return _measured(_open(path)) if path.suffix in LINES else open_upload(_read(path))
    # Not deleted by name but never named: nothing of it stays, however this process ends.
    spool = TemporaryFile()  # noqa: SIM115
    try:
        for report in reports:
            spool.write(json.dumps(report_fields(report), ensure_ascii=False).encode() + b"\n")
        return _measured(spool)
    except BaseException:
        spool.close()
        raise


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error


def _read(path: Path) -> Iterator[Any]:
    from reportnlp.formats.loader import read_reports

    return read_reports([path])


def _measured(file: Any) -> Upload:
    file.seek(0)
    digest = file_digest(file, "sha256").hexdigest()
    return Upload(file, file.tell(), digest)


def report_fields(report: Any, *, whole: bool = True) -> dict[str, str]:
    """A report's fields by their names in the contract; those that it has not are left out.

    Raises:
        InputError: it is a row that could not be read.
    """
    if hasattr(report, "reason"):
        raise InputError(
            f"Row {report.offset} of {report.source} is no report: {report.reason}. Mend it, or leave it out."
        )
    fields = {"id": report.id, "text": report.text}
    if whole:
        more = {name: getattr(report, name, None) for name in ("patient", "exam_date", "modality", "site")}
        fields |= {name: str(value) for name, value in more.items() if value is not None}
    return fields
