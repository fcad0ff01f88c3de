"""Images a second: our training and prediction, and plain PyTorch loops over the same network and images.

Each is paired with a plain loop that does as much: training with images in memory, prediction with images in
memory, and prediction out of PNG files. With one thread seconds are those of the processor, so that what else
runs on the machine counts for little; with more they are those of the clock. Of three rounds the best counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from reportnlp.images.folder import open_folder
from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.images.models import loader
from reportnlp.images.models.blocks import YES_OR_NO, ImageClassifier
from reportnlp.images.predict import BATCH, ask_store
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.store import Store, fill
from reportnlp.images.table import ImageLabels, write_table
from reportnlp.jobs import images_predict, images_train
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.training.progress import Silent
from reportnlp.training.settings import TrainSettings

CASES = (("small_cnn", 28, 2000), ("resnet18", 64, 96), ("densenet121", 224, 8))
QUICK = (("small_cnn", 28, 500),)
ROUNDS, EPOCHS, STEP = 3, 3, 32


@dataclass(frozen=True)
class Case:
    """A network, and the images that it learns and is asked about.

    Attributes:
        name: of the network.
        side: of the images it reads.
        labels: the images, as PNG files.
        work: folder for all that is made.
    """

    name: str
    side: int
    labels: ImageLabels
    work: Path

    @property
    def preprocessing(self) -> Preprocessing:
        """Size alone."""
        return Preprocessing(size=(self.side, self.side))


def rates(source: Path, work: Path, *, quick: bool) -> Iterator[str]:
    """A line for each network and kind of work."""
    work.mkdir(parents=True, exist_ok=True)
    arrays = np.load(source)
    threads = torch.get_num_threads()
    yield f"{threads} thread(s); images a second of {'processor' if threads == 1 else 'clock'} time"
    for name, side, count in QUICK if quick else CASES:
        labels = _labels(arrays["train_images"][:count], arrays["train_labels"][:count, 0], work)
        case = Case(name, side, labels, work)
        found = [_round(case) for _ in range(ROUNDS)]
        for kind in found[0]:
            ours, plain = (max(one[kind][side] for one in found) for side in (0, 1))
            yield f"{name} at {side}, {kind}: {ours:,.0f}, plain loop {plain:,.0f} ({ours / plain:.2f})"


def _round(case: Case) -> dict[str, tuple[float, float]]:
    """What was done to images a second, ours and plain."""
    store = fill(case.labels.rows, case.labels.root, case.preprocessing, case.work / "pixels", Silent())
    pixels = torch.from_numpy(store.pixels.astype(np.float32))[:, None]
    trained = _ours_training(case), _plain_training(case, pixels)
    model = open_folder(case.work / "model").network()
    return {
        "training": trained,
        "predicting from memory": (_ours_asking(case, model, store), _plain_asking(model, pixels)),
        "predicting from files": (_ours_predicting(case), _plain_predicting(case, model)),
    }


def _now() -> float:
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def _labels(images: np.ndarray, truth: np.ndarray, work: Path) -> ImageLabels:
    for at, pixels in enumerate(images):
        Image.fromarray(pixels).save(work / f"{at}.png")
    rows = tuple(ImageRow(f"s{at}", f"{at}.png") for at in range(len(images)))
    target = truth[:, None].astype(np.float32)
    ones = np.ones_like(target)
    answers = np.where(target > 0, "present", "absent").astype(object)
    labels = ImageLabels(rows, ("pneumonia",), target, ones, ones > 0, answers, root=work)
    write_table(labels, work / "labels.parquet")
    write_manifest(rows, work / "manifest.csv")
    return labels


def _ours_training(case: Case) -> float:
    """What more epochs add to the time of one: neither reading nor the start counts."""
    seconds = []
    for epochs in (1, 1 + EPOCHS):
        loop = TrainSettings(epochs=epochs, batch_size=STEP, device="cpu")
        job = images_train.ImagesTrainJob(
            case.work / "labels.parquet",
            case.work / "model",
            ImageRecipe(case.name, augmentation="none", train=loop),
            case.preprocessing,
            held_out=0.0,
            overwrite=True,
        )
        start = _now()
        images_train.run(job)
        seconds.append(_now() - start)
    return EPOCHS * len(case.labels) / (seconds[1] - seconds[0])


def _plain_training(case: Case, pixels: Tensor) -> float:
    """The same network and optimizer; no checkpoint, no log."""
    model = loader.new(
        case.name, {}, size=(case.side, case.side), channels=1, findings=("a",), answers=YES_OR_NO, seed=0
    )
    wanted = torch.from_numpy(case.labels.target)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    start = _now()
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(pixels)), STEP):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(model(pixels[batch]).logits, wanted[batch])
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return EPOCHS * len(pixels) / (_now() - start)


def _ours_asking(case: Case, model: ImageClassifier, store: Store) -> float:
    start = _now()
    ask_store(model, store, range(len(case.labels)), case.preprocessing)
    return len(case.labels) / (_now() - start)


def _plain_asking(model: ImageClassifier, pixels: Tensor) -> float:
    start = _now()
    with torch.inference_mode():
        for batch in torch.split(pixels, BATCH):
            model(batch)
    return len(pixels) / (_now() - start)


def _ours_predicting(case: Case) -> float:
    """`reportnlp images predict`: from the manifest to the table, all it keeps in between included."""
    job = images_predict.ImagesPredictJob(
        (str(case.work / "manifest.csv"),), case.work / "model", case.work / "out.csv", overwrite=True
    )
    start = _now()
    images_predict.run(job)
    return len(case.labels) / (_now() - start)


def _plain_predicting(case: Case, model: ImageClassifier) -> float:
    """Pillow, the same shrinking, the network; nothing is checked and nothing kept."""
    start = _now()
    with torch.inference_mode():
        for begin in range(0, len(case.labels), BATCH):
            rows = case.labels.rows[begin : begin + BATCH]
            images = [np.asarray(Image.open(case.work / row.image), dtype=np.float32) for row in rows]
            sized = [
                nn.functional.interpolate(
                    torch.from_numpy(image)[None, None] / 255,
                    (case.side, case.side),
                    mode="bilinear",
                    antialias=True,
                )
                for image in images
            ]
            model(torch.cat(sized))
    return len(case.labels) / (_now() - start)
