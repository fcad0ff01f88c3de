"""The processes that learn together, where `torchrun` started several. Needs no torch to be imported.

Only the first of them reads checkpoints, writes files and tells of progress: the others may be on machines
that do not see its disk, and two writers would spoil each other's files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PATIENCE = timedelta(days=30)
"""How long the others wait while the first reads a corpus; where it dies, torchrun ends them."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that learn together; every one must make the same calls in the same order.

    Attributes:
        rank: this one's number, from 0.
        number: how many there are.
        device: where what is exchanged must lie.
    """

    rank: int = 0
    number: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this is the one that reads and writes files and tells of progress."""
        return self.rank == 0

    def add_up(self, values: Sequence[float]) -> list[float]:
        """Return each number's sum over all processes."""
        if self.number == 1:
            return list(values)
        import torch

        sums = torch.tensor(values, dtype=torch.float64, device=self.device)
        self.add_up_table(sums)
        found: list[float] = sums.tolist()
        return found

    def add_up_table(self, table: torch.Tensor) -> None:
        """Put the sum over all processes in its place."""
        if self.number > 1:
            import torch.distributed as distributed

            distributed.all_reduce(table)

    def take_over(self, table: torch.Tensor) -> None:
        """Put what the first process has in its place."""
        if self.number > 1:
            import torch.distributed as distributed

            distributed.broadcast(table, 0)

    def of_first(self, number: int) -> int:
        """Return the first process's number."""
        return int(self.add_up([number if self.first else 0])[0])


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started, or those that are joined already; alone otherwise.

    Args:
        device: this process's first; it says how numbers travel.
    """
    import torch.distributed as distributed

    started = False
    if not distributed.is_available() or (
        "WORLD_SIZE" not in os.environ and not distributed.is_initialized()
    ):
        yield Processes()
        return
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        started = True
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), str(device))
    finally:
        if started:
            distributed.destroy_process_group()


@dataclass(slots=True)
class Company:
    """The processes of a job, of which the first does all that is not learning; alone by default.

    Attributes:
        rank: this one's number, from 0.
        number: how many there are.
    """

    rank: int = 0
    number: int = 1
    _group: Any = None
    _waiting: bool = field(init=False)

    def __post_init__(self) -> None:
        self._waiting = self.number > 1

    @property
    def first(self) -> bool:
        """Whether this is the one that reads and writes files and tells of progress."""
        return self.rank == 0

    def begin(self, task: object) -> None:
        """Let the others, which `wait`, know what is to be learned; None: nothing is, they may go."""
        if self._waiting:
            self._waiting = False
            self._send(task)

    def wait(self) -> Any:
        """Return what the first process's `begin` was given, once it was."""
        return self._send(None)

    def all(self, here: bool) -> bool:
        """Whether something holds in every process; each must ask."""
        if self.number == 1:
            return here
        import torch
        import torch.distributed as distributed

        found = torch.tensor(int(here))
        distributed.all_reduce(found, distributed.ReduceOp.MIN, group=self._group)
        return bool(found.item())

    def dismiss(self) -> None:
        """Let those go that still wait; those that were ended are gone already."""
        with suppress(RuntimeError):
            self.begin(None)

    def _send(self, task: object) -> Any:
        import torch
        import torch.distributed as distributed

        tasks = [task]
        distributed.broadcast_object_list(tasks, 0, group=self._group, device=torch.device("cpu"))
        return tasks[0]


@contextmanager
def company() -> Iterator[Company]:
    """Join the processes that torchrun started, before any work; alone where it started none or one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Company()
        return
    import torch
    import torch.distributed as distributed

    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    group = distributed.new_group(timeout=PATIENCE, backend="gloo")
    here = Company(distributed.get_rank(), distributed.get_world_size(), group)
    try:
        yield here
    finally:
        if here.first:
            here.dismiss()
        distributed.destroy_process_group()
