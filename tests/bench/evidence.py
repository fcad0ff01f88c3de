"""Do the words that a method shows for its answer meet the words that the gold evidence marks?

    python tests/bench/evidence.py --corpus corpora/ctpa --method rules
    python tests/bench/evidence.py --generated pe --method MODEL_DIR

Scored are answers about presence that are right and for which gold marks words: how many of the shown spans
touch the marked one, and the mean share of marked characters that are shown (recall) and of shown
characters that are marked (precision). Generated reports, whose evidence is known, are what the two numbers
at the top of `reportnlp/classifiers/_evidence.py` were chosen on; of written corpora only these figures are
read.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reportnlp.corpora import read_corpus
from reportnlp.generators import Generator
from reportnlp.labeler import Labeler, load
from reportnlp.types import Report, Span


class Marked(NamedTuple):
    report: Report
    answers: Mapping[str, str]
    evidence: Mapping[str, Span]


def of_corpus(folder: Path) -> Iterator[Marked]:
    corpus = read_corpus(folder)
    spans: dict[str, dict[str, Span]] = {}
    with (folder / "evidence.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            own = spans.setdefault(row["report_id"], {})
            own.setdefault(row["finding"], Span(int(row["start"]), int(row["end"])))
    for report in corpus.rows:
        identity = str(report["report_id"])
        yield Marked(Report(identity, str(report["text"])), corpus.gold[identity], spans.get(identity, {}))


def of_generator(panel: str, count: int, seed: int) -> Iterator[Marked]:
    generator = Generator(panel, seed=seed)
    for number in range(count):
        written = generator.write(number)
        yield Marked(written.report, written.answers, written.evidence)


def score(labeler: Labeler, marked: list[Marked]) -> dict[str, float]:
    touched: list[bool] = []
    recall: list[float] = []
    precision: list[float] = []
    for one, labels in zip(marked, labeler.label_batch([m.report for m in marked]), strict=True):
        for label in labels:
            gold = one.evidence.get(label.question)
            if gold is None or label.answer != one.answers.get(label.question):
                continue
            shown = label.evidence or Span(0, 0)
            shared = max(0, min(gold.end, shown.end) - max(gold.start, shown.start))
            touched.append(shared > 0)
            recall.append(shared / (gold.end - gold.start))
            precision.append(shared / max(1, shown.end - shown.start))
    return {
        "spans": len(touched),
        "touched": float(np.mean(touched)),
        "recall": float(np.mean(recall)),
        "precision": float(np.mean(precision)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--generated", metavar="PANEL")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--method", default="rules")
    given = parser.parse_args()
    if given.generated:
        marked, panel = list(of_generator(given.generated, given.count, given.seed)), given.generated
    else:
        marked, panel = list(of_corpus(given.corpus)), read_corpus(given.corpus).card.panel
    figures = score(load(panel, method=given.method), marked)
    print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
