"""`reportnlp train`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reportnlp import terminal
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

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    epilog="Example: reportnlp train corpora/demo/reports.csv --labels corpora/demo/gold.csv --panel pe "
    "-o my_model --architecture linear"
)
def train(
    inputs: Annotated[
        list[str], typer.Argument(metavar="REPORTS", help="Files, folders or globs of reports.")
    ],
    labels: Annotated[
        Path, typer.Option(help="Gold answers, or a label table, whose probabilities are then learned.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model folder to make.")],
    panel: Annotated[str, typer.Option(help="A panel, or the path of a TOML file.")] = "pe",
    architecture: Annotated[str, typer.Option(help="linear, cnn, rnn, attention or transformer.")] = "cnn",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the architecture; repeat."),
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="Word vectors to begin with: a folder, or a word2vec file.")
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Pre-trained encoder to fine-tune (architecture transformer).")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option("--from", help="Model folder to go on from: another panel's or site's.")
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--more", help="Further reports, only learned from: never held out or scored on; repeat."
        ),
    ] = None,
    more_labels: Annotated[Path | None, typer.Option("--more-labels", help="Labels of those.")] = None,
    more_weight: Annotated[float, typer.Option(min=0, help="How much one of those counts.")] = 1.0,
    folds: Annotated[
        int, typer.Option(min=0, help="Cross-fit in so many folds; 0 holds one part out (--held-out).")
    ] = 0,
    held_out: Annotated[float, typer.Option(help="Share of reports held out.")] = 0.15,
    rules: Annotated[
        bool, typer.Option("--with-rules", help="Weigh in the rules' answers (stacking).")
    ] = False,
    calibration: Annotated[str, typer.Option(help="temperature or isotonic.")] = "temperature",
    threshold: Annotated[
        str, typer.Option(help="argmax, f1, or the sensitivity to keep (0.95), for every finding.")
    ] = "argmax",
    abstain_error: Annotated[
        float | None, typer.Option(help="Share of wrong answers allowed outside the band of doubt.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the reports.")] = 20,
    batch_size: Annotated[int, typer.Option(min=1, help="Reports a device sees at once.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="The largest step.")] = 1e-3,
    patience: Annotated[int, typer.Option(min=0, help="Epochs without a better one; 0 runs to the end.")] = 3,
    precision: Annotated[str, typer.Option(help="auto, bf16, fp16 or float32.")] = "auto",
    class_weight: Annotated[
        float, typer.Option(min=0, max=1, help="How much rare answers weigh: 0 as they come, 1 all alike.")
    ] = 0.0,
    sections: Annotated[str, typer.Option(help="read: what states findings; all: the request too.")] = "read",
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
    from reportnlp.jobs._train_data import Source
    from reportnlp.jobs._train_decide import Aim
    from reportnlp.jobs._train_fit import Recipe
    from reportnlp.training.settings import TrainSettings

    named = columns(id_column, text_columns, date_column, "", site_column, patient_column)
    wanted = job.TrainJob(
        source=Source(tuple(inputs), labels, format, named),
        out=out,
        panel=panel,
        recipe=Recipe(
            architecture=architecture,
            settings=_settings(settings or []),
            vectors=vectors,
            encoder=encoder,
            start_from=start_from,
            sections=sections,
            class_weight=class_weight,
            train=TrainSettings(
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                patience=patience,
                precision=precision,
            ),
        ),
        more=_more(more, more_labels),
        more_weight=more_weight,
        folds=folds,
        held_out=held_out,
        rules=rules,
        aim=Aim(calibration, _threshold(threshold), abstain_error),  # type: ignore[arg-type]
        seed=seed,
        command=shlex.join(["reportnlp", *sys.argv[1:]]),
        limits=limits,
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        trained = job.run(wanted, progress)
    for line in job.describe(trained):
        typer.echo(line)


def _more(more: list[str] | None, labels: Path | None) -> Any:
    from reportnlp.errors import InputError
    from reportnlp.jobs._train_data import Source

    if bool(more) != (labels is not None):
        raise InputError("--more needs --more-labels, and the other way round. Give both, or neither.")
    return None if labels is None else Source(tuple(more or ()), labels)


def _settings(given: list[str]) -> dict[str, Any]:
    """`filters=64` as a name and a value: a word, a number, or numbers with commas between them."""
    import json

    from reportnlp.errors import InputError

    found: dict[str, Any] = {}
    for setting in given:
        name, equals, value = setting.partition("=")
        if not (name and equals and value):
            raise InputError(f"--set was given as '{setting}'. Write NAME=VALUE, as in --set filters=64.")
        try:
            found[name] = json.loads(f"[{value}]" if "," in value else value)
        except ValueError:
            found[name] = value
    return found


def _threshold(given: str) -> str | float:
    try:
        return float(given)
    except ValueError:
        return given
