"""`reportnlp images train`: image labels in, an image model's folder out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reportnlp.archive.stop import stoppable
from reportnlp.errors import InputError, OutputError, unknown_name
from reportnlp.images import folder as model_folder
from reportnlp.images.answers import present
from reportnlp.images.folder import Decision
from reportnlp.images.models.loader import checked
from reportnlp.images.policies import self_trained
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.reading import BadImage
from reportnlp.images.store import Store, fill
from reportnlp.images.table import ImageLabels, read_table
from reportnlp.jobs import _images_data, _images_record
from reportnlp.jobs._image_card import card
from reportnlp.jobs._images_data import SELF_TRAIN, Sides
from reportnlp.jobs._images_decide import Threshold, decide, figures
from reportnlp.jobs._images_fit import FittedImages, ImageRecipe, fit, need_extras
from reportnlp.jobs._model_out import LOGS, first_process, refuse_existing, work_of
from reportnlp.sums import CONFIG
from reportnlp.training.progress import Progress, Silent


@dataclass(frozen=True, slots=True)
class ImagesTrainJob:
    """What to train.

    Attributes:
        labels: image labels, as `reportnlp images labels` writes them (Parquet).
        out: the model folder to make.
        recipe: how the network is made.
        preprocessing: size and window of the images; mean and spread are found.
        held_out: share of the images that is held out where the labels name no split `valid`.
        threshold: "half" or "f1".
        workers: processes that read images.
        kept: folder of images that are read already (`fill`); None: none are.
        seed: of everything random.
        command: the command line, for the model card.
        limits: what the model card says of where it fails.
        resume: go on with a training that was stopped.
        overwrite: replace the output.
    """

    labels: Path
    out: Path
    recipe: ImageRecipe = field(default_factory=ImageRecipe)
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(size=(224, 224)))
    held_out: float = 0.15
    threshold: Threshold = "half"
    workers: int = 0
    kept: Path | None = None
    seed: int = 0
    command: str = ""
    limits: str = ""
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.threshold not in ("half", "f1"):
            raise unknown_name("aim of the threshold", self.threshold, ("half", "f1"))
        if not 0 <= self.held_out < 1:
            raise InputError(f"--held-out was given as {self.held_out}; it is a share, as 0.15, or 0: none.")

    @property
    def work(self) -> Path:
        """The folder of unfinished work."""
        return work_of(self.out)


@dataclass(frozen=True, slots=True)
class TrainedImages:
    """What came of it.

    Attributes:
        folder: the model folder.
        record: what `config.json` keeps of the training; its "images" are counts that add up.
        bad: images that could not be used.
    """

    folder: Path
    record: Mapping[str, Any]
    bad: tuple[BadImage, ...]


def _asked_for(job: ImagesTrainJob) -> dict[str, Any]:
    """What a user asked for, as the record has it."""
    return {
        "size": list(job.preprocessing.size),
        "seed": job.seed,
        "command": job.command,
        "limits": job.limits,
        "labels": job.labels.name,
        "labels_digest": sha256(job.labels.read_bytes()).hexdigest(),
    }


class _Learned(NamedTuple):
    fitted: FittedImages
    labels: ImageLabels
    decisions: dict[str, Decision]
    figures: list[dict[str, Any]]
    notes: list[str]


def run(job: ImagesTrainJob, progress: Progress | None = None) -> TrainedImages:
    """Train, calibrate, and write the model folder.

    Raises:
        UnknownNameError: no such network or setting.
        InputError: labels that are none, no image that can be learned from, options that do not fit.
        OutputError: the output exists or cannot be written.
        TrainingError: a training that came to nothing.
        ResumeError: unfinished work is of another training.
        MissingExtraError: the libraries for images or for training are not installed.
    """
    _refuse_done(job)
    refuse_existing(job.out, overwrite=job.overwrite)
    labels = read_table(job.labels)
    need_extras()
    check_network(job)
    with stoppable(job.out, job.work):
        return _run(job, labels, progress or Silent())


def _refuse_done(job: ImagesTrainJob) -> None:
    """Say so where there is nothing left to resume."""
    if job.resume and not job.overwrite and (job.out / CONFIG).is_file() and not job.work.exists():
        raise OutputError(
            f"The training of {job.out} is done; nothing is left to resume. Use it: reportnlp images predict "
            f"IMAGES --model {job.out} -o answers.csv. Or train anew: --overwrite."
        )


def check_network(job: ImagesTrainJob) -> None:
    """Refuse a network, its settings or a size that cannot be, before any image is read.

    Raises:
        UnknownNameError: no such network or setting.
        InvalidDefinitionError: a setting that may not be.
        InputError: images too small for it, or no file to start from.
    """
    start = job.recipe.start_from
    if start is not None and not start.exists():
        raise InputError(f"There is no {start}. Give --from a .safetensors file, or a model folder.")
    checked(job.recipe.model, job.recipe.settings, job.preprocessing.size)


def _run(job: ImagesTrainJob, labels: ImageLabels, told: Progress) -> TrainedImages:
    drawn = _images_data.sides(labels, held_out=job.held_out, seed=job.seed)
    used = np.concatenate([drawn.train, drawn.valid])
    some = labels.taken(used.tolist())
    place = job.work / "images"
    store = fill(some.rows, some.root, job.preprocessing, place, told, workers=job.workers, kept=job.kept)
    count = len(drawn.train)
    numbered = replace(drawn, train=np.arange(count), valid=np.arange(count, len(used)))
    sides = _images_data.readable(numbered, store)
    learned = _learn(job, some, sides, store, told)
    record = {
        **_asked_for(job),
        **_images_record.record(job.recipe, learned.fitted, learned.labels, sides, store, len(labels)),
        "notes": learned.notes,
        "figures": learned.figures,
    }
    told.phase("writing the model", None, "files")
    if first_process():
        _write(job, learned, record, store)
    return TrainedImages(job.out, record, store.bad)


def _learn(
    job: ImagesTrainJob, labels: ImageLabels, sides: Sides, store: Store, progress: Progress
) -> _Learned:
    """Train; self-training trains without doubtful labels first, and fills them in."""
    mean, std = store.spread(sides.train)
    preprocessing = job.preprocessing.model_copy(update={"mean": mean, "std": std})
    notes = []

    def trained(labels: ImageLabels, sides: Sides, name: str) -> FittedImages:
        return fit(
            job.recipe,
            labels.findings,
            _images_data.wanted(labels),
            sides,
            store,
            preprocessing,
            seed=job.seed,
            work=job.work / name,
            progress=progress,
            resume=job.resume,
        )

    if labels.policy == SELF_TRAIN:
        known = sides.train[labels.mask[sides.train].any(axis=1)]
        first = trained(labels, Sides(known, sides.valid), "first")
        said = np.full(labels.target.shape, np.nan, dtype=np.float32)
        said[sides.train] = present(_asked(first, store, sides.train, preprocessing), labels.findings, {})
        before = int(labels.mask.sum())
        labels = self_trained(labels, said)
        notes.append(f"self-training filled in {int(labels.mask.sum()) - before} uncertain labels")
    fitted = trained(labels, sides, "network")
    logits = _asked(fitted, store, sides.valid, preprocessing)
    goal = _images_data.wanted(labels.taken(sides.valid.tolist()))
    decisions = decide(labels.findings, logits, goal, job.threshold)
    shown = list(figures(labels.findings, logits, goal, decisions))
    return _Learned(fitted, labels, decisions, shown, [*fitted.notes, *notes])


def _asked(
    fitted: FittedImages, store: Store, at: _images_data.Places, preprocessing: Preprocessing
) -> _images_data.Floats:
    from reportnlp.images.predict import ask_store

    return ask_store(fitted.model, store, at.tolist(), preprocessing)


def _write(job: ImagesTrainJob, learned: _Learned, record: Mapping[str, Any], store: Store) -> None:
    """Write the folder beside its place, then put it there; then drop the work."""
    draft = job.out.with_name(job.out.name + ".part")
    preprocessing = job.preprocessing.model_copy(update={"mean": record["mean"], "std": record["std"]})
    values = {
        "preprocessing": preprocessing.model_dump(mode="json"),
        "decisions": {name: one.model_dump(mode="json") for name, one in learned.decisions.items()},
        "trained": json.loads(json.dumps(record)),
    }
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        text = card(job.out.name, learned.labels.findings, record)
        model_folder.save(learned.fitted.model, draft, values, text)
        log = job.work / "network" / LOGS
        if log.is_dir():
            shutil.copytree(log, draft / LOGS)
        shutil.rmtree(job.out, ignore_errors=True)
        draft.rename(job.out)
        _images_record.write_quarantine(job.out, store.bad)
    except OSError as error:
        raise OutputError(f"{job.out} cannot be written: {error.strerror}.") from error
    shutil.rmtree(job.work, ignore_errors=True)


def describe(trained: TrainedImages) -> list[str]:
    """What came of it, in lines."""
    record, counts = trained.record, dict(trained.record["images"])
    read = counts.pop("read")
    lines = [f"read {read:,} images = " + " + ".join(f"{name} {n:,}" for name, n in counts.items())]
    lines += [f"    {note}" for note in record["notes"]]
    lines.append(f"{record['images_per_second']:,} images a second on {record['device']}")
    lines.append(record["tested"])
    lines += [
        f"    {row['figure']:18} {row['value']:.3f}  {row['question']} (n {row['n']:,})"
        for row in record["figures"]
    ]
    lines.append(f"model in {trained.folder}")
    return lines
