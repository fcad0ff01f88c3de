"""The archive runner: read, cut in shards, label, merge; every row accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from reportnlp.archive import disk, finish, places, work
from reportnlp.archive.counts import Counts
from reportnlp.archive.crew import Crew, crew
from reportnlp.archive.failures import plain_errors
from reportnlp.archive.lock import locked
from reportnlp.archive.parties import Identity, Parties, Placed
from reportnlp.archive.progress import Progress, Silent
from reportnlp.archive.seen import Seen
from reportnlp.archive.shards import cut, shards
from reportnlp.archive.stop import stoppable
from reportnlp.archive.tally import Tally
from reportnlp.archive.work import Settings, Work
from reportnlp.errors import InputError

SHARD_SIZE = 512
"""Rows. A kill loses so much work per worker at most; smaller ones cost more waiting for the disk."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, and what the user allowed.

    Attributes:
        parties: the output, and what labels and writes.
        settings: what a resumed run must share; the runner adds panel, method, model and shard size.
        workers: processes at most; an input of fewer shards gets fewer.
        shard_size: rows in a shard.
        resume: go on with unfinished work, if there is any.
        overwrite: replace an output of earlier, and throw away unfinished work.
    """

    parties: Parties
    settings: Settings
    workers: int = 1
    shard_size: int = SHARD_SIZE
    resume: bool = False
    overwrite: bool = False

    @property
    def out(self) -> Path:
        """The file to write."""
        return self.parties.out


def run(job: Job, rows: Iterable[Placed], progress: Progress | None = None) -> Counts:
    """Label all rows into the output, its quarantine file beside it.

    Raises:
        OutputError: the output exists, cannot be written, or the run was stopped; finished work is kept.
        ResumeError: unfinished work is of other settings or other input.
        InputError: the input broke off in a way that no single row can stand for.
    """
    with stoppable(job.out), plain_errors(job.out):
        places.refuse(job.out, resume=job.resume, overwrite=job.overwrite)
        pieces = cut(_readable(rows), job.shard_size)
        shards_at_least, pieces = _look_ahead(pieces, job.workers)
        with crew(job.parties, max(1, shards_at_least)) as hands:
            return _run(job, pieces, hands, progress or Silent())


def _readable(rows: Iterable[Placed]) -> Iterator[Placed]:
    try:
        yield from rows
    except OSError as error:
        raise InputError(f"The input cannot be read on: {error.strerror}. Finished work is kept.") from error


def _look_ahead(pieces: Iterator[list[Placed]], most: int) -> tuple[int, Iterator[list[Placed]]]:
    """How many pieces there are, up to `most`; and all of them still."""
    first = list(islice(pieces, most))
    return len(first), chain(first, pieces)


def _run(job: Job, pieces: Iterable[list[Placed]], hands: Crew, progress: Progress) -> Counts:
    writer = job.parties.make_writer()
    if hasattr(writer, "check"):
        writer.check(hands.identity.questions)
    folder = disk.work_folder(job.out)
    folder.mkdir(exist_ok=True)
    with locked(folder):
        current = _open(job, hands.identity)
        counts = finish.finished(current)
        if counts is not None:
            finish.commit(current)
            return counts
        if not current.may_replace:
            places.refuse_existing(job.out)
        tally = _label(current, pieces, hands, progress)
        progress.phase("writing", tally.total().read)
        finish.merge(current, tally.shards, writer, hands.identity.questions, progress)
        finish.close(current, tally.total())
        return tally.total()


def _open(job: Job, identity: Identity) -> Work:
    settings = {
        **job.settings,
        "panel": identity.panel,
        "panel digest": identity.panel_digest,
        "method": identity.method,
        "model": identity.model,
        "shard size": job.shard_size,
    }
    start = work.resume if job.resume else work.begin
    return start(job.out, settings, overwrite=job.overwrite)


def _label(current: Work, pieces: Iterable[list[Placed]], hands: Crew, progress: Progress) -> Tally:
    progress.phase("labelling", None)
    tally = Tally(current, progress)
    with closing(Seen(current.folder / work.INDEX)) as seen:
        for counts in hands.outcomes(tally.tasks(shards(pieces, seen))):
            tally.add(counts)
    current.check_end(tally.shards)
    return tally
