"""The 95 labels that SARLE's authors made of Open-I's MeSH terms (Draelos et al. 2021): their test reports.

The file is `openi_test_set_ground_truth.csv`. It has no attributes, and no label for a normal report. Its
reports are named by file: `100.xml` is the report `CXR100`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from reportnlp.golds._tables import Table
from reportnlp.golds.blocks import GoldAnswers, GoldRow, Planted

TITLE = "SARLE's Open-I labels (openi_test_set_ground_truth.csv)"
PANEL = "chest_xray"

_FILE = re.compile(r"(\d+)\.xml")


def _report_id(name: str) -> str:
    match = _FILE.fullmatch(name)
    return f"CXR{match[1]}" if match else ""


_TABLE = Table("sarle", PANEL, _report_id)


def asked() -> tuple[str, ...]:
    """The findings of whose presence a zero speaks."""
    return _TABLE.asked


def read(source: Path) -> Iterator[GoldRow]:
    """Stream the reports of the table.

    Raises:
        InputError: the file is not there, cannot be read, or is another one.
    """
    return _TABLE.read(source)


def plant(folder: Path) -> Planted:
    """A table of three reports."""
    ones = {
        "7001.xml": ("cardiomegaly_Label", "infiltrate_Label"),
        "7002.xml": ("scarring_Label",),
        "7003.xml": (),
    }
    coded = {"cardiomegaly": "present", "infiltration": "present", "lung_opacity": "present"}
    rows = (
        GoldAnswers("CXR7001", coded),
        GoldAnswers("CXR7002", {"pulmonary_fibrosis": ""}),
        GoldAnswers("CXR7003", {}),
    )
    return Planted(_TABLE.plant(folder / "openi_test_set_ground_truth.csv", ones), rows)
