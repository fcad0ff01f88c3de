"""`reportnlp weak`: labels that nobody wrote by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reportnlp import terminal
from reportnlp.cli import weak_fit
from reportnlp.cli.options import (
    DateColumn,
    Format,
    IdColumn,
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

if TYPE_CHECKING:
    from reportnlp.jobs.votes import Outcome

WIDTH = 150
"""Characters of a line where there is no terminal."""

commands = typer.Typer(
    name="weak",
    help="Labels that nobody wrote by hand: votes of labelling functions, and what they come to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@commands.callback()
def _group() -> None:
    """Labels that nobody wrote by hand: votes of labelling functions, and what they come to."""


@commands.command(epilog="Example: reportnlp weak functions keywords")
def functions(
    name: Annotated[str, typer.Argument(help="A labelling function to show alone.")] = "",
) -> None:
    """List the labelling functions and their options; of one alone, what each option does and an example."""
    from reportnlp.jobs import functions as job

    for line in job.run(name):
        typer.echo(line)


@commands.command(epilog="Example: reportnlp weak votes corpora/demo/reports.csv --panel pe -o my_votes")
def votes(
    inputs: Reports,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of votes to make.")],
    panel: Annotated[str, typer.Option(help="A panel (see: reportnlp panels), or the path of a TOML file.")],
    functions: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME,...",
            help="Who votes (see: reportnlp weak functions), each as name, alias=name or a file of your own; "
            "else all that need no option or have theirs.",
        ),
    ] = "",
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--function", metavar="FILE", help="A file of your own, beside those of --functions; repeat it."
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME.KEY=VALUE", help="An option of a function; repeat it."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Gold answers, to say how often each function is right; none of them sees it."),
    ] = None,
    format: Format = None,
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
    """Ask every labelling function about every report: reports in, a folder of votes out.

    OUT holds votes.parquet and meta.json; how much each function votes, overlaps and conflicts, and with
    --labels how often it is right, as functions.csv, .json and .png; and faults.json, the reports on which a
    function failed and so abstained. Rows that cannot be read are in votes.parquet.quarantine.jsonl. Then,
    and where a function failed on every report, the exit code is 3.
    """
    from reportnlp.jobs import votes as job

    settings = job.VotesSettings(
        inputs=tuple(inputs),
        out=out,
        panel=panel,
        functions=tuple(name for name in functions.split(",") if name.strip()),
        files=tuple(files or ()),
        options=tuple(options or ()),
        gold=labels,
        format_in=format,
        read_options=columns(
            id_column, text_columns, date_column, modality_column, site_column, patient_column
        ),
        workers=workers,
        shard_size=shard_size,
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        outcome = job.run(settings, progress)
    _tell(outcome, out, gold=labels is not None)


commands.command(
    epilog="Example: reportnlp weak fit demo_votes -o labels.csv --labels corpora/demo/gold.csv "
    "--report weak.html"
)(weak_fit.fit)


def _tell(outcome: Outcome, out: Path, *, gold: bool) -> None:
    """The tables, the counts, and what to be warned of."""
    from rich.console import Console

    from reportnlp.cli.label import tell_quarantined
    from reportnlp.jobs._votes_told import screen
    from reportnlp.votes import TABLE

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in screen(outcome.records, outcome.faults, gold=gold):
        console.print(table, "")
    counts = outcome.counts
    typer.echo(
        f"read {counts.read} = voted on {counts.labelled} + quarantined {counts.quarantined} "
        f"+ duplicates {counts.duplicates}"
    )
    if gold:
        typer.echo(f"reports with gold answers: {outcome.tally.known} of {outcome.tally.reports}")
    if outcome.never_gold:
        typer.echo(
            f"gold never says {', '.join(outcome.never_gold)}: votes for that are left out of accuracy, and "
            "count under present or not"
        )
    if outcome.picture is None:
        typer.echo("no picture: matplotlib is not installed (pip install 'reportnlp[evaluate]')", err=True)
    for name, joined in outcome.joined.items():
        typer.echo(f"{name}: {joined.matched:,} reports are among the {joined.ids:,} ids of its table")
    for warning in outcome.warnings:
        typer.echo(f"reportnlp: warning: {warning}", err=True)
    if counts.quarantined:
        tell_quarantined(out / TABLE)
    if outcome.failed:
        raise typer.Exit(terminal.QUARANTINED)
