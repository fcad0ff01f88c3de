"""`reportnlp images labels`: what reports say, joined with a manifest, into what each image is to learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reportnlp.archive import disk
from reportnlp.errors import InputError
from reportnlp.evaluation.labelled import Labelled
from reportnlp.images.join import key_of, one_each
from reportnlp.images.manifest import ImageRow, read_manifest
from reportnlp.images.policies import Rules
from reportnlp.images.reading import BadImage
from reportnlp.images.table import UNANSWERED, ImageLabels
from reportnlp.jobs._images_join import findings_of, labels_about, labels_of
from reportnlp.jobs._images_looked import look
from reportnlp.jobs._images_record import write_quarantine
from reportnlp.jobs._images_split import split
from reportnlp.jobs._images_written import put_labels, refuse_place
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import BadRow, Presence


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


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of images and reports.

    Attributes:
        images: rows of the manifest: those of `labelled` and of `left_out` together.
        labelled: images in the output.
        left_out: why others are not, to how many.
        reports: in the label table: `used`, `without_image` and `unused` together.
        used: reports about an image in the output.
        without_image: reports that no image of the manifest belongs to.
        unused: reports whose images are all left out.
        key: the manifest's column that names the reports.
    """

    images: int
    labelled: int
    left_out: dict[str, int]
    reports: int
    used: int
    without_image: int
    unused: int
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Image labels, and how they came about.

    Attributes:
        labels: the labels.
        counts: what became of everything.
        bad: images that cannot be used.
        rows: rows of the manifest that name no image.
    """

    labels: ImageLabels
    counts: Counts
    bad: tuple[BadImage, ...]
    rows: tuple[BadRow, ...]


@dataclass(slots=True)
class _Sieve:
    """Images that are still in, and how many fell through at each step."""

    rows: list[ImageRow]
    left_out: dict[str, int]

    def keep(self, why: str, wanted: Callable[[ImageRow], bool]) -> None:
        """Let the others fall through, for a reason."""
        self.put(why, [row for row in self.rows if wanted(row)])

    def put(self, why: str, rows: Sequence[ImageRow]) -> None:
        """These are left.

        Raises:
            InputError: none is.
        """
        self.left_out[why] = len(self.rows) - len(rows)
        self.rows = list(rows)
        if not rows:
            told = ", ".join(f"{name} {count}" for name, count in self.left_out.items() if count)
            raise InputError(
                f"No image is left to label. Left out: {told}. Ask for less, or mend the manifest."
            )


def run(job: ImagesLabelsJob, progress: Progress | None = None) -> Made:
    """Make image labels and write them.

    Raises:
        InputError: table or manifest cannot be read, nothing belongs together, or the split leaks.
        OutputError: `out` exists or cannot be written.
        UnknownNameError: no such finding, policy, column, way to split, or site.
    """
    refuse_place(job.out, overwrite=job.overwrite)
    made = make(job, progress or Silent())
    try:
        put_labels(made.labels, job.out, copy=job.copy)
        write_quarantine(job.out, made.bad, made.rows)
    except OSError as error:
        raise disk.cannot_write(job.out, error) from error
    return made


def make(job: ImagesLabelsJob, progress: Progress) -> Made:
    """Make image labels; nothing is written.

    Raises:
        InputError, UnknownNameError: as `run`.
    """
    found = read_manifest(job.manifest)
    rows = [row for row in found if isinstance(row, ImageRow)]
    labelled = labels_about(rows, job.table)
    key = key_of(rows, labelled.answers.keys(), job.join)
    sieve = _Sieve(rows, {"unusable rows": len(found) - len(rows)})
    bad = _sift(sieve, key, labelled, job, progress)
    labels = labels_of(
        sieve.rows,
        job.manifest.parent,
        labelled,
        key,
        findings_of(labelled, job.findings, job.table),
        job.rules,
        several=job.several,
        match_side=job.match_side,
    )
    counts = _counted(labels, sieve, {getattr(row, key) for row in rows}, key, labelled, len(found))
    return Made(labels, counts, bad, tuple(row for row in found if isinstance(row, BadRow)))


def _sift(
    sieve: _Sieve, key: str, labelled: Labelled, job: ImagesLabelsJob, progress: Progress
) -> tuple[BadImage, ...]:
    """Leave what was asked for, has a report, can be read and has a split; returns what cannot be read."""
    if job.views:
        sieve.keep("another view", lambda row: row.view in job.views)
    if job.sides:
        sieve.keep("another side", lambda row: row.laterality in job.sides)
    sieve.keep("without a report", lambda row: getattr(row, key) in labelled.answers)
    bad: tuple[BadImage, ...] = ()
    if not job.unchecked:
        good, bad = look(sieve.rows, job.manifest.parent, workers=job.workers, progress=progress)
        sieve.put("cannot be used", good)
    sieve.put("not the first of its study", [sieve.rows[at] for at in one_each(sieve.rows, job.several)[0]])
    parted = split(
        # Whatever column named it: the report ties images together, and predictions are told by it.
        [replace(row, report_id=getattr(row, key)) for row in sieve.rows],
        way=job.split,
        test_share=job.test_share,
        valid_share=job.valid_share,
        site=job.site,
        drop_leaks=job.drop_leaks,
        seed=job.seed,
    )
    sieve.rows = list(parted)
    if job.split != "none":
        sieve.keep("on neither side of the split", lambda row: row.split is not None)
    return bad


def _counted(
    labels: ImageLabels, sieve: _Sieve, named: set[str], key: str, labelled: Labelled, images: int
) -> Counts:
    used = len({getattr(row, key) for row in labels.rows})
    without = len(labelled.answers.keys() - named)
    return Counts(
        images=images,
        labelled=len(labels),
        left_out={why: count for why, count in sieve.left_out.items() if count},
        reports=len(labelled.answers),
        used=used,
        without_image=without,
        unused=len(labelled.answers) - without - used,
        key=key,
    )


def describe(made: Made) -> Iterator[str]:
    """What became of images and reports, and what each finding's labels are, in lines."""
    counts, labels = made.counts, made.labels
    left = "".join(f" + {why} {count}" for why, count in counts.left_out.items())
    yield f"images: {counts.images} = labelled {counts.labelled}{left}"
    yield (
        f"reports (by {counts.key}): {counts.reports} = used {counts.used} + without an image "
        f"{counts.without_image} + of images left out {counts.unused}"
    )
    names = dict.fromkeys(row.split for row in labels.rows)
    yield "splits: " + ", ".join(f"{name or 'none'} {_size(labels, name)}" for name in names)
    if unknown := sum(row.patient is None for row in labels.rows):
        yield f"    {unknown} images name no patient: their studies are kept whole, not their patients"
    for at, finding in enumerate(labels.findings):
        there = [int((labels.answers[:, at] == answer.value).sum()) for answer in Presence]
        told = ", ".join(f"{answer.value} {count}" for answer, count in zip(Presence, there, strict=True))
        none = int((labels.answers[:, at] == UNANSWERED).sum())
        masked = int((~labels.mask[:, at]).sum())
        yield f"    {finding}: {told}{f', unknown {none}' if none else ''}; masked {masked}"


def _size(labels: ImageLabels, name: str | None) -> str:
    rows = [row for row in labels.rows if row.split == name]
    patients = {(row.site, row.patient) for row in rows if row.patient}
    of = f"{len(patients)} patients" if patients else f"{len({row.study for row in rows})} studies"
    return f"{len(rows)} images of {of}"
