"""Can a classifier tell generated reports from written ones, and how fast are they generated?

    python tests/bench/generated_reports.py --panel pe --against corpora/ctpa/reports.jsonl [--words 30]
    python tests/bench/generated_reports.py --written OTHER.jsonl --against corpora/ctpa/reports.jsonl

The two-sample test of Lopez-Paz and Oquab (2017): a logistic regression over tf-idf of words and word pairs
learns, in five folds, which reports are generated; its area under the ROC curve on the held-out folds is 0.5
where it cannot tell and 1 where it always can. As many reports are generated as there are written ones.
`--written` puts other written reports in the place of generated ones: how well written sets are told from one
another.

Then 20,000 reports are generated: how fast; how many different evidences each answer of the panel's first
finding was shown by; and how many sentences of six words or more they share with the written ones. `--words`
shows what gives the generator away; use it only against reports that may be read. `--write-apart` writes the
digests of the written sentences that no generator may say, and does no more.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from reportnlp.formats.loader import read_reports
from reportnlp.generators import Generator, Written, _apart
from reportnlp.generators._apart import SHORTEST, sentences
from reportnlp.types import Report

RATED = 20_000
SEED = 0


def two_samples(written: list[str], generated: list[str]) -> tuple[float, float, list[str]]:
    """AUC and its standard error (Hanley and McNeil 1982), and the tell-tale words, strongest first."""
    texts = np.array(written + generated, dtype=object)
    labels = np.array([0] * len(written) + [1] * len(generated))
    pattern = r"(?u)\w+|[^\w\s]|\n"
    words = TfidfVectorizer(token_pattern=pattern, ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    chances = cross_val_predict(model, texts, labels, cv=folds, method="predict_proba")[:, 1]
    auc = float(roc_auc_score(labels, chances))
    model.fit(texts, labels)
    weights = model[-1].coef_[0]
    names = model[0].get_feature_names_out()
    return auc, _error(auc, len(written), len(generated)), [names[i] for i in np.argsort(weights)[::-1]]


def _error(auc: float, first: int, second: int) -> float:
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (first - 1) * (q1 - auc**2) + (second - 1) * (q2 - auc**2)
    return float(np.sqrt(spread / (first * second)))


def texts_of(paths: Iterable[Path], only: str = "") -> list[str]:
    rows = read_reports([str(path) for path in paths])
    return [row.text for row in rows if isinstance(row, Report) and only in row.id]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--panel", default="pe")
    parser.add_argument("--against", type=Path, nargs="+", required=True)
    parser.add_argument("--only", default="", help="reports of --against whose id has this in it")
    parser.add_argument("--written", type=Path, help="written reports in the place of generated ones")
    parser.add_argument("--words", type=int, default=0)
    parser.add_argument("--write-apart", action="store_true", help="write the written sentences' digests")
    options = parser.parse_args()
    written = texts_of(options.against, options.only)
    if options.write_apart:
        print(f"{_apart.write(written):,} sentences")
        return
    if options.written:
        others = texts_of([options.written])[: len(written)]
        auc, error, _ = two_samples(written, others)
        print(f"{len(written)} against {len(others)} written: AUC {auc:.3f} +/- {error:.3f}")
        return
    generator = Generator(options.panel, seed=SEED)
    generated = [generator.write(number).report.text for number in range(len(written))]
    auc, error, words = two_samples(written, generated)
    print(
        f"{options.panel}: {len(written)} written, {len(generated)} generated: AUC {auc:.3f} +/- {error:.3f}"
    )
    lengths = [np.percentile([len(t.split()) for t in texts], (10, 50, 90)) for texts in (written, generated)]
    print(f"words a report, 10th, 50th and 90th percentile: written {lengths[0]}, generated {lengths[1]}")
    if options.words:
        print("generated:", [repr(word) for word in words[: options.words]])
        print("written:", [repr(word) for word in words[: -options.words : -1]])
    start = perf_counter()
    many = [generator.write(number) for number in range(RATED)]
    print(f"one process: {RATED / (perf_counter() - start):,.0f} reports a second")
    show_realisations(many, generator.panel.findings[0].name)
    said = {sentence for report in many for sentence in sentences(report.report.text)}
    shared = said.intersection(*[[sentence for text in written for sentence in sentences(text)]])
    print(f"sentences of {SHORTEST} words or more that both have: {len(shared)} of {len(said):,}")


def show_realisations(many: Iterable[Written], finding: str) -> None:
    """Different words that showed each answer, of how many reports."""
    shown: dict[str, list[str]] = defaultdict(list)
    for report in many:
        if finding in report.evidence:
            start, end = report.evidence[finding]
            shown[report.answers[finding]].append(" ".join(report.report.text[start:end].lower().split()))
    for answer, words in shown.items():
        print(f"{finding} {answer}: {len(set(words)):,} different evidences in {len(words):,} reports")


if __name__ == "__main__":
    main()
