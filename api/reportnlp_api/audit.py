"""The audit log: who asked what and when, a JSON line a request. Never a text, never a report's id."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO


class Audit:
    """Writes the log.

    Args:
        path: file to append to; None: stderr.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def open(self) -> None:
        """Begin to write. The file is made for nobody else to read."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            self._file = self._path.open("a", encoding="utf-8", buffering=1)

    def write(self, **facts: Any) -> None:
        """Write a line: the time, and these facts."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"time": time, **facts}), file=self._file or sys.stderr, flush=True)

    def close(self) -> None:
        """End."""
        if self._file is not None:
            self._file.close()
            self._file = None
