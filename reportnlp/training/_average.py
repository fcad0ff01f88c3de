"""A running mean of a network's weights, which is steadier than the weights of any one step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The exponential mean of a network's weights over the last steps (Polyak and Juditsky 1992).

    As in Mean Teacher (Tarvainen 2017, arXiv:1703.01780) and its users the buffers of norms are averaged too,
    and the first steps, which are far from anything, fade faster: of step t the mean takes the share
    max(1 / steps, 9 / (t + 9)).

    Args:
        network: whose weights; the mean begins with what they are.
        steps: steps that the mean spans.
    """

    def __init__(self, network: nn.Module, steps: float) -> None:
        self._steps = max(steps, 1.0)
        self._now = _moving(network)
        self._mean = [values.detach().clone() for values in self._now]

    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        share = max(1 / self._steps, 9 / (step + 9))
        with torch.no_grad():
            for mean, now in zip(self._mean, self._now, strict=True):
                mean.lerp_(now, share)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The network has the mean as its weights, and then its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        with torch.no_grad():
            for mean, now in zip(self._mean, self._now, strict=True):
                kept = now.clone()
                now.copy_(mean)
                mean.copy_(kept)


def _moving(network: nn.Module) -> list[Tensor]:
    """Parameters and buffers of real numbers; a tensor of two names once."""
    tensors = (*network.parameters(), *network.buffers())
    return [values for values in tensors if values.is_floating_point()]
