"""Several devices: each learns from its share of the corpus, and their vectors are brought together.

Two ways, which combine: one process may drive several devices (CUDA calls return at once, so one thread keeps
them busy), and `torchrun` may start several processes, one device each, which meet through torch.distributed.

Bringing together is local SGD with one change. The mean of all copies, as usual, would divide what one device
learned about a rare word by the number of devices, though the others learned nothing about it. So each row
moves by the sum of the devices' moves divided by how many devices moved it: the mean for frequent words, the
whole step for rare ones. GloVe shares its work out so that no two devices ever move the same row between two
meetings: there the rule gives every row, and its accumulators, the one step that was taken.

Not run on several GPUs: tested with several copies on the CPU and with two processes over gloo.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

import torch

from reportnlp.embeddings._processes import Processes
from reportnlp.embeddings._torch_settings import Plan

AnyCopy = TypeVar("AnyCopy", bound="Copy")


def devices_for(plan: Plan, workers: int) -> list[torch.device]:
    """Choose this process's devices.

    The plan's, if it names any; the one of this process under torchrun; else as many GPUs as there are, at
    most `workers`; else the CPU, with `workers` threads.
    """
    if plan.devices:
        return [torch.device(name) for name in plan.devices]
    if not torch.cuda.is_available():
        return [torch.device("cpu")]
    if "LOCAL_RANK" in os.environ:
        return [torch.device("cuda", int(os.environ["LOCAL_RANK"]))]
    return [torch.device("cuda", place) for place in range(min(max(1, workers), torch.cuda.device_count()))]


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use so many CPU threads for a while: results of one seed must not depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, number))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Copy(Protocol):
    """One device's copy of what is learned."""

    @property
    def tables(self) -> Sequence[torch.Tensor]:
        """What all copies are to have alike, each (rows, width) float32."""


class Team(Generic[AnyCopy]):
    """All copies; they begin with the tables of the first process's first copy.

    Attributes:
        replicas: those of this process.
        together: this process among the others; all have equally many replicas.
    """

    def __init__(self, replicas: Sequence[AnyCopy], together: Processes) -> None:
        self.replicas = replicas
        self.together = together
        for table in replicas[0].tables:
            together.take_over(table)
        self._before = [table.clone() for table in replicas[0].tables] if self.size > 1 else []
        for replica in replicas[1:]:
            for table, first in zip(replica.tables, replicas[0].tables, strict=True):
                table.copy_(first)

    @property
    def size(self) -> int:
        """Copies in all."""
        return len(self.replicas) * self.together.number

    def share(self, place: int) -> int:
        """Return the number, among all copies, of this process's copy at `place`."""
        return self.together.rank * len(self.replicas) + place

    def bring_together(self) -> None:
        """Give all copies the same tables."""
        for place, before in enumerate(self._before):
            self._combine([replica.tables[place] for replica in self.replicas], before)

    def _combine(self, tables: Sequence[torch.Tensor], before: torch.Tensor) -> None:
        moved = torch.zeros_like(before)
        movers = torch.zeros(len(before), 1, device=before.device)
        for table in tables:
            move = table.to(before.device) - before
            moved += move
            movers += (move != 0).any(dim=1, keepdim=True)
        self.together.add_up_table(moved)
        self.together.add_up_table(movers)
        before += moved / movers.clamp_min(1.0)
        for table in tables:
            table.copy_(before)
