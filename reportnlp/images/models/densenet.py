"""DenseNet (Huang 2017, arXiv:1608.06993), from MONAI; the usual network for chest X-rays since CheXNet."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from torch import Tensor, nn

from reportnlp.images.models.blocks import Network, Settings, Shape

TITLE = "DenseNet: each layer reads all before it"
SMALLEST = 32
VARIANTS = {f"densenet{depth}": {"depth": depth} for depth in (121, 169, 201, 264)}

_BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32), 264: (6, 12, 64, 48)}


class Config(Settings):
    """Settings of the network.

    Attributes:
        depth: layers, as the paper counts them.
        growth: maps that a layer adds.
        first: maps of the first layer.
        inner_dropout: share of maps that training leaves out after each layer.
    """

    depth: Literal[121, 169, 201, 264] = 121
    growth: int = Field(default=32, ge=1)
    first: int = Field(default=64, ge=1)
    inner_dropout: float = Field(default=0.0, ge=0, lt=1)


class _Body(nn.Module):
    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.features(pixels)
        return found.relu()


def build(config: Config, shape: Shape) -> Network:
    """The network; names of its layers are torchvision's, but for MONAI's `layers` within a dense layer."""
    from monai.networks.nets import DenseNet

    whole = DenseNet(
        spatial_dims=shape.dimensions,
        in_channels=shape.channels,
        out_channels=1,
        init_features=config.first,
        growth_rate=config.growth,
        block_config=_BLOCKS[config.depth],
        dropout_prob=config.inner_dropout,
    )
    last: Any = whole.class_layers[-1]
    return Network(_Body(whole.features), last.in_features, shape.outputs, config.dropout)
