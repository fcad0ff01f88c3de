"""`reportnlp images manifest`: a folder of images becomes a table with a row per image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from reportnlp.errors import ImageError, InputError, InvalidDefinitionError, unknown_name
from reportnlp.formats._files import CONTROLS, walk
from reportnlp.images.loader import reader_of
from reportnlp.images.manifest import COLUMNS, ImageRow, row_of
from reportnlp.images.readers._dicom_file import NO_DICOM
from reportnlp.images.reading import BadImage
from reportnlp.images.table import leading_from
from reportnlp.jobs._images_hidden import HIDDEN, hidden
from reportnlp.jobs._images_record import write_quarantine
from reportnlp.jobs._images_series import Slices
from reportnlp.jobs.images_check import put_manifest, refuse
from reportnlp.training.progress import Progress, Silent

PATTERN = r"(?P<study>[^/]+?)(?:\.nii)?\.[^/.]+$"
"""Without a pattern the study is the file's name without its suffix."""

GIVEN = tuple(name for name in COLUMNS if name not in ("image", "digest", "frame"))
"""What a pattern may find in a path."""

SPLITS = {"train": "train", "val": "valid", "valid": "valid", "test": "test"}
"""How arrays of npz are named that are of a split: `train_images`."""

NO_IMAGE, ANOTHER_KIND = "without an image", "of another kind"
OTHERS = (NO_IMAGE, ANOTHER_KIND)


@dataclass(frozen=True, slots=True)
class ImagesManifestJob:
    """Which folder, and how its paths are read.

    Attributes:
        folder: of images, at any depth; or one file of them.
        out: the manifest to write (.csv); paths in it lead from its folder.
        pattern: regular expression over a path below `folder`, with groups such as `(?P<study>...)`; "" takes
            the file's name for the study, but for DICOM. What a DICOM header says comes before it.
        salt: with it ids are replaced by digests; one salt, one digest an id.
        hide: which: "patient", or "all" (study, accession number and report too, and the series where it is
            no address of slices).
        series: the DICOM files of one frame of CT, MR or PET that share folder and series are one volume.
        overwrite: whether `out` may be replaced.
    """

    folder: Path
    out: Path
    pattern: str = ""
    salt: str = ""
    series: bool = False
    hide: str = "patient"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.hide not in HIDDEN:
            raise unknown_name("choice of what to hide", self.hide, HIDDEN)
        if self.hide != "patient" and not self.salt:
            raise InputError(f"--hide {self.hide} needs a salt. Give --salt, or set REPORTNLP_SALT.")

    @property
    def replaced(self) -> tuple[str, ...]:
        """Columns whose ids are replaced by digests."""
        # A volume of slices is found by its series.
        return tuple(name for name in HIDDEN[self.hide] if name != "series" or not self.series)


@dataclass(slots=True)
class Listed:
    """What became of the files.

    Attributes:
        matched: paths in which the pattern was found.
        unmatched: how many others there are.
        first: the first of those.
        files: all files of the folder: `images`, `other` and `bad` together.
        images: files with a row in the manifest, with several (arrays), or with a part in one (slices).
        rows: rows of the manifest.
        other: files that no reader takes, and DICOM files without an image, to how many.
        bad: files that should be an image and are not.
        slices: files that may be parts of volumes.
    """

    matched: int = 0
    unmatched: int = 0
    first: str = ""
    files: int = 0
    images: int = 0
    rows: list[ImageRow] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    bad: list[BadImage] = field(default_factory=list)
    slices: Slices = field(default_factory=Slices)


def run(job: ImagesManifestJob, progress: Progress | None = None) -> Listed:
    """List the images of a folder; of DICOM only the header is read, and of it only ids.

    Raises:
        InputError: there is no such folder or file, or no image in it.
        InvalidDefinitionError: the pattern is no regular expression, or finds nothing that a manifest has.
        OutputError: `out` exists or cannot be written.
    """
    refuse(job.out, overwrite=job.overwrite)
    job, paths = _files(job)
    pattern = _pattern(job.pattern)
    watch = progress or Silent()
    watch.phase("listing images", None, "files")
    listed = Listed()
    for path in paths:
        if path.resolve() != job.out.resolve():
            _take(listed, path, job, pattern)
            watch.advance(1)
    _stack(listed)
    if job.pattern and listed.unmatched and not listed.matched:
        raise InvalidDefinitionError(_unmatched(job, listed))
    if not listed.rows:
        raise InputError(_nothing(job.folder, listed))
    put_manifest(iter(listed.rows), job.out)
    write_quarantine(job.out, listed.bad)
    return listed


def _files(job: ImagesManifestJob) -> tuple[ImagesManifestJob, Iterable[Path]]:
    """The files to list; a single one is listed as of the folder that it lies in."""
    if job.folder.is_dir():
        return job, walk(job.folder)
    if job.folder.is_file():
        return replace(job, folder=job.folder.parent), [job.folder]
    raise InputError(f"There is no folder or file {job.folder}. Give the folder of the images.")


def _unmatched(job: ImagesManifestJob, listed: Listed) -> str:
    """Folders often bear patients' names, so a path is shown by its depth and its file's name alone."""
    *folders, name = listed.first.split("/")
    return (
        f"The pattern '{job.pattern}' matches none of the {listed.unmatched} paths of images below "
        f"{job.folder}. One of them, its folders as *: {'*/' * len(folders)}{name}. Mend --pattern."
    )


def _pattern(given: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(given or PATTERN)
    except re.error as error:
        raise InvalidDefinitionError(
            f"The pattern is no regular expression: {error}. As for CheXpert: "
            r"'patient(?P<patient>\d+)/(?P<study>study\d+)/'."
        ) from None
    for name in pattern.groupindex:
        if name not in GIVEN:
            raise unknown_name("column that a pattern finds", name, GIVEN)
    return pattern


def _nothing(folder: Path, listed: Listed) -> str:
    told = f" {len(listed.bad)} cannot be used, the first: {listed.bad[0].reason}." if listed.bad else ""
    return f"There is no image in {folder}, among {listed.files} files.{told} Give the folder of the images."


def _take(listed: Listed, path: Path, job: ImagesManifestJob, pattern: re.Pattern[str]) -> None:
    """Add a file's rows, or count it among those that have none."""
    listed.files += 1
    below = _plain(path.relative_to(job.folder).as_posix())
    place = _plain(leading_from(job.out.parent, job.folder, below))
    try:
        reader = _reader(path)
        # A header without a study is not mended by the name that an archive gave the file.
        usable = pattern if job.pattern or not hasattr(reader, "read_header") else None
        if usable is not None:
            matched = usable.search(below) is not None
            listed.matched += matched
            listed.unmatched += not matched
            listed.first = listed.first or ("" if matched else below)
        header = _header(path, reader) if hasattr(reader, "read_header") else None
        rows = [_row(cells, below, place, job, usable) for cells in _told(path, reader, header)]
    except ImageError as error:
        if error.reason in OTHERS:
            listed.other[error.reason] += 1
        else:
            listed.bad.append(BadImage(ImageRow(below, place), error.reason, error.mend))
        return
    listed.images += 1
    if not (job.series and header and listed.slices.take(header, rows[0], str(Path(place).parent))):
        listed.rows += rows


def _stack(listed: Listed) -> None:
    """Add the volumes that slices make up."""
    for found in listed.slices.volumes():
        if isinstance(found, ImageRow):
            listed.rows.append(found)
        else:
            listed.bad.append(found)
            listed.images -= 1


def _plain(path: str) -> str:
    return CONTROLS.sub("\ufffd", path)


def _reader(path: Path) -> ModuleType:
    try:
        return reader_of(path)
    except ImageError as error:
        raise ImageError(path, ANOTHER_KIND) from error


def _told(path: Path, reader: ModuleType, header: Any) -> Iterator[dict[str, str]]:
    """What a file says of each of its images."""
    if header is not None:
        if not header.frames:
            raise ImageError(path, NO_IMAGE)
        yield {name: value for name, value in header._asdict().items() if isinstance(value, str)}
    elif hasattr(reader, "arrays"):
        for name, count in reader.arrays(path):
            split = SPLITS.get(name.partition("_")[0], "")
            for number in range(count):
                yield {"study": f"{name}-{number}", "split": split, "image": f"#{name}/{number}"}
    else:
        yield {}


def _header(path: Path, reader: ModuleType) -> Any:
    try:
        return reader.read_header(path)
    except ImageError as error:
        if error.reason == NO_DICOM and not path.name.lower().endswith(reader.SUFFIXES):
            raise ImageError(path, ANOTHER_KIND) from error  # a file without a suffix may be anything
        raise


def _row(
    cells: Mapping[str, str],
    below: str,
    place: str,
    job: ImagesManifestJob,
    pattern: re.Pattern[str] | None,
) -> ImageRow:
    found = pattern.search(below) if pattern else None
    by_path = found.groupdict(default="") if found else {}
    told = {**by_path, **{name: value for name, value in cells.items() if value}}
    told["image"] = place + cells.get("image", "")
    if job.salt:
        told |= {name: hidden(told[name], job.salt) for name in job.replaced if told.get(name)}
    row = row_of(told)
    if isinstance(row, str):
        raise ImageError(below, row, "Give a pattern that finds it in the path: --pattern.")
    return row


def describe(listed: Listed) -> Iterator[str]:
    """What became of the files, in lines."""
    other = "".join(f" + {why} {count}" for why, count in sorted(listed.other.items()))
    bad = f" + cannot be used {len(listed.bad)}" if listed.bad else ""
    yield f"files: {listed.files} = with images {listed.images}{other}{bad}"
    studies, patients = {row.study for row in listed.rows}, {row.patient for row in listed.rows} - {None}
    yield f"images: {len(listed.rows)} of {len(studies)} studies and {len(patients)} known patients"
