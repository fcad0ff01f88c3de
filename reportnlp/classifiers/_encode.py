"""A report as the numbers a classifier reads, with the way back to the report's own text. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.text.normalise import NormalisedText, normalise
from reportnlp.text.sections import find_sections, load_headings
from reportnlp.text.sentences import split_sentences
from reportnlp.text.words import Words
from reportnlp.types import Section

Integers = npt.NDArray[np.int32]

NOWHERE = 0
"""The section id of padding; real words have one of 1 or more."""


class Encoded(NamedTuple):
    """One report in numbers.

    Attributes:
        input_ids: (tokens,) int32, ids of the tokenizer.
        section_ids: (tokens,) int32, the section each token stands in, 1 or more.
        sentence_ids: (tokens,) int32, its sentence, counted from 0; all 0 where sentences were not asked for.
        spans: (tokens, 2) int32, start and end in the report's own text.
        sections: names of the sections that were read, in order.
    """

    input_ids: Integers
    section_ids: Integers
    sentence_ids: Integers
    spans: Integers
    sections: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a report a classifier reads.

    Attributes:
        sections: "read": those that state findings of this exam; "all": the request and technique too.
        sentences: whether words are told which sentence they stand in.
        section_names: section names by id, from 1.
    """

    sections: Literal["read", "all"] = "read"
    sentences: bool = False
    section_names: tuple[str, ...] = ()

    @classmethod
    def usual(cls, *, sections: Literal["read", "all"] = "read", sentences: bool = False) -> Reading:
        """With the section names this version of the package knows."""
        names = (*sorted(set(load_headings().canonical.values())), "title")
        return cls(sections, sentences, names)


class Encoder:
    """Turns texts into numbers.

    Args:
        words: the model's tokenizer.
        reading: what is read.
    """

    def __init__(self, words: Words, reading: Reading) -> None:
        self._tokenizer = words.tokenizer
        self._reading = reading
        self._ids = {name: number for number, name in enumerate(reading.section_names, start=1)}

    def __call__(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode texts: the whole of what is read of each, nothing cut off."""
        normalised = [normalise(text) for text in texts]
        found = self._tokenizer.encode_batch([n.text for n in normalised], add_special_tokens=False)
        return [self._encode(text, tokens) for text, tokens in zip(normalised, found, strict=True)]

    def _encode(self, normalised: NormalisedText, tokens: Any) -> Encoded:
        sections = self._wanted(find_sections(normalised.text))
        ids = np.array(tokens.ids, dtype=np.int32)
        spans = np.array(tokens.offsets, dtype=np.int32).reshape(-1, 2)
        at, inside = _places(spans, sections)
        ids, spans, at = ids[inside], spans[inside], at[inside]
        numbers = np.array([self._ids.get(s.name, 1) for s in sections], dtype=np.int32)
        return Encoded(
            ids,
            numbers[at],
            self._sentences(normalised.text, sections, spans),
            _original(normalised, spans),
            tuple(s.name for s in sections),
        )

    def _wanted(self, sections: list[Section]) -> list[Section]:
        """The sections that are read; all of them where none would be."""
        if self._reading.sections == "all":
            return sections
        return [s for s in sections if s.name in load_headings().read] or sections

    def _sentences(self, text: str, sections: list[Section], spans: Integers) -> Integers:
        if not self._reading.sentences:
            return np.zeros(len(spans), dtype=np.int32)
        starts = np.array([s.start for s in split_sentences(text, sections)], dtype=np.int32)
        return np.maximum(starts.searchsorted(spans[:, 0], side="right") - 1, 0).astype(np.int32)


def _places(
    spans: Integers, sections: Sequence[Section]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """The section of each token, and whether the token stands in any: headings stand in none."""
    starts = np.array([s.start for s in sections], dtype=np.int32)
    ends = np.array([s.end for s in sections], dtype=np.int32)
    at = starts.searchsorted(spans[:, 0], side="right") - 1
    return at, (at >= 0) & (spans[:, 0] < ends[at]) & (spans[:, 1] > spans[:, 0])


def _original(normalised: NormalisedText, spans: Integers) -> Integers:
    """Ranges of normalised text as ranges of the report's own text."""
    if not normalised.cuts:
        return spans
    cuts = np.array(normalised.cuts, dtype=np.int32)
    shifts = np.array((0, *normalised.shifts), dtype=np.int32)
    first, last = spans[:, 0], spans[:, 1] - 1
    moved = (
        first + shifts[cuts.searchsorted(first, side="right")],
        last + shifts[cuts.searchsorted(last, side="right")] + 1,
    )
    return np.stack(moved, axis=1)


def collate(reports: Sequence[Encoded]) -> Mapping[str, npt.NDArray[np.int64]]:
    """A batch: reports filled up to the longest.

    Returns:
        `input_ids`, `section_ids` and `sentence_ids`, each (reports, tokens) int64, with filling where
        `section_ids` is `NOWHERE`; and `sentences` (reports, sentences) int64, the sentences' numbers.
    """
    longest = max(1, *(len(report) for report in reports))
    batch = {
        name: np.zeros((len(reports), longest), dtype=np.int64)
        for name in ("input_ids", "section_ids", "sentence_ids")
    }
    for row, report in enumerate(reports):
        batch["input_ids"][row, : len(report)] = report.input_ids
        batch["section_ids"][row, : len(report)] = report.section_ids
        batch["sentence_ids"][row, : len(report)] = report.sentence_ids
    most = int(batch["sentence_ids"].max(initial=0)) + 1
    batch["sentences"] = np.tile(np.arange(most), (len(reports), 1))
    return batch


def alike(lengths: Sequence[int], *, tokens: int) -> Iterator[list[int]]:
    """Batches of reports of like length, longest last.

    Args:
        lengths: tokens of each report.
        tokens: how many a batch holds at most, filling counted; a longer report is a batch of its own.

    Yields:
        The reports' numbers.
    """
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batch and (len(batch) + 1) * lengths[number] > tokens:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
