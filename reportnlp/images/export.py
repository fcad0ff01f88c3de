"""Image labels for other programs: CheXpert's table, and a folder a class.

**The table** has CheXpert's columns and codes: 1 present, 0 absent, -1 uncertain, blank not mentioned or
not known; under the policies zeros and ones doubt is 0 or 1 already. Its 14 names stand there when the
labels cover all of them; else the findings' own.

**The folder** is `<split>/<class>/<image>` with `labels.csv` beside it, for one finding. Classes are
`absent`, `present` and, under the policy multi-class, `uncertain`; an image of which nothing is known is in
the table alone. PNG, JPEG and volumes are linked or copied as they are; DICOM, frames and images out of
arrays become PNG of 8 bits, as they are shown.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from reportnlp.errors import OutputError
from reportnlp.formats._writing import csv_line, writing
from reportnlp.formats.chexpert import CODES
from reportnlp.formats.chexpert import COLUMNS as CHEXPERT
from reportnlp.images.loader import read_row
from reportnlp.images.manifest import ImageRow
from reportnlp.images.table import ANSWERS, ImageLabels, leading_from
from reportnlp.types import Presence

IDENTITY = ("subject_id", "study_id", "Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")
FRONTAL = re.compile(r"(PA|AP)\b")
LATERAL = re.compile(r"(L|R|LL|RL|LLD|RLD|LAT|LATERAL)\b")
LINKED = (".png", ".jpg", ".jpeg", ".nii", ".nii.gz")
"""What other programs read as it is."""

TABLE = "labels.csv"
HEAD = ("image", "study", "patient", "split", "answer", "target", "weight")
"""Columns of that table, by which a folder that was made here is known."""

NO_SPLIT = "all"
"""Folder of images that have no split."""


def write_chexpert(labels: ImageLabels, path: Path) -> None:
    """Write the table (see the top of this file).

    Raises:
        OutputError: no room, no permission.
    """
    columns = dict(_columns(labels.findings))
    with writing(path) as out:
        out.write(csv_line((*IDENTITY, *columns, "split")))
        for row, answers in zip(labels.rows, labels.answers.tolist(), strict=True):
            codes = (_code([answers[at] for at in places], labels.policy) for places in columns.values())
            image = leading_from(path.parent, labels.root, row.image)
            out.write(csv_line((*_identity(row, image), *codes, row.split or "")))


def _columns(findings: Sequence[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name of each column, and the numbers of its findings."""
    place = {finding: at for at, finding in enumerate(findings)}
    whole = all(any(finding in place for finding in covered) for covered in CHEXPERT.values())
    if not whole:
        yield from ((finding, (at,)) for finding, at in place.items())
        return
    for name, covered in CHEXPERT.items():
        yield name, tuple(place[finding] for finding in covered if finding in place)


def _code(answers: Sequence[str], policy: str) -> str:
    """The code of the strongest answer."""
    codes = {**CODES, Presence.UNCERTAIN: {"ones": "1", "zeros": "0"}.get(policy, "-1")}
    return next((code for answer, code in codes.items() if answer in answers), "")


def _identity(row: ImageRow, image: str) -> tuple[str, ...]:
    """A report tells neither sex nor age."""
    view = row.view or ""
    frontal = FRONTAL.match(view)
    plane = "Frontal" if frontal else "Lateral" if LATERAL.match(view) else ""
    return row.patient or row.study, row.study, image, "", "", plane, frontal[1] if frontal else ""


def write_folder(labels: ImageLabels, folder: Path, *, target: Path, copy: bool) -> None:
    """Make the folder (see the top of this file).

    Args:
        labels: of one finding.
        folder: to be made.
        target: where it will stand when it is whole: links lead from there.
        copy: whether files are copied, not linked.

    Raises:
        OutputError: several findings, no room, or a volume out of an array, of which no file can be made.
        ImageError: an image that must be made a PNG cannot be read.
    """
    if len(labels.findings) != 1:
        raise OutputError(
            f"A folder a class holds one finding, and the labels have {len(labels.findings)}. Name one: "
            "--finding; or write .parquet or .csv."
        )
    folder.mkdir(parents=True)
    names = [_placed(labels, at, folder, None if copy else target) for at in range(len(labels))]
    _write_labels(labels, names, folder / TABLE)


def made_here(folder: Path) -> bool:
    """Whether `write_folder` made a folder: one that it did not may hold the only copy of anything."""
    table = folder / TABLE
    return table.is_file() and table.read_bytes().startswith(csv_line(HEAD))


def _placed(labels: ImageLabels, at: int, folder: Path, linked_from: Path | None) -> str:
    """Put an image where it belongs; returns its path within the folder, "" for one without a class."""
    if not labels.mask[at, 0]:
        return ""
    row = labels.rows[at]
    place = f"{row.split or NO_SPLIT}/{_class(labels, at)}/{at:07}-{_stem(row)}"
    asis = row.frame is None and "#" not in row.image and row.image.lower().endswith(LINKED)
    place += _suffix(row.image) if asis else ".png"
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    source = labels.root / row.image
    if not asis:
        _render(row, labels.root, folder / place)
    elif linked_from is None:
        shutil.copyfile(source, folder / place)
    else:
        (folder / place).symlink_to(os.path.relpath(source.resolve(), (linked_from / place).resolve().parent))
    return place


def _class(labels: ImageLabels, at: int) -> str:
    if labels.distribution is not None:
        return ANSWERS[int(labels.distribution[at, 0].argmax())]
    return Presence.PRESENT.value if labels.target[at, 0] >= 0.5 else Presence.ABSENT.value


def _stem(row: ImageRow) -> str:
    """A name made of the study's, in characters that every system takes."""
    return re.sub(r"[^\w.-]", "_", row.study)[-60:]


def _suffix(image: str) -> str:
    return max((suffix for suffix in LINKED if image.lower().endswith(suffix)), key=len)


def _render(row: ImageRow, root: Path, target: Path) -> None:
    from PIL import Image as Pillow

    pixels = read_row(row, root).pixels
    if pixels.ndim != 2:
        raise OutputError(
            f"{row.place} is a volume, of which no picture can be made. Write .parquet, or name a "
            "frame in the manifest."
        )
    Pillow.fromarray(np.round(pixels * 255).astype(np.uint8)).save(target)


def _write_labels(labels: ImageLabels, names: Sequence[str], path: Path) -> None:
    """All images, those without a class too, with what `ImageLabels` knows of them."""
    with writing(path) as out:
        out.write(csv_line(HEAD))
        for at, (row, name) in enumerate(zip(labels.rows, names, strict=True)):
            known = bool(labels.mask[at, 0])
            figures = [f"{value[at, 0]:.4f}" if known else "" for value in (labels.target, labels.weight)]
            cells = (
                name,
                row.study,
                row.patient or "",
                row.split or "",
                str(labels.answers[at, 0]),
                *figures,
            )
            out.write(csv_line(cells))
