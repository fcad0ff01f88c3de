"""`reportnlp weak fit`."""

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
    Format,
    IdColumn,
    Overwrite,
    PatientColumn,
    TextColumns,
    UncertainAs,
    columns,
)
from reportnlp.errors import InputError

if TYPE_CHECKING:
    from reportnlp.jobs._train_fit import Recipe
    from reportnlp.jobs._train_learn import Learning


def fit(
    votes: Annotated[Path, typer.Argument(metavar="VOTES", help="Folder that `weak votes` wrote.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Label table, by its suffix: .csv, .chexpert.csv, .jsonl, .ndjson, .parquet, .pq.",
        ),
    ],
    label_model: Annotated[
        str, typer.Option(help="majority, dawid_skene or data_programming.")
    ] = "data_programming",
    model_settings: Annotated[
        list[str] | None,
        typer.Option("--model-set", metavar="NAME=VALUE", help="A setting of the label model; repeat."),
    ] = None,
    balance: Annotated[
        str,
        typer.Option(
            metavar="FILE|estimate",
            help="Known shares, as TOML: [question], then answer = share. The others are estimated.",
        ),
    ] = "estimate",
    panel: Annotated[str, typer.Option(help="The panel, where it is a file: by default that of VOTES.")] = "",
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep the fitted label model in, to label other votes.")
    ] = None,
    reports: Annotated[
        list[str] | None,
        typer.Option("--reports", help="The reports that were voted on, to train a classifier; repeat."),
    ] = None,
    architecture: Annotated[
        str, typer.Option(help="Train linear, cnn, rnn, attention or transformer on the labels.")
    ] = "",
    classifier: Annotated[Path | None, typer.Option(help="Model folder to make of it.")] = None,
    settings: learning.Settings = None,
    vectors: learning.Vectors = None,
    encoder: learning.Encoder = None,
    folds: learning.Folds = 0,
    held_out: learning.HeldOut = 0.15,
    epochs: learning.Epochs = 20,
    batch_size: learning.BatchSize = 32,
    learning_rate: learning.LearningRate = 1e-3,
    patience: learning.Patience = 3,
    class_weight: learning.ClassWeight = 0.0,
    sections: learning.Sections = "read",
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Gold answers of some reports, for the page; nothing learns from them "
            "but what is called gold there."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML page to write: how all ways to label compare; needs --labels.")
    ] = None,
    sizes: Annotated[
        str, typer.Option(metavar="N,N,...", help="Numbers of reports for the curve; else five.")
    ] = "",
    test_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the gold reports to test on, with --architecture.")
    ] = 0.3,
    uncertain_as: Annotated[
        UncertainAs, typer.Option(help="How `uncertain` counts on the page.")
    ] = UncertainAs.NEGATIVE,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap samples of the page.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Same seed, same labels.")] = 0,
    format: Format = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    patient_column: PatientColumn = "",
    overwrite: Overwrite = False,
) -> None:
    """Make labels of votes: a folder of votes in, a label table with probabilities out.

    With --architecture and --reports a classifier learns those probabilities; --classifier keeps it as a
    model folder, which `label --method DIR` takes. With --labels, --report is a page that compares every
    function, the majority, the label model and the classifier, as the number of reports grows.
    """
    from reportnlp.jobs import _fit_told
    from reportnlp.jobs import fit as job
    from reportnlp.jobs._fit_compare import Comparing

    _check(reports, architecture, classifier, labels, report)
    named = columns(id_column, text_columns, patient=patient_column)
    recipe = None
    if architecture:
        training = {
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "patience": patience,
        }
        recipe = learning.recipe(
            architecture,
            settings,
            vectors=vectors,
            encoder=encoder,
            sections=sections,
            class_weight=class_weight,
            training=training,
        )
    comparing = train = None
    if labels is not None and report is not None:
        comparing = Comparing(
            report,
            labels,
            tuple(reports or ()),
            format,
            named,
            _learning(recipe, folds, held_out, seed),
            learning.whole_numbers("--sizes", sizes),
            test_share,
            uncertain_as.value,
            resamples,
        )
    if recipe is not None and classifier is not None:
        from reportnlp.jobs._train_data import Source
        from reportnlp.jobs.train import TrainJob

        train = TrainJob(
            source=Source(tuple(reports or ()), (out,), format, named),
            out=classifier,
            panel=panel,
            recipe=recipe,
            folds=folds,
            held_out=held_out,
            seed=seed,
            command=shlex.join(["reportnlp", *sys.argv[1:]]),
            overwrite=overwrite,
        )
    wanted = job.FitSettings(
        votes=votes,
        out=out,
        label_model=label_model,
        settings=learning.settings_of(model_settings or ()),
        balance=balance,
        panel=panel,
        keep=keep,
        train=train,
        compare=comparing,
        seed=seed,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        fitted = job.run(wanted, progress)
    for line in _fit_told.lines(wanted, fitted):
        typer.echo(line)


def _learning(recipe: Recipe | None, folds: int, held_out: float, seed: int) -> Learning | None:
    """How the page's classifiers learn."""
    if recipe is None:
        return None
    from reportnlp.jobs._train_learn import Learning

    return Learning(recipe, folds=folds, held_out=held_out, seed=seed)


def _check(
    reports: list[str] | None,
    architecture: str,
    classifier: Path | None,
    labels: Path | None,
    report: Path | None,
) -> None:
    """Refuse options that mean nothing alone.

    Raises:
        InputError: says which belong together.
    """
    if bool(architecture) != bool(reports):
        raise InputError("--architecture and --reports go together. Give both, or neither.")
    if architecture and classifier is None and report is None:
        raise InputError("A classifier was to be trained and kept nowhere. Add --classifier or --report.")
    if classifier is not None and not architecture:
        raise InputError("--classifier needs to know what to train. Add --architecture and --reports.")
    if (labels is None) != (report is None):
        raise InputError("--report compares with gold answers. Give --labels and --report, or neither.")
