"""One evaluation, whole: what was compared, and all that was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reportnlp.evaluation.audit import Audit
from reportnlp.evaluation.compare import Comparison
from reportnlp.evaluation.learning import LearningCurve
from reportnlp.evaluation.mistakes import Mistake
from reportnlp.evaluation.scores import Scores
from reportnlp.evaluation.strata import Stratum

Known = Literal["none", "shared", "full"]
"""What is known of probabilities: nothing; that of the given answer, the others sharing the rest; all."""

Units = Literal["reports", "studies", "images"]
"""What is scored: reports; studies, by what a model says of their images; or images."""

Truth = Literal["gold", "reports", "labels"]
"""What answers are held against: gold; what the reports of images say; labels for training of any origin."""


@dataclass(frozen=True, slots=True)
class About:
    """What was compared, and how. No clock is read: the same input gives the same bytes.

    Attributes:
        inputs: names of the files labelled or read.
        gold: name of the gold table.
        gold_digest: sha256 (hex) of it.
        method: what labelled.
        model: identity of what labelled; "" where it is not known.
        panel: the panel labelled with; "" where a label table was read.
        split: how test reports were chosen; "" where all were scored.
        train: reports on a training side: each site's in turn count once; None without a split.
        probabilities: what is known of them.
        version: of this package.
        date: as the user gave it; "" is none.
        recipe: how the method was trained on the training side; "" where it was not.
        units: what is scored.
        truth: what `gold` is.
    """

    inputs: tuple[str, ...] = ()
    gold: str = ""
    gold_digest: str = ""
    method: str = ""
    model: str = ""
    panel: str = ""
    split: str = ""
    train: int | None = None
    probabilities: Known = "none"
    version: str = ""
    date: str = ""
    recipe: str = ""
    units: Units = "reports"
    truth: Truth = "gold"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that a report shows.

    Attributes:
        about: what was compared.
        scores: of all reports tested.
        strata: the main figures by site, year and split.
        mistakes: answers that are not gold's.
        comparison: with another method.
        audit: training examples against sensitivity.
        learning: figures against training reports.
    """

    about: About
    scores: Scores
    strata: tuple[Stratum, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    comparison: Comparison | None = None
    audit: Audit | None = None
    learning: LearningCurve | None = None
