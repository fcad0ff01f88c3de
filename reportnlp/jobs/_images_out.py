"""Where image labels go: a table for training, CheXpert's table, or a folder a class."""

from __future__ import annotations

import shutil
from pathlib import Path

from reportnlp.archive import disk
from reportnlp.errors import OutputError
from reportnlp.images.export import made_here, write_chexpert, write_folder
from reportnlp.images.table import ImageLabels, write_table

PARQUET, CHEXPERT = ".parquet", ".csv"


def check_out(out: Path, *, overwrite: bool) -> None:
    """Refuse, before any work, what cannot be written or would be lost.

    Raises:
        OutputError: no such kind of output, no such folder, or something is there.
    """
    if not out.parent.is_dir():
        raise OutputError(f"Cannot write {out}: there is no folder {out.parent}. Make it first.")
    if out.suffix not in (PARQUET, CHEXPERT, ""):
        raise OutputError(
            f"Cannot tell what to write into {out}. Let it end in .parquet (for images train) or .csv "
            "(CheXpert's layout), or name a folder."
        )
    if out.is_dir() != (out.suffix == "") and out.exists():
        raise OutputError(f"{out} exists, and is of another kind. Name another place.")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists. Name another place, or add --overwrite.")
    if out.is_dir() and any(out.iterdir()) and not made_here(out):
        raise OutputError(f"{out} holds something else than image labels, and is kept. Name another folder.")


def write(labels: ImageLabels, out: Path, *, copy: bool) -> None:
    """Write labels so that they are whole or not there.

    Args:
        labels: what is written.
        out: its suffix says what to write; none is a folder.
        copy: of a folder: files, not links.

    Raises:
        OutputError: it cannot be written, or a folder is asked for of several findings, or one
            that holds the images themselves.
    """
    draft = disk.temporary(out)
    try:
        if out.suffix == "":
            _refuse_own(labels, out)
            write_folder(labels, draft, target=out, copy=copy)
            shutil.rmtree(out, ignore_errors=True)
            draft.replace(out)
            return
        (write_table if out.suffix == PARQUET else write_chexpert)(labels, draft)
        disk.put(draft, out)
        disk.sync(out.parent)
    finally:
        shutil.rmtree(draft) if draft.is_dir() else draft.unlink(missing_ok=True)


def _refuse_own(labels: ImageLabels, out: Path) -> None:
    """Refuse to replace a folder that the images themselves lie in."""
    within = out.resolve()
    inside = sum(within in (labels.root / row.image).resolve().parents for row in labels.rows)
    if inside:
        raise OutputError(f"{out} holds {inside} of the images, and is kept. Name another folder.")
