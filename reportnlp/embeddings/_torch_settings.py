"""How the torch engine cuts its work, which is none of the papers' settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How the engine cuts the work.

    Attributes:
        chunk: ids moved to a device at once; 0 for the device's default.
        pairs: word-context pairs per batch; 0 for as many as the device likes and the vocabulary bears.
        curvature: how strongly repeated rows in one batch are damped, see `damped`. On 0.4 million words in
            batches of 4,096 pairs 0.25 and 1 were alike and 4 was worse; 0.25 diverges on tiny vocabularies.
        parts: how often per chunk progress is told and, with several devices, vectors are averaged.
        fused: whether the Triton kernel is used: None where it can be, True insists, False never.
        devices: torch devices, one copy of the vectors on each; empty to choose by what is there.
    """

    chunk: int = 0
    pairs: int = 0
    curvature: float = 1.0
    parts: int = 8
    fused: bool | None = None
    devices: tuple[str, ...] = ()
