"""A trained image network asked about images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    from reportnlp.images.models.blocks import ImageClassifier
    from reportnlp.images.store import Store

Floats = npt.NDArray[np.float32]
BATCH = 64


class Found(NamedTuple):
    """What the network says of some images.

    Attributes:
        logits: (images, findings) float32, or (images, findings, 3).
        maps: (images, findings, *grid) float32, at least 0; None unless asked for.
    """

    logits: Floats
    maps: Floats | None


def to_device(model: ImageClassifier) -> ImageClassifier:
    """The network where it is fastest: an accelerator, where there is one."""
    import torch

    if torch.accelerator.is_available():
        found: Any = torch.accelerator.current_accelerator()
        model.to(found)
    return model


def ask(model: ImageClassifier, pixels: Floats, preprocessing: Preprocessing, *, maps: bool = False) -> Found:
    """What it says of (images, *size) float32 pixels in [0, 1]."""
    import torch

    model.train(False)
    where = next(model.parameters()).device
    with torch.inference_mode():
        given = torch.from_numpy(preprocessing.normalised(pixels)[:, None]).to(where)
        out = model(pixel_values=given)
        logits = out.logits.float().cpu().numpy()
        return Found(logits, model.maps(out.features).float().cpu().numpy() if maps else None)


def ask_store(
    model: ImageClassifier, store: Store, at: Sequence[int], preprocessing: Preprocessing
) -> Floats:
    """Logits of some images of a store, in their order."""
    parts = [
        ask(model, store.pixels[list(at[start : start + BATCH])].astype(np.float32), preprocessing).logits
        for start in range(0, len(at), BATCH)
    ]
    return np.concatenate([no_logits(model), *parts])


def no_logits(model: ImageClassifier) -> Floats:
    """Logits of no image, to begin a list with."""
    width = (len(model.config.answers),) if len(model.config.answers) > 1 else ()
    return np.zeros((0, len(model.config.findings), *width), dtype=np.float32)
