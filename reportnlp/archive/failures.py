"""What went wrong in a worker, in a shape that can travel to the parent: no traceback, no report text."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reportnlp import errors
from reportnlp.archive.disk import cannot_write
from reportnlp.errors import OutputError, ReportNLPError


class Failure(NamedTuple):
    """An error's class name and message."""

    kind: str
    message: str


def failure_of(error: Exception, out: Path) -> Failure:
    """Describe an error; a full disk is told in terms of the file the user asked for."""
    if isinstance(error, OutputError) and isinstance(error.__cause__, OSError):
        return failure_of(error.__cause__, out)
    if isinstance(error, OSError | sqlite3.Error):
        return Failure("OutputError", str(cannot_write(out, error)))
    if isinstance(error, ReportNLPError):
        return Failure(type(error).__name__, str(error))
    return Failure("ReportNLPError", _internal(error))


def error_of(failure: Failure) -> ReportNLPError:
    """The error again, with the same message."""
    kind = getattr(errors, failure.kind, ReportNLPError)
    error: ReportNLPError = Exception.__new__(kind)
    # Not called: a class's own constructor may build its message out of other parts.
    error.args = (failure.message,)
    return error


@contextmanager
def plain_errors(out: Path) -> Iterator[None]:
    """Let nothing out but the package's own errors, whose messages are known to hold no report text.

    Raises:
        OutputError: the disk refused.
        ReportNLPError: all else.
    """
    try:
        yield
    except Exception as error:
        failure = failure_of(error, out)
        if isinstance(error, ReportNLPError) and str(error) == failure.message:
            raise
        raise error_of(failure) from error


def _internal(error: Exception) -> str:
    # The message of an unknown error may quote a report, so only its place in the code is told.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"Internal error: {type(error).__name__} in {where}. This is a fault of the program; report it."
