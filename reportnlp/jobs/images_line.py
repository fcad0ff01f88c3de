"""`reportnlp images line`: reports and images in; labels, image labels, a model and its evaluation out."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from reportnlp.archive.disk import digest, put_json, quarantine_file, read_json
from reportnlp.errors import InputError, OutputError, ResumeError
from reportnlp.evaluation.read import read_answers
from reportnlp.findings import Panel, load_panel
from reportnlp.formats.blocks import ReadOptions
from reportnlp.images.policies import Rules
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.jobs import images_evaluate, images_labels, images_predict, images_train, label
from reportnlp.jobs._images_fit import ImageRecipe, need_extras
from reportnlp.jobs._images_line_check import check_line
from reportnlp.jobs._images_looked import look_and_keep
from reportnlp.jobs._images_made import describe
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import Presence

LABELS, IMAGES, MODEL, ANSWERS, PAGE, ABOUT = (
    "labels.parquet",
    "image_labels.parquet",
    "model",
    "answers.parquet",
    "evaluation.html",
    "line.json",
)
SEEN = "images"
"""Folder of all images at the network's size, until the training has taken its own."""

FEWEST = 20
"""Reports that affirm a finding which a model is to learn unasked."""


@dataclass(frozen=True, slots=True)
class ImagesLineJob:
    """The whole line.

    Attributes:
        inputs: files, folders or globs of reports.
        manifest: the images, by report or study.
        out: folder for all that is made.
        panel: whose questions are asked of the reports.
        method: what labels them: rules, a model folder, or auto.
        findings: what the image model learns; empty: each that enough reports affirm.
        rules: what is made of doubt and of silence.
        gold: gold answers for the test images; None: they are scored against their reports' labels.
        test_share: of the images, where the manifest names no split.
        drop_leaks: leave out what a split of the manifest has on two sides, instead of refusing it.
        recipe, preprocessing, held_out: see `ImagesTrainJob`.
        columns: input columns of reports.
        workers: processes that read images.
        seed: of everything random.
        command: the command line, for the model card.
        resume: go on with a line that was stopped: finished steps stay.
        overwrite: replace what is in `out`.
    """

    inputs: tuple[str, ...]
    manifest: Path
    out: Path
    panel: str = "chest_xray"
    method: str = "rules"
    findings: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    gold: Path | None = None
    test_share: float = 0.2
    drop_leaks: bool = False
    recipe: ImageRecipe = field(default_factory=ImageRecipe)
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(size=(224, 224)))
    held_out: float = 0.15
    columns: ReadOptions = field(default_factory=ReadOptions)
    workers: int = 0
    seed: int = 0
    command: str = ""
    resume: bool = False
    overwrite: bool = False


def run(job: ImagesLineJob, progress: Progress | None = None) -> list[str]:
    """Run the steps that are not done yet; returns what came of each, in lines.

    Raises:
        InputError: reports, images or gold answers that do not fit together.
        OutputError: `out` holds something, or cannot be written.
        ResumeError: what is in `out` is of other settings.
        UnknownNameError: no such panel, method, finding, column or network.
        MissingExtraError: the libraries for images or training are not installed.
    """
    told = progress or Silent()
    _begin(job)
    return [line for step in _STEPS for line in step(job, told)]


def _label(job: ImagesLineJob, progress: Progress) -> Iterator[str]:
    out = job.out / LABELS
    if job.resume and out.exists():
        yield f"reports are labelled already: {out}"
        return
    settings = label.LabelSettings(
        job.inputs,
        out,
        job.panel,
        job.method,
        read_options=job.columns,
        resume=job.resume,
        overwrite=job.overwrite,
    )
    counts = label.run(settings, progress)
    yield (
        f"reports: read {counts.read} = labelled {counts.labelled} + quarantined {counts.quarantined} "
        f"+ duplicates {counts.duplicates}"
    )


def _join(job: ImagesLineJob, progress: Progress) -> Iterator[str]:
    panel = load_panel(job.panel)
    wanted = images_labels.ImagesLabelsJob(
        job.out / LABELS,
        job.manifest,
        job.out / IMAGES,
        job.rules,
        findings=job.findings or _affirmed(job, panel),
        test_share=job.test_share,
        drop_leaks=job.drop_leaks,
        workers=job.workers,
        seed=job.seed,
        overwrite=True,
    )
    look = partial(
        look_and_keep,
        workers=job.workers,
        progress=progress,
        preprocessing=job.preprocessing,
        folder=job.out / SEEN,
    )
    yield from describe(images_labels.run(wanted, progress, look=look))


def _affirmed(job: ImagesLineJob, panel: Panel) -> tuple[str, ...]:
    """Findings that enough reports affirm.

    Raises:
        InputError: none is.
    """
    present = Presence.PRESENT.value
    rows = read_answers(job.out / LABELS).values()
    counts = Counter(name for row in rows for name, answer in row.items() if answer == present)
    names = [question.name for question in panel.questions if question.attribute is None]
    found = tuple(name for name in names if counts[name] >= FEWEST)
    if not found:
        raise InputError(
            f"No finding of the panel '{panel.name}' is affirmed by {FEWEST} reports. Name what the model "
            "is to learn: --finding."
        )
    return found


def _train(job: ImagesLineJob, progress: Progress) -> Iterator[str]:
    out = job.out / MODEL
    if job.resume and out.exists():
        yield f"the model is trained already: {out}"
        return
    yield from images_train.describe(images_train.run(_training(job), progress))
    shutil.rmtree(job.out / SEEN, ignore_errors=True)


def _training(job: ImagesLineJob) -> images_train.ImagesTrainJob:
    return images_train.ImagesTrainJob(
        job.out / IMAGES,
        job.out / MODEL,
        job.recipe,
        job.preprocessing,
        job.held_out,
        workers=job.workers,
        kept=job.out / SEEN,
        seed=job.seed,
        command=job.command,
        resume=job.resume,
        overwrite=job.overwrite,
    )


def _test(job: ImagesLineJob, progress: Progress) -> Iterator[str]:
    """Ask the model about the test images, and score what it says."""
    out = job.out / ANSWERS
    asked = images_predict.ImagesPredictJob(
        (str(job.out / IMAGES),),
        job.out / MODEL,
        out,
        split="test",
        workers=job.workers,
        resume=job.resume,
        overwrite=True,
    )
    predicted = images_predict.run(asked, progress)
    yield from images_predict.describe(predicted, out)
    wanted = images_evaluate.ImagesEvaluateJob(
        (str(job.out / IMAGES),),
        job.out / MODEL,
        job.gold or job.out / IMAGES,
        job.out / PAGE,
        split="test",
        seed=job.seed,
        truth="gold" if job.gold else "reports",
        workers=job.workers,
        overwrite=True,
    )
    scores = images_evaluate.score(wanted, predicted).evaluation.scores
    yield (
        f"on the test images, against {'gold' if job.gold else 'what their reports say (no gold was given)'}:"
    )
    for one in scores.presence:
        if one.auroc is not None:
            yield f"    AUROC {one.auroc.value:.3f}  {one.question} (n {one.n:,})"
    yield f"page in {job.out / PAGE}"


def quarantines(out: Path) -> list[Path]:
    """Lists of reports and images that could not be used, one a step that has any."""
    return sorted(out.glob(quarantine_file(Path("*")).name))


_STEPS = (_label, _join, _train, _test)


def _begin(job: ImagesLineJob) -> None:
    """Make the folder ready, or see that what is in it is of the same line.

    What is there is refused first, then wrong names, and only then is anything made.
    """
    key = _key(job)
    before = read_json(job.out / ABOUT)
    if job.resume and before is not None:
        other = [name for name in key if before.get(name) != key[name]]
        if other:
            raise ResumeError(
                f"What is in {job.out} was made with another {other[0]}. Give the same, or start again with "
                "--overwrite."
            )
        return
    if job.out.is_file() or (job.out.is_dir() and any(job.out.iterdir()) and before is None):
        raise OutputError(f"{job.out} holds something else. Name another folder.")
    if before is not None and not job.overwrite:
        raise OutputError(f"{job.out} exists. Go on with --resume, or replace it with --overwrite.")
    need_extras()
    check_line(job, _training(job))
    try:
        job.out.mkdir(parents=True, exist_ok=True)
        put_json(job.out / ABOUT, key)
    except OSError as error:
        raise OutputError(f"{job.out} cannot be written: {error.strerror}.") from error


def _key(job: ImagesLineJob) -> dict[str, Any]:
    """What a resumed line must share with the one it continues."""
    if not job.manifest.is_file():
        raise InputError(f"There is no manifest {job.manifest}. Give a CSV with a row per image.")
    return {
        "reports": list(job.inputs),
        "manifest": digest(job.manifest),
        "panel": job.panel,
        "method": job.method,
        "finding": list(job.findings),
        "policy": repr(job.rules),
        "recipe": repr(job.recipe),
        "size": repr(job.preprocessing),
        "share": [job.test_share, job.held_out],
        "drop leaks": job.drop_leaks,
        "seed": job.seed,
    }
