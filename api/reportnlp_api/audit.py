"""The audit log: who asked what and when, a JSON line a request. Never a text, never a report's id."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import Counter

from reportnlp_api.lines import MOST, Lines

LOG = logging.getLogger("reportnlp_api")


class Audit:
    """Writes the log; a request never waits for it.

    Args:
        path: file to append to; None: stderr.
        lost: counts the lines that there was no room for.
    """

    def __init__(self, path: Path | None, lost: Counter) -> None:
        self._lines = Lines(path, lambda missing: _line(lost=missing), self._warn)
        self._where = "stderr" if path is None else str(path)
        self._lost = lost

    def open(self) -> None:
        """Begin to write."""
        self._lines.open()

    def write(self, **facts: Any) -> None:
        """Write a line: the time, and these facts."""
        if not self._lines.write(_line(**facts)):
            self._lost.inc()

    def close(self) -> None:
        """Write what waits, and end."""
        if unwritten := self._lines.close():
            LOG.warning("The last %d lines of the audit log could not be written.", unwritten)

    def _warn(self, why: str) -> None:
        LOG.warning(
            "The audit log (%s) cannot be written: %s. %d lines may wait; further ones are lost, counted as "
            "reportnlp_audit_lost_total, and a line with their number stands in their place.",
            self._where,
            why,
            MOST,
        )


def _line(**facts: Any) -> str:
    return json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **facts})
