"""What a training went through: epoch by epoch while it runs, and summed up at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """One pass over the training examples.

    Attributes:
        step: steps that training has behind it at the end of the epoch.
        training_loss: mean over its steps.
        validation_loss: mean over the validation examples after it; None where there are none.
        score: what `prefer` made of the validation examples, higher is better; None where it was not asked.
    """

    step: int
    training_loss: float
    validation_loss: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class History:
    """What came of a training.

    Attributes:
        training_loss: by epoch.
        validation_loss: by epoch; empty where there was no validation set.
        scores: what `prefer` said, by epoch; empty where it was not given.
        best_epoch: the one whose weights the model holds, from 1.
        steps: steps taken in all.
        seconds: spent in training epochs, without validation; over all runs of a resumed training.
        examples_per_second: over those seconds.
        device: its name.
        processes: how many trained together.
        precision: "bf16", "fp16" or "float32".
    """

    training_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    scores: tuple[float, ...]
    best_epoch: int
    steps: int
    seconds: float
    examples_per_second: float
    device: str
    processes: int
    precision: str


@dataclass
class Course:
    """How far a training is; kept with each checkpoint.

    Attributes:
        epochs: those that are over.
        loss_sum, loss_steps: of the epoch that is not over yet.
        seconds: spent in training epochs.
        examples: seen in them.
        keep: "best" or "last", see `TrainSettings`.
    """

    epochs: list[Epoch] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_steps: int = 0
    seconds: float = 0.0
    examples: int = 0
    keep: str = "best"

    @property
    def best(self) -> int:
        """Place of the epoch to keep: of the highest score, else of the lowest loss, else the last."""
        places = range(len(self.epochs))
        if self.keep == "last":
            return len(places) - 1
        if all(epoch.score is not None for epoch in self.epochs):
            return max(places, key=lambda place: (self.epochs[place].score, -place))
        if all(epoch.validation_loss is not None for epoch in self.epochs):
            return min(places, key=lambda place: (self.epochs[place].validation_loss, place))
        return len(self.epochs) - 1

    def stale(self, patience: int) -> bool:
        """Are so many epochs over since the best one?"""
        return 0 < patience <= len(self.epochs) - 1 - self.best if self.epochs else False

    def close(self, step: int) -> None:
        """The epoch is over after so many steps."""
        self.epochs.append(Epoch(step, self.loss_sum / max(self.loss_steps, 1)))
        self.loss_sum, self.loss_steps = 0.0, 0

    def judge(self, validation_loss: float, score: float | None) -> None:
        """What the validation examples say of the epoch that was closed last."""
        self.epochs[-1] = replace(self.epochs[-1], validation_loss=validation_loss, score=score)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Course:
        """The other way round."""
        return cls(**{**values, "epochs": [Epoch(**epoch) for epoch in values["epochs"]]})

    def history(self, *, device: str, processes: int, precision: str) -> History:
        """The summary."""
        return History(
            training_loss=tuple(epoch.training_loss for epoch in self.epochs),
            validation_loss=tuple(e.validation_loss for e in self.epochs if e.validation_loss is not None),
            scores=tuple(epoch.score for epoch in self.epochs if epoch.score is not None),
            best_epoch=self.best + 1,
            steps=self.epochs[-1].step if self.epochs else 0,
            seconds=self.seconds,
            examples_per_second=self.examples / self.seconds if self.seconds else 0.0,
            device=device,
            processes=processes,
            precision=precision,
        )
