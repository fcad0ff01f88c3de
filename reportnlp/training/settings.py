"""How a model is trained: the settings that any network has, whatever it reads."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reportnlp.errors import InvalidDefinitionError, unknown_name

Example = Mapping[str, Any]
"""One training example, as `collate` takes it. Its "length", if it has one, is what it costs in a batch."""

PRECISIONS = ("auto", "bf16", "fp16", "float32")
OPTIMIZERS = ("adamw", "adafactor")
SCHEDULES = ("linear", "cosine", "constant")
DEVICES = ("auto", "cpu")
KEEPS = ("best", "last")

FREE = ("keep_checkpoints", "checkpoint_every", "loader_workers", "device", "precision")
"""Settings that a resumed training may change; of the precision, what came of it counts."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Settings of a training.

    Attributes:
        epochs: passes over the training examples, at most.
        batch_size: examples that a device sees at once.
        learning_rate: the largest step, reached when the warm-up is over.
        weight_decay: how strongly weights are drawn to 0 (biases and norms are not).
        warmup: share of the steps in which the learning rate rises.
        patience: epochs without a better one after which training ends; 0: it runs to the end. It needs
            validation examples.
        clip: the longest gradient; 0: any.
        precision: "auto" is bf16 on a CUDA device that has it, float32 elsewhere.
        accumulate: batches whose gradients make one step.
        keep_checkpoints: how many are kept; the best and the last one always are.
        checkpoint_every: steps between checkpoints within an epoch; 0: one at the end of each epoch alone.
        optimizer: "adamw" (Loshchilov and Hutter 2019, arXiv:1711.05101), or "adafactor" (Shazeer and Stern
            2018, arXiv:1804.04235), which needs half the memory.
        schedule: what the learning rate does after the warm-up.
        loader_workers: processes that make batches; 0: the training process does. Chance in `collate` or in
            the examples must then come from their own seed.
        keep: which epoch's weights the model has in the end: the "best" on the validation examples, or the
            "last", whatever those say (a running mean under a falling learning rate needs no choosing).
        average: epochs that a running mean of the weights spans; validation, and the model in the end, see
            the mean. It varies less from seed to seed. 0: the weights themselves.
        frozen: beginnings of names of parameters that do not move.
        device: "auto" is the accelerator where there is one.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    patience: int = 3
    clip: float = 1.0
    precision: str = "auto"
    accumulate: int = 1
    keep_checkpoints: int = 2
    checkpoint_every: int = 0
    optimizer: str = "adamw"
    schedule: str = "linear"
    loader_workers: int = 0
    keep: str = "best"
    average: float = 0.0
    frozen: tuple[str, ...] = ()
    device: str = "auto"

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise InvalidDefinitionError(f"{problem}.")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise unknown_name(name, str(getattr(self, name)), allowed)

    def _problems(self) -> Iterator[str]:
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                yield f"{name} was given as {value!r}; it should be a whole number of at least {least}"
        for name, (lowest, below, rule) in _REAL.items():
            value = getattr(self, name)
            if type(value) not in (int, float) or not lowest <= value < below:
                yield f"{name} was given as {value!r}; it should be a number {rule}"
        frozen: Any = self.frozen
        if not isinstance(frozen, tuple) or not all(isinstance(name, str) and name for name in frozen):
            yield f"frozen was given as {frozen!r}; it should be beginnings of parameter names"

    def binding(self) -> dict[str, Any]:
        """The settings that a resumed training must share with the one it continues."""
        return {name: value for name, value in asdict(self).items() if name not in FREE}


_CHOICES = {
    "precision": PRECISIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "device": DEVICES,
    "keep": KEEPS,
}
_WHOLE = {
    "epochs": 1,
    "batch_size": 1,
    "patience": 0,
    "accumulate": 1,
    "keep_checkpoints": 1,
    "checkpoint_every": 0,
    "loader_workers": 0,
}
_REAL: dict[str, tuple[float, float, str]] = {
    "learning_rate": (sys.float_info.min, math.inf, "above 0"),
    "weight_decay": (0, math.inf, "of at least 0"),
    "warmup": (0, 1, "of at least 0 and below 1"),
    "clip": (0, math.inf, "of at least 0"),
    "average": (0, math.inf, "of at least 0"),
}
