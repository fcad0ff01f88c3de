"""Image training labels: one row per image, one column per finding, in memory and as Parquet.

The file has the columns of `ImageRow`, and for each finding `<finding>` (the soft target),
`<finding>.weight`, `<finding>.mask` and `<finding>.answer`; under the policy multi-class also
`<finding>.absent`, `.present` and `.uncertain`. Its metadata has a key `reportnlp.image_labels`: JSON with
`version`, `policy` and `findings`. Paths in it lead from the folder of the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, InvalidDefinitionError
from reportnlp.formats._writing import writing
from reportnlp.images.manifest import ImageRow
from reportnlp.types import Presence

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float32]

ANSWERS = (Presence.ABSENT.value, Presence.PRESENT.value, Presence.UNCERTAIN.value)
"""The last axis of `ImageLabels.distribution`, in this order."""

UNANSWERED = ""
"""What stands in `ImageLabels.answers` for a finding of which the label table says nothing."""

KEY = b"reportnlp.image_labels"
VERSION = 1
NAMES = tuple(field.name for field in fields(ImageRow))


@dataclass(frozen=True, slots=True, eq=False)
class ImageLabels:
    """What an image model learns from.

    Attributes:
        rows: the images; `image` leads from `root`, or is absolute.
        findings: names along the second axis.
        target: (images, findings) float32 in [0, 1], the probability that the finding is there.
        weight: (images, findings) float32, at least 0: how much it counts in the loss; 0 where masked.
        mask: (images, findings) bool, whether anything is known: only there may the loss look.
        answers: (images, findings) str objects, what the report says: a `Presence`, or `UNANSWERED`.
        policy: what was made of `uncertain`: soft, zeros, ones, ignore, self-train or multi-class.
        distribution: (images, findings, 3) float32, sums to 1 over `ANSWERS`; of multi-class alone.
        root: the folder from which the images' paths lead.

    Raises:
        InvalidDefinitionError: the arrays do not fit the names, or a finding bears the name of a column.
    """

    rows: tuple[ImageRow, ...]
    findings: tuple[str, ...]
    target: Floats
    weight: Floats
    mask: npt.NDArray[np.bool_]
    answers: npt.NDArray[np.object_]
    policy: str = "soft"
    distribution: Floats | None = None
    root: Path = Path()

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.findings))
        arrays = (self.target, self.weight, self.mask, self.answers)
        found = [array.shape for array in arrays]
        found += [] if self.distribution is None else [self.distribution.shape[:-1]]
        if any(each != shape for each in found):
            raise InvalidDefinitionError(
                f"Image labels of {shape[0]} images and {shape[1]} findings were given arrays {found}. Each "
                "must have a row per image and a column per finding."
            )
        if clash := set(NAMES) & set(self.findings):
            raise InvalidDefinitionError(f"A finding may not be called '{min(clash)}': a column is.")

    def __len__(self) -> int:
        return len(self.rows)

    def taken(self, rows: Sequence[int]) -> ImageLabels:
        """Some of the images, in that order."""
        at = np.asarray(rows, dtype=np.intp)
        distribution = None if self.distribution is None else self.distribution[at]
        return replace(
            self,
            rows=tuple(self.rows[i] for i in at.tolist()),
            target=self.target[at],
            weight=self.weight[at],
            mask=self.mask[at],
            answers=self.answers[at],
            distribution=distribution,
        )


def leading_from(folder: Path, root: Path, image: str) -> str:
    """An image's path from another folder; an absolute one stays as it is."""
    return image if Path(image).is_absolute() else Path(os.path.relpath(root / image, folder)).as_posix()


def write_table(labels: ImageLabels, path: Path) -> None:
    """Write the labels as Parquet (see the top of this file).

    Raises:
        OutputError: no room, no permission.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = {"version": VERSION, "policy": labels.policy, "findings": labels.findings}
    columns = {**_row_columns(labels, path.parent), **dict(_finding_columns(labels))}
    table = pa.table(columns).replace_schema_metadata({KEY: json.dumps(said)})
    with writing(path) as out:
        pq.write_table(table, out, compression="zstd")


def _row_columns(labels: ImageLabels, folder: Path) -> dict[str, pa.Array]:
    import pyarrow as pa

    placed = (replace(row, image=leading_from(folder, labels.root, row.image)) for row in labels.rows)
    rows = [row.values for row in placed]
    types = {name: pa.int32() if name == "frame" else pa.string() for name in NAMES}
    return {name: pa.array([row[at] for row in rows], type) for at, (name, type) in enumerate(types.items())}


def _finding_columns(labels: ImageLabels) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa

    for at, finding in enumerate(labels.findings):
        yield finding, labels.target[:, at]
        yield f"{finding}.weight", labels.weight[:, at]
        yield f"{finding}.mask", labels.mask[:, at]
        yield f"{finding}.answer", pa.array(labels.answers[:, at].tolist(), pa.string())
        if labels.distribution is not None:
            for place, answer in enumerate(ANSWERS):
                yield f"{finding}.{answer}", labels.distribution[:, at, place]


def read_table(path: Path) -> ImageLabels:
    """Read what `write_table` wrote; `root` is the file's folder.

    Raises:
        InputError: it is not there, is broken, or is no such table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"There is no file {path}. Give image labels, as `reportnlp images labels` writes.")
    if path.suffix.lower() == ".csv":
        raise InputError(
            f"{path} is a CSV, as other trainers read (CheXpert's layout is one). Here the .parquet is "
            f"taken: reportnlp images labels LABELS MANIFEST -o {path.with_suffix('.parquet')}."
        )
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        said = json.loads((table.schema.metadata or {})[KEY])
        return _labels(table, said["findings"], said["policy"], path.parent)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is broken, or no table of image labels. Make one: reportnlp images labels."
        ) from error


def _labels(table: pa.Table, findings: Sequence[str], policy: str, root: Path) -> ImageLabels:
    def column(suffix: str, dtype: Any) -> npt.NDArray[Any]:
        found = [table[f"{finding}{suffix}"].to_numpy() for finding in findings]
        return np.stack(found, axis=1).astype(dtype) if found else np.zeros((len(table), 0), dtype)

    distribution = None
    if policy == "multi-class":
        distribution = np.stack([column(f".{answer}", np.float32) for answer in ANSWERS], axis=-1)
    return ImageLabels(
        rows=tuple(ImageRow(**row) for row in table.select(NAMES).to_pylist()),
        findings=tuple(findings),
        target=column("", np.float32),
        weight=column(".weight", np.float32),
        mask=column(".mask", np.bool_),
        answers=column(".answer", np.object_),
        policy=policy,
        distribution=distribution,
        root=root,
    )
