"""ResNet (He 2016, arXiv:1512.03385), from MONAI; in 3-D as MedicalNet has it (arXiv:1904.00625)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from reportnlp.images.models.blocks import Network, Settings, Shape

TITLE = "ResNet: layers learn what to add"
SMALLEST = 17
VARIANTS = {f"resnet{depth}": {"depth": depth} for depth in (10, 18, 34, 50, 101, 152)}

_LAYERS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
_PLANES = (64, 128, 256, 512)
_BOTTLENECK_FROM = 50


class Config(Settings):
    """Settings of the network.

    Attributes:
        depth: layers, as the paper counts them.
        widen: factor on the number of maps.
    """

    depth: Literal[10, 18, 34, 50, 101, 152] = 50
    widen: float = Field(default=1.0, gt=0)


class _Body(nn.Module):
    """The layers up to the pooling."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        names = ("conv1", "bn1", "act", "maxpool", "layer1", "layer2", "layer3", "layer4")
        for name in names:
            self.add_module(name, whole.get_submodule(name))

    def forward(self, pixels: Tensor) -> Tensor:
        for layer in self.children():
            pixels = layer(pixels)
        return pixels


def build(config: Config, shape: Shape) -> Network:
    """The network; names of its layers are torchvision's."""
    from monai.networks.nets import ResNet

    whole = ResNet(
        "bottleneck" if config.depth >= _BOTTLENECK_FROM else "basic",
        list(_LAYERS[config.depth]),
        list(_PLANES),
        spatial_dims=shape.dimensions,
        n_input_channels=shape.channels,
        conv1_t_stride=2,
        widen_factor=config.widen,
        num_classes=1,
        bias_downsample=False,
    )
    if whole.fc is None:
        raise TypeError("MONAI's ResNet came without its last layer")
    return Network(_Body(whole), whole.fc.in_features, shape.outputs, config.dropout)
