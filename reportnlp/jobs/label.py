"""`reportnlp label`: reports in, a table of findings out."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reportnlp import __version__
from reportnlp.archive.counts import Counts
from reportnlp.archive.disk import quarantine_file
from reportnlp.archive.parties import Labeler, Parties, Writer
from reportnlp.archive.places import refuse_among_inputs, refuse_folder
from reportnlp.archive.progress import Progress
from reportnlp.archive.reading import Foreseen, Reading
from reportnlp.archive.runner import Job
from reportnlp.archive.runner import run as run_archive
from reportnlp.formats.blocks import CUT_SHORT
from reportnlp.formats.loader import check_writer, writer_for
from reportnlp.jobs._archive_settings import ArchiveSettings
from reportnlp.types import Question

REASONS = 5
"""Reasons for quarantine that are shown; all rows are in the file."""


@dataclass(frozen=True, slots=True)
class LabelSettings(ArchiveSettings):
    """What to label, with what, and where to.

    `out` is the table to write; rows that cannot be labelled go to `<out>.quarantine.jsonl`. A `panel` of ""
    is the model's own, or the first.

    Attributes:
        method: what labels: a labelling function, a model folder, or `auto`.
        abstain: withhold answers within a model's band of doubt.
        device: what a model runs on: "auto", "cpu", or as torch names one.
        format_out: the output format; None: by the suffix of `out`.
    """

    method: str = "rules"
    abstain: bool = False
    device: str = "auto"
    format_out: str | None = None


def run(settings: LabelSettings, progress: Progress | None = None) -> Counts:
    """Label reports into a table.

    Raises:
        InputError: an input is missing or cannot be read at all.
        OutputError: the output exists, cannot be written, or the run was stopped (finished work is kept).
        ResumeError: the unfinished work is of other settings or other input.
        UnknownNameError: no such panel, method, format or column.
    """
    refuse_folder(settings.out)
    refuse_among_inputs(settings.out, settings.inputs)
    writer = writer_for(settings.out, settings.format_out)
    check_writer(writer, questions_of(settings.panel, settings.method))
    reading = Reading(settings.inputs, settings.format_in, settings.read_options)
    job = Job(
        parties=Parties(
            settings.out,
            partial(make_labeler, settings.panel, settings.method, settings.abstain, settings.device),
            partial(make_writer, settings.out, settings.format_out),
        ),
        settings={
            "version": __version__,
            "abstain": settings.abstain,
            "device": settings.device,
            "output format": writer.__name__.rpartition(".")[2],
        },
        workers=settings.workers or usable_cores(),
        shard_size=settings.shard_size,
        resume=settings.resume,
        overwrite=settings.overwrite,
    )
    return run_archive(job, reading, None if progress is None else Foreseen(progress, reading))


def reasons(out: Path) -> Iterator[tuple[int, str]]:
    """Why rows of a finished job are in quarantine: counts and kinds of reasons, most frequent first.

    At most `REASONS`; a file that broke off is among them always, since it stands for unknown many rows.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    with quarantine_file(out).open(encoding="utf-8") as lines:
        for head in map(_head, lines):
            kind = head if head.startswith(CUT_SHORT) else re.sub(r"(?<!UTF-)(?<!UTF-1)\d+", "..", head)
            counts[kind] += 1
            examples.setdefault(kind, head)
    ranked = counts.most_common()
    broken = [pair for pair in ranked if pair[0].startswith(CUT_SHORT)]
    others = [pair for pair in ranked if pair not in broken]
    shown = (*broken, *others)[:REASONS]
    return ((n, examples[kind] if n == 1 else kind) for kind, n in ranked if (kind, n) in shown)


def _head(line: str) -> str:
    """The reason without its details, but with the file that breaks off."""
    row = json.loads(line)
    head = re.split("[,;]", row["reason"])[0]
    return f"{head} ({row['source']})" if head.startswith(CUT_SHORT) else head


def usable_cores() -> int:
    """Cores this process may run on, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def questions_of(panel: str, method: str) -> tuple[Question, ...]:
    """What the table will answer, known before anything is labelled."""
    from reportnlp.labeler import panel_of

    chosen = panel_of(panel, method)
    return () if chosen is None else chosen.questions


def make_labeler(panel: str, method: str, abstain: bool, device: str) -> Labeler:
    """Load the labeler, in each process for itself; the parent of several does without spaCy."""
    from reportnlp.labeler import load

    return load(panel, method=method, abstain=abstain, device=device)


def make_writer(out: Path, format_out: str | None) -> Writer:
    """Find the output format, in each process for itself."""
    writer: Writer = writer_for(out, format_out)
    return writer
