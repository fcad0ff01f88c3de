"""`floors.toml`: the F1 that a method must hold on a corpus, question by question."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from reportnlp.config import read_toml
from reportnlp.errors import InvalidDefinitionError
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.scores import Scores

MICRO = "micro"
"""The pseudo-question of presence over all findings of the panel."""

DECIMALS = 3

Figures = Mapping[str, float]
Floors = dict[str, dict[str, dict[str, float]]]
"""Corpus to method to question to F1; beside the methods, `digest` holds the corpus's sha256."""

HEAD = """# The F1 that a method must hold on a corpus, by question: F1 of `present` (uncertain counts as
# not present), an attribute's micro F1 where its finding is present in gold, and `micro`, presence over the
# panel. Written by `reportnlp corpora check --raise-floors`; to lower one takes `--lower-floors`. A floor
# belongs to the digest: other reports need other floors.
"""


def read_floors(path: Path) -> tuple[dict[str, str], Floors]:
    """Corpus to digest, and the floors.

    Raises:
        InvalidDefinitionError: the file is not of this form.
    """
    if not path.exists():
        return {}, {}
    digests: dict[str, str] = {}
    floors: Floors = {}
    for corpus, table in read_toml(path).items():
        if not isinstance(table, dict) or not isinstance(table.get("digest"), str):
            raise InvalidDefinitionError(f"{path}: [{corpus}] needs a digest, and a table for each method.")
        digests[corpus] = table["digest"]
        floors[corpus] = {method: dict(f) for method, f in table.items() if method != "digest"}
    return digests, floors


def write_floors(path: Path, digests: Mapping[str, str], floors: Floors) -> None:
    """Write them, in order of their names."""
    lines = [HEAD]
    for corpus in sorted(floors):
        lines.append(f'[{corpus}]\ndigest = "{digests[corpus]}"\n')
        for method in sorted(floors[corpus]):
            rows = (f'"{q}" = {f1:.{DECIMALS}f}\n' for q, f1 in floors[corpus][method].items())
            lines.append(f"[{corpus}.{method}]\n{''.join(rows)}")
    path.write_text("\n".join(lines), encoding="utf-8")


def figures_of(scores: Scores) -> dict[str, float]:
    """Question to F1, rounded down; questions without a `present` in gold are left out."""
    found = {score.question: score.f1.value for score in scores.presence}
    found.update({score.question: score.micro_f1.value for score in scores.attributes})
    if scores.panel:
        found[MICRO] = scores.panel.micro_f1.value
    scale = 10**DECIMALS
    return {q: math.floor(f1 * scale + 1e-9) / scale for q, f1 in found.items() if not math.isnan(f1)}


def measure(
    given: Mapping[str, Mapping[str, str]], gold: Mapping[str, Mapping[str, str]]
) -> dict[str, float]:
    """The figures that floors are about; no intervals are drawn."""
    return figures_of(evaluate(given, gold, seed=0, resamples=1))


def fallen(floors: Figures, figures: Figures) -> Iterator[str]:
    """Every question whose F1 is below its floor."""
    for question, floor in floors.items():
        figure = figures.get(question, 0.0)
        if figure < floor:
            yield f"{question}: F1 {figure:.{DECIMALS}f} is below its floor {floor:.{DECIMALS}f}"


def moved(floors: Figures, figures: Figures, *, lower: bool) -> dict[str, float]:
    """The floors raised to the figures, and, where that is allowed, lowered to them."""
    if lower:
        return dict(figures)
    return {question: max(figure, floors.get(question, 0.0)) for question, figure in figures.items()}
