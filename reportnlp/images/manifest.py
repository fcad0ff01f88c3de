"""The manifest: which images there are, of which study, and where they lie. A CSV with a row per image."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from reportnlp.errors import InputError
from reportnlp.formats._columns import BLANKS, squashed
from reportnlp.formats._files import CONTROLS, reason_of, source_name
from reportnlp.formats._writing import csv_line, writing
from reportnlp.types import BadRow


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image.

    Attributes:
        study: the exam it belongs to.
        image: its path, from the manifest's folder or absolute; `file.npz#array/7` is one of an array,
            `folder#UID` a DICOM series with a file a slice.
        patient: whose exam; images of one patient are never on both sides of a split.
        report_id: the report about it; None where another column is joined to the reports.
        view: "PA", "AP", ...
        laterality: "L", "R" or "B".
        split: "train", "valid", "test", ...
        frame: which frame of a file with several, from 0; None is the whole.
        accession: the number under which the exam was ordered.
        series: the series within the study.
        modality: as DICOM says it.
        site: where the exam was made.
        exam_date: when, as YYYY-MM-DD.
        digest: of its pixels, as `reportnlp images check` finds it; None where nobody looked.
    """

    study: str
    image: str
    patient: str | None = None
    report_id: str | None = None
    view: str | None = None
    laterality: str | None = None
    split: str | None = None
    frame: int | None = None
    accession: str | None = None
    series: str | None = None
    modality: str | None = None
    site: str | None = None
    exam_date: str | None = None
    digest: str | None = None

    @property
    def values(self) -> tuple[str | int | None, ...]:
        """Its values in the order of the columns, without the deep copies that `dataclasses` makes."""
        return tuple(getattr(self, name) for name in self.__slots__)

    @property
    def place(self) -> str:
        """The image, and which frame of it, in one name."""
        return self.image if self.frame is None else f"{self.image} frame {self.frame}"


COLUMNS = tuple(field.name for field in fields(ImageRow))

NAMES: Mapping[str, tuple[str, ...]] = {
    "study": ("study", "study_id", "study_uid", "study_instance_uid", "exam_id"),
    "image": ("image", "image_path", "path", "file", "file_path", "filename", "image_file"),
    "patient": ("patient", "patient_id", "subject_id", "mrn"),
    "report_id": ("report_id", "report", "note_id"),
    "view": ("view", "view_position", "projection"),
    "laterality": ("laterality", "image_laterality", "side"),
    "split": ("split", "fold", "subset"),
    "frame": ("frame", "frame_number", "slice"),
    "accession": ("accession", "accession_number", "accession_no"),
    "series": ("series", "series_id", "series_uid", "series_instance_uid"),
    "modality": ("modality",),
    "site": ("site", "hospital", "institution"),
    "exam_date": ("exam_date", "study_date", "date"),
    "digest": ("digest",),
}
"""Column of a manifest to the names under which it is found, case and punctuation aside."""

SIDES = {"l": "L", "left": "L", "r": "R", "right": "R", "b": "B", "both": "B", "bilateral": "B"}


def read_manifest(path: Path) -> list[ImageRow | BadRow]:
    """Read a manifest; a row that names no image is a `BadRow`.

    A row without a study takes the report's id for it, or the accession number.

    Raises:
        InputError: it is not there, no CSV, lacks the column for the image or that for
            the study, has two columns of one name, or no row.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder. Make its manifest first: reportnlp images manifest {path}.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_rows(csv.reader(file, strict=True), path))
    except OSError as error:
        raise InputError(f"The manifest {path} cannot be read: {reason_of(error)}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The manifest {path} is no CSV in UTF-8. Save it as such.") from error


def _rows(lines: Iterator[list[str]], path: Path) -> Iterator[ImageRow | BadRow]:
    csv.field_size_limit(sys.maxsize)  # a column of report texts may stand among the others
    at = _places(next(lines, []), path)
    seen: set[str] = set()
    offset = 0
    for offset, cells in enumerate((line for line in lines if line), start=1):
        row = row_of({name: cells[i].strip() for name, i in at.items() if i < len(cells)})
        if isinstance(row, ImageRow) and row.place in seen:
            row = "the image was there before"
        if isinstance(row, str):
            yield BadRow(source_name(path), offset, row)
            continue
        seen.add(row.place)
        yield row
    if not offset:
        raise InputError(f"The manifest {path} has no row. Give a row per image.")


def _places(names: Sequence[str], path: Path) -> dict[str, int]:
    """Where each column stands."""
    plain = [squashed(name) for name in names]
    twice = sorted({name for name in names if name.strip() and plain.count(squashed(name)) > 1})
    if twice:
        raise InputError(
            f"The manifest {path} has more than one column {' and '.join(twice)}. Leave one of each."
        )
    found = {}
    for column, usual in NAMES.items():
        hits = [plain.index(squashed(name)) for name in usual if squashed(name) in plain]
        found.update({column: hits[0]} if hits else {})
    if "image" not in found or not {"study", "report_id", "accession"} & set(found):
        raise InputError(
            f"The manifest {path} needs a column 'image' and one of 'study', 'report_id' and 'accession', "
            f"with commas between. Its other columns may be: {', '.join(COLUMNS[2:])}."
        )
    return found


def row_of(cells: Mapping[str, str]) -> ImageRow | str:
    """The row that has these cells, or what is wrong with it.

    Args:
        cells: column of a manifest to what stands in it; "" for nothing.
    """
    told = {name: value for name, value in cells.items() if value and value not in BLANKS}
    study = told.get("study") or told.get("report_id") or told.get("accession")
    if not study or "image" not in told:
        return "it names no image" if study else "it names no study"
    if any(CONTROLS.search(value) for value in told.values()):
        return "a cell holds a line end or a control character"
    frame = told.pop("frame", None)
    if frame is not None and not frame.isdecimal():
        return "its frame is no whole number"
    if "laterality" in told:
        told["laterality"] = SIDES.get(told["laterality"].casefold(), told["laterality"].upper())
    if "view" in told:
        told["view"] = told["view"].upper()
    return ImageRow(**{**told, "study": study}, frame=None if frame is None else int(frame))


def write_manifest(rows: Iterable[ImageRow], path: Path) -> None:
    """Write a manifest, with the columns that hold anything.

    Raises:
        OutputError: no room, no permission.
    """
    table = [["" if value is None else str(value) for value in row.values] for row in rows]
    kept = [at for at, name in enumerate(COLUMNS) if at < 2 or any(cells[at] for cells in table)]
    with writing(path) as out:
        out.write(csv_line(COLUMNS[at] for at in kept))
        out.writelines(csv_line(cells[at] for at in kept) for cells in table)
