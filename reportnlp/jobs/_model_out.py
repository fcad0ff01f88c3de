"""What the jobs that make a model folder share: its place, its work folder, and who writes."""

from __future__ import annotations

import os
from pathlib import Path

from reportnlp.errors import OutputError
from reportnlp.sums import CONFIG

LOGS = "logs"
"""Folder of the log for TensorBoard, in a work folder and then in the model's."""


def work_of(out: Path) -> Path:
    """The folder of checkpoints and logs beside a model's, which goes when all is done."""
    return out.with_name(f"{out.name}.work")


def refuse_existing(out: Path, *, overwrite: bool) -> None:
    """Refuse to write over what is there.

    Raises:
        OutputError: it may not be replaced, or it is no model folder.
    """
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists. Name another folder, or add --overwrite.")
    if out.is_file():
        raise OutputError(f"{out} is a file. Name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / CONFIG).is_file():
        raise OutputError(f"{out} is a folder of something else. Name another, or empty it.")


def first_process() -> bool:
    """Under torchrun the first process alone writes and tells."""
    return os.environ.get("RANK", "0") == "0"
