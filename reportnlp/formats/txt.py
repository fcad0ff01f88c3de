"""Plain text: one `.txt` file, or a folder of them, one report a file.

The id is the file's name without `.txt` (and `.gz`); below a folder it is the path there, `2019/a` for
`2019/a.txt`. The text is the file's, line ends and all; only a byte order mark is taken off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from reportnlp.errors import InputError
from reportnlp.formats._files import base_name, source_name, walk
from reportnlp.formats.blocks import ReadOptions, Row, text_row
from reportnlp.types import Report

TITLE = "plain text, one report a file, or a folder of such files"
SUFFIXES = (".txt",)
FOLDERS = True


def read(source: Path, options: ReadOptions) -> Iterator[Row]:
    """Stream the reports of a folder in sorted order, or the one of a file; it has no columns to choose.

    Raises:
        InputError: there is nothing to read at all.
    """
    if not source.is_dir():
        yield text_row(source, source_name(source), base_name(source, SUFFIXES) or source.stem)
        return
    empty = True
    for path in walk(source):
        if stem := base_name(path, SUFFIXES):
            empty = False
            report_id = (path.relative_to(source).parent / stem).as_posix()
            yield text_row(path, source_name(path, source), report_id)
    if empty:
        raise InputError(f"The folder '{source_name(source)}' holds no .txt file.")


def plant(folder: Path, reports: Sequence[Report]) -> Path:
    """Lay out reports as text files in the folder."""
    for report in reports:
        path = folder / f"{report.id}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(report.text.encode("utf-8"))
    return folder
