"""`reportnlp label`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from reportnlp import terminal
from reportnlp.cli.options import (
    DateColumn,
    Format,
    IdColumn,
    Method,
    ModalityColumn,
    Overwrite,
    PatientColumn,
    Processes,
    Reports,
    Resume,
    ShardSize,
    SiteColumn,
    TextColumns,
    columns,
)

commands = typer.Typer(rich_markup_mode=None)


@commands.command(epilog="Example: reportnlp label corpora/demo/reports.csv --panel pe -o demo.csv")
def label(
    inputs: Reports,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Label table to write: .csv, .chexpert.csv: wide; .jsonl, .ndjson, .parquet, .pq: long.",
        ),
    ],
    panel: Annotated[
        str,
        typer.Option(
            help="A panel (see: reportnlp panels), or the path of a TOML file; else a model's own, or pe."
        ),
    ] = "",
    method: Method = "rules",
    abstain: Annotated[
        bool,
        typer.Option(
            "--abstain", help="Leave answers blank within a model's band of doubt; refused where it has none."
        ),
    ] = False,
    device: Annotated[
        str, typer.Option(help="What a model runs on: auto is CUDA where there is any; cpu; cuda:1; ...")
    ] = "auto",
    format: Format = None,
    out_format: Annotated[
        str | None, typer.Option(help="Output format; without it OUT's suffix tells.")
    ] = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    date_column: DateColumn = "",
    modality_column: ModalityColumn = "",
    site_column: SiteColumn = "",
    patient_column: PatientColumn = "",
    workers: Processes = 0,
    shard_size: ShardSize = 512,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Label reports: files in, a table of findings out.

    Rows that cannot be read or labelled are listed in OUT.quarantine.jsonl, and the exit code is 3.
    """
    from reportnlp.jobs import label as job

    settings = job.LabelSettings(
        inputs=tuple(inputs),
        out=out,
        panel=panel,
        method=method,
        abstain=abstain,
        device=device,
        format_in=format,
        format_out=out_format,
        read_options=columns(
            id_column, text_columns, date_column, modality_column, site_column, patient_column
        ),
        workers=workers,
        shard_size=shard_size,
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        counts = job.run(settings, progress)
    typer.echo(
        f"read {counts.read} = labelled {counts.labelled} + quarantined {counts.quarantined} "
        f"+ duplicates {counts.duplicates}"
    )
    if counts.quarantined:
        tell_quarantined(out)


def tell_quarantined(out: Path) -> NoReturn:
    """Say why rows are in quarantine and where they are listed, and end with the exit code for it."""
    from reportnlp.archive import disk
    from reportnlp.jobs import label as job

    for count, reason in job.reasons(out):
        typer.echo(f"{count:>6} {reason}", err=True)
    typer.echo(f"reportnlp: the quarantined rows are listed in {disk.quarantine_file(out)}", err=True)
    raise typer.Exit(terminal.QUARANTINED)
