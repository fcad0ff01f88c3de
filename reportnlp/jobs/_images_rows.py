"""The images that a command is to look at: a manifest, image labels, or files and folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reportnlp.errors import ImageError, InputError
from reportnlp.images.loader import reader_of
from reportnlp.images.manifest import ImageRow, read_manifest
from reportnlp.images.table import KEY, ImageLabels, read_table
from reportnlp.types import BadRow


@dataclass(frozen=True, slots=True)
class Images:
    """Some images.

    Attributes:
        rows: their rows.
        root: where their paths lead from.
        bad: rows of a manifest that name no image.
    """

    rows: tuple[ImageRow, ...]
    root: Path
    bad: tuple[BadRow, ...] = ()


def named_images(inputs: Sequence[str], *, split: str = "") -> Images:
    """The images that a user named.

    Args:
        inputs: one manifest (`.csv`) or table of image labels (`.parquet`); or image files and folders of
            them, where each file is a study of its own, called by its path.
        split: only those of this split; "" is all.

    Raises:
        InputError: something is not there, or there is no image.
    """
    if not inputs:
        raise InputError("No images were given. Give a manifest, image labels, files or a folder.")
    first = Path(inputs[0])
    if first.suffix.lower() in (".csv", ".parquet"):
        if len(inputs) > 1:
            raise InputError(f"{first} and {len(inputs) - 1} more were given. Give one manifest at a time.")
        found = _listed(first)
    else:
        found = Images(tuple(row for given in inputs for row in _rows(Path(given))), Path())
    kept = tuple(row for row in found.rows if not split or row.split == split)
    if not kept:
        there = ", ".join(sorted({row.split or "(none)" for row in found.rows}))
        raise InputError(
            f"There is no image{f' of split {split}' if split else ''} in {', '.join(inputs)}. "
            f"{f'Splits there: {there}.' if there else 'Give a manifest, or a folder of images.'}"
        )
    return Images(kept, found.root, found.bad)


def name_of(row: ImageRow, per: str) -> str:
    """What an image's answer is told by: its report, or study; per "image" the image itself."""
    return row.place if per == "image" else row.report_id or row.study


def image_labels(path: Path) -> ImageLabels | None:
    """The image labels in a file; None where it is another table."""
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return None
    return read_table(path) if KEY in about else None


def _listed(path: Path) -> Images:
    if path.suffix.lower() == ".parquet":
        table = read_table(path)
        return Images(table.rows, table.root)
    rows = read_manifest(path)
    good = tuple(row for row in rows if isinstance(row, ImageRow))
    return Images(good, path.parent, tuple(row for row in rows if isinstance(row, BadRow)))


def _rows(given: Path) -> list[ImageRow]:
    if given.is_dir():
        files = sorted(path for path in given.rglob("*") if path.is_file() and _is_image(path))
        return [ImageRow(str(path), str(path)) for path in files]
    return [ImageRow(str(given), str(given))]


def _is_image(path: Path) -> bool:
    try:
        reader_of(path)
    except ImageError:
        return False
    return not path.name.startswith(".")
