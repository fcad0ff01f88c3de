"""`reportnlp weak votes`: every labelling function asked about every report, and what can be said of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from reportnlp.archive import places
from reportnlp.archive.counts import Counts
from reportnlp.archive.parties import Parties
from reportnlp.archive.progress import Progress
from reportnlp.archive.reading import Foreseen, Reading
from reportnlp.archive.runner import Job
from reportnlp.archive.runner import run as run_archive
from reportnlp.errors import MissingExtraError, OutputError
from reportnlp.evaluation.answers import Answers
from reportnlp.findings import Panel, load_panel
from reportnlp.functions._tally import Record, Tally, gold_indices, never_gold, records, tally
from reportnlp.functions.blocks import Joined
from reportnlp.functions.loader import Chosen, build, choose, joins
from reportnlp.jobs import _votes_table as table
from reportnlp.jobs import _votes_warned
from reportnlp.jobs._archive_settings import ArchiveSettings
from reportnlp.jobs._votes_gold import read_gold, refuse_others
from reportnlp.jobs._votes_told import write_csv, write_json
from reportnlp.jobs.label import usable_cores
from reportnlp.types import Question
from reportnlp.votes import META, TABLE, iter_votes, write_meta

COUNTED = 1024
"""Reports counted at once: a vote is a row of numbers then."""

FIGURES_CSV, FIGURES_JSON, PICTURE, FAULTS = "functions.csv", "functions.json", "functions.png", "faults.json"


@dataclass(frozen=True, slots=True)
class VotesSettings(ArchiveSettings):
    """Who votes on what, and where to: `out` is the folder to make.

    Attributes:
        functions: entries, each as `name` or `alias=name`, and paths of files of the user's own; none: those
            that need no option, and those whose options are given.
        files: more files of the user's own with a labelling function.
        options: `name.key=value`.
        gold: gold answers, which only the figures see; None is none.
    """

    functions: Sequence[str] = ()
    files: Sequence[Path] = ()
    options: Sequence[str] = ()
    gold: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    Attributes:
        counts: rows read, voted on, quarantined; duplicates are texts that were there before.
        panel: its name.
        functions, questions: the names along the axes.
        tally: what was counted.
        records: each function's figures.
        faults: function to kinds of faults and how often.
        joined: functions that join a table by report id, to how many of its ids are among the reports.
        picture: where the picture is; None without matplotlib.
    """

    counts: Counts
    panel: str
    functions: tuple[str, ...]
    questions: tuple[Question, ...]
    tally: Tally
    records: tuple[Record, ...]
    faults: dict[str, Counter[str]]
    joined: dict[str, Joined]
    picture: Path | None

    @property
    def never_gold(self) -> tuple[str, ...]:
        """Answers about presence that gold gives nowhere, though it gives others."""
        return never_gold(self.tally, self.questions)

    @property
    def warnings(self) -> list[str]:
        """Functions that failed or were silent, tables of other reports, a panel of other exams."""
        return list(_votes_warned.warnings(self, FAULTS))

    @property
    def failed(self) -> tuple[str, ...]:
        """Functions that failed on every report."""
        return _votes_warned.failed_on_all(self)


def run(settings: VotesSettings, progress: Progress | None = None) -> Outcome:
    """Write the vote matrix, the figures of each function and the faults into a folder.

    Raises:
        UnknownNameError: no such panel, function, option, format or column.
        InvalidDefinitionError: an option or a user's function that is none.
        InputError: an input, or a file that a function needs, is missing or cannot be read; or the gold
            answers are of none of the reports, or of none of the panel's questions.
        OutputError: the output exists, cannot be written, or the run was stopped (finished work is kept).
        ResumeError: the unfinished work is of other settings or other input.
    """
    _refuse(settings)  # finding the functions imports spaCy
    chosen = choose(settings.functions, settings.files, settings.options)
    panel = load_panel(settings.panel)
    gold = _gold(settings, panel)
    reading = Reading(settings.inputs, settings.format_in, settings.read_options)
    _prepare(settings)
    job = Job(
        Parties(settings.out / TABLE, partial(table.make_labeler, settings.panel, chosen), table.make_writer),
        {"version": version("reportnlp"), "functions": ", ".join(one.name for one in chosen)},
        settings.workers or usable_cores(),
        settings.shard_size,
        settings.resume,
        settings.overwrite,
    )
    counts = run_archive(job, reading, None if progress is None else Foreseen(progress, reading))
    return _finish(settings.out, panel, chosen, counts, gold)


def _gold(settings: VotesSettings, panel: Panel) -> Answers:
    if settings.gold is None:
        return {}
    gold = read_gold(settings.gold, panel)
    refuse_others(gold, settings.gold, settings.inputs, settings.format_in, settings.read_options)
    return gold


def _refuse(settings: VotesSettings) -> None:
    """Refuse a folder that may not be written."""
    out = settings.out
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file, and votes are a folder. Name another.")
    ours = (META, TABLE, f"{TABLE}.parts")
    if out.exists() and any(out.iterdir()) and not any((out / name).exists() for name in ours):
        raise OutputError(f"{out} holds other things than votes. Name a new folder.")
    places.refuse_among_inputs(out / TABLE, settings.inputs)
    if out.exists():
        places.refuse(out / TABLE, resume=settings.resume, overwrite=settings.overwrite)


def _prepare(settings: VotesSettings) -> None:
    """Make the folder, and take away what an earlier run said of other votes."""
    out = settings.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        places.refuse(out / TABLE, resume=settings.resume, overwrite=settings.overwrite)
        for name in (META, FIGURES_CSV, FIGURES_JSON, PICTURE, FAULTS):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}. Name another folder.") from None


def _finish(out: Path, panel: Panel, chosen: Sequence[Chosen], counts: Counts, gold: Answers) -> Outcome:
    functions = tuple(one.name for one in chosen)
    faults = _write_faults(out, functions)
    write_meta(out, functions, panel.questions, _meta(panel, chosen, counts, faults))
    counted = _count(out, gold)
    figures = tuple(records(counted, functions, panel.questions))
    write_csv(out / FIGURES_CSV, figures)
    write_json(out / FIGURES_JSON, counted, figures, functions, faults)
    picture = _draw(out / PICTURE, counted, figures, functions)
    joined = _joined(out, panel, chosen)
    return Outcome(counts, panel.name, functions, panel.questions, counted, figures, faults, joined, picture)


def _joined(out: Path, panel: Panel, chosen: Sequence[Chosen]) -> dict[str, Joined]:
    """What each function that joins a table by report id found of it among the reports."""
    joining = [one for one in chosen if joins(one)]
    return {
        voice.name: voice.voter.joined(table.report_ids(out))  # type: ignore[attr-defined]
        for voice in build(joining, panel)
    }


def _write_faults(out: Path, functions: Sequence[str]) -> dict[str, Counter[str]]:
    """List the reports of every fault by id; returns how often there was which."""
    listed: dict[str, dict[str, list[str]]] = {}
    for function, report, kind in table.faults(out, functions):
        listed.setdefault(function, {}).setdefault(kind, []).append(report)
    (out / FAULTS).write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return {f: Counter({kind: len(ids) for kind, ids in kinds.items()}) for f, kinds in listed.items()}


def _meta(
    panel: Panel, chosen: Sequence[Chosen], counts: Counts, faults: dict[str, Counter[str]]
) -> dict[str, Any]:
    return {
        "panel": panel.name,
        "panel_digest": panel.digest,
        "version": version("reportnlp"),
        "made_by": {one.name: one.told for one in chosen},
        "read": counts.read,
        "voted_on": counts.labelled + counts.duplicates,
        "quarantined": counts.quarantined,
        "faults": {one.name: dict(faults.get(one.name, {})) for one in chosen},
    }


def _count(out: Path, gold: Answers) -> Tally:
    """Count all votes, some thousand reports at a time."""
    total: Tally | None = None
    for votes in iter_votes(out, rows=COUNTED):
        part = tally(votes, gold_indices(votes.report_ids, votes.questions, gold))
        total = part if total is None else total + part
    return total or _nothing(out)


def _nothing(out: Path) -> Tally:
    from reportnlp.votes import read_votes

    votes, _ = read_votes(out)
    return tally(votes, np.zeros((0, len(votes.questions)), np.int8))


def _draw(path: Path, counted: Tally, figures: Sequence[Record], functions: Sequence[str]) -> Path | None:
    from reportnlp.jobs._votes_picture import draw

    try:
        draw(path, counted, figures, functions)
    except MissingExtraError:
        return None
    return path
