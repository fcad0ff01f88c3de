"""One HTML file that a person reads: figures, plots and errors, with nothing to load from elsewhere."""

from __future__ import annotations

from reportnlp.evaluation.report.page import page

__all__ = ["page"]
