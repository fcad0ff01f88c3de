"""How much of an input has been read: a stream does not know its own length, but its file does.

Counting the rows beforehand would read everything twice. Where the reader stands in its file costs nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

MAX_FILES = 10_000
"""Files whose sizes are looked up. A folder of more has one report a file, and files are counted."""

Key = tuple[int, int]


class Files:
    """The files of one input: a file, a folder or a glob.

    Attributes:
        weight: bytes in all (an estimate where there are very many files).
    """

    def __init__(self, given: str | Path) -> None:
        paths = _listed(Path(given))
        self._before: dict[Key, int] = {}
        known = 0
        for path in islice(paths, MAX_FILES):
            with suppress(OSError):
                status = path.stat()
                self._before[status.st_dev, status.st_ino] = known
                known += status.st_size
        more = sum(1 for _ in paths)
        looked = max(len(self._before), 1)
        self._count = looked + more
        self.weight = known + more * known // looked

    def share(self, rows: int) -> float:
        """The share that is read, 0 to 1; 0 where that cannot be told.

        Args:
            rows: read from this input so far.
        """
        for key, position in _open_files():
            if key in self._before:
                return min((self._before[key] + position) / max(self.weight, 1), 1.0)
        return min(rows / self._count, 1.0) if self._count > 1 else 0.0


def _listed(given: Path) -> Iterator[Path]:
    if given.is_dir():
        found = (Path(base, name) for base, folders, names in _walk(given) for name in sorted(names))
        return (path for path in found if not path.name.startswith("."))
    if given.exists():
        return iter([given])
    return iter(sorted(Path(given.anchor or ".").glob(str(given.relative_to(given.anchor)))))


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for base, folders, names in os.walk(folder):
        folders.sort()
        yield base, folders, names


def _open_files() -> Iterator[tuple[Key, int]]:
    """Every file this process has open, and where it stands in it."""
    for entry in list(Path("/dev/fd").iterdir()):
        with suppress(OSError):
            number = int(entry.name)
            status = os.fstat(number)
            if stat.S_ISREG(status.st_mode):
                yield (status.st_dev, status.st_ino), os.lseek(number, 0, os.SEEK_CUR)
