"""The manifest: which images there are, of which study, and where they lie. A CSV with a row per image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image.

    Attributes:
        study: the exam it belongs to.
        image: its path, from the manifest's folder or absolute; `file.npz#array/7` is one of an array.
        patient: whose exam; images of one patient are never on both sides of a split.
        report_id: the report about it; None where another column is joined to the reports.
        view: "PA", "AP", ...
        laterality: "L", "R" or "B".
        split: "train", "valid", "test", ...
        frame: which frame of a file with several, from 0; None is the whole.
        accession: the number under which the exam was ordered.
        series: the series within the study.
        modality: as DICOM says it.
        site: where the exam was made.
        exam_date: when, as YYYY-MM-DD.
        digest: of its pixels, as `reportnlp images check` finds it; None where nobody looked.
    """

    study: str
    image: str
    patient: str | None = None
    report_id: str | None = None
    view: str | None = None
    laterality: str | None = None
    split: str | None = None
    frame: int | None = None
    accession: str | None = None
    series: str | None = None
    modality: str | None = None
    site: str | None = None
    exam_date: str | None = None
    digest: str | None = None
