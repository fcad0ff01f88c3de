"""EfficientNet (Tan and Le 2019, arXiv:1905.11946), from MONAI."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from reportnlp.images.models.blocks import Network, Settings, Shape

TITLE = "EfficientNet: depth, width and image size grow together"
SMALLEST = 32
VARIANTS = {f"efficientnet_b{size}": {"size": size} for size in range(8)}


class Config(Settings):
    """Settings of the network.

    Attributes:
        size: the paper's B0 to B7.
    """

    size: Literal[0, 1, 2, 3, 4, 5, 6, 7] = 0
    dropout: float = 0.2


class _Body(nn.Module):
    """The layers up to the pooling, under MONAI's names."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        names = ("_conv_stem_padding", "_conv_stem", "_bn0", "_blocks")
        for name in (*names, "_conv_head_padding", "_conv_head", "_bn1"):
            self.add_module(name, whole.get_submodule(name))

    def forward(self, pixels: Tensor) -> Tensor:
        layers = dict(self.named_children())
        found = functional.silu(layers["_bn0"](layers["_conv_stem"](layers["_conv_stem_padding"](pixels))))
        found = layers["_blocks"](found)
        found = layers["_bn1"](layers["_conv_head"](layers["_conv_head_padding"](found)))
        return functional.silu(found)


def build(config: Config, shape: Shape) -> Network:
    """The network."""
    from monai.networks.nets import EfficientNetBN

    whole = EfficientNetBN(
        f"efficientnet-b{config.size}",
        pretrained=False,
        spatial_dims=shape.dimensions,
        in_channels=shape.channels,
        num_classes=1,
    )
    return Network(_Body(whole), whole._fc.in_features, shape.outputs, config.dropout)
