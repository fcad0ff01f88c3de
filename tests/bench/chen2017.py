"""GloVe vectors and a one-layer CNN against rules, on CT pulmonary angiograms (Chen et al. 2017, Radiology
286:845).

    python tests/bench/chen2017.py [--more FOLDER ...] [--seeds 3] [--generated 20000] [--quick]

The paper's question asked of this project's written reports: presence, chronicity and location of
pulmonary embolism by GloVe vectors (Pennington 2014) under a CNN of one layer (Kim 2014), beside rules.
Tested twice on `corpora/ctpa`: split-sample (five folds, no patient and no text on both sides) and at
another site (each of four sites by networks of the other three). The network also learns from
`corpora/ctpa_rules` and from every `--more` folder, in all tests alike; a part of the other reports of
`corpora/ctpa` chooses the epoch and calibrates. GloVe learns from generated reports and the training
folders, never from `corpora/ctpa`. The settings are this package's defaults but for rarer answers
counting more; none was chosen on `corpora/ctpa`.

`uncertain` and `not_mentioned` count as not present. The paper's two-way view: acute (acute on chronic
with it) against chronic, central (all that reaches a segmental artery or more) against subsegmental,
over the reports whose gold says which; a missed embolism is answered no. Sensitivity, specificity, F1
and AUROC are means over seeds, their intervals a bootstrap over reports. Texts of `corpora/ctpa` are
not for reading.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reportnlp import load
from reportnlp.classifiers._questions import Columns
from reportnlp.evaluation import bootstrap
from reportnlp.evaluation.bootstrap import Figure, figure
from reportnlp.evaluation.splits import Split, folds, site_splits
from reportnlp.findings import load_panel
from reportnlp.generators import Generator
from reportnlp.jobs import _train_data
from reportnlp.jobs._train_data import LabelledReports
from reportnlp.jobs._train_fit import Recipe
from reportnlp.training.settings import TrainSettings
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED, Presence, Report
from tests.bench import _trained as trained
from tests.bench._trained import Mask, Values, tell

FINDING = "pulmonary_embolism"

VIEWS: Mapping[str, tuple[str, Sequence[str], Sequence[str]]] = {
    "acute, against chronic": (f"{FINDING}.chronicity", ("acute", "acute_on_chronic"), ("chronic",)),
    "central, against subsegmental": (
        f"{FINDING}.location",
        ("saddle", "main", "interlobar", "lobar", "segmental"),
        ("subsegmental",),
    ),
}
"""The paper's two-way view: question, answers that are yes, answers that are no."""

ATTRIBUTES = (f"{FINDING}.chronicity", f"{FINDING}.location")

PUBLISHED = """
As published by Chen et al. 2017 (abstract, PubMed 29135365), presence of pulmonary embolism:
    CNN: accuracy 0.99, AUC 0.97; internal validation: F1 0.938, PeFinder's F1 0.867 (significantly
    smaller; no significant difference in sensitivity, specificity or accuracy); external validation: no
    significant difference between CNN and PeFinder. The abstract gives no other figure; the full text was
    not at hand, and so no figures of chronicity and location, nor an AUC of the external validation by
    itself, stand here.
The corpora differ: theirs are clinical reports, read by radiologists; ours were written by language models
for this project, half of them as hard cases. The figures stand side by side, they do not compete."""


@dataclass(slots=True)
class Said:
    """Answers and probabilities of all tested reports, by seed.

    Attributes:
        answers: question to (seeds, reports) answers.
        scores: "presence" or the name of a view to (seeds, reports) probabilities; missing: none are known.
    """

    answers: Mapping[str, np.ndarray[tuple[int, int], np.dtype[np.str_]]]
    scores: Mapping[str, Values]


def recipe_of(vectors: Path, epochs: int) -> Recipe:
    train = TrainSettings(epochs=epochs, patience=5, learning_rate=2e-3, device="cpu")
    return Recipe("cnn", vectors=vectors, extra_words=5000, class_weight=0.5, train=train)


def by_networks(
    data: LabelledReports,
    more: LabelledReports,
    splits: Sequence[Split],
    recipe: Recipe,
    seeds: int,
) -> Said:
    """What networks say of reports they learned nothing of; `more` are learned from in every split."""
    panel = load_panel("pe")
    columns = Columns(panel.questions)
    questions = (FINDING, *ATTRIBUTES)
    answers = {q: np.full((seeds, len(data)), "", dtype="<U20") for q in questions}
    scores = {name: np.full((seeds, len(data)), np.nan) for name in ("presence", *VIEWS)}
    for split in splits:
        learned, held = trained.parts(data.taken(split.train), columns, share=0.2, seed=0)
        rows, reports = list(split.test), [data.reports[i] for i in split.test]
        for seed in range(seeds):
            network = trained.learn(recipe, panel, columns, learned.with_more(more), held, seed=seed)
            posteriors, given = network.decide(network.fitted.logits([r.text for r in reports]), reports)
            for question in questions:
                answers[question][seed, rows] = [row[question] for row in given]
            scores["presence"][seed, rows] = trained.probability_of(posteriors, FINDING, (Presence.PRESENT,))
            for name, (question, yes, no) in VIEWS.items():
                sure, other = (trained.probability_of(posteriors, question, part) for part in (yes, no))
                scores[name][seed, rows] = sure / np.maximum(sure + other, 1e-9)
    return Said(answers, scores)


def by_rules(reports: Sequence[Report]) -> Said:
    """The same of the rules; their probability of `present` is known where they say so, else shared out."""
    labeler = load("pe")
    rows = [{label.question: label for label in labeler.label(report)} for report in reports]
    answers = {
        q: np.array([[str(row[q].answer) for row in rows]], dtype="<U20") for q in (FINDING, *ATTRIBUTES)
    }
    own = [row[FINDING] for row in rows]
    sure = [one.probability if one.answer == Presence.PRESENT else (1 - one.probability) / 3 for one in own]
    return Said(answers, {"presence": np.array([sure])})


def show(title: str, gold: Sequence[Mapping[str, str]], said: Mapping[str, Said]) -> None:
    """The tables of one test."""
    tell(f"\n{title}\n{trained.HEADER}")
    present = np.array([row[FINDING] == Presence.PRESENT for row in gold])
    for name, of in said.items():
        given = of.answers[FINDING] == Presence.PRESENT
        tell(trained.line(f"presence, {name}", trained.judge(present, given, of.scores.get("presence"))))
    for view, (question, yes, no) in VIEWS.items():
        asked = np.array([row[question] in (*yes, *no) for row in gold])
        positive = np.array([row[question] in yes for row in gold])[asked]
        for name, of in said.items():
            given = np.isin(of.answers[question], yes)[:, asked]
            score = of.scores[view][:, asked] if view in of.scores else None
            tell(trained.line(f"{view}, {name}", trained.judge(positive, given, score)))
    tell(f"\n{'every answer, where gold says present':44}{'n':>5}  accuracy               of those specified")
    for question in ATTRIBUTES:
        wanted = np.array([row[question] for row in gold])
        for name, of in said.items():
            right, there = of.answers[question] == wanted, wanted != NOT_APPLICABLE
            told = there & (wanted != UNSPECIFIED)
            figures = [trained.shown(accuracy(right[:, part])) for part in (there, told)]
            title = f"{question.partition('.')[2]}, {name}"
            tell(f"{title:44}{there.sum():>5}  {'  '.join(figures)}")


def accuracy(right: Mask) -> Figure:
    """Mean over seeds of (seeds, reports), with a bootstrap over reports."""
    share = right.mean(axis=0)
    samples = [
        (share @ times) / len(share)
        for times in bootstrap.draws(len(share), seed=0, resamples=trained.RESAMPLES)
    ]
    return figure(float(share.mean()), np.concatenate(samples).astype(np.float64))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--more", type=Path, action="append", default=[], metavar="FOLDER",
                        help="a corpus folder to learn from too (repeat)")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--generated", type=int, default=20_000, help="generated reports for the vectors")
    parser.add_argument("--width", type=int, default=100, help="numbers per word vector")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one seed, two epochs: does it run?")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.epochs, options.generated = 1, 2, 500
    trained.one_thread(options.threads)
    columns = Columns(load_panel("pe").questions)
    found, reports, gold = trained.corpus(trained.ROOT / "ctpa")
    data = trained.labelled(columns, reports, gold)
    others = [trained.corpus(folder) for folder in (trained.ROOT / "ctpa_rules", *options.more)]
    more = trained.labelled(columns, [r for o in others for r in o[1]], [a for o in others for a in o[2]])
    tell(f"tested: {found.name} {len(data)} reports, digest {found.digest[:12]}; learned from besides: "
         + ", ".join(f"{o[0].name} {len(o[1])} ({o[0].digest[:12]})" for o in others))  # fmt: skip
    generator = Generator("pe", seed=0)
    texts = [generator.write(number).report.text for number in range(options.generated)]
    with tempfile.TemporaryDirectory() as folder:
        glove = trained.vectors(
            [*texts, *(report.text for report in more.reports)], Path(folder), method="glove", seed=0,
            width=options.width, epochs=25, min_count=2, x_max=10.0,
        )  # fmt: skip
        tests = {
            "Split-sample test, five folds": folds(
                reports, seed=0, count=5, strata=_train_data.strata(data, columns)
            ),
            "Another site's reports, each of four": site_splits(reports),
        }
        rules = by_rules(reports)
        for title, splits in tests.items():
            network = by_networks(data, more, splits, recipe_of(glove, options.epochs), options.seeds)
            show(f"{title}; {options.seeds} seeds", gold, {"rules": rules, "CNN": network})
    tell(PUBLISHED)


if __name__ == "__main__":
    main()
