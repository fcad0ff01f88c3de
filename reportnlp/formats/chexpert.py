"""The CheXpert label CSV, in the layout that torchxrayvision reads unchanged. Written only.

The label columns bear CheXpert's 14 names: 1 present, 0 absent, -1 uncertain, blank not mentioned. The
columns before them are those of both published files with such labels, so both loaders take the file:

- `MIMIC_Dataset(csvpath=FILE, metacsvpath=...)` reads the layout of `mimic-cxr-2.0.0-chexpert.csv` by
  `subject_id` and `study_id`. Ids of MIMIC-CXR's kind lose their letter (`s50414267` is 50414267) and join
  its metadata file; others stand as they are. Where the patient is not known the report's id stands for it.
- `CheX_Dataset(csvpath=FILE, views=["*"])` reads the layout of CheXpert's `train.csv`; the file's name must
  hold `train`. A report tells no sex, age, view or image, so `Sex`, `Age`, `Frontal/Lateral` and `AP/PA` are
  blank (hence `views`), and `Path` says where the loader will look:
  `train/patient<digits>/study<id>/view1.jpg`. The digits are the patient's own, else made from a digest.

No column holds text of a report. A column that stands for several findings takes the strongest answer:
present, uncertain, absent, not mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from reportnlp.errors import OutputError
from reportnlp.formats._writing import Progress, concatenate, csv_line, writing
from reportnlp.types import LabelledReport, LabelTable, Presence, Question, Report

TITLE = "CheXpert's label CSV (1, 0, -1, blank), as torchxrayvision reads it"
SUFFIXES = (".chexpert.csv",)

COLUMNS: dict[str, tuple[str, ...]] = {
    "No Finding": ("no_finding",),
    "Enlarged Cardiomediastinum": ("enlarged_cardiomediastinum",),
    "Cardiomegaly": ("cardiomegaly",),
    "Lung Opacity": ("lung_opacity", "infiltration"),
    "Lung Lesion": ("mass", "nodule"),
    "Edema": ("pulmonary_edema",),
    "Consolidation": ("consolidation",),
    "Pneumonia": ("pneumonia",),
    "Atelectasis": ("atelectasis",),
    "Pneumothorax": ("pneumothorax",),
    "Pleural Effusion": ("pleural_effusion",),
    "Pleural Other": ("pleural_thickening", "pleural_other"),
    "Fracture": ("fracture",),
    "Support Devices": ("support_devices",),
}
"""CheXpert's names in its order, each with our findings that it covers."""

IDENTITY = ("subject_id", "study_id", "Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")
CODES = {Presence.PRESENT: "1", Presence.UNCERTAIN: "-1", Presence.ABSENT: "0"}
"""Strongest first; what is none of these is blank."""

_MIMIC = re.compile(r"[ps](\d+)")


def check(questions: Sequence[Question]) -> None:
    """Refuse a panel that leaves a column without a finding: its blanks would say "not mentioned".

    Raises:
        OutputError: names the columns and the findings they need.
    """
    asked = {question.finding for question in questions if question.attribute is None}
    missing = [f"{name} ({' or '.join(f)})" for name, f in COLUMNS.items() if not asked.intersection(f)]
    if missing:
        raise OutputError(
            f"The CheXpert format needs findings that this panel has not: {', '.join(missing)}. "
            "Use --panel chest_xray, or another output format."
        )


def write_shard(path: Path, table: LabelTable) -> None:
    """Write the table's rows, without the header.

    Raises:
        OutputError: no room, no permission, or a panel without the findings.
    """
    check(table.questions)
    places = tuple(_places(table.questions))
    with writing(path) as out:
        out.writelines(csv_line(_cells(row, places)) for row in table.rows)


def merge(
    shards: Iterable[Path], out: Path, questions: tuple[Question, ...], progress: Progress | None = None
) -> None:
    """Write the header and the shards' rows, in order, to `out`; `progress` hears how many are done.

    Raises:
        OutputError: no room, no permission, or a panel without the findings.
    """
    check(questions)
    with writing(out) as target:
        target.write(csv_line((*IDENTITY, *COLUMNS)))
        concatenate(shards, target, progress)


def _places(questions: Sequence[Question]) -> Iterator[tuple[int, ...]]:
    """For each column, where the presence of its findings stands among the questions."""
    at = {question.finding: place for place, question in enumerate(questions) if question.attribute is None}
    for findings in COLUMNS.values():
        yield tuple(at[finding] for finding in findings if finding in at)


def _cells(row: LabelledReport, places: Sequence[tuple[int, ...]]) -> Iterator[str]:
    yield from _identity(row.report)
    for place in places:
        answers = {row.labels[at].answer for at in place}
        yield next((code for presence, code in CODES.items() if presence in answers), "")


def _identity(report: Report) -> tuple[str, ...]:
    study, patient = study_number(report.id), study_number(report.patient or report.id)
    path = f"train/patient{_digits(patient)}/study{quote(study, safe='')}/view1.jpg"
    return patient, study, path, "", "", "", ""


def study_number(name: str) -> str:
    """An id as these files have it: one of MIMIC-CXR's kind without its letter, any other as it is."""
    found = _MIMIC.fullmatch(name)
    return found[1] if found else name


def _digits(patient: str) -> str:
    """The loader finds patients by `patient` and digits."""
    if patient.isascii() and patient.isdigit():
        return patient
    return str(int.from_bytes(sha256(patient.encode("utf-8")).digest()[:6], "big"))
