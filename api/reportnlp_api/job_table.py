"""A job as the database has it: the table, and its rows as values."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, MetaData, String, Table, Text

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"

METADATA = MetaData()

JOBS = Table(
    "reportnlp_jobs",
    METADATA,
    Column("owner", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("folder", String(32), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),
    Column("panel", String(128), nullable=False),
    Column("method", String(128), nullable=False),
    Column("abstain", Boolean, nullable=False),
    Column("path", Text),
    Column("state", String(16), nullable=False),
    Column("created", Float(53), nullable=False),
    Column("updated", Float(53), nullable=False),
    Column("expires", Float(53)),
    Column("worker", String(32)),
    Column("lease", Float(53)),
    Column("takes", BigInteger, nullable=False, default=0),
    Column("total", BigInteger),
    Column("done", BigInteger, nullable=False, default=0),
    Column("read", BigInteger),
    Column("labelled", BigInteger),
    Column("quarantined", BigInteger),
    Column("duplicates", BigInteger),
    Column("model", Text),
    Column("error", Text),
    Index("reportnlp_jobs_by_state", "state", "created"),
)


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a job is when it is made.

    Attributes:
        owner: name of the key that made it.
        id: the owner's name for it.
        folder: name of its folder, like no other's, of this or any earlier job.
        digest: sha256 (hex) of content and settings.
        panel, method, abstain: how to label.
        path: the server's own file or folder to label; None for what was uploaded.
    """

    owner: str
    id: str
    folder: str
    digest: str
    panel: str
    method: str
    abstain: bool
    path: str | None


@dataclass(frozen=True, slots=True)
class Job(NewJob):
    """A job as the database has it; times are Unix times in seconds.

    Attributes:
        state: queued, running, done, failed or cancelled.
        created, updated: when it was made, and changed.
        expires: when it goes with its data; None until it is over.
        worker: the service that runs it.
        lease: until when it is that service's.
        takes: how often it was taken up since it last came further than before.
        total: rows in all, an estimate until the end; None while unknown.
        done: rows so far.
        read, labelled, quarantined, duplicates: what became of the rows; None until it is done.
        model: what labelled; None until it is done, or where nothing was labelled.
        error: why it failed.
    """

    state: str
    created: float
    updated: float
    expires: float | None
    worker: str | None
    lease: float | None
    takes: int
    total: int | None
    done: int
    read: int | None
    labelled: int | None
    quarantined: int | None
    duplicates: int | None
    model: str | None
    error: str | None

    @property
    def is_over(self) -> bool:
        """Whether its state will not change any more."""
        return self.state in (DONE, FAILED, CANCELLED)
