"""`reportnlp train`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reportnlp import terminal
from reportnlp.cli import learning
from reportnlp.cli.options import (
    LARGEST_SEED,
    DateColumn,
    Format,
    IdColumn,
    Overwrite,
    PatientColumn,
    SiteColumn,
    TextColumns,
    columns,
)

if TYPE_CHECKING:
    from reportnlp.jobs._train_search import Search

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    epilog="Example: reportnlp train corpora/demo/reports.csv --labels corpora/demo/gold.csv --panel pe "
    "-o my_model --architecture linear"
)
def train(
    context: typer.Context,
    inputs: Annotated[
        list[str], typer.Argument(metavar="REPORTS", help="Files, folders or globs of reports.")
    ],
    labels: Annotated[
        list[Path],
        typer.Option(help="Gold answers, or a label table, whose probabilities are then learned; repeat."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model folder to make.")],
    panel: Annotated[str, typer.Option(help="A panel, or the path of a TOML file.")] = "pe",
    architecture: Annotated[
        str | None, typer.Option(help="linear, cnn, rnn, attention or transformer; cnn if none is named.")
    ] = None,
    settings: learning.Settings = None,
    vectors: learning.Vectors = None,
    encoder: learning.Encoder = None,
    start_from: Annotated[
        Path | None, typer.Option("--from", help="Model folder to go on from: another panel's or site's.")
    ] = None,
    more: learning.More = None,
    more_labels: learning.MoreLabels = None,
    more_weight: learning.MoreWeight = 1.0,
    folds: learning.Folds = 0,
    by_site: Annotated[
        bool, typer.Option("--by-site", help="Keep all reports of a site in one fold.")
    ] = False,
    held_out: learning.HeldOut = 0.15,
    rules: learning.Rules = False,
    calibration: learning.Calibration = "temperature",
    threshold: learning.Threshold = "argmax",
    abstain_error: Annotated[
        float | None, typer.Option(help="Share of wrong answers allowed outside the band of doubt.")
    ] = None,
    epochs: learning.Epochs = 20,
    batch_size: learning.BatchSize = 32,
    learning_rate: learning.LearningRate = None,
    patience: learning.Patience = 3,
    precision: learning.Precision = "auto",
    class_weight: learning.ClassWeight = 0.0,
    sections: learning.Sections = "read",
    search: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Try N recipes first and train the best: architecture, sizes, dropout, learning rate, "
            "epochs, ...; what you give yourself stays. All trials are in OUT/search.json.",
        ),
    ] = 0,
    search_for: Annotated[
        str, typer.Option(help="loss, or f1: mean of presence F1 and accuracy of attributes.")
    ] = "loss",
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Eight bits for processors, if held-out reports get the same answers."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Same seed, same model.")] = 0,
    format: Format = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    date_column: DateColumn = "",
    site_column: SiteColumn = "",
    patient_column: PatientColumn = "",
    limits: Annotated[str, typer.Option(help="What the model card says of where it fails.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Train a model on labelled reports.

    The folder is one of Hugging Face's, with the network for ONNX Runtime and a model card; `label --method
    DIR` takes it.
    """
    from reportnlp.jobs import train as job
    from reportnlp.jobs._model_out import first_process
    from reportnlp.jobs._train_data import Source

    learning.refuse_unheard(context, architecture or learning.ARCHITECTURE)
    named = columns(id_column, text_columns, date_column, "", site_column, patient_column)
    wanted = job.TrainJob(
        source=Source(tuple(inputs), tuple(labels), format, named),
        out=out,
        panel=panel,
        recipe=learning.recipe(
            architecture or learning.ARCHITECTURE,
            settings,
            vectors=vectors,
            encoder=encoder,
            start_from=start_from,
            sections=sections,
            class_weight=class_weight,
            training={
                "epochs": epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "patience": patience,
                "precision": precision,
            },
        ),
        more=learning.further(more, more_labels, more_weight),
        folds=folds,
        by_site=by_site,
        held_out=held_out,
        rules=rules,
        aim=learning.aim(calibration, threshold, abstain_error),
        int8=int8,
        search=_search(context) if search else None,
        seed=seed,
        command=shlex.join(["reportnlp", *sys.argv[1:]]),
        limits=limits,
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        trained = job.run(wanted, progress)
    for line in job.describe(trained) if first_process() else ():
        typer.echo(line)


def _search(context: typer.Context) -> Search:
    """What is tried; options that stand in the call are settled."""
    from reportnlp.jobs._train_search import LOOP, USUAL, Search

    given = context.params
    architectures = (given["architecture"],) if given["architecture"] else USUAL
    settled = frozenset(learning.named(context, tuple(LOOP)))
    return Search(given["search"], given["search_for"], architectures, settled)
