"""`reportnlp images check`: every image of a manifest read once, and the broken ones named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reportnlp.archive import disk
from reportnlp.errors import OutputError
from reportnlp.images.manifest import ImageRow, read_manifest, write_manifest
from reportnlp.images.reading import BadImage
from reportnlp.images.table import leading_from
from reportnlp.jobs._images_looked import look
from reportnlp.jobs._images_record import write_quarantine
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import BadRow


@dataclass(frozen=True, slots=True)
class ImagesCheckJob:
    """What to look at.

    Attributes:
        manifest: the images.
        out: a manifest to write, of the images that can be used, with the digest of each one's pixels; None:
            they are only looked at.
        workers: processes that read.
        overwrite: whether `out` may be replaced.
    """

    manifest: Path
    out: Path | None = None
    workers: int = 0
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found.

    Attributes:
        good: images that can be used.
        bad: images that cannot.
        rows: rows that name no image.
        twice: images whose pixels are all those of an earlier one.
    """

    good: int
    bad: tuple[BadImage, ...]
    rows: tuple[BadRow, ...]
    twice: int


def run(job: ImagesCheckJob, progress: Progress | None = None) -> Checked:
    """Look at every image; a digest that the manifest has already is made anew.

    Raises:
        InputError: the manifest cannot be read.
        OutputError: `out` exists, is the manifest itself, or cannot be written.
    """
    _check_out(job)
    found = read_manifest(job.manifest)
    rows = [replace(row, digest=None) for row in found if isinstance(row, ImageRow)]
    wrong = tuple(row for row in found if isinstance(row, BadRow))
    looked = look(rows, job.manifest.parent, workers=job.workers, progress=progress or Silent())
    if job.out is not None:
        _write(looked.rows, job.manifest.parent, job.out)
        write_quarantine(job.out, looked.bad, wrong)
    counts = Counter(row.digest for row in looked.rows)
    return Checked(len(looked.rows), looked.bad, wrong, len(looked.rows) - len(counts))


def _check_out(job: ImagesCheckJob) -> None:
    out = job.out
    if out is None:
        return
    if out.resolve() == job.manifest.resolve():
        raise OutputError(f"{out} is the manifest that is looked at. Name another file.")
    refuse(out, overwrite=job.overwrite)


def refuse(out: Path, *, overwrite: bool) -> None:
    """Refuse a place where no manifest can be written.

    Raises:
        OutputError: it exists, is no CSV, or its folder is not there.
    """
    if out.suffix.lower() != ".csv" or out.is_dir():
        raise OutputError(f"A manifest cannot be written to {out}. Name a file that ends in .csv.")
    if not out.parent.is_dir():
        raise OutputError(f"Cannot write {out}: there is no folder {out.parent}. Make it first.")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists. Name another file, or add --overwrite.")


def _write(rows: tuple[ImageRow, ...], root: Path, out: Path) -> None:
    moved = (replace(row, image=leading_from(out.parent, root, row.image)) for row in rows)
    put_manifest(moved, out)


def put_manifest(rows: Iterator[ImageRow], out: Path) -> None:
    """Write a manifest that is whole or not there.

    Raises:
        OutputError: no room, no permission.
    """
    draft = disk.temporary(out)
    try:
        write_manifest(rows, draft)
        disk.put(draft, out)
        disk.sync(out.parent)
    except OSError as error:
        raise disk.cannot_write(out, error) from error
    finally:
        draft.unlink(missing_ok=True)


def describe(checked: Checked) -> Iterator[str]:
    """What was found, in lines."""
    total = checked.good + len(checked.bad) + len(checked.rows)
    yield (
        f"images: {total} = usable {checked.good} + cannot be used {len(checked.bad)} + unusable rows "
        f"{len(checked.rows)}"
    )
    if checked.twice:
        yield f"    {checked.twice} have the pixels of another one"
