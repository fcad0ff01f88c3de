"""Steps of `weak_images.py`: reports for images, labels out of them, and models trained on those."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.evaluation.read import read_answers
from reportnlp.images.join import key_of
from reportnlp.images.manifest import ImageRow
from reportnlp.images.policies import Rules
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.reading import read_parts
from reportnlp.images.table import ImageLabels, write_table
from reportnlp.jobs import generate, images_evaluate, images_train, label
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.jobs._images_join import labels_about, labels_of
from reportnlp.jobs.images_evaluate import ImagesEvaluateJob
from reportnlp.jobs.images_train import ImagesTrainJob
from reportnlp.training.settings import TrainSettings

POLICIES = ("soft", "zeros", "ones", "ignore", "self-train", "multi-class")


@dataclass(frozen=True)
class Setting:
    """One set of images, and how they are learned from.

    Attributes:
        work: folder for everything that is made.
        rows: the images; each is the one of its report.
        root: where their paths lead from.
        gold: report id to `present` or `absent`.
        finding: what is asked for.
        panel: whose reports are written, and whose rules read them.
        size: of the images, for the network.
        train: of the training loop.
        augmentation: see `ImageRecipe`.
    """

    work: Path
    rows: Sequence[ImageRow]
    root: Path
    gold: Mapping[str, str]
    finding: str
    panel: str
    size: tuple[int, ...]
    train: TrainSettings
    augmentation: str = "light"


def write_answers(path: Path, finding: str, answers: Mapping[str, str]) -> Path:
    """A table of gold answers."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["report_id", finding])
        writer.writerows(answers.items())
    return path


def hedged(gold: Mapping[str, str], share: float, *, seed: int) -> dict[str, str]:
    """Answers of which a share, drawn without regard to the truth, is `uncertain`."""
    random = np.random.default_rng(seed)
    return {report: "uncertain" if random.random() < share else answer for report, answer in gold.items()}


def reports_for(setting: Setting, name: str, *, noise: float, hedge: float, seed: int) -> Path:
    """`reportnlp corpora generate --answers`: a simulated report for the gold answer of each image."""
    asked = write_answers(
        setting.work / f"{name}_asked.csv", setting.finding, hedged(setting.gold, hedge, seed=seed)
    )
    out = setting.work / f"{name}_reports"
    settings = generate.GenerateSettings(
        out, setting.panel, seed=seed, answers=asked, noise=noise, overwrite=True
    )
    generate.run(settings)
    return out / "reports.jsonl"


def labels_from(setting: Setting, name: str, reports: Path) -> Path:
    """`reportnlp label`: what the rules read in the reports, and nothing else."""
    out = setting.work / f"{name}_labels.parquet"
    label.run(label.LabelSettings((reports,), out, setting.panel, workers=1, overwrite=True))
    return out


def told(setting: Setting, table: Path, policy: str, some: Sequence[ImageRow] | None = None) -> ImageLabels:
    """Image labels out of a label table, under a policy."""
    rows = setting.rows if some is None else some
    labelled = labels_about(rows, table)
    key = key_of(rows, labelled.answers.keys())
    known = [row for row in rows if getattr(row, key) in labelled.answers]
    return labels_of(known, setting.root, labelled, key, (setting.finding,), Rules(policy=policy))


def trained(setting: Setting, name: str, labels: ImageLabels, *, seed: int, held_out: float = 0.15) -> Path:
    """`reportnlp images train`."""
    table, out = setting.work / f"{name}.parquet", setting.work / name
    write_table(labels, table)
    recipe = ImageRecipe("small_cnn", augmentation=setting.augmentation, best_by="last", train=setting.train)
    images_train.run(
        ImagesTrainJob(
            table, out, recipe, Preprocessing(size=setting.size), held_out, seed=seed, overwrite=True
        )
    )
    table.unlink()
    return out


def shrunk(setting: Setting) -> Setting:
    """The same images at the network's size in one file, for many trainings on them: read once."""
    file = setting.work.absolute() / "images.npz"
    preprocessing = Preprocessing(size=setting.size)
    pixels = np.zeros((len(setting.rows), *setting.size), dtype=np.uint8)
    for part in read_parts(setting.rows, setting.root, preprocessing, size=32):
        pixels[part.at] = np.rint(part.pixels * 255)
    np.savez(file, images=pixels)
    rows = [replace(row, image=f"{file}#images/{at}") for at, row in enumerate(setting.rows)]
    return replace(setting, rows=rows)


def auroc(setting: Setting, model: Path, manifest: Path, gold: Path, *, keep: bool = False) -> float:
    """`reportnlp images evaluate`: area under the curve against gold."""
    job = ImagesEvaluateJob((str(manifest),), model, gold, resamples=1)
    [presence] = images_evaluate.run(job).evaluation.scores.presence
    if not keep:
        shutil.rmtree(model)
    assert presence.auroc is not None
    return float(presence.auroc.value)


def agreement(setting: Setting, table: Path) -> dict[str, float]:
    """How the labels read from reports compare with gold: shares of what was read."""
    found = read_answers(table, keep=setting.gold)
    read = [(found[report].get(setting.finding, ""), answer) for report, answer in setting.gold.items()]
    sure = [(given, answer) for given, answer in read if given in ("present", "absent")]
    return {
        "sure": len(sure) / len(read),
        "right where sure": float(np.mean([given == answer for given, answer in sure])),
        "uncertain": float(np.mean([given == "uncertain" for given, _ in read])),
        "silent": float(np.mean([given == "not_mentioned" for given, _ in read])),
    }


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and the standard deviation of the values themselves."""
    numbers: npt.NDArray[Any] = np.asarray(values, dtype=np.float64)
    return float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
