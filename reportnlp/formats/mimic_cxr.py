"""The folder layout of MIMIC-CXR: `files/p10/p10000032/s50414267.txt`.

The id is the study's (`s50414267`), the patient the folder's (`p10000032`). Any folder of that tree can be
given: the one that holds `files`, `files` itself, `p10` or one patient. Other files in it are passed by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from reportnlp.errors import InputError
from reportnlp.formats._files import base_name, source_name, walk
from reportnlp.formats.blocks import ReadOptions, Row, text_row
from reportnlp.types import Report

TITLE = "the folder layout of MIMIC-CXR"
SUFFIXES: tuple[str, ...] = ()
FOLDERS = True

_STUDY = re.compile(r"s\d+")
_PATIENT = re.compile(r"p\d{3,}")
_GROUP = re.compile(r"p\d{2}")


def claims(folder: Path) -> bool:
    """Does the folder look like one of this layout, at any of its levels?"""
    below = [entry for entry in folder.iterdir() if entry.is_dir()]
    names = [folder.name, *(entry.name for entry in below)]
    for entry in below:
        if entry.name == "files":
            names += [group.name for group in entry.iterdir() if group.is_dir()]
    known = any(_PATIENT.fullmatch(name) or _GROUP.fullmatch(name) for name in names)
    return known and next(_studies(folder), None) is not None


def read(source: Path, options: ReadOptions) -> Iterator[Row]:
    """Stream the studies in sorted order; the layout has no columns to choose.

    Raises:
        InputError: no study is found.
    """
    found = False
    for path, study, patient in _studies(source):
        found = True
        yield text_row(path, source_name(path, source), study, patient)
    if not found:
        raise InputError(f"'{source_name(source)}' holds no p.../p.../s....txt as MIMIC-CXR has them.")


def _studies(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Each study's file with its id and its patient."""
    for path in walk(folder):
        study = base_name(path, (".txt",))
        if _STUDY.fullmatch(study) and _PATIENT.fullmatch(path.parent.name):
            yield path, study, path.parent.name


def plant(folder: Path, reports: Sequence[Report]) -> Path:
    """Lay out reports below `files`; ids and patients must be of this layout's kind."""
    for report in reports:
        patient = report.patient or "p10000000"
        path = folder / "files" / patient[:3] / patient / f"{report.id}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(report.text.encode("utf-8"))
    return folder
