"""The presence of 14 findings that NegBio's authors made of Open-I's MeSH terms (Peng et al. 2018).

The file is `openi_gld_std14.csv`. It has no attributes. Its terms are taken by name alone: any "Thickening"
is pleural there. "Hernia" has no report at all, so that its zeros say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reportnlp.golds._tables import Table
from reportnlp.golds.blocks import GoldAnswers, GoldRow, Planted

TITLE = "NegBio's Open-I findings (openi_gld_std14.csv)"
PANEL = "chest_xray"

_TABLE = Table("negbio", PANEL)


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
    ones = {"CXR7001": ("normal",), "CXR7002": ("Pneumonia", "Effusion"), "CXR7003": ()}
    coded = {"pleural_effusion": "present", "pneumonia": "present", "no_finding": "absent"}
    rows = (
        GoldAnswers("CXR7001", {"no_finding": "present"}),
        GoldAnswers("CXR7002", coded),
        GoldAnswers("CXR7003", {"no_finding": ""}),
    )
    return Planted(_TABLE.plant(folder / "openi_gld_std14.csv", ones), rows)
