"""What text and image models share of transformers' folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = "model.safetensors"


@contextmanager
def no_bars() -> Iterator[None]:
    """Keep transformers' own progress bars, for files of a moment, off the screen."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def save_network(model: PreTrainedModel, folder: Path, **others: Any) -> None:
    """Write a network and its `config.json`; both may be read by the same people.

    Args:
        model: the network; it is on the processor afterwards.
        folder: it is there.
        others: of `save_pretrained`.
    """
    import torch

    torch.nn.Module.cpu(model)
    with no_bars():
        model.save_pretrained(folder, **others)
    # The library writes the weights for their owner alone; who may read a model is the folder's to say.
    (folder / WEIGHTS).chmod((folder / "config.json").stat().st_mode)
