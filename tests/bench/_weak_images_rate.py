"""Images a second: our training and prediction, and a plain PyTorch loop over the same network and images."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.images.models import loader
from reportnlp.images.models.blocks import YES_OR_NO
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.table import ImageLabels, write_table
from reportnlp.jobs import images_predict, images_train
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.training.settings import TrainSettings

CASES = (("small_cnn", 28, 4000), ("resnet18", 64, 600), ("densenet121", 224, 48))
QUICK = (("small_cnn", 28, 500),)
BATCH = 32


def rates(source: Path, work: Path, *, quick: bool) -> Iterator[str]:
    """A line for each network."""
    work.mkdir(parents=True, exist_ok=True)
    images, truth = (np.load(source)[f"train_{name}"] for name in ("images", "labels"))
    yield f"threads {torch.get_num_threads()}; images a second"
    for name, side, count in QUICK if quick else CASES:
        labels = _labels(source, truth[:count, 0], work)
        ours, predicting = _ours(name, side, labels, work)
        plain, asked = _plain(name, side, images[:count], truth[:count, 0])
        yield (
            f"{name} at {side}: training {ours:.1f}, plain loop {plain:.1f}; predicting {predicting:.1f} "
            f"(reading files included), plain loop {asked:.1f}"
        )


def _labels(source: Path, truth: np.ndarray, work: Path) -> ImageLabels:
    count = len(truth)
    rows = tuple(ImageRow(f"s{at}", f"{source.absolute()}#train_images/{at}") for at in range(count))
    ones = np.ones((count, 1), dtype=np.float32)
    answers = np.where(truth[:, None] > 0, "present", "absent").astype(object)
    return ImageLabels(
        rows, ("pneumonia",), truth[:, None].astype(np.float32), ones, ones > 0, answers, root=work
    )


def _ours(name: str, side: int, labels: ImageLabels, work: Path) -> tuple[float, float]:
    write_table(labels, work / "labels.parquet")
    write_manifest(labels.rows, work / "manifest.csv")
    loop = TrainSettings(epochs=2, batch_size=BATCH, device="cpu")
    recipe = ImageRecipe(name, augmentation="none", train=loop)
    job = images_train.ImagesTrainJob(
        work / "labels.parquet", work / "model", recipe, Preprocessing(size=(side, side)), 0.0, overwrite=True
    )
    trained = images_train.run(job)
    start = time.perf_counter()
    predict = images_predict.ImagesPredictJob(
        (str(work / "manifest.csv"),), work / "model", work / "out.csv", overwrite=True
    )
    images_predict.run(predict)
    return float(trained.record["images_per_second"]), len(labels) / (time.perf_counter() - start)


def _plain(name: str, side: int, images: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The same network and optimizer, images in memory already, no checkpoint, no log."""
    model = loader.new(name, {}, size=(side, side), channels=1, findings=("a",), answers=YES_OR_NO, seed=0)
    pixels = torch.from_numpy(images).float()[:, None] / 255
    pixels = nn.functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
    wanted = torch.from_numpy(truth).float()[:, None]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    start = time.perf_counter()
    for _ in range(2):
        for batch in torch.randperm(len(pixels)).chunk(-(-len(pixels) // BATCH)):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(model(pixels[batch]).logits, wanted[batch])
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    training = 2 * len(pixels) / (time.perf_counter() - start)
    model.train(False)
    start = time.perf_counter()
    with torch.inference_mode():
        for batch in torch.arange(len(pixels)).chunk(-(-len(pixels) // BATCH)):
            model(pixels[batch])
    return training, len(pixels) / (time.perf_counter() - start)
