"""Generated reports with gold answers by construction: one file per panel, and one TOML file of its words."""

from reportnlp.generators.loader import Generator, Written

__all__ = ["Generator", "Written"]
