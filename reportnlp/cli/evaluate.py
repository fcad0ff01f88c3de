"""`reportnlp evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reportnlp import terminal
from reportnlp.cli import learning
from reportnlp.cli.options import (
    LARGEST_SEED,
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

if TYPE_CHECKING:
    from reportnlp.jobs._evaluate_trained import Training

commands = typer.Typer(rich_markup_mode=None)

LEARNING = (
    *("settings", "vectors", "encoder", "more", "more_labels", "more_weight", "folds", "held_out", "rules"),
    *("calibration", "threshold", "epochs", "batch_size", "learning_rate", "patience", "precision"),
    *("class_weight", "sections", "learning_curve", "sizes"),
)
"""Parameters that say how a method is trained, and mean nothing without `--architecture`."""


@commands.command(
    epilog="Example: reportnlp evaluate corpora/demo/reports.csv --panel pe --labels corpora/demo/gold.csv"
)
def evaluate(
    context: typer.Context,
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
    architecture: Annotated[
        str,
        typer.Option(
            help="With --split: train this (linear, cnn, rnn, attention, transformer) on the training side "
            "and score it on the test side; the options up to --sizes say how, as for train."
        ),
    ] = "",
    settings: learning.Settings = None,
    vectors: learning.Vectors = None,
    encoder: learning.Encoder = None,
    more: learning.More = None,
    more_labels: learning.MoreLabels = None,
    more_weight: learning.MoreWeight = 1.0,
    folds: learning.Folds = 0,
    held_out: learning.HeldOut = 0.15,
    rules: learning.Rules = False,
    calibration: learning.Calibration = "temperature",
    threshold: learning.Threshold = "argmax",
    epochs: learning.Epochs = 20,
    batch_size: learning.BatchSize = 32,
    learning_rate: learning.LearningRate = None,
    patience: learning.Patience = 3,
    precision: learning.Precision = "auto",
    class_weight: learning.ClassWeight = 0.0,
    sections: learning.Sections = "read",
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Train on ever more of the training side too.")
    ] = False,
    sizes: Annotated[
        str, typer.Option(metavar="N,N,...", help="Reports at each point of it; else five, log-spaced.")
    ] = "",
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
    seed: Annotated[
        int,
        typer.Option(min=0, max=LARGEST_SEED, help="Seed of the bootstrap, a random split and a training."),
    ] = 0,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap samples.")] = 1000,
    date: Annotated[str, typer.Option(help="A date to put on the report; none is put unasked.")] = "",
) -> None:
    """Score labels against gold answers.

    IN is a label table, or, with --panel, reports that are labelled on the way: by a method as it is, or by
    one that is trained on those that a split leaves to train on (--architecture).
    """
    from rich.console import Console

    from reportnlp.evaluation import tables
    from reportnlp.jobs import evaluate as job

    wanted = job.EvaluateSettings(
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
        training=_training(context, seed),
    )
    with terminal.progress() as progress:
        evaluation = job.run(wanted, progress=progress)
    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables.screen(evaluation):
        console.print(table, "")
    for note in tables.notes(evaluation):
        typer.echo(note)


def _training(context: typer.Context, seed: int) -> Training | None:
    """How the method is trained, where it is."""
    from reportnlp.errors import InputError

    given: dict[str, Any] = context.params
    if not given["architecture"]:
        for name in learning.named(context, LEARNING):
            option = next(o for p in context.command.params if p.name == name for o in p.opts)
            raise InputError(f"{option} says how to train a method. Name which: add --architecture.")
        return None
    if learning.named(context, ["method", "train_labels"]):
        raise InputError(
            "--architecture trains the method and knows its training labels. Leave --method and "
            "--train-labels away."
        )
    learning.refuse_unheard(context, given["architecture"])
    from reportnlp.jobs._evaluate_trained import Training
    from reportnlp.jobs._train_learn import Learning

    how = Learning(
        recipe=learning.recipe(
            given["architecture"],
            given["settings"],
            vectors=given["vectors"],
            encoder=given["encoder"],
            sections=given["sections"],
            class_weight=given["class_weight"],
            training={name: given[name] for name in learning.LOOP},
        ),
        folds=given["folds"],
        held_out=given["held_out"],
        rules=given["rules"],
        aim=learning.aim(given["calibration"], given["threshold"]),
        seed=seed,
    )
    sizes = learning.whole_numbers("--sizes", given["sizes"])
    more = learning.further(given["more"], given["more_labels"], given["more_weight"])
    return Training(how, more, given["learning_curve"] or bool(sizes), sizes)
