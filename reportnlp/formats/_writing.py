"""Writing files so that what is written is on the disk, lines of CSV, and putting shards together."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reportnlp.errors import OutputError
from reportnlp.formats._files import reason_of, source_name

Progress = Callable[[int], None]

_QUOTED = re.compile(r'[",\r\n]')


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file and have its bytes on the disk before it is closed.

    Raises:
        OutputError: no room, no permission.
    """
    try:
        with path.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OutputError(
            f"Cannot write '{source_name(path)}': {reason_of(error)}. Free room, or choose another place."
        ) from error


def concatenate(shards: Iterable[Path], out: BinaryIO, progress: Progress | None) -> None:
    """Append the shards' bytes in order; `progress` is told how many are done."""
    for done, shard in enumerate(shards, start=1):
        with shard.open("rb") as body:
            shutil.copyfileobj(body, out, 1 << 20)
        if progress is not None:
            progress(done)


def csv_line(cells: Iterable[str]) -> bytes:
    """One line of CSV. The csv module leaves a lone carriage return unquoted, which cuts the row in two."""
    return (",".join(map(_quoted, cells)) + "\n").encode("utf-8")


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell
