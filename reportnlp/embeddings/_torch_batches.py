"""Batches built on the device: chunks, subsampling, windows and negatives, with no loop over words.

Two choices differ from the original programs and change no expectation:

* The centres of a chunk are visited in random order, so that the words of one text, which repeat one another,
  do not meet in one batch.
* The dynamic window (Mikolov 2013) is drawn for a stratum of centres, not for each: of the shuffled centres
  of a chunk an equal share gets each width 1 .. window, and a batch holds one width. Each centre's width is
  still uniform, and no slot of a batch is empty but at a text's edge.

The negatives of a centre are shared by its contexts (Ji et al. 2016, arXiv:1604.04661, section 3.1): each
pair still sees `negative` words drawn from counts ** power, and a centre reads and writes far fewer rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from reportnlp.embeddings._numba_tables import kept_share, output_rows
from reportnlp.embeddings._settings import WindowSettings
from reportnlp.embeddings._torch_tree import huffman_paths
from reportnlp.embeddings.blocks import BREAK, Ids, Vocabulary


@dataclass(frozen=True, slots=True)
class Groups:
    """A batch: each group is a centre, the rows of its contexts, and the rows they are tested against.

    Attributes:
        inputs: (groups, contexts) int64, rows of the input table.
        present: (groups, contexts) float32, 1 where there is a context, else 0.
        outputs: (groups, targets) int64, rows of the output table.
        labels: (groups, targets) float32, 1 or 0.
        asked: (groups, targets) float32, 1 where the target counts, else 0.
    """

    inputs: torch.Tensor
    present: torch.Tensor
    outputs: torch.Tensor
    labels: torch.Tensor
    asked: torch.Tensor


@dataclass(frozen=True, slots=True)
class Slice:
    """Centres `start` to `end` of a chunk's shuffled order, all with the same `window`."""

    window: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of the corpus on a device, subsampled.

    Attributes:
        words: (n,) int64, the words that were kept.
        texts: (n,) int32, which text each is from.
        order: (n,) int64, the order in which they are centres.
        read: words there were before subsampling.
        slices: the batches.
    """

    words: torch.Tensor
    texts: torch.Tensor
    order: torch.Tensor
    read: int
    slices: Sequence[Slice]


def cut(ids: Ids, size: int, multiple: int) -> list[tuple[int, int]]:
    """Cut an encoded corpus into about equal stretches of about `size` ids, between texts where it can.

    Args:
        ids: (n,) int32 with `BREAK` between texts.
        size: ids per stretch.
        multiple: how many stretches are worked on at once; their number is a multiple of it.

    Returns:
        Start and end of each; some may be empty.
    """
    number = multiple * max(1, math.ceil(len(ids) / size / multiple))
    edges = [0]
    for nominal in (len(ids) * step // number for step in range(1, number)):
        edges.append(max(edges[-1], _next_text(ids, nominal, size)))
    return list(zip(edges, [*edges[1:], len(ids)], strict=True))


def _next_text(ids: Ids, place: int, reach: int) -> int:
    breaks = np.flatnonzero(ids[place : place + reach] == BREAK)
    return place + int(breaks[0]) + 1 if breaks.size else place


def batches(centres: int, window: int, pairs: int) -> list[Slice]:
    """Share shuffled centres among the window widths, each share in batches of about `pairs` pairs."""
    found = []
    for width in range(1, window + 1):
        first, last = centres * (width - 1) // window, centres * width // window
        size = max(1, pairs // (2 * width))
        found += [Slice(width, at, min(at + size, last)) for at in range(first, last, size)]
    return found


class Batcher:
    """Turns stretches of the corpus into groups on one device; every draw comes from one seeded generator."""

    def __init__(
        self, vocabulary: Vocabulary, settings: WindowSettings, device: torch.device, pairs: int
    ) -> None:
        self._settings = settings
        self._device = device
        self._pairs = pairs
        self._generator = torch.Generator(device=device)
        self._kept = torch.from_numpy(kept_share(vocabulary.counts, settings.sample)).float().to(device)
        noise = np.cumsum(vocabulary.counts.astype(np.float64) ** settings.power)
        self._noise = torch.from_numpy(noise / noise[-1]).to(device)
        self._size = len(vocabulary)
        if settings.hierarchical:
            paths = huffman_paths(vocabulary.counts)
            self._first_node = self._size if settings.negative else 0
            self._nodes = torch.from_numpy(paths.nodes).to(device)
            self._labels = torch.from_numpy(1.0 - paths.codes.astype(np.float32)).to(device)

    def load(self, ids: Ids, seed: Sequence[int]) -> Chunk:
        """Move a stretch to the device, drop words by subsampling, shuffle, and plan its batches.

        Args:
            ids: (n,) int32 with `BREAK` between texts.
            seed: what this stretch's draws depend on, and nothing else.
        """
        self._generator.manual_seed(
            int(np.random.SeedSequence(list(seed)).generate_state(1, np.uint64)[0] >> 1)
        )
        stretch = torch.from_numpy(np.array(ids, dtype=np.int32)).to(self._device)
        is_word = stretch != BREAK
        texts = torch.cumsum(~is_word, dim=0, dtype=torch.int32)
        draws = torch.rand(len(ids), generator=self._generator, device=self._device)
        keep = is_word & (draws < self._kept[stretch.clamp_min(0)])
        words = stretch[keep].long()
        order = torch.randperm(len(words), generator=self._generator, device=self._device)
        return Chunk(words, texts[keep], order, int(is_word.sum()), self._slices(len(words)))

    def _slices(self, centres: int) -> list[Slice]:
        planned = batches(centres, self._settings.window, self._pairs)
        shuffled = torch.randperm(len(planned), generator=self._generator, device=self._device)
        return [planned[place] for place in shuffled.tolist()]

    def groups(self, chunk: Chunk, part: Slice) -> Groups:
        """Build one batch."""
        centres = chunk.order[part.start : part.end]
        steps = torch.arange(-part.window, part.window, device=self._device)
        steps = steps + (steps >= 0)
        places = centres[:, None] + steps  # (groups, contexts)
        inside = (places >= 0) & (places < len(chunk.words))
        places = places.clamp(0, len(chunk.words) - 1)
        present = inside & (chunk.texts[places] == chunk.texts[centres][:, None])
        outputs, labels, asked = self._targets(chunk.words[centres])
        return Groups(chunk.words[places], present.float(), outputs, labels, asked)

    def _targets(self, words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        parts = []
        if self._settings.negative:
            parts.append(self._sampled(words))
        if self._settings.hierarchical:
            nodes = self._nodes[words]
            parts.append(
                (nodes.clamp_min(0).long() + self._first_node, self._labels[words], (nodes >= 0).float())
            )
        outputs, labels, asked = (torch.cat(columns, dim=1) for columns in zip(*parts, strict=True))
        return outputs, labels, asked

    def _sampled(self, words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The word itself, then negatives; a negative that is the word is not asked, as in word2vec.c."""
        shape = (len(words), self._settings.negative)
        draws = torch.rand(shape, generator=self._generator, device=self._device, dtype=torch.float64)
        negatives = torch.searchsorted(self._noise, draws, right=True).clamp_max(self._size - 1)
        outputs = torch.cat([words[:, None], negatives], dim=1)
        labels = torch.zeros(outputs.shape, device=self._device)
        labels[:, 0] = 1.0
        asked = torch.ones_like(labels)
        asked[:, 1:] = (negatives != words[:, None]).float()
        return outputs, labels, asked


def expected_rows(
    vocabulary: Vocabulary, settings: WindowSettings
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how often, per pair, each row of the input and of the output table is asked for.

    Returns:
        (words,) for the input table, (output rows,) for the output table.
    """
    kept = vocabulary.counts * kept_share(vocabulary.counts, settings.sample)
    inputs = kept / kept.sum()
    outputs = np.zeros(output_rows(len(vocabulary), settings))
    if settings.negative:
        noise = vocabulary.counts.astype(np.float64) ** settings.power
        outputs[: len(vocabulary)] = inputs + settings.negative * noise / noise.sum()
    if settings.hierarchical:
        nodes = huffman_paths(vocabulary.counts).nodes
        asked = np.broadcast_to(inputs[:, None], nodes.shape)[nodes >= 0]
        first = len(vocabulary) if settings.negative else 0
        np.add.at(outputs, nodes[nodes >= 0] + first, asked)
    return inputs, outputs
