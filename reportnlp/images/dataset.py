"""Images with what is to be learned from them, as a training takes them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from reportnlp.images.augment import Augmentation, Augmenter
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.store import Store
from reportnlp.training.settings import Example

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]


class ImageExamples(Sequence[Example]):
    """Some images of a store; a data set for torch's `DataLoader`.

    What chance does to an image hangs on seed, epoch and place alone: a training that was stopped goes on
    with the same images, and it does not matter which process makes them.

    Args:
        store: the images.
        at: (images,) which of them, in this order.
        labels: (images, findings) or (images, findings, answers) float32, soft targets.
        weights: (images, findings) float32; 0 leaves a finding of an image out.
        preprocessing: mean and spread.
        augmentation: what chance may do; None: nothing.
        seed: of chance.
    """

    def __init__(
        self,
        store: Store,
        at: npt.NDArray[np.intp],
        labels: Floats,
        weights: Floats,
        preprocessing: Preprocessing,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._store, self._at, self._preprocessing = store, at, preprocessing
        self.labels, self.weights = labels, weights
        self._seed, self._epoch = seed, 0
        self._augmentation = augmentation or Augmentation()
        plain = self._augmentation == Augmentation()
        self._augmenter = None if plain else Augmenter(self._augmentation, preprocessing.size)

    def begin_epoch(self, epoch: int) -> None:
        """Images of this epoch, from 0, come next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | Sequence[Example]:
        """An example: "pixels" (1, *size) float32, "labels" and "weights" its rows."""
        if isinstance(place, slice):
            return self.__getitems__(range(*place.indices(len(self))))
        return self.__getitems__([place])[0]

    def __getitems__(self, places: Sequence[int]) -> list[Example]:
        """Some examples, each as it is alone; torch's `DataLoader` asks so for a batch at once."""
        rows = np.asarray(places, dtype=np.intp)
        pixels = self._store.pixels[self._at[rows]].astype(np.float32)
        if self._augmenter is not None:
            pixels = self._augmenter(pixels, [self._seed_of(place) for place in rows.tolist()])
        pixels = self._preprocessing.normalised(pixels)[:, None]
        return [
            {"pixels": image, "labels": labels, "weights": weights}
            for image, labels, weights in zip(pixels, self.labels[rows], self.weights[rows], strict=True)
        ]

    def _seed_of(self, place: int) -> int:
        entropy = np.random.SeedSequence((self._seed, self._epoch, place))
        return int(entropy.generate_state(1)[0])

    @property
    def lengths(self) -> Sequence[int]:
        """All cost the same in a batch."""
        return [1] * len(self)

    @property
    def digest(self) -> str:
        """Fingerprint of pixels, targets, weights and what chance may do."""
        state = blake2b(self._store.digest(self._at).encode(), digest_size=16)
        state.update(repr((self._preprocessing, self._augmentation)).encode())
        state.update(self.labels.tobytes() + self.weights.tobytes())
        return state.hexdigest()


def collate(examples: Sequence[Example]) -> dict[str, Tensor]:
    """A batch: "pixel_values" (images, 1, *size), "labels" and "weights", as `ImageClassifier` takes it."""
    import torch

    names = {"pixels": "pixel_values", "labels": "labels", "weights": "weights"}
    return {
        into: torch.from_numpy(np.stack([example[name] for example in examples]))
        for name, into in names.items()
    }
