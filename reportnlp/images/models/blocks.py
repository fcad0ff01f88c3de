"""What the image networks share: the model's outside, its head, the loss on soft targets, and the maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from reportnlp.config import check
from reportnlp.registry import IMAGE_MODELS
from reportnlp.types import Presence

YES_OR_NO = (Presence.PRESENT.value,)
"""One logit a finding: its sigmoid is the probability of `present`."""

THREE_WAY = (Presence.ABSENT.value, Presence.PRESENT.value, Presence.UNCERTAIN.value)
"""Three logits a finding: CheXpert's multi-class policy (Irvin 2019, arXiv:1901.07031, section 3.1)."""


class Settings(BaseModel):
    """A network's settings, kept in `config.json`; unknown keys are refused.

    Attributes:
        dropout: share of the pooled features that training leaves out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dropout: float = Field(default=0.0, ge=0, lt=1)


class Shape(NamedTuple):
    """What a network is to read and to answer.

    Attributes:
        dimensions: of an image, 2 or 3.
        channels: of an image.
        outputs: logits.
    """

    dimensions: int
    channels: int
    outputs: int


class Seen(NamedTuple):
    """What a network makes of a batch.

    Attributes:
        features: (images, width, *grid) float, the last layer that still knows places.
        logits: (images, outputs) float.
    """

    features: Tensor
    logits: Tensor


class Network(nn.Module):
    """A body that makes maps of features, their mean over places, and one linear layer (Lin 2014).

    Args:
        body: (images, channels, *space) to (images, width, *grid).
        width: channels of the body's last maps.
        outputs: logits.
        dropout: share of pooled features that training leaves out.
    """

    def __init__(self, body: nn.Module, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, outputs)

    def forward(self, pixels: Tensor) -> Seen:
        """(images, channels, *space) float to features and logits."""
        features = self.body(pixels)
        return Seen(features, self.head(self.dropout(features.flatten(2).mean(-1))))


class ImageConfig(PretrainedConfig):
    """`config.json` of an image model; how images are read and answers made rides along in it.

    Args:
        architecture: name of the file in `reportnlp/images/models`.
        settings: that network's settings.
        dimensions: of an image, 2 or 3.
        channels: of an image.
        findings: names of the findings, in the order of the logits.
        answers: `YES_OR_NO` or `THREE_WAY`.
    """

    model_type = "reportnlp_image"

    def __init__(
        self,
        architecture: str = "",
        settings: dict[str, Any] | None = None,
        dimensions: int = 2,
        channels: int = 1,
        findings: Sequence[str] = (),
        answers: Sequence[str] = YES_OR_NO,
        **others: Any,
    ) -> None:
        self.architecture = architecture
        self.settings = settings or {}
        self.dimensions = dimensions
        self.channels = channels
        self.findings = list(findings)
        self.answers = list(answers)
        super().__init__(**others)


@dataclass
class Output(ModelOutput):
    """What an image model returns.

    Attributes:
        loss: (), see `expected_loss`; None without labels.
        logits: (images, findings), or (images, findings, 3) for three-way answers.
        features: (images, width, *grid); None while it trains.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    features: Tensor | None = None


class ImageClassifier(PreTrainedModel):
    """A network that answers for every finding of an image.

    Args:
        config: with the network's name and settings in it.
    """

    config_class = ImageConfig
    main_input_name = "pixel_values"

    def __init__(self, config: ImageConfig) -> None:
        super().__init__(config)
        entry = IMAGE_MODELS.get(config.architecture)
        settings = check(entry.Config, config.settings, where="the image model's settings")
        shape = Shape(config.dimensions, config.channels, len(config.findings) * len(config.answers))
        self.network: Network = entry.build(settings, shape)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(
        self, pixel_values: Tensor, labels: Tensor | None = None, weights: Tensor | None = None
    ) -> Output:
        """Answer a batch.

        Args:
            pixel_values: (images, channels, *space) float32, as `Preprocessing` makes them.
            labels: soft targets in [0, 1], of the logits' shape.
            weights: (images, findings) float; 0 leaves a finding of an image out.
        """
        features, flat = self.network(pixel_values)
        logits = flat if len(self.config.answers) == 1 else flat.unflatten(1, (len(self.config.findings), -1))
        loss = None if labels is None else expected_loss(logits, labels, weights)
        return Output(loss=loss, logits=logits, features=None if self.training else features)

    def maps(self, features: Tensor) -> Tensor:
        """Where each finding's `present` was seen: its class-activation map (Zhou 2016, arXiv:1512.04150).

        For a mean over places and one linear layer this is Grad-CAM on the last maps, but for a factor
        (Selvaraju 2017, arXiv:1610.02391, section 3.1), and takes no backward pass.

        Args:
            features: (images, width, *grid) float, of `forward`.

        Returns:
            (images, findings, *grid) float, at least 0.
        """
        answers: list[str] = self.config.answers
        rows = self.network.head.weight[answers.index(Presence.PRESENT.value) :: len(answers)]
        return torch.einsum("fw,nw...->nf...", rows, features).relu()

    def _init_weights(self, module: nn.Module) -> None:
        """Layers are initialised by MONAI where they are made."""


def expected_loss(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Cross-entropy expected under soft targets: the noise-aware loss of data programming.

    Ratner 2016 (arXiv:1605.07723), equation 5: the mean over the label model's belief of the usual loss.

    Args:
        logits: (images, findings), or (images, findings, answers).
        labels: probabilities, of the same shape; those of three-way answers sum to 1.
        weights: (images, findings) at least 0, weight times mask; None: all count alike.

    Returns:
        (), the weighted sum over the cells that count, by their number; 0 where none does.
    """
    logits = logits.float()
    if logits.ndim == 2:
        each = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    else:
        each = -(labels * functional.log_softmax(logits, dim=-1)).sum(-1)
    if weights is None:
        return each.mean()
    return (each * weights).sum() / (weights > 0).sum().clamp(min=1)
