"""`reportnlp images predict`: images in, the label table that reports get too out, and maps of where."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reportnlp.archive.disk import temporary, work_folder
from reportnlp.archive.places import refuse_existing, refuse_folder
from reportnlp.errors import InputError, unknown_name
from reportnlp.formats.loader import check_writer, writer_for
from reportnlp.images import answers
from reportnlp.images.folder import ImageFolder, open_folder
from reportnlp.images.reading import BadImage
from reportnlp.jobs._images_ask import ask_in_parts, begin, key_of
from reportnlp.jobs._images_maps import refuse_maps, write_index
from reportnlp.jobs._images_record import write_quarantine
from reportnlp.jobs._images_rows import Images, name_of, named_images
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import BadRow, LabelledReport, LabelTable, Report

Floats = npt.NDArray[np.float32]
PER = ("study", "image")


@dataclass(frozen=True, slots=True)
class ImagesPredictJob:
    """What to look at, with what, and where to write.

    Attributes:
        inputs: see `named_images`.
        model: an image model's folder.
        out: the label table; its suffix says in which format.
        per: "study": a row a report (or study), the mean of its images; "image": a row an image.
        split: only images of this split; "" is all.
        maps: folder for a picture of where each finding that is `present` was seen, and an index of them;
            None: none.
        workers: processes that read images.
        format_out: the output format; None: by the suffix.
        resume: go on with unfinished work, where there is any.
        overwrite: replace the output.
    """

    inputs: tuple[str, ...]
    model: Path
    out: Path
    per: str = "study"
    split: str = ""
    maps: Path | None = None
    workers: int = 0
    format_out: str | None = None
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.per not in PER:
            raise unknown_name("unit of a row", self.per, PER)


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a model says of images.

    Attributes:
        folder: the model.
        ids: of the rows: reports (or studies), or images.
        chances: (rows, findings) float32, probability of `present`.
        images: images that were read.
        bad: those that were not.
        rows: rows of the manifest that name no image.
    """

    folder: ImageFolder
    ids: tuple[str, ...]
    chances: Floats
    images: int
    bad: tuple[BadImage, ...]
    rows: tuple[BadRow, ...] = ()

    @property
    def model(self) -> str:
        """Identity of the model."""
        return f"{self.folder.path.name} {self.folder.digest[:12]}"

    def table(self) -> LabelTable:
        """As the label table that reports get."""
        file = self.folder.file
        rows = answers.labels(self.chances, file.findings, file.decisions)
        # An image has no text; only the id of its report is known.
        labelled = tuple(
            LabelledReport(Report(name, ""), labels) for name, labels in zip(self.ids, rows, strict=True)
        )
        return LabelTable(
            answers.questions(file.findings), labelled, self.folder.path.resolve().name, self.model
        )


def run(job: ImagesPredictJob, progress: Progress | None = None) -> Predicted:
    """Predict, and write the table.

    Raises:
        InputError: no images, or no model.
        OutputError: the output exists or cannot be written.
        ResumeError: unfinished work is of other images or another model.
        MissingExtraError: the libraries for images are not installed.
    """
    refuse_folder(job.out)
    if not job.overwrite:
        refuse_existing(job.out)
    refuse_maps(job.maps, allowed=job.overwrite or job.resume)
    folder = open_folder(job.model)
    writer = writer_for(job.out, job.format_out)
    check_writer(writer, answers.questions(folder.file.findings))
    work = work_folder(job.out)
    predicted = predict(
        named_images(job.inputs, split=job.split),
        folder,
        per=job.per,
        map_folder=job.maps,
        workers=job.workers,
        work=work,
        resume=job.resume,
        progress=progress or Silent(),
    )
    shard, draft = work / "table", temporary(job.out)
    table = predicted.table()
    writer.write_shard(shard, table)
    writer.merge([shard], draft, table.questions)
    draft.replace(job.out)
    write_quarantine(job.out, predicted.bad, predicted.rows)
    shutil.rmtree(work)
    return predicted


def predict(
    images: Images,
    folder: ImageFolder,
    *,
    per: str,
    work: Path,
    progress: Progress,
    map_folder: Path | None = None,
    workers: int = 0,
    resume: bool = False,
) -> Predicted:
    """What a model says of images; what is done is kept, part by part, in the work folder.

    Args:
        images: which.
        folder: the model.
        per: "study" or "image".
        work: folder for finished parts.
        progress: hears of it.
        map_folder: where pictures go; None: none are made.
        workers: processes that read.
        resume: go on with what is in `work`.

    Raises:
        InputError: no image could be read.
        ResumeError, OutputError: see `run`.
    """
    begin(work, key_of(images, folder, map_folder), resume=resume)
    progress.phase("predicting", len(images.rows), "images")
    logits: list[Floats] = []
    places: list[int] = []
    bad: list[BadImage] = []
    for part in ask_in_parts(images, folder, work, map_folder, workers, progress):
        logits.append(part.logits)
        places += part.at
        bad += part.bad
    if not places:
        reasons = sorted({one.reason for one in bad})
        mend = bad[0].mend if len(reasons) == 1 else ""
        raise InputError(
            f"None of the {len(images.rows)} images could be read: {'; '.join(reasons[:3])}. "
            f"{mend or 'Look at them: reportnlp images check.'}"
        )
    file = folder.file
    chances = answers.present(np.concatenate(logits), file.findings, file.decisions)
    if map_folder is not None:
        write_index(images, folder, map_folder, places, chances)
    ids, means = _gathered([name_of(images.rows[at], per) for at in places], chances)
    return Predicted(folder, ids, means, len(places), tuple(bad), images.bad)


def _gathered(names: Sequence[str], chances: Floats) -> tuple[tuple[str, ...], Floats]:
    """The mean of the images of one name, in the order of first appearance."""
    order = {name: place for place, name in enumerate(dict.fromkeys(names))}
    at = np.array([order[name] for name in names])
    total = np.zeros((len(order), chances.shape[1]), dtype=np.float64)
    np.add.at(total, at, chances)
    return tuple(order), (total / np.bincount(at)[:, None]).astype(np.float32)


def describe(predicted: Predicted, out: Path) -> list[str]:
    """What came of it, in lines."""
    return [f"{counted(predicted)}; {len(predicted.ids):,} rows in {out}"]


def counted(predicted: Predicted) -> str:
    """What became of the images, in counts that add up."""
    quarantined = len(predicted.bad) + len(predicted.rows)
    return (
        f"read {predicted.images + quarantined:,} images = predicted {predicted.images:,} + quarantined "
        f"{quarantined:,}"
    )
