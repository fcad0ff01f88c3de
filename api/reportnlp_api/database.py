"""The jobs' database, opened: any that SQLAlchemy knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from reportnlp import ReportNLPError
from reportnlp_api.job_files import PRIVATE
from reportnlp_api.job_table import METADATA

BUSY_S = 30.0
"""How long SQLite waits for another's transaction, in seconds."""


class StoreError(ReportNLPError):
    """The jobs' database cannot be used."""


def open_database(url: str) -> Engine:
    """Connect, and make the table where there is none.

    Raises:
        StoreError: the database cannot be reached, or its driver is not installed.
    """
    engine = _engine(url)
    try:
        METADATA.create_all(engine)
    except SQLAlchemyError:
        _create_again(engine, url)
    return engine


def _create_again(engine: Engine, url: str) -> None:
    # Two services that start together both find no table, and one of them comes too late to make it.
    try:
        METADATA.create_all(engine)
    except SQLAlchemyError as error:
        raise _unusable(url, error) from None


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        # A file's connections cost nothing, and none outlives its thread.
        engine = create_engine(
            parsed, poolclass=NullPool, connect_args={"timeout": BUSY_S}, hide_parameters=True
        )
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise _unusable(url, error) from None
    event.listen(engine, "connect", _write_ahead)
    return engine


def _write_ahead(connection: Any, record: Any) -> None:
    """Readers need not wait for a writer; what was committed survives a loss of power."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _unusable(url: str, error: Exception) -> StoreError:
    # The URL may hold a password.
    backend = url.partition(":")[0]
    why = str(error.__cause__ or error).splitlines()[0] if isinstance(error, ImportError | OSError) else ""
    if backend == "sqlite":
        place = url.partition("///")[2] or "memory"
        return StoreError(
            f"The jobs' database {place} cannot be made or opened: {why or type(error).__name__}. Give a "
            "folder that the service may write to, --data (REPORTNLP_DATA_DIR), or another database, "
            "REPORTNLP_JOBS_URL."
        )
    return StoreError(
        f"The jobs' database ({backend}) cannot be used: {why or type(error).__name__}. Check jobs_url "
        "(REPORTNLP_JOBS_URL): it is an SQLAlchemy URL, such as sqlite:////var/lib/reportnlp/jobs.sqlite, or "
        "postgresql+psycopg://user@host/name with psycopg installed."
    )
