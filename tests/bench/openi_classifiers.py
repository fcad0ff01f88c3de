"""Trained networks on Open-I: presence of NegBio's findings, five seeds, beside the rules (Peng et al. 2018).

    python tests/bench/openi_classifiers.py NLMCXR_reports.tgz openi_gld_std14.csv openi-testset.txt
        [--architectures linear,cnn,...] [--seeds 5] [--vectors DIR] [--tune] [--quick]

Every architecture learns from the reports that are not in NegBio's 771-report test list, findings and
impression; one part of them, the same for all, is held out to choose the epoch and to calibrate. Asked
are the findings of NegBio's table (Kim 2014 and Chen et al. 2017 for the CNN, Mullenbach 2018 for
attention, Zech et al. 2018 for the linear model); a finding the coders are silent about is absent.
Scored is the micro F1 of `present` over the rows of `openi_chest_xray.py`, on the test list: mean and
95 % interval over seeds (Student's t). `stack` is the network with the rules' answers weighed in on the
held-out part; `rules` are the rules alone.

`--tune` never opens the test list: it scores settings on the other reports, in folds, each network read
on a fold it saw nothing of. The settings in `SETUPS` were chosen so. Texts of the test list are not for
reading.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reportnlp import load
from reportnlp.classifiers._questions import Columns
from reportnlp.evaluation.splits import folds
from reportnlp.findings import load_panel
from reportnlp.generators import Generator
from reportnlp.golds import negbio
from reportnlp.golds.blocks import GoldAnswers, filled
from reportnlp.jobs import _train_data
from reportnlp.jobs._train_data import LabelledReports
from reportnlp.jobs._train_decide import Aim
from reportnlp.jobs._train_fit import Recipe
from reportnlp.training.settings import TrainSettings
from reportnlp.types import Presence, Report
from tests.bench import _trained as trained
from tests.bench._trained import Answers, Network, shown, tell
from tests.bench.openi_chest_xray import (
    FINDINGS,
    Counts,
    chosen,
    coded,
    micro,
    negative,
    read_gold,
    show,
)

SPLIT_SEED, HELD = 0, 0.15
"""Of the part that is held out: one for all architectures and seeds."""

Truth = Mapping[str, Mapping[str, bool]]


@dataclass(frozen=True)
class Setup:
    """An architecture with settings.

    Attributes:
        architecture: name of the file in `reportnlp/classifiers`.
        settings: its own settings.
        pretrained: whether it begins with the word vectors.
        class_weight: see `Recipe`.
        generated: how many generated reports are learned from besides.
        train: settings of the training loop.
        aim: what thresholds are for.
    """

    architecture: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool = True
    class_weight: float = 0.0
    generated: int = 0
    train: Mapping[str, Any] = field(default_factory=dict)
    aim: Aim = field(default_factory=Aim)

    def recipe(self, vectors: Path, encoder: Path | None, epochs: int | None) -> Recipe:
        train = {"epochs": 15, "patience": 4, "learning_rate": 2e-3, **self.train}
        train = train if epochs is None else {**train, "epochs": epochs}
        return Recipe(
            architecture=self.architecture,
            settings=self.settings,
            vectors=vectors if self.pretrained else None,
            encoder=encoder if self.architecture == "transformer" else None,
            extra_words=0,
            class_weight=self.class_weight,
            train=TrainSettings(device="cpu", **train),
        )


_LONG = {"epochs": 25, "patience": 6}

SETUPS: Mapping[str, Setup] = {
    "linear": Setup("linear", {"penalty": 0.003}, False, 1.0),
    "cnn": Setup("cnn", {"pooling": "attention"}, True, 0.5, train=_LONG),
    "rnn": Setup("rnn", {"cell": "gru", "pooling": "attention"}, True, 0.5, train=_LONG),
    "attention": Setup("attention", {}, True, 0.5, train=_LONG),
    "transformer": Setup("transformer", pretrained=False, train={"learning_rate": 5e-5}),
}

_POOL = {"pooling": "attention"}
_FAST = {"epochs": 30, "patience": 8, "batch_size": 16, "learning_rate": 3e-3}

CANDIDATES: Mapping[str, Sequence[tuple[str, Setup]]] = {
    "cnn": [
        ("attention, generated 4000", Setup("cnn", _POOL, True, 0.5, 4000)),
        ("attention, batches of 16", Setup("cnn", _POOL, True, 0.5, train=_FAST)),
    ],
    "attention": [
        ("flat convolution, generated 4000", Setup("attention", {"layer": "convolution"}, True, 0.5, 4000)),
        ("flat gru, generated 4000", Setup("attention", {}, True, 0.5, 4000)),
    ],
    "linear": [
        ("penalty 0.003, weights 1, generated 4000", Setup("linear", {"penalty": 0.003}, False, 1.0, 4000)),
        ("penalty 0.0003, weights 1", Setup("linear", {"penalty": 0.0003}, False, 1.0)),
    ],
    "rnn": [
        ("gru, attention, generated 4000", Setup("rnn", {"cell": "gru", **_POOL}, True, 0.5, 4000)),
    ],
}
"""What `--tune` compares."""


def answers_of(path: Path) -> dict[str, Mapping[str, str]]:
    """Report id to the presence of NegBio's findings, silence taken as absent."""
    panel = load_panel(negbio.PANEL)
    rows = (row for row in negbio.read(path) if isinstance(row, GoldAnswers))
    return {row.report_id: filled(panel, row, negbio.asked(), "absent") for row in rows}


def columns() -> Columns:
    """The questions: NegBio's findings of whose presence a zero speaks, but `no_finding`."""
    panel = load_panel(negbio.PANEL)
    spare = {finding.name for finding in panel.findings if finding.none_of_panel}
    asked = set(negbio.asked()) - spare
    return Columns(tuple(q for q in panel.questions if q.attribute is None and q.finding in asked))


def data_of(source: Path, gold: Mapping[str, Mapping[str, str]], wanted: frozenset[str]) -> LabelledReports:
    reports = list(chosen(source, wanted))
    return trained.labelled(columns(), reports, [gold[report.id] for report in reports])


def counts_of(reports: Sequence[Report], answers: Answers, truth: Truth) -> dict[str, Counts]:
    """Hits and misses by row of the table."""
    counts = {name: Counts() for name in FINDINGS}
    for report, row in zip(reports, answers, strict=True):
        for name, (questions, _) in FINDINGS.items():
            counts[name].add(any(row[q] == Presence.PRESENT for q in questions), truth[report.id][name])
    return counts


def f1(counts: Mapping[str, Counts]) -> float:
    return micro(counts).scores[2]


def vectors_of(options: argparse.Namespace, dev: LabelledReports, folder: Path) -> Path:
    """The folder that was given, or skip-gram vectors of the reports outside the test list."""
    if options.vectors:
        return Path(options.vectors)
    texts = [report.text for report in dev.reports]
    epochs = 2 if options.quick else 15
    return trained.vectors(
        texts, folder, method="word2vec", seed=0, width=100, epochs=epochs, min_count=2, window=5
    )


def generated(count: int) -> LabelledReports:
    """Reports of the package's own generator; what is not present counts as absent, as in the gold."""
    panel = load_panel(negbio.PANEL)
    generator = Generator(panel.name, seed=0)
    made = [generator.write(number) for number in range(count)]
    rows = [
        {q: a if a == Presence.PRESENT else Presence.ABSENT for q, a in one.answers.items()} for one in made
    ]
    return trained.labelled(columns(), [one.report for one in made], rows)


def networks(
    setup: Setup, recipe: Recipe, learned: LabelledReports, held: LabelledReports, seeds: int
) -> Iterator[Network]:
    """The same network from one first draw of weights after another."""
    panel = load_panel(negbio.PANEL)
    learned = learned.with_more(generated(setup.generated)) if setup.generated else learned
    for seed in range(seeds):
        yield trained.learn(recipe, panel, columns(), learned, held, seed=seed, aim=setup.aim)


def tune(options: argparse.Namespace, dev: LabelledReports, truth: Truth, vectors: Path) -> None:
    """Score settings on the reports outside the test list."""
    asked = columns()
    rules = trained.by_rules(load("chest_xray"), dev.reports)
    splits = folds(dev.reports, seed=1, count=options.folds, strata=_train_data.strata(dev, asked))
    of_rules = f1(counts_of(dev.reports, rules, truth))
    tell(f"dev: {len(dev):,} reports in {options.folds} folds; rules {of_rules:.3f}")
    tell(f"{'':44}{'micro F1':>9}{'f1 aim':>9}{'stack':>9}{'seconds':>9}")
    for architecture in options.architectures:
        for name, setup in CANDIDATES.get(architecture, [("as it is", SETUPS[architecture])]):
            if options.only and options.only not in name:
                continue
            recipe = setup.recipe(vectors, options.encoder, 1 if options.quick else None)
            given: dict[str, dict[int, Mapping[str, str]]] = {"argmax": {}, "f1": {}, "stack": {}}
            seconds = 0.0
            for split in splits:
                learned, held = trained.parts(dev.taken(split.train), asked, share=HELD, seed=SPLIT_SEED)
                tested = [dev.reports[i] for i in split.test]
                (network,) = networks(setup, recipe, learned, held, 1)
                seconds += network.seconds
                logits = network.fitted.logits([report.text for report in tested])
                own = {report.id: row for report, row in zip(dev.reports, rules, strict=True)}
                of_held = [own[report.id] for report in held.reports]
                both = network.weigh_rules(of_held, Aim())
                sharp = replace(network, decided=_decisions(network))
                rows = {
                    "argmax": network.decide(logits, tested)[1],
                    "f1": sharp.decide(logits, tested)[1],
                    "stack": both.decide(logits, [rules[i] for i in split.test], tested)[1],
                }
                for way, answers in rows.items():
                    given[way].update(zip(split.test, answers, strict=True))
            scores = [
                f1(counts_of(dev.reports, [rows[i] for i in range(len(dev))], truth))
                for rows in given.values()
            ]
            tell(
                f"{f'{architecture}, {name}':44}" + "".join(f"{s:>9.3f}" for s in scores) + f"{seconds:>9.0f}"
            )


def _decisions(network: Network) -> Any:
    from reportnlp.jobs._train_decide import decisions

    held = network.held
    return decisions(network.columns, network.logits, held.targets, held.weights, Aim(threshold="f1"))


def test(
    options: argparse.Namespace, dev: LabelledReports, tested: Sequence[Report], truth: Truth, vectors: Path
) -> None:
    """Train on all but the test list, and score on it."""
    asked = columns()
    learned, held = trained.parts(dev, asked, share=HELD, seed=SPLIT_SEED)
    tell(f"{len(learned):,} reports learned from, {len(held):,} held out, {len(tested):,} tested")
    labeler = load("chest_xray")
    rules, held_rules = (trained.by_rules(labeler, part) for part in (tested, held.reports))
    read = {report.text for report in dev.reports}
    fresh = [i for i, report in enumerate(tested) if report.text not in read]
    tell(f"{len(fresh):,} of the tested texts are not word for word one of the others: `new` is of them\n")
    show_rules(labeler, tested, truth, fresh)
    tell(
        f"\n{'':12}{'micro F1':21}  {'new texts':21}  {'with the rules':21}  {'parameters':>11}{'train s':>9}"
        f"{'labels/s':>9}"
    )
    best: tuple[float, str, Mapping[str, Counts]] | None = None
    for name in options.architectures:
        setup = SETUPS[name]
        recipe = setup.recipe(vectors, options.encoder, 1 if options.quick else None)
        rows: list[tuple[float, float, float, float, float]] = []
        for network in networks(setup, recipe, learned, held, options.seeds):
            start = time.perf_counter()
            logits = network.fitted.logits([report.text for report in tested])
            rate = len(tested) / (time.perf_counter() - start)
            answers = network.decide(logits, tested)[1]
            counts = counts_of(tested, answers, truth)
            of_new = counts_of([tested[i] for i in fresh], [answers[i] for i in fresh], truth)
            stacked = network.weigh_rules(held_rules, setup.aim).decide(logits, rules, tested)[1]
            of_stack = f1(counts_of(tested, stacked, truth))
            rows.append((f1(counts), f1(of_new), of_stack, network.seconds, rate))
            if not len(rows) - 1 and (best is None or f1(counts) > best[0]):
                best = (f1(counts), name, counts)
        columns_of = [trained.over_seeds(values) for values in list(zip(*rows, strict=True))[:3]]
        seconds, rates = (sum(values) / len(rows) for values in list(zip(*rows, strict=True))[3:])
        cost = f"{network.parameters:>11,}{seconds:>9.0f}{rates:>9,.0f}"
        tell(f"{name:12}{'  '.join(map(shown, columns_of))}  {cost}")
    if best:
        tell(f"\nThe best network of seed 0, {best[1]}:")
        show(best[2])


def show_rules(labeler: Any, tested: Sequence[Report], truth: Truth, fresh: Sequence[int]) -> None:
    """The rules, by two policies; see `openi_chest_xray.py`."""
    results = [labeler(report.text) for report in tested]
    for name, decide in (("coded", coded), ("present alone", negative)):
        scores = []
        for rows in (range(len(tested)), fresh):
            counts = {title: Counts() for title in FINDINGS}
            for i in rows:
                for title, (questions, _) in FINDINGS.items():
                    counts[title].add(
                        any(decide(results[i], q) for q in questions), truth[tested[i].id][title]
                    )
            scores.append(f1(counts))
        tell(f"rules, uncertain taken as {name}: micro F1 {scores[0]:.4f}, of new texts {scores[1]:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", type=Path, help="NLMCXR_reports.tgz, as published")
    parser.add_argument("gold", type=Path, help="openi_gld_std14.csv")
    parser.add_argument("testset", type=Path, help="openi-testset.txt, NegBio's test list")
    parser.add_argument("--architectures", default="linear,cnn,rnn,attention", help="with commas between")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--vectors", help="folder of word vectors; else skip-gram is trained on the dev reports"
    )
    parser.add_argument("--encoder", type=Path, help="folder of an encoder, for the architecture transformer")
    parser.add_argument("--tune", action="store_true", help="compare settings on the dev reports, and end")
    parser.add_argument("--only", default="", help="with --tune: settings whose name holds this")
    parser.add_argument("--folds", type=int, default=3, help="with --tune")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one epoch, one seed: does it run?")
    options = parser.parse_args()
    options.architectures = options.architectures.split(",")
    options.seeds = 1 if options.quick else options.seeds
    trained.one_thread(options.threads)
    gold, truth = answers_of(options.gold), read_gold(options.gold)
    listed = frozenset(options.testset.read_text(encoding="utf-8").split()) & gold.keys()
    dev = data_of(options.archive, gold, frozenset(gold.keys() - listed))
    with tempfile.TemporaryDirectory() as folder:
        vectors = vectors_of(options, dev, Path(folder))
        if options.tune:
            tune(options, dev, truth, vectors)
        else:
            test(options, dev, list(chosen(options.archive, listed)), truth, vectors)


if __name__ == "__main__":
    main()
