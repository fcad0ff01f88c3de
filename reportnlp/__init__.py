"""Findings, with evidence, out of free-text radiology reports.

The public names below are imported when they are first asked for, so that `import reportnlp` costs
milliseconds and pulls in neither numpy nor spaCy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reportnlp.client import AsyncClient, Client
    from reportnlp.errors import ReportNLPError
    from reportnlp.evaluation.metrics import evaluate
    from reportnlp.findings import Finding, Panel
    from reportnlp.formats.loader import read_reports
    from reportnlp.jobs.label import LabelSettings
    from reportnlp.jobs.label import run as label_archive
    from reportnlp.labeler import Labeler, load
    from reportnlp.types import Label, LabelTable, Presence, Question, Report

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Client",
    "Finding",
    "Label",
    "LabelSettings",
    "LabelTable",
    "Labeler",
    "Panel",
    "Presence",
    "Question",
    "Report",
    "ReportNLPError",
    "evaluate",
    "label_archive",
    "load",
    "read_reports",
]

_HOMES = {
    "AsyncClient": "client",
    "Client": "client",
    "Finding": "findings",
    "Label": "types",
    "LabelSettings": "jobs.label",
    "LabelTable": "types",
    "Labeler": "labeler",
    "Panel": "findings",
    "Presence": "types",
    "Question": "types",
    "Report": "types",
    "ReportNLPError": "errors",
    "evaluate": "evaluation.metrics",
    "label_archive": "jobs.label:run",
    "load": "labeler",
    "read_reports": "formats.loader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reportnlp' has no attribute '{name}'")
    home, _, there = _HOMES[name].partition(":")
    value = getattr(import_module(f"reportnlp.{home}"), there or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
