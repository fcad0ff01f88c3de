"""The log: on stderr, written in a thread of its own, and without what an exception says."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from reportnlp_api.lines import Lines


class LogHandler(logging.Handler):
    """Hands records to a writer.

    Args:
        lines: the writer.
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self.setFormatter(_Told())
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written."""
        self._lines.write(self.format(record))


class _Told(logging.Formatter):
    """Tells a record in one line. What follows in a message, as asyncio's does, may show values."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().partition("\n")[0]
        error = record.exc_info[1] if record.exc_info else None
        told = message if error is None else f"{message}: {where(error)}"
        return f"{self.formatTime(record)} {record.levelname} {told}"


def where(error: BaseException) -> str:
    """The kind of an error and the places it came through. Its message may hold a report's text."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} at {' < '.join(places[::-1])}"


@contextmanager
def logging_aside() -> Iterator[None]:
    """Have all that is logged written to stderr by a thread, as long as it lasts."""
    lines = Lines(None, lambda missing: f"{missing} lines of the log are missing here: stderr was not read.")
    handler = LogHandler(lines)
    lines.open()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        lines.close()
