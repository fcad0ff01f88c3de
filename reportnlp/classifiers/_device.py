"""Labelling with torch on a CUDA device, where there is one; nothing here is imported where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from reportnlp.classifiers._folder import Folder
from reportnlp.classifiers._questions import Floats
from reportnlp.classifiers._start import open_weights
from reportnlp.classifiers.blocks import Batch
from reportnlp.errors import InputError


class OnDevice:
    """Runs a model folder's network on a device, in bfloat16 where the device has it.

    Args:
        folder: the model.
        device: of `named`.
    """

    def __init__(self, folder: Folder, device: torch.device) -> None:
        self._device = device
        self._model = open_weights(folder)
        torch.nn.Module.to(self._model, self._device)
        self._model.train(False)
        able = self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._dtype = torch.bfloat16 if able else torch.float32

    def __call__(self, batch: Mapping[str, npt.NDArray[np.int64]]) -> tuple[Floats, Floats]:
        """A batch of `_encode.collate` to logits (reports, columns) and relevance (.., tokens, columns)."""
        moved = {name: torch.from_numpy(values).to(self._device) for name, values in batch.items()}
        half = self._dtype == torch.bfloat16
        with torch.inference_mode(), torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=half):
            logits, relevance = self._model.read(Batch(**moved), explain=True)
        assert relevance is not None
        return logits.float().cpu().numpy(), relevance.float().cpu().numpy()


def named(device: str) -> torch.device:
    """The device of that name.

    Raises:
        InputError: torch knows none, or this machine has none.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"There is no device '{device}' here. Give auto, cpu, or a device that torch has, such as cuda:0."
        ) from error
    return found
