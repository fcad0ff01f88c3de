"""Images on their way to labels: which fell through and why, and what came of the rest; all of it counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reportnlp.errors import InputError
from reportnlp.evaluation.labelled import Labelled
from reportnlp.images.manifest import ImageRow
from reportnlp.images.reading import BadImage
from reportnlp.images.table import UNANSWERED, ImageLabels
from reportnlp.jobs._images_data import Places, wanted
from reportnlp.jobs._images_decide import one_sided
from reportnlp.types import BadRow, Presence


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
class Sieve:
    """Images that are still in, and how many fell through at each step."""

    rows: list[ImageRow]
    left_out: dict[str, int]

    def keep(
        self, why: str, wanted: Callable[[ImageRow], bool], mend: str = "Ask for less, or mend the manifest."
    ) -> None:
        """Let the others fall through, for a reason; `mend` is told where none is left."""
        self.put(why, [row for row in self.rows if wanted(row)], mend)

    def put(
        self, why: str, rows: Sequence[ImageRow], mend: str = "Ask for less, or mend the manifest."
    ) -> None:
        """These are left.

        Raises:
            InputError: none is.
        """
        self.left_out[why] = len(self.rows) - len(rows)
        self.rows = list(rows)
        if not rows:
            told = ", ".join(f"{name} {count}" for name, count in self.left_out.items() if count)
            raise InputError(f"No image is left to label. Left out: {told}. {mend}")


def counted(
    labels: ImageLabels, sieve: Sieve, named: set[str], key: str, labelled: Labelled, images: int
) -> Counts:
    """Count what became of everything.

    Args:
        labels: those that were made.
        sieve: what fell through on the way.
        named: reports that an image of the manifest belongs to.
        key: the manifest's column that names them.
        labelled: what reports say.
        images: rows of the manifest.
    """
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
    yield from (f"warning: {told}" for told in one_sided(labels.findings, wanted(labels), _sides(labels)))
    if unknown := sum(row.patient is None for row in labels.rows):
        yield f"    {unknown} images name no patient: their studies are kept whole, not their patients"
    for at, finding in enumerate(labels.findings):
        there = [int((labels.answers[:, at] == answer.value).sum()) for answer in Presence]
        told = ", ".join(f"{answer.value} {count}" for answer, count in zip(Presence, there, strict=True))
        none = int((labels.answers[:, at] == UNANSWERED).sum())
        masked = int((~labels.mask[:, at]).sum())
        yield f"    {finding}: {told}{f', unknown {none}' if none else ''}; masked {masked}"


def _sides(labels: ImageLabels) -> dict[str, Places]:
    names = np.array([row.split or "all" for row in labels.rows], dtype=object)
    return {name: np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}


def _size(labels: ImageLabels, name: str | None) -> str:
    rows = [row for row in labels.rows if row.split == name]
    patients = {(row.site, row.patient) for row in rows if row.patient}
    of = f"{len(patients)} patients" if patients else f"{len({row.study for row in rows})} studies"
    return f"{len(rows)} images of {of}"
