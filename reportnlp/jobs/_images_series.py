"""DICOM slices gathered into volumes: which files are one, and when they are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from reportnlp.images.manifest import ImageRow
from reportnlp.images.reading import BadImage

STACKED = ("CT", "MR", "PT")
"""Modalities whose series are volumes; several films of one series are not."""

SPREAD = "its series lies in several folders"


@dataclass(slots=True)
class Slices:
    """Files that are slices, kept until all files have been seen.

    Attributes:
        found: folder and series to the rows that the files would have by themselves.
    """

    found: dict[tuple[str, str], list[ImageRow]] = field(default_factory=dict)

    def take(self, header: Any, row: ImageRow, folder: str) -> bool:
        """Keep a file of one frame whose series is a volume's; whether it was kept."""
        if header.modality not in STACKED or header.frames != 1 or row.series is None:
            return False
        self.found.setdefault((folder, row.series), []).append(row)
        return True

    def volumes(self) -> Iterator[ImageRow | BadImage]:
        """A row a volume, a slice that is alone by itself; slices of a series in several folders are bad."""
        folders = Counter(series for _, series in self.found)
        for (folder, series), rows in self.found.items():
            if folders[series] > 1:
                mend = f"It lies in {folders[series]}: bring its files together, or leave copies out."
                yield from (BadImage(row, SPREAD, mend) for row in rows)
            elif len(rows) == 1:
                yield rows[0]
            else:
                yield replace(rows[0], image=f"{folder}#{series}")
