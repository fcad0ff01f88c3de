"""A small convolutional network, of MONAI's blocks: for small images, few images, and tests."""

from __future__ import annotations

from pydantic import Field
from torch import nn

from reportnlp.images.models.blocks import Network, Settings, Shape

TITLE = "a small CNN: a few convolutions, each at half the size"
SMALLEST = 8
VARIANTS: dict[str, dict[str, int]] = {}


class Config(Settings):
    """Settings of the network.

    Attributes:
        widths: maps of each layer; every one but the first halves the image.
    """

    widths: tuple[int, ...] = Field(default=(16, 32, 64, 64), min_length=1)
    dropout: float = 0.1


def build(config: Config, shape: Shape) -> Network:
    """The network: convolution, batch norm, ReLU, so many times."""
    from monai.networks.blocks import Convolution

    layers = [
        Convolution(
            shape.dimensions,
            before,
            width,
            strides=1 if place == 0 else 2,
            kernel_size=3,
            act="RELU",
            norm="BATCH",
            adn_ordering="NA",
        )
        for place, (before, width) in enumerate(
            zip((shape.channels, *config.widths[:-1]), config.widths, strict=True)
        )
    ]
    return Network(nn.Sequential(*layers), config.widths[-1], shape.outputs, config.dropout)
