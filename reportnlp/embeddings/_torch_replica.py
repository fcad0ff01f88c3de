"""One device's copy of the vectors, and how a batch changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from reportnlp.embeddings._settings import WindowSettings
from reportnlp.embeddings._torch_batches import Batcher, Chunk, Groups, Slice, expected_rows
from reportnlp.embeddings._torch_settings import Plan
from reportnlp.embeddings._torch_subwords import Composer, SubwordRows
from reportnlp.embeddings._torch_update import Repeats, Scaled, damped, examples, hidden_weights, step, way_of
from reportnlp.embeddings.blocks import TrainingError, Vocabulary

if TYPE_CHECKING:
    Step = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Scaled, float, bool], torch.Tensor]

PAIRS_CPU, PAIRS_CUDA, PAIRS_FUSED = 16_384, 65_536, 1_048_576
"""Pairs per batch at most: what a launch costs is shared by more of them. CUDA's were not measured."""

MOST_REPEATS = 2.0
"""In a batch of torch operations the most frequent word's steps sum to at most so many times the way to the
least loss (see `damped`; at 2 its step is damped to 0.43). On 0.4 million words batches of 4,096 pairs made
about 2 and shared 63 % of neighbours with a sequential program, as much as that program shares with itself
when the texts come in another order; 16,384 pairs made about 8 and shared 52 %."""

TREE_CURVATURE = 0.1
"""An inner node near the root is in every group, but meets vectors of all directions, so that its loss curves
far less along any one. With this part of `Plan.curvature` skip-gram with the tree alone shares as many
neighbours with a sequential program as that program with itself; with the whole, 50 % instead of 64 %."""

PROGRAMS_PER_PROCESSOR = 4
"""Triton programs at once on one multiprocessor of a GPU; it sets the damping there. Compiled for an H100 at
width 300 the kernel takes 163 registers a thread in skip-gram and 127 in CBOW: room for 3 and 4."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is trained.

    Attributes:
        vocabulary: the words.
        settings: the papers' settings.
        plan: how the work is cut.
        layout: which rows make each word, in fastText; None in word2vec.
    """

    vocabulary: Vocabulary
    settings: WindowSettings
    plan: Plan
    layout: SubwordRows | None

    @property
    def cbow(self) -> bool:
        """Whether contexts are averaged."""
        return self.settings.architecture == "cbow"


def wants_fused(plan: Plan, device: torch.device) -> bool:
    """Whether the Triton kernel is used: on CUDA, with triton there, unless torch is to repeat bitwise.

    Raises:
        TrainingError: the plan insists on it and triton is not installed.
    """
    found = find_spec("triton") is not None
    if plan.fused and not found:
        raise TrainingError("The fused kernel needs the package triton, which comes with torch's CUDA build.")
    if plan.fused is not None:
        return plan.fused
    return found and device.type == "cuda" and not torch.are_deterministic_algorithms_enabled()


def pairs_per_batch(task: Task, device: torch.device) -> int:
    """Return the plan's batch size, or the largest that device and vocabulary bear.

    The kernel's rows change while it runs, so that its batch is what runs at once, whatever it is given.
    """
    if task.plan.pairs:
        return task.plan.pairs
    if wants_fused(task.plan, device):
        return PAIRS_FUSED
    commonest = _often_moved(task).max()
    bearable = MOST_REPEATS / (way_of(task.settings.learning_rate, task.plan.curvature) * commonest)
    return max(1, min(PAIRS_CUDA if device.type == "cuda" else PAIRS_CPU, int(bearable)))


def _often_moved(task: Task) -> npt.NDArray[np.float64]:
    """Return how many steps each word's vector takes part in, per pair: (words,).

    In fastText words move one another through the rows they share. A row's whole step moves a word's mean by
    the row's share in it, so a word moves as often as its rows do in the mean: in a small vocabulary of like
    words, with almost every pair.
    """
    words: npt.NDArray[np.float64] = expected_rows(task.vocabulary, task.settings)[0]
    if task.layout is None:
        return words
    sizes = np.diff(task.layout.offsets)
    rows = np.bincount(task.layout.rows, np.repeat(words, sizes), minlength=task.layout.size)
    means: npt.NDArray[np.float64] = np.add.reduceat(rows[task.layout.rows], task.layout.offsets[:-1]) / sizes
    return means


class Replica:
    """The two tables on one device and all that a batch needs.

    Attributes:
        inputs: (words, or words and used buckets, width) float32.
        outputs: (words, or words and inner nodes, width) float32.
        batcher: makes batches on this device.
    """

    def __init__(self, task: Task, device: torch.device, inputs: torch.Tensor, outputs: torch.Tensor) -> None:
        self.inputs = inputs.to(device, copy=True)
        self.outputs = outputs.to(device, copy=True)
        self.batcher = Batcher(task.vocabulary, task.settings, device, pairs_per_batch(task, device))
        self.compose = Composer(task.layout, device) if task.layout else None
        self._task = task
        self._fused = wants_fused(task.plan, device)
        self._step = _fused_step() if self._fused else step
        self._input_repeats = Repeats(len(inputs), device)
        self._output_repeats = Repeats(len(outputs), device)
        if self._fused:
            self._expect(device)

    @property
    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Both tables; see `_torch_team.Copy`."""
        return self.inputs, self.outputs

    def _expect(self, device: torch.device) -> None:
        """Work out how many programs at once ask for each row: the kernel has no batch to count them in."""
        processors = (
            torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 0
        )
        groups = max(1, processors * PROGRAMS_PER_PROCESSOR)
        pairs = groups * (self._task.settings.window + 1)
        inputs, outputs = expected_rows(self._task.vocabulary, self._task.settings)
        self._expected_inputs = torch.from_numpy(inputs * pairs).float().to(device)
        self._expected_outputs = torch.from_numpy(outputs * groups).float().to(device)

    def learn(self, chunk: Chunk, part: Slice, rate: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Learn from one batch.

        Returns:
            The summed loss () and the examples (), both on the device.
        """
        groups = self.batcher.groups(chunk, part)
        if self.compose:
            loss = self._learn_subwords(self.compose, groups, rate)
        else:
            scales = self._input_scales(groups, rate)
            loss = self._apply(self.inputs, self.inputs, self._scaled(groups, scales, rate, None), rate)
        return loss, examples(groups, self._task.cbow)

    def _learn_subwords(self, compose: Composer, groups: Groups, rate: float) -> torch.Tensor:
        words, places = torch.unique(groups.inputs, return_inverse=True)
        composed = compose(self.inputs, words)
        steps = torch.zeros_like(composed.vectors)
        batch = self._scaled(
            replace(groups, inputs=places), torch.ones_like(groups.present), rate, composed.sizes[places]
        )
        loss = self._apply(composed.vectors, steps, batch, rate)
        occurrences = torch.zeros(len(words), device=places.device)
        occurrences.index_add_(0, places.reshape(-1), groups.present.reshape(-1))
        repeats = self._input_repeats(composed.rows, occurrences[composed.owners])
        scales = damped(repeats, way_of(rate, self._task.plan.curvature))
        self.inputs.index_add_(0, composed.rows, steps[composed.owners] * scales[:, None])
        return loss

    def _apply(self, inputs: torch.Tensor, steps: torch.Tensor, batch: Scaled, rate: float) -> torch.Tensor:
        return self._step(inputs, steps, self.outputs, batch, rate, self._task.cbow)

    def _scaled(
        self, groups: Groups, input_scales: torch.Tensor, rate: float, sizes: torch.Tensor | None
    ) -> Scaled:
        weights = hidden_weights(groups.present, sizes, self._task.cbow)
        return Scaled(groups, weights, input_scales, self._output_scales(groups, rate))

    def _input_scales(self, groups: Groups, rate: float) -> torch.Tensor:
        repeats = (
            self._expected_inputs[groups.inputs]
            if self._fused
            else self._input_repeats(groups.inputs, groups.present)
        )
        return damped(repeats, way_of(rate, self._task.plan.curvature))

    def _output_scales(self, groups: Groups, rate: float) -> torch.Tensor:
        """A group's steps on a target are successive already: what repeats is the group."""
        if self._fused:
            repeats = self._expected_outputs[groups.outputs]
        else:
            there = groups.present.amax(dim=1, keepdim=True)
            repeats = self._output_repeats(groups.outputs, groups.asked * there)
        steps = 1 if self._task.cbow else groups.inputs.shape[1]
        words = 1 + self._task.settings.negative if self._task.settings.negative else 0
        curvature = self._task.plan.curvature
        parts = (
            damped(repeats[:, :words], way_of(rate, curvature, steps)),
            damped(repeats[:, words:], way_of(rate, curvature * TREE_CURVATURE, steps)),
        )
        return torch.cat(parts, dim=1)


def _fused_step() -> Step:
    from reportnlp.embeddings import _triton_update

    return _triton_update.step
