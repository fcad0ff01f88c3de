"""Several devices: each learns from its share of the corpus, and their vectors are brought together.

Two ways, which combine: one process may drive several devices (CUDA calls return at once, so one thread keeps
them busy), and `torchrun` may start several processes, one device each, which meet through torch.distributed.

Bringing together is local SGD with one change. The mean of all copies, as usual, would divide what one device
learned about a rare word by the number of devices, though the others learned nothing about it. So each row
moves by the sum of the devices' moves divided by how many devices moved it: the mean for frequent words, the
whole step for rare ones.

Not run on several GPUs: tested with several copies on the CPU and with two processes over gloo.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from reportnlp.embeddings._torch_replica import Replica
from reportnlp.embeddings._torch_settings import Plan


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
def processes(devices: Sequence[torch.device]) -> Iterator[tuple[int, int]]:
    """Join the processes that torchrun started, or those that are joined already; alone otherwise.

    Yields:
        This process's rank and how many there are.
    """
    import torch.distributed as distributed

    started = False
    if not distributed.is_available() or (
        "WORLD_SIZE" not in os.environ and not distributed.is_initialized()
    ):
        yield 0, 1
        return
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if devices[0].type == "cuda" else "gloo")
        started = True
    try:
        yield distributed.get_rank(), distributed.get_world_size()
    finally:
        if started:
            distributed.destroy_process_group()


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use so many CPU threads for a while: results of one seed must not depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, number))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Team:
    """All copies of the vectors.

    Attributes:
        replicas: those of this process.
        rank: this process.
        processes: how many there are; all have equally many replicas.
    """

    def __init__(self, replicas: Sequence[Replica], rank: int, processes: int) -> None:
        self.replicas = replicas
        self.rank = rank
        self.processes = processes
        self._before = [_tables(replicas[0])[place].clone() for place in (0, 1)] if self.size > 1 else []

    @property
    def size(self) -> int:
        """Copies in all."""
        return len(self.replicas) * self.processes

    def share(self, place: int) -> int:
        """Return the number, among all copies, of this process's copy at `place`."""
        return self.rank * len(self.replicas) + place

    def bring_together(self) -> None:
        """Give all copies the same vectors."""
        for place, before in enumerate(self._before):
            self._combine([_tables(replica)[place] for replica in self.replicas], before)

    def _combine(self, tables: Sequence[torch.Tensor], before: torch.Tensor) -> None:
        moved = torch.zeros_like(before)
        movers = torch.zeros(len(before), 1, device=before.device)
        for table in tables:
            move = table.to(before.device) - before
            moved += move
            movers += (move != 0).any(dim=1, keepdim=True)
        if self.processes > 1:
            torch.distributed.all_reduce(moved)
            torch.distributed.all_reduce(movers)
        before += moved / movers.clamp_min(1.0)
        for table in tables:
            table.copy_(before)


def _tables(replica: Replica) -> tuple[torch.Tensor, torch.Tensor]:
    return replica.inputs, replica.outputs
