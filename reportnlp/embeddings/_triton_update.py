"""The same step as `_torch_update.step`, fused: one Triton program per group and tile of targets.

A program reads its target rows once and walks over the contexts of its centre. For each it takes the dot
products and the logistic error, moves its own copy of the targets, and adds the context's step to the table
atomically; the targets' steps follow at the end. No gradient is ever written out. A centre with m contexts
and t targets moves m + t rows in and m + t rows out, which is the least there is (`_torch_roofline`). Updates
are Hogwild (Recht et al. 2011): a program may read rows that another is changing. Loads bypass the first
cache, which does not see other processors' atomics.

Not run on a GPU: this module was written on a machine without one. Its arithmetic was tested through Triton's
interpreter (TRITON_INTERPRET=1), and it was compiled for compute capability 9.0 down to machine code (triton
3.9: no spilled register; 16-byte loads and atomic adds for targets). Neither says anything about speed or
races.

Only imported where triton is installed and the device is CUDA.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reportnlp.embeddings._torch_update import Scaled

if TYPE_CHECKING:
    import torch

# Triton ships no types, and is no part of the CPU build of torch.
triton: Any = import_module("triton")
tl: Any = import_module("triton.language")

TILE = 8
"""Targets per program: a word with up to seven negatives is one tile; a long path of the tree is several."""

WARPS = 4
"""Threads / 32 per program: each holds four columns of every target. Not tuned: no GPU was at hand."""


def _fused_step(
    inputs: tl.tensor,
    steps: tl.tensor,
    outputs: tl.tensor,
    input_rows: tl.tensor,
    weights: tl.tensor,
    input_scales: tl.tensor,
    output_rows: tl.tensor,
    asked: tl.tensor,
    output_scales: tl.tensor,
    labels: tl.tensor,
    losses: tl.tensor,
    rate: tl.tensor,
    contexts: tl.tensor,
    targets: tl.tensor,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    TILE: tl.constexpr,
    CBOW: tl.constexpr,
) -> None:
    group = tl.program_id(0).to(tl.int64)
    tile = tl.program_id(1) * TILE + tl.arange(0, TILE)
    columns = tl.arange(0, BLOCK)
    inside = columns < WIDTH
    slots = group * targets + tile
    live = tl.load(asked + slots, mask=tile < targets, other=0.0) > 0.0
    label = tl.load(labels + slots, mask=live, other=0.0)
    scale = tl.load(output_scales + slots, mask=live, other=0.0)
    target_rows = tl.load(output_rows + slots, mask=live, other=0)
    places = target_rows[:, None] * WIDTH + columns[None, :]
    lanes, asking = inside.to(tl.float32), live.to(tl.float32)
    filled = live[:, None] & inside[None, :]
    block = tl.load(outputs + places, mask=filled, other=0.0, cache_modifier=".cg")
    ahead = tl.zeros([TILE, BLOCK], dtype=tl.float32)
    lost = tl.zeros([TILE], dtype=tl.float32)
    first = group * contexts
    if CBOW:
        hidden = tl.zeros([BLOCK], dtype=tl.float32)
        total = 0.0
        for context in range(contexts):
            weight = tl.load(weights + first + context)
            row = tl.load(input_rows + first + context)
            vector = tl.load(
                inputs + row * WIDTH + columns, mask=lanes * weight > 0.0, other=0.0, cache_modifier=".cg"
            )
            hidden += weight * vector
            total += weight
        score = tl.sum(block * hidden[None, :], axis=1)
        counted = asking * total > 0.0
        error = tl.where(counted, label - 1.0 / (1.0 + tl.exp(-score)), 0.0) * rate
        loss = tl.maximum(score, 0.0) - score * label + tl.log(1.0 + tl.exp(-tl.abs(score)))
        lost += tl.where(counted, loss, 0.0)
        ahead += error[:, None] * hidden[None, :]
        back = tl.sum(error[:, None] * block, axis=0)
        for context in range(contexts):
            weight = tl.load(weights + first + context)
            row = tl.load(input_rows + first + context)
            damping = tl.load(input_scales + first + context)
            there = lanes * weight > 0.0
            tl.atomic_add(steps + row * WIDTH + columns, back * damping, mask=there, sem="relaxed")
    else:
        for context in range(contexts):
            weight = tl.load(weights + first + context)
            row = tl.load(input_rows + first + context)
            damping = tl.load(input_scales + first + context)
            there = lanes * weight > 0.0
            vector = tl.load(inputs + row * WIDTH + columns, mask=there, other=0.0, cache_modifier=".cg")
            score = tl.sum(block * vector[None, :], axis=1)
            counted = asking * weight > 0.0
            error = tl.where(counted, label - 1.0 / (1.0 + tl.exp(-score)), 0.0) * rate
            loss = tl.maximum(score, 0.0) - score * label + tl.log(1.0 + tl.exp(-tl.abs(score)))
            lost += tl.where(counted, loss, 0.0)
            back = tl.sum(error[:, None] * block, axis=0) * damping
            moved = error[:, None] * vector[None, :]
            block += moved
            ahead += moved
            tl.atomic_add(steps + row * WIDTH + columns, back, mask=there, sem="relaxed")
    tl.atomic_add(outputs + places, ahead * scale[:, None], mask=filled, sem="relaxed")
    tl.store(losses + group * tl.num_programs(1) + tl.program_id(1), tl.sum(lost, axis=0))


_kernel: Any = triton.jit(_fused_step)


def step(
    inputs: torch.Tensor, steps: torch.Tensor, outputs: torch.Tensor, batch: Scaled, rate: float, cbow: bool
) -> torch.Tensor:
    """Make one batch's step. Arguments and result are those of `_torch_update.step`; contiguous tables."""
    groups, width = batch.groups, inputs.shape[1]
    count, contexts = groups.inputs.shape
    targets = groups.outputs.shape[1]
    tiles = triton.cdiv(targets, TILE)
    losses = inputs.new_zeros(max(1, count * tiles))
    if count == 0:
        return losses.sum()
    _kernel[(count, tiles)](
        *(inputs, steps, outputs),
        *(groups.inputs.contiguous(), batch.weights.contiguous(), batch.input_scales.contiguous()),
        *(groups.outputs.contiguous(), groups.asked.contiguous()),
        *(batch.output_scales.contiguous(), groups.labels.contiguous()),
        *(losses, rate, contexts, targets),
        WIDTH=width,
        BLOCK=triton.next_power_of_2(width),
        TILE=TILE,
        CBOW=cbow,
        num_warps=WARPS,
    )
    return losses.sum()
