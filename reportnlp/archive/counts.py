"""The closing count of a run: every row that was read must be accounted for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows were read, and what became of them.

    Attributes:
        read: rows of the input, good and bad.
        labelled: reports that were labelled and written.
        quarantined: rows that could not be read or labelled; each is in the quarantine file.
        duplicates: reports with the text of an earlier one; written with its labels under their own id.

    Raises:
        ValueError: `read` is not the sum of the other three: a row was lost or invented.
    """

    read: int = 0
    labelled: int = 0
    quarantined: int = 0
    duplicates: int = 0

    def __post_init__(self) -> None:
        total = self.labelled + self.quarantined + self.duplicates
        if self.read != total or min(self.labelled, self.quarantined, self.duplicates) < 0:
            raise ValueError(
                f"{self.read} rows read, but {self.labelled} labelled + {self.quarantined} quarantined"
                f" + {self.duplicates} duplicates make {total}."
            )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read,
            self.labelled + other.labelled,
            self.quarantined + other.quarantined,
            self.duplicates + other.duplicates,
        )
