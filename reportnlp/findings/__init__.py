"""Findings as data: one TOML file each, and the panels that label them together."""

from reportnlp.findings.loader import finding_names, load_finding, load_panel, panel_names
from reportnlp.findings.schema import Attribute, Case, Code, Finding, Panel

__all__ = [
    "Attribute",
    "Case",
    "Code",
    "Finding",
    "Panel",
    "finding_names",
    "load_finding",
    "load_panel",
    "panel_names",
]
