"""The order in which examples are seen: batches of like length, so that little of them is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from reportnlp.training.settings import Example


def lengths_of(examples: Sequence[Example]) -> list[int]:
    """The lengths: the sequence's own `lengths` if it has them, else each example's; else all are alike."""
    known = getattr(examples, "lengths", None)
    if known is not None:
        return [int(length) for length in known]
    if "length" not in examples[0]:
        return [1] * len(examples)
    return [int(example["length"]) for example in examples]


class Mixed(Sampler[int]):
    """Another order each epoch: by chance, but that examples of like length stand in one step.

    The order hangs on seed and epoch alone: a training that was stopped within an epoch finds it again.

    Args:
        lengths: of the examples.
        size: examples of one step.
        seed: of all orders.
    """

    def __init__(self, lengths: Sequence[int], size: int, *, seed: int) -> None:
        self._lengths = lengths
        self._size = size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order comes next, from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(self._seed + self._epoch)
        order = get_length_grouped_indices(self._lengths, self._size, generator=chance)
        whole = len(order) // self._size
        # The library lets lengths fall again and again; here short and long steps come by chance.
        for block in torch.randperm(whole, generator=chance).tolist():
            yield from order[block * self._size : (block + 1) * self._size]
        yield from order[whole * self._size :]


class Longest(Sampler[int]):
    """The longest example first: what does not fit into memory shows at once.

    Args:
        lengths: of the examples.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[int]:
        return iter(self.order)
