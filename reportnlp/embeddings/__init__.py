"""Vectors for the words of radiology reports: one file per method, and what is done with its vectors.

`reportnlp.jobs.embed` trains from files; `Vectors` looks them up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reportnlp.embeddings._vectors import Vectors

__all__ = ["Vectors"]


def __getattr__(name: str) -> Any:
    # Looked up when asked for: an engine or a method does without.
    if name != "Vectors":
        raise AttributeError(f"module 'reportnlp.embeddings' has no attribute '{name}'")
    from reportnlp.embeddings._vectors import Vectors

    return Vectors
