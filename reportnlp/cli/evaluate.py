"""`reportnlp evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from reportnlp.cli.options import (
    DateColumn,
    Format,
    IdColumn,
    Method,
    Overwrite,
    PatientColumn,
    SiteColumn,
    Split,
    TextColumns,
    UncertainAs,
    columns,
)

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    epilog="Example: reportnlp evaluate corpora/demo/reports.csv --panel pe --labels corpora/demo/gold.csv"
)
def evaluate(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IN", help="A label table; with --panel, reports to label first."),
    ],
    labels: Annotated[Path, typer.Option(help="Gold answers: report_id and a column per question.")],
    panel: Annotated[str, typer.Option(help="Label IN with this panel first.")] = "",
    method: Method = "rules",
    against: Annotated[
        str, typer.Option(help="Compare with this label table or, with --panel, method.")
    ] = "",
    split: Annotated[Split | None, typer.Option(help="Score only the test side of a split.")] = None,
    test_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the reports on the test side.")
    ] = 0.2,
    site: Annotated[str, typer.Option(help="With --split site: test on this one; else each in turn.")] = "",
    train_labels: Annotated[
        Path | None, typer.Option(help="Gold answers the method was trained on, to audit.")
    ] = None,
    format: Format = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    date_column: DateColumn = "",
    site_column: SiteColumn = "",
    patient_column: PatientColumn = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Write a report: .html to read; .json all figures; .csv the main ones."
        ),
    ] = None,
    overwrite: Overwrite = False,
    uncertain_as: Annotated[
        UncertainAs, typer.Option(help="How 'uncertain' counts for presence.")
    ] = UncertainAs.NEGATIVE,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap and of a random split.")] = 0,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap samples.")] = 1000,
    date: Annotated[str, typer.Option(help="A date to put on the report; none is put unasked.")] = "",
) -> None:
    """Score labels against gold answers.

    IN is a label table, or, with --panel, reports that are labelled on the way.
    """
    from rich.console import Console

    from reportnlp.evaluation import tables
    from reportnlp.jobs import evaluate as job

    settings = job.EvaluateSettings(
        inputs=tuple(inputs),
        gold=labels,
        panel=panel,
        method=method,
        format=format,
        columns=columns(id_column, text_columns, date=date_column, site=site_column, patient=patient_column),
        out=out,
        overwrite=overwrite,
        uncertain_as=uncertain_as.value,
        seed=seed,
        resamples=resamples,
        against=against,
        split=split.value if split else None,
        test_share=test_share,
        site=site,
        train_gold=train_labels,
        date=date,
    )
    evaluation = job.run(settings)
    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables.screen(evaluation):
        console.print(table, "")
    for note in tables.notes(evaluation):
        typer.echo(note)
