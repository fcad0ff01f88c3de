"""What `weak fit` says at its end: the figures, and where everything went."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reportnlp.evaluation.weak import Distillation, Method
from reportnlp.jobs.fit import FitSettings, Fitted, describe

if TYPE_CHECKING:
    from reportnlp.evaluation.bootstrap import Figure


def lines(settings: FitSettings, fitted: Fitted) -> Iterator[str]:
    """What was fitted, the figures against gold, those of the classifier, and the places."""
    yield from describe(fitted)
    if fitted.compared is not None:
        yield from against_gold(fitted.compared)
    if fitted.trained is not None:
        from reportnlp.jobs import train

        yield "the classifier:"
        yield from (f"    {line}" for line in train.describe(fitted.trained))
    yield f"labels in {settings.out}"
    if settings.keep is not None:
        yield f"label model in {settings.keep}"
    if settings.compare is not None:
        yield f"page in {settings.compare.out}"


def against_gold(found: Distillation) -> Iterator[str]:
    """Precision, recall and F1 of every way to label."""
    yield f"{dict(found.facts)['Scored']}, against gold; of present, pooled over findings:"
    width = max(len(one.name) for one in found.methods)
    for one in found.methods:
        yield f"    {one.name:{width}}  {_figures(one)}"


def _figures(one: Method) -> str:
    if one.silent:
        return "never says present"
    panel = one.scores.panel
    three = (panel.precision, panel.recall, panel.micro_f1) if panel is not None else ()
    names = ("precision", "recall", "F1")
    return "  ".join(f"{name} {_shown(figure)}" for name, figure in zip(names, three, strict=False))


def _shown(figure: Figure) -> str:
    return "-" if math.isnan(figure.value) else f"{figure.value:.3f}"
