"""VGG (Simonyan and Zisserman 2015, arXiv:1409.1556), out of MONAI's layers, for it has no such network.

The paper's three wide layers at the end are a mean over places and one linear layer here: they held nine in
ten of the weights, and with a mean the maps say where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field
from torch import nn

from reportnlp.images.models.blocks import Network, Settings, Shape

TITLE = "VGG: plain 3 x 3 convolutions, one after the other"
SMALLEST = 32
VARIANTS = {f"vgg{depth}": {"depth": depth} for depth in (11, 13, 16, 19)}

_REPEATS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS = (1, 2, 4, 8, 8)


class Config(Settings):
    """Settings of the network.

    Attributes:
        depth: layers, as the paper counts them.
        first: maps of the first layers; the last ones have eight times as many.
        batch_norm: normalise after each convolution (Ioffe and Szegedy 2015).
    """

    depth: Literal[11, 13, 16, 19] = 16
    first: int = Field(default=64, ge=1)
    batch_norm: bool = True
    dropout: float = 0.5


def build(config: Config, shape: Shape) -> Network:
    """The network; its layers are numbered as torchvision's are."""
    body = nn.Sequential()
    body.add_module("features", nn.Sequential(*_layers(config, shape)))
    return Network(body, config.first * _WIDTHS[-1], shape.outputs, config.dropout)


def _layers(config: Config, shape: Shape) -> Iterator[nn.Module]:
    from monai.networks.layers import Conv, Norm, Pool

    convolution = Conv[Conv.CONV, shape.dimensions]
    before = shape.channels
    for repeats, factor in zip(_REPEATS[config.depth], _WIDTHS, strict=True):
        for _ in range(repeats):
            layer = convolution(before, config.first * factor, kernel_size=3, padding=1)
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)
            yield layer
            if config.batch_norm:
                yield Norm[Norm.BATCH, shape.dimensions](config.first * factor)
            yield nn.ReLU(inplace=True)
            before = config.first * factor
        yield Pool[Pool.MAX, shape.dimensions](2)
