"""What can be known to be wrong with a line before any of its steps has begun."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reportnlp.errors import InputError, unknown_name
from reportnlp.findings import Panel, load_panel
from reportnlp.formats.loader import read_reports
from reportnlp.images.manifest import ImageRow, read_manifest
from reportnlp.jobs.images_evaluate import gold_answers
from reportnlp.jobs.images_train import ImagesTrainJob, check_network
from reportnlp.labeler import model_folder

if TYPE_CHECKING:
    from reportnlp.jobs.images_line import ImagesLineJob


def check_line(line: ImagesLineJob, training: ImagesTrainJob) -> None:
    """Refuse wrong names and files, the quickly found first; nothing is written, and no report labelled.

    Args:
        line: the line.
        training: the step of it that trains.

    Raises:
        UnknownNameError: no such panel, method, finding, column or network.
        InputError: reports, manifest or gold answers cannot be read, or gold answers nothing that is asked.
    """
    panel = load_panel(line.panel)
    _check_findings(line.findings, panel)
    model_folder(line.method, panel.name)
    read_reports(line.inputs, format=None, options=line.columns)
    if not any(isinstance(row, ImageRow) for row in read_manifest(line.manifest)):
        raise InputError(f"No row of the manifest {line.manifest} names an image. Look: images check.")
    if line.gold is not None:
        _check_gold(line.gold, line.findings or _findings(panel))
    check_network(training)


def _findings(panel: Panel) -> tuple[str, ...]:
    return tuple(question.name for question in panel.questions if question.attribute is None)


def _check_findings(asked: Sequence[str], panel: Panel) -> None:
    there = _findings(panel)
    for name in asked:
        if name not in there:
            raise unknown_name(f"finding of the panel '{panel.name}'", name, there)


def _check_gold(path: Path, asked: Sequence[str]) -> None:
    answered = {question for row in gold_answers(path, "study").values() for question in row}
    if not answered & set(asked):
        raise InputError(
            f"{path} has no gold answers to {', '.join(asked)}. It needs report_id and a column per finding; "
            f"it has {', '.join(sorted(answered)[:8]) or 'none'}."
        )
