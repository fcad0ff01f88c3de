"""What `reportnlp images` does with networks: train, predict, evaluate, and the whole line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from reportnlp import terminal
from reportnlp.cli import learning
from reportnlp.cli.options import LARGEST_SEED, Method, Overwrite, UncertainAs

if TYPE_CHECKING:
    from reportnlp.images.preprocessing import Preprocessing
    from reportnlp.images.reading import BadImage
    from reportnlp.jobs._images_fit import ImageRecipe
    from reportnlp.types import BadRow

commands = typer.Typer(rich_markup_mode=None)

Images = Annotated[
    list[str],
    typer.Argument(
        metavar="IMAGES", help="A manifest (.csv), image labels (.parquet), or image files and folders."
    ),
]
Model = Annotated[Path, typer.Option("--model", help="Folder that images train made.")]
Network = Annotated[
    str, typer.Option("--model", help="densenet121, resnet18, efficientnet_b0, vgg16, small_cnn, ...")
]
Size = Annotated[str, typer.Option(help="height,width or depth,height,width; one number: a square.")]
Window = Annotated[
    str, typer.Option(help="centre,width in the file's units (CT lung: -600,1500); else as the file says.")
]
Fit = Annotated[str, typer.Option(help="stretch to the size, or pad to its proportions first.")]
StartFrom = Annotated[
    Path | None, typer.Option("--from", help="Weights to learn on: .safetensors, or a model folder.")
]
Augment = Annotated[str, typer.Option(help="Chance changes of training images: none, light or strong.")]
Flip = Annotated[bool, typer.Option("--flip", help="Mirror left and right too; sides get lost by it.")]
BestBy = Annotated[str, typer.Option(help="Epoch to keep: lowest validation loss, highest auroc, or last.")]
Threshold = Annotated[
    str, typer.Option(help="present from a probability of one half on, or where f1 is best.")
]
HeldOut = Annotated[
    float, typer.Option(help="Share held out, patients whole, where the labels name no split 'valid'.")
]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read images; 0: this one does.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the images.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images a device sees at once.")]
Per = Annotated[str, typer.Option(help="A row a study (mean of its images), or a row an image.")]
Split = Annotated[str, typer.Option(help="Only images of this split: test, ...")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Same seed, same model.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what was stopped.")]


@commands.command(
    epilog="Example: reportnlp images train labels.parquet -o image_model --model small_cnn --size 28"
)
def train(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Image labels (.parquet).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model folder to make.")],
    model: Network = "densenet121",
    settings: learning.Settings = None,
    size: Size = "224",
    window: Window = "",
    fit: Fit = "stretch",
    start_from: StartFrom = None,
    augment: Augment = "light",
    flip: Flip = False,
    held_out: HeldOut = 0.15,
    epochs: Epochs = 20,
    batch_size: BatchSize = 32,
    learning_rate: learning.LearningRate = 1e-3,
    schedule: learning.Schedule = "linear",
    weight_decay: learning.WeightDecay = 0.01,
    average: learning.Average = 0.0,
    patience: learning.Patience = 3,
    precision: learning.Precision = "auto",
    class_weight: learning.ClassWeight = 0.0,
    best_by: BestBy = "loss",
    threshold: Threshold = "half",
    workers: Workers = 0,
    seed: Seed = 0,
    limits: Annotated[str, typer.Option(help="What the model card says of where it fails.")] = "",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Train an image model on image labels.

    The folder is one of Hugging Face's, with a model card; logs in it are for TensorBoard. Images that cannot
    be read are listed in OUT.quarantine.jsonl, and the exit code is 3.
    """
    from reportnlp.jobs import images_train as job

    wanted = job.ImagesTrainJob(
        labels,
        out,
        recipe=recipe(
            model,
            settings,
            start_from=start_from,
            augmentation=augment,
            flip=flip,
            class_weight=class_weight,
            best_by=best_by,
            training={
                "epochs": epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "schedule": schedule,
                "weight_decay": weight_decay,
                "average": average,
                "patience": patience,
                "precision": precision,
            },
        ),
        preprocessing=preprocessing(size, window, fit),
        held_out=held_out,
        threshold=threshold,  # type: ignore[arg-type]
        workers=workers,
        seed=seed,
        command=shlex.join(["reportnlp", *sys.argv[1:]]),
        limits=limits,
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        trained = job.run(wanted, progress)
    tell(job.describe(trained))
    if trained.bad:
        tell_bad(trained.bad, out)


@commands.command(
    epilog="Example: reportnlp images predict manifest.csv --model image_model -o answers.csv --maps maps"
)
def predict(
    images: Images,
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="Label table to write: .csv, .jsonl, .parquet.")],
    per: Per = "study",
    split: Split = "",
    maps: Annotated[
        Path | None, typer.Option(help="Folder for pictures of where each present finding was seen.")
    ] = None,
    workers: Workers = 0,
    out_format: Annotated[
        str | None, typer.Option(help="Output format; without it the suffix tells.")
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Answer for images as label does for reports: the same table, with the model as its method.

    A map is the class-activation map of the network's last layer (as Grad-CAM's, but for a factor), in red
    beside the image; of a volume the slice where it is highest. Colour follows the evidence in log-odds, on
    one scale for all images: a faint map is weak evidence. index.csv says which file is of what.
    """
    from reportnlp.jobs import images_predict as job

    wanted = job.ImagesPredictJob(
        tuple(images),
        model,
        out,
        per=per,
        split=split,
        maps=maps,
        workers=workers,
        format_out=out_format,
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        predicted = job.run(wanted, progress)
    tell(job.describe(predicted, out))
    if predicted.bad or predicted.rows:
        tell_bad(predicted.bad, out, predicted.rows)


@commands.command(
    epilog="Example: reportnlp images evaluate manifest.csv --model image_model --labels gold.csv"
)
def evaluate(
    images: Images,
    model: Model,
    labels: Annotated[
        Path, typer.Option(help="Gold answers: report_id and a column per finding; or image labels.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Write a report: .html to read; .json all figures; .csv the main ones."
        ),
    ] = None,
    per: Per = "study",
    split: Split = "",
    uncertain_as: Annotated[
        UncertainAs, typer.Option(help="How 'uncertain' counts for presence.")
    ] = UncertainAs.NEGATIVE,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the bootstrap.")] = 0,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap samples.")] = 1000,
    date: Annotated[str, typer.Option(help="A date to put on the report; none is put unasked.")] = "",
    workers: Workers = 0,
    overwrite: Overwrite = False,
) -> None:
    """Score an image model against gold answers, as evaluate scores labels of reports."""
    from rich.console import Console

    from reportnlp.evaluation import tables
    from reportnlp.jobs import images_evaluate as job

    wanted = job.ImagesEvaluateJob(
        tuple(images),
        model,
        labels,
        out,
        per=per,
        split=split,
        uncertain_as=uncertain_as.value,
        seed=seed,
        resamples=resamples,
        date=date,
        workers=workers,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        scored = job.run(wanted, progress)
    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables.screen(scored.evaluation):
        console.print(table, "")
    tell(list(tables.notes(scored.evaluation)))
    tell(job.describe(scored, out))
    if scored.predicted.bad or scored.predicted.rows:
        tell_bad(scored.predicted.bad, None, scored.predicted.rows)


@commands.command(
    epilog="Example: reportnlp images line reports.jsonl manifest.csv -o line --finding pneumonia "
    "--model small_cnn --size 28 --epochs 2"
)
def line(
    reports: Annotated[
        list[str], typer.Argument(metavar="REPORTS MANIFEST", help="Reports; last, the manifest (.csv).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for all that is made.")],
    panel: Annotated[str, typer.Option(help="A panel, or the path of a TOML file.")] = "chest_xray",
    method: Method = "rules",
    finding: Annotated[
        list[str] | None, typer.Option(help="What to learn; repeat. Else what 20 reports affirm.")
    ] = None,
    policy: Annotated[
        str, typer.Option(help="For uncertain: soft, zeros, ones, ignore, self-train, multi-class.")
    ] = "soft",
    gold: Annotated[
        Path | None, typer.Option(help="Gold answers for the test images; else what their reports say.")
    ] = None,
    test_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of test images, where the manifest names no split.")
    ] = 0.2,
    drop_leaks: Annotated[
        bool, typer.Option("--drop-leaks", help="Leave out what a given split has on both sides.")
    ] = False,
    model: Network = "densenet121",
    settings: learning.Settings = None,
    size: Size = "224",
    window: Window = "",
    fit: Fit = "stretch",
    start_from: StartFrom = None,
    augment: Augment = "light",
    held_out: HeldOut = 0.15,
    epochs: Epochs = 20,
    batch_size: BatchSize = 32,
    learning_rate: learning.LearningRate = 1e-3,
    schedule: learning.Schedule = "linear",
    weight_decay: learning.WeightDecay = 0.01,
    average: learning.Average = 0.0,
    patience: learning.Patience = 3,
    best_by: BestBy = "loss",
    workers: Workers = 0,
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """From an archive of reports and their images to an image model and its evaluation, in one go.

    The steps are label, images labels, images train, images predict and images evaluate, and OUT has what
    each made. What cannot be used is listed beside it, and the exit code is 3. Options of a step that are not
    here need that step's own command.
    """
    from reportnlp.errors import InputError
    from reportnlp.images.policies import Rules
    from reportnlp.jobs import images_line as job

    if len(reports) < 2:
        raise InputError("One path was given. Give reports, and last the manifest of their images.")
    loop = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "weight_decay": weight_decay,
        "average": average,
        "patience": patience,
    }
    wanted = job.ImagesLineJob(
        tuple(reports[:-1]),
        Path(reports[-1]),
        out,
        panel=panel,
        method=method,
        findings=tuple(finding or ()),
        rules=Rules(policy=policy),
        gold=gold,
        test_share=test_share,
        drop_leaks=drop_leaks,
        recipe=recipe(
            model, settings, start_from=start_from, augmentation=augment, best_by=best_by, training=loop
        ),
        preprocessing=preprocessing(size, window, fit),
        held_out=held_out,
        workers=workers,
        seed=seed,
        command=shlex.join(["reportnlp", *sys.argv[1:]]),
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        lines = job.run(wanted, progress)
    tell(lines)
    if lists := job.quarantines(out):
        for path in lists:
            typer.echo(f"reportnlp: what could not be used is listed in {path}", err=True)
        raise typer.Exit(terminal.QUARANTINED)


def recipe(
    model: str, settings: Sequence[str] | None, *, training: dict[str, Any], **others: Any
) -> ImageRecipe:
    """How an image network is made.

    Args:
        model: its name.
        settings: of it, as NAME=VALUE.
        training: settings of the training loop.
        others: the rest of the recipe.
    """
    from reportnlp.jobs._images_fit import ImageRecipe
    from reportnlp.training.settings import TrainSettings

    given = learning.settings_of(settings or ())
    return ImageRecipe(model=model, settings=given, train=TrainSettings(**training), **others)


def preprocessing(size: str, window: str, fit: str) -> Preprocessing:
    """How images are made ready, out of options."""
    from reportnlp.config import check
    from reportnlp.images.preprocessing import Preprocessing

    sides = learning.whole_numbers("--size", size)
    given: dict[str, Any] = {"size": sides * 2 if len(sides) == 1 else sides, "fit": fit}
    if window:
        given["window"] = [float(part) if _number(part) else part for part in window.split(",")]
    return check(Preprocessing, given, where="the options --size, --window and --fit")


def _number(given: str) -> bool:
    try:
        float(given)
    except ValueError:
        return False
    return True


def tell(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        typer.echo(line)


def tell_bad(bad: Sequence[BadImage], out: Path | None, rows: Sequence[BadRow] = ()) -> NoReturn:
    """Say why images could not be used and where they are listed, and end with the exit code for it."""
    from reportnlp.archive import disk
    from reportnlp.jobs._images_record import reasons

    for count, reason in reasons((*bad, *rows)):
        typer.echo(f"{count:>6} {reason}", err=True)
    if out is not None:
        typer.echo(f"reportnlp: these images are listed in {disk.quarantine_file(out)}", err=True)
    raise typer.Exit(terminal.QUARANTINED)
