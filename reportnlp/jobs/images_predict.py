"""`reportnlp images predict`: images in, the label table that reports get too out, and maps of where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.archive.disk import put_json, read_json, sync, temporary, work_folder
from reportnlp.archive.places import refuse_existing, refuse_folder
from reportnlp.errors import InputError, OutputError, ResumeError, unknown_name
from reportnlp.formats.loader import check_writer, writer_for
from reportnlp.images import answers, maps
from reportnlp.images.folder import ImageFolder, open_folder
from reportnlp.images.manifest import ImageRow
from reportnlp.images.reading import BadImage, Part, read_parts
from reportnlp.jobs._images_rows import Images, named_images
from reportnlp.jobs.images_train import write_quarantine
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import LabelledReport, LabelTable, Presence, Report

Floats = npt.NDArray[np.float32]
PER = ("study", "image")
ABOUT = "settings.json"
SHARD = 512
"""Images whose answers are kept at once; a kill loses no more."""


@dataclass(frozen=True, slots=True)
class ImagesPredictJob:
    """What to look at, with what, and where to write.

    Attributes:
        inputs: see `named_images`.
        model: an image model's folder.
        out: the label table; its suffix says in which format.
        per: "study": a row a report (or study), the mean of its images; "image": a row an image.
        split: only images of this split; "" is all.
        maps: folder for a picture of where each finding that is `present` was seen; None: none.
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
    """

    folder: ImageFolder
    ids: tuple[str, ...]
    chances: Floats
    images: int
    bad: tuple[BadImage, ...]

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
    write_quarantine(job.out, predicted.bad)
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
    _begin(work, _key(images, folder, map_folder), resume=resume)
    progress.phase("predicting", len(images.rows), "images")
    logits: list[Floats] = []
    places: list[int] = []
    bad: list[BadImage] = []
    for part in _parts(images, folder, work, map_folder, workers, progress):
        logits.append(part.logits)
        places += part.at
        bad += part.bad
    if not places:
        reasons = sorted({one.reason for one in bad})
        raise InputError(
            f"None of the {len(images.rows)} images could be read: {'; '.join(reasons[:3])}. Look at them: "
            "reportnlp images check."
        )
    file = folder.file
    chances = answers.present(np.concatenate(logits), file.findings, file.decisions)
    ids, means = _gathered([_name(images.rows[at], per) for at in places], chances)
    return Predicted(folder, ids, means, len(places), tuple(bad))


class _Done(NamedTuple):
    """Some images: their numbers, their logits, and those that could not be read."""

    at: list[int]
    logits: Floats
    bad: list[BadImage]


def _parts(
    images: Images,
    folder: ImageFolder,
    work: Path,
    map_folder: Path | None,
    workers: int,
    progress: Progress,
) -> Iterator[_Done]:
    asking = None
    for start in range(0, len(images.rows), SHARD):
        rows = images.rows[start : start + SHARD]
        done = _kept(work / f"{start:09d}", rows, start)
        if done is None:
            asking = asking or _Asking(folder, map_folder)
            done = asking(images, rows, start, workers, progress)
            _keep(work / f"{start:09d}", done, start)
        else:
            progress.advance(len(rows))
        yield done


class _Asking:
    """The network, opened once, when there is something to ask it."""

    def __init__(self, folder: ImageFolder, map_folder: Path | None) -> None:
        from reportnlp.images.predict import to_device

        self._file, self._maps = folder.file, map_folder
        self._model = to_device(folder.network())

    def __call__(
        self, images: Images, rows: Sequence[ImageRow], start: int, workers: int, progress: Progress
    ) -> _Done:
        from reportnlp.images.predict import BATCH, ask, no_logits

        at: list[int] = []
        bad: list[BadImage] = []
        logits = [no_logits(self._model)]
        for part in read_parts(rows, images.root, self._file.preprocessing, size=BATCH, workers=workers):
            if len(part.pixels):
                found = ask(self._model, part.pixels, self._file.preprocessing, maps=self._maps is not None)
                logits.append(found.logits)
                if found.maps is not None:
                    self._draw(rows, part, found.logits, found.maps)
            at += [start + place for place in part.at]
            bad += [one for _, one in part.bad]
            progress.advance(len(part.at) + len(part.bad))
        return _Done(at, np.concatenate(logits), bad)

    def _draw(self, rows: Sequence[ImageRow], part: Part, logits: Floats, heat: Floats) -> None:
        """A picture for every finding that is answered `present`."""
        file, folder = self._file, self._maps or Path()
        chances = answers.present(logits, file.findings, file.decisions)
        said = answers.labels(chances, file.findings, file.decisions)
        for number, place in enumerate(part.at):
            for column, label in enumerate(said[number]):
                if label.answer == Presence.PRESENT.value:
                    name = f"{_file_name(rows[place].place)}.{label.question}.png"
                    maps.write(folder / name, part.pixels[number], heat[number, column])


def _file_name(image: str) -> str:
    """A name for a file out of an image's address, that no other address has."""
    plain = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in image).strip("._")
    return f"{plain[-80:]}-{blake2b(image.encode(), digest_size=4).hexdigest()}"


def _name(row: ImageRow, per: str) -> str:
    return row.place if per == "image" else row.report_id or row.study


def _gathered(names: Sequence[str], chances: Floats) -> tuple[tuple[str, ...], Floats]:
    """The mean of the images of one name, in the order of first appearance."""
    order = {name: place for place, name in enumerate(dict.fromkeys(names))}
    at = np.array([order[name] for name in names])
    total = np.zeros((len(order), chances.shape[1]), dtype=np.float64)
    np.add.at(total, at, chances)
    return tuple(order), (total / np.bincount(at)[:, None]).astype(np.float32)


def _key(images: Images, folder: ImageFolder, map_folder: Path | None) -> dict[str, Any]:
    state = blake2b(digest_size=16)
    for row in images.rows:
        state.update(json.dumps(asdict(row)).encode())
    return {
        "images": state.hexdigest(),
        "root": str(images.root.absolute()),
        "model": folder.digest,
        "maps": None if map_folder is None else str(map_folder),
    }


def _begin(work: Path, key: dict[str, Any], *, resume: bool) -> None:
    """Make the work folder ready.

    Raises:
        ResumeError: what is in it is of something else.
        OutputError: it cannot be made.
    """
    before = read_json(work / ABOUT) if resume else None
    if before is not None:
        other = [name for name in key if before.get(name) != key[name]]
        if other:
            raise ResumeError(
                f"The unfinished work in {work} is of other {other[0]}. Run it again with the same, or start "
                "anew without --resume."
            )
        return
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        put_json(work / ABOUT, key)
    except OSError as error:
        raise OutputError(f"{work} cannot be written: {error.strerror}.") from error


def _keep(path: Path, done: _Done, start: int) -> None:
    try:
        with temporary(path).open("wb") as file:
            np.save(file, done.logits, allow_pickle=False)
        sync(temporary(path))
        temporary(path).replace(path.with_suffix(".npy"))
        bad = [[one.row.place, one.reason, one.mend] for one in done.bad]
        put_json(path.with_suffix(".json"), {"at": [at - start for at in done.at], "bad": bad})
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be written: {error.strerror}.") from error


def _kept(path: Path, rows: Sequence[ImageRow], start: int) -> _Done | None:
    about = read_json(path.with_suffix(".json"))
    if about is None:
        return None
    logits = np.load(path.with_suffix(".npy"), allow_pickle=False)
    named = {row.place: row for row in rows}
    bad = [BadImage(named[place], reason, mend) for place, reason, mend in about["bad"]]
    return _Done([start + at for at in about["at"]], logits, bad)


def describe(predicted: Predicted, out: Path) -> list[str]:
    """What came of it, in lines."""
    read = predicted.images + len(predicted.bad)
    return [
        f"read {read:,} images = predicted {predicted.images:,} + quarantined {len(predicted.bad):,}; "
        f"{len(predicted.ids):,} rows in {out}"
    ]
