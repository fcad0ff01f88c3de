"""`reportnlp images labels`: what reports say, joined with a manifest, into what each image is to learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from reportnlp.archive import disk
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.splits import present_together
from reportnlp.images.join import key_of, one_each
from reportnlp.images.manifest import ImageRow, read_manifest
from reportnlp.images.policies import Rules
from reportnlp.images.reading import BadImage
from reportnlp.jobs._images_join import findings_of, labels_about, labels_of
from reportnlp.jobs._images_looked import Looked
from reportnlp.jobs._images_looked import look as look_at
from reportnlp.jobs._images_made import Made, Sieve, counted
from reportnlp.jobs._images_out import check_out, write
from reportnlp.jobs._images_record import write_quarantine
from reportnlp.jobs._images_split import split
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import BadRow


@dataclass(frozen=True, slots=True)
class ImagesLabelsJob:
    """What to join, and how.

    Attributes:
        table: a label table: long or wide, of `label` or `weak fit`, or gold answers.
        manifest: the images.
        out: `.parquet` (what `images train` reads), `.csv` (CheXpert's layout), or a folder to make.
        rules: what is made of doubt and of silence.
        findings: whose presence is learned; empty: each that the table answers.
        join: the manifest's column with the reports' ids; "" is the one that fits most images.
        salt: that of a manifest whose ids are all hidden; the table's are hidden as they are joined.
        views, sides: only images of these views and lateralities; empty: all.
        several: what is made of a study's several images; see `reportnlp.images.join.SEVERAL`.
        match_side: an image of one side learns what the report says of that side.
        split, test_share, valid_share, site, drop_leaks: see `reportnlp.jobs._images_split.split`.
        unchecked: do not look at the images: broken ones, and equal ones, are not found.
        copy: of a folder: files, not links.
        workers: processes that look at images.
        seed: of a split that is drawn.
        overwrite: whether `out` may be replaced.
    """

    table: Path
    manifest: Path
    out: Path
    rules: Rules = field(default_factory=Rules)
    findings: tuple[str, ...] = ()
    join: str = ""
    salt: str = ""
    views: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    several: str = "all"
    match_side: bool = False
    split: str = ""
    test_share: float = 0.2
    valid_share: float = 0.0
    site: str = ""
    drop_leaks: bool = False
    unchecked: bool = False
    copy: bool = False
    workers: int = 0
    seed: int = 0
    overwrite: bool = False


Look = Callable[[Sequence[ImageRow], Path], Looked]
"""What looks at images, whose paths lead from a folder."""


def run(job: ImagesLabelsJob, progress: Progress | None = None, *, look: Look | None = None) -> Made:
    """Make image labels and write them.

    Args:
        job: what to join, and how.
        progress: hears of it.
        look: looks at the images; None: `look` does.

    Raises:
        InputError: table or manifest cannot be read, nothing belongs together, or the split leaks.
        OutputError: `out` exists or cannot be written.
        UnknownNameError: no such finding, policy, column, way to split, or site.
    """
    check_out(job.out, overwrite=job.overwrite)
    made = make(job, progress or Silent(), look)
    try:
        write(made.labels, job.out, copy=job.copy)
        write_quarantine(job.out, made.bad, made.rows)
    except OSError as error:
        raise disk.cannot_write(job.out, error) from error
    return made


def make(job: ImagesLabelsJob, progress: Progress, look: Look | None = None) -> Made:
    """Make image labels; nothing is written.

    Raises:
        InputError, UnknownNameError: as `run`.
    """
    found = read_manifest(job.manifest)
    rows = [row for row in found if isinstance(row, ImageRow)]
    labelled = labels_about(rows, job.table, job.salt)
    key = key_of(rows, labelled.answers.keys(), job.join)
    sieve = Sieve(rows, {"unusable rows": len(found) - len(rows)})
    findings = findings_of(labelled, job.findings, job.table)
    look = look or partial(look_at, workers=job.workers, progress=progress)
    bad = _looked(sieve, key, labelled, job, look)
    _divide(sieve, key, labelled, job, findings)
    labels = labels_of(
        sieve.rows,
        job.manifest.parent,
        labelled,
        key,
        findings,
        job.rules,
        several=job.several,
        match_side=job.match_side,
    )
    counts = counted(labels, sieve, {getattr(row, key) for row in rows}, key, labelled, len(found))
    return Made(labels, counts, bad, tuple(row for row in found if isinstance(row, BadRow)))


def _looked(
    sieve: Sieve,
    key: str,
    labelled: Labelled,
    job: ImagesLabelsJob,
    look: Look,
) -> tuple[BadImage, ...]:
    """Leave what was asked for, has a report and can be read; returns what cannot be read."""
    if job.views:
        there = _there("views", sieve.rows, "view")
        sieve.keep("another view", lambda row: row.view in job.views, there)
    if job.sides:
        there = _there("sides", sieve.rows, "laterality")
        sieve.keep("another side", lambda row: row.laterality in job.sides, there)
    sieve.keep("without a report", lambda row: getattr(row, key) in labelled.answers)
    bad: tuple[BadImage, ...] = ()
    if not job.unchecked:
        good, bad = look(sieve.rows, job.manifest.parent)
        sieve.put("cannot be used", good)
    return bad


def _there(what: str, rows: Sequence[ImageRow], column: str) -> str:
    """Which values a column has, in words."""
    counts = Counter(getattr(row, column) or "(none)" for row in rows)
    return f"The {what} there are: {', '.join(f'{name} {n}' for name, n in sorted(counts.items()))}."


def _divide(
    sieve: Sieve, key: str, labelled: Labelled, job: ImagesLabelsJob, findings: tuple[str, ...]
) -> None:
    """Leave what counts of each study and has a split."""
    sieve.put("not the first of its study", [sieve.rows[at] for at in one_each(sieve.rows, job.several)[0]])
    # Whatever column named it: the report ties images together, and predictions are told by it.
    rows = [replace(row, report_id=getattr(row, key)) for row in sieve.rows]
    parted = split(
        rows,
        way=job.split,
        test_share=job.test_share,
        valid_share=job.valid_share,
        site=job.site,
        drop_leaks=job.drop_leaks,
        strata=present_together((labelled.answers[row.report_id or ""] for row in rows), findings),
        seed=job.seed,
    )
    sieve.rows = list(parted)
    if job.split != "none":
        sieve.keep("on neither side of the split", lambda row: row.split is not None)
