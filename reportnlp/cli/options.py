"""Options that several commands have, and what an option may be where that is one of a few words."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reportnlp.formats.blocks import ReadOptions

Reports = Annotated[list[str], typer.Argument(metavar="IN", help="Files, folders or globs of reports.")]
Format = Annotated[str | None, typer.Option(help="Input format; without it the suffix or the folder tells.")]
Method = Annotated[str, typer.Option(help="What labels: rules, a model folder, or auto, the best shipped.")]
IdColumn = Annotated[str, typer.Option(help="Input column with the report id; usual names are found.")]
TextColumns = Annotated[
    list[str] | None,
    typer.Option("--text-column", help="Input column with report text; repeat for sections."),
]
DateColumn = Annotated[str, typer.Option(help="Input column with the exam date.")]
ModalityColumn = Annotated[str, typer.Option(help="Input column with the modality.")]
SiteColumn = Annotated[str, typer.Option(help="Input column with the site.")]
PatientColumn = Annotated[str, typer.Option(help="Input column with the patient id.")]
Processes = Annotated[int, typer.Option(min=0, help="Processes; 0 is one per processor.")]
ShardSize = Annotated[int, typer.Option(min=1, help="Reports per unit of work.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a job that was stopped.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]

LARGEST_SEED = 2**32 - 1
"""What the generators of all libraries take."""


class UncertainAs(StrEnum):
    """How `uncertain` counts where presence is scored."""

    NEGATIVE = "negative"
    POSITIVE = "positive"
    IGNORE = "ignore"


class Split(StrEnum):
    """How the reports to score are set apart from those to train on."""

    RANDOM = "random"
    TEMPORAL = "temporal"
    SITE = "site"


class NotCoded(StrEnum):
    """What stands for findings that a source's coders are silent about."""

    ABSENT = "absent"
    NOT_MENTIONED = "not_mentioned"
    BLANK = "blank"


class Layout(StrEnum):
    """How words are laid out in the plane."""

    PCA = "pca"
    TSNE = "tsne"


def columns(
    id_column: str,
    text: list[str] | None,
    date: str = "",
    modality: str = "",
    site: str = "",
    patient: str = "",
) -> ReadOptions:
    """The input columns that were named."""
    from reportnlp.formats.blocks import ReadOptions

    return ReadOptions(id_column, tuple(text or ()), date, modality, site, patient)
