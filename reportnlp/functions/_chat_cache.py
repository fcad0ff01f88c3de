"""What a chat model said before, by digest: answers and offsets, never a text."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from reportnlp.errors import OutputError

SECONDS = 60.0
"""How long a process waits for another one's writing."""


class Cache:
    """A file that several processes may share.

    Args:
        path: an SQLite file; made where there is none.

    Raises:
        OutputError: it cannot be opened or made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with closing(self._open()) as file, file:
                file.execute(
                    "CREATE TABLE IF NOT EXISTS said (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
                )
        except sqlite3.Error:
            raise OutputError(
                f"{path} cannot be used as a cache. Name a new file: chat.cache=FILE."
            ) from None

    def get(self, key: str) -> dict[str, Any] | None:
        """What was said; None for nothing."""
        with closing(self._open()) as file:
            row = file.execute("SELECT value FROM said WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep what was said."""
        with closing(self._open()) as file, file:
            file.execute("INSERT OR REPLACE INTO said VALUES (?, ?)", (key, json.dumps(value)))

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=SECONDS)
