"""`reportnlp images evaluate`: an image model's answers against gold, scored and shown as text's are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from reportnlp.errors import InputError
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.read import read_answers
from reportnlp.evaluation.record import Evaluation, Truth
from reportnlp.evaluation.scores import UncertainAs
from reportnlp.images import answers
from reportnlp.images.folder import open_folder
from reportnlp.images.join import key_of
from reportnlp.images.table import ImageLabels
from reportnlp.jobs import evaluate
from reportnlp.jobs._images_rows import Images, image_labels, name_of, named_images
from reportnlp.jobs._labelled import Found
from reportnlp.jobs.evaluate import EvaluateSettings
from reportnlp.jobs.images_predict import Predicted, counted, predict
from reportnlp.training.progress import Progress, Silent


@dataclass(frozen=True, slots=True)
class ImagesEvaluateJob:
    """What to score.

    Attributes:
        inputs: see `named_images`.
        model: an image model's folder.
        gold: a table of `report_id` and a column per finding; or image labels, whose answers are taken.
        out: where to write the evaluation, `.html`, `.json` or `.csv`; None writes none.
        per: "study" or "image": what `report_id` names.
        split: only images of this split; "" is all.
        uncertain_as, seed, resamples, date: see `EvaluateSettings`.
        truth: what `gold` is; None: gold, or of image labels labels of any origin.
        workers: processes that read images.
        overwrite: whether `out` may be replaced.
    """

    inputs: tuple[str, ...]
    model: Path
    gold: Path
    out: Path | None = None
    per: str = "study"
    split: str = ""
    uncertain_as: UncertainAs = "negative"
    seed: int = 0
    resamples: int = 1000
    date: str = ""
    truth: Truth | None = None
    workers: int = 0
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ScoredImages:
    """What came of it: the evaluation, and what the model said."""

    evaluation: Evaluation
    predicted: Predicted


def run(job: ImagesEvaluateJob, progress: Progress | None = None) -> ScoredImages:
    """Predict, score, and write the evaluation where that was asked for.

    Raises:
        InputError: no images, no model, or nothing that can be compared.
        OutputError: `out` exists, or cannot be written.
        MissingExtraError: the libraries for images or evaluation are not installed.
    """
    if job.out is not None:
        evaluate.check_out(job.out, job.overwrite)
    gold = gold_answers(job.gold, job.per)
    images = _called_as(gold, named_images(job.inputs, split=job.split), job.per)
    folder = open_folder(job.model)
    with TemporaryDirectory(prefix="reportnlp-") as work:
        predicted = predict(
            images,
            folder,
            per=job.per,
            work=Path(work) / "parts",
            workers=job.workers,
            progress=progress or Silent(),
        )
    return score(job, predicted)


def score(job: ImagesEvaluateJob, predicted: Predicted) -> ScoredImages:
    """Score what a model said, and write the evaluation where that was asked for.

    Raises:
        InputError: nothing that can be compared.
        OutputError: `out` cannot be written.
        MissingExtraError: the libraries for evaluation are not installed.
    """
    gold = _asked_about(job)
    settings = EvaluateSettings(
        job.inputs,
        job.gold,
        out=job.out,
        uncertain_as=job.uncertain_as,
        seed=job.seed,
        resamples=job.resamples,
        date=job.date,
    )
    evaluation = _of_images(job, evaluate.score(settings, Found(labelled(predicted)), gold))
    if job.out is not None:
        evaluate.write(job.out, evaluation)
    return ScoredImages(evaluation, predicted)


def _called_as(gold: Answers, images: Images, per: str) -> Images:
    """Images whose `report_id` is what gold calls their report: it may be their study or accession number.

    Raises:
        InputError: gold knows none of them.
    """
    if per != "study":
        return images
    key = key_of(images.rows, gold.keys())
    return replace(images, rows=tuple(replace(row, report_id=getattr(row, key)) for row in images.rows))


def _asked_about(job: ImagesEvaluateJob) -> Answers:
    """Gold answers, but for those of images of other splits: training images are no missing ones."""
    gold = gold_answers(job.gold, job.per)
    if not job.split:
        return gold
    rows = _called_as(gold, named_images(job.inputs), job.per).rows
    asked = {name_of(row, job.per) for row in rows if row.split == job.split}
    others = {name_of(row, job.per) for row in rows} - asked
    return {name: row for name, row in gold.items() if name not in others}


def _of_images(job: ImagesEvaluateJob, found: Evaluation) -> Evaluation:
    """An evaluation that says it is of images, without scores of answers that an image model never gives."""
    labels: Truth = "labels" if image_labels(job.gold) is not None else "gold"
    about = replace(
        found.about,
        units="studies" if job.per == "study" else "images",
        truth=job.truth or labels,
        split=f"the images of split '{job.split}' alone" if job.split else "",
    )
    given = tuple(score for score in found.scores.answers if score.answer in answers.GIVEN)
    return replace(found, about=about, scores=replace(found.scores, answers=given))


def describe(scored: ScoredImages, out: Path | None) -> Iterator[str]:
    """What became of the images, and where all of it can be read, in lines."""
    yield counted(scored.predicted)
    if out is not None:
        yield f"{'page' if out.suffix == '.html' else 'figures'} in {out}"


def labelled(predicted: Predicted) -> Labelled:
    """A model's answers with all that is known of their probabilities."""
    table = predicted.table()
    said = {row.report.id: {label.question: label.answer for label in row.labels} for row in table.rows}
    found = answers.posteriors(predicted.chances, predicted.ids, predicted.folder.file.findings)
    return Labelled(said, found, method=table.method, model=table.model)


def gold_answers(path: Path, per: str) -> Answers:
    """Gold answers out of a table of answers, or out of image labels.

    Raises:
        InputError: it is neither, or images of one study have different answers.
    """
    table = image_labels(path)
    return read_answers(path) if table is None else _answers(table, per, path)


def _answers(table: ImageLabels, per: str, path: Path) -> Answers:
    found: dict[str, dict[str, str]] = {}
    for row, said in zip(table.rows, table.answers, strict=True):
        name = name_of(row, per)
        given = dict(zip(table.findings, map(str, said), strict=True))
        if found.setdefault(name, given) != given:
            raise InputError(
                f"Images of '{name}' have different answers in {path}. Score them one by one: --per image."
            )
    return found
