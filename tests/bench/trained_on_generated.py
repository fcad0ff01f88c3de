"""Does a model that has read only generated reports read written ones?

    python tests/bench/trained_on_generated.py [--count 10000]

A bag of words, pairs and triples (tf-idf) with a penalised logistic regression per finding (Zech et al. 2018)
learns `present` from generated reports, from the written reports of `corpora/*_rules`, and from the other
sites of the written corpus itself (each site scored by a model of the other three). Scored is the F1 of
`present`, pooled over the findings, on the written corpora. The rules stand beside them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from reportnlp.corpora import Corpus, read_corpus
from reportnlp.generators import Generator
from reportnlp.labeler import load

ROOT = Path(__file__).parents[2] / "corpora"
PANELS = {"ctpa": ("pe", "ctpa_rules"), "head_ct": ("head_ct", "head_ct_rules")}
SEED = 0
Answers = Sequence[Mapping[str, str]]
Marks = npt.NDArray[np.bool_]


def marks(answers: Answers, findings: Sequence[str]) -> Marks:
    """(reports, findings) whether each is present."""
    return np.array([[row[finding] == "present" for finding in findings] for row in answers])


def predicted(texts: list[str], present: Marks, unseen: list[str]) -> Marks:
    """(reports, findings) by a model per finding; one that is never or always present is predicted so."""
    columns = [_column(texts, present[:, at], unseen) for at in range(present.shape[1])]
    return np.stack(columns, axis=1)


def _column(texts: list[str], present: npt.NDArray[np.bool_], unseen: list[str]) -> npt.NDArray[np.bool_]:
    if present.all() or not present.any():
        return np.full(len(unseen), present.all())
    words = TfidfVectorizer(ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    model: Any = make_pipeline(words, LogisticRegression(C=30, max_iter=2000, class_weight="balanced"))
    model.fit(texts, present)
    return np.asarray(model.predict(unseen), dtype=bool)


def f1(given: Marks, gold: Marks) -> float:
    return float(2 * (given & gold).sum() / max(1, given.sum() + gold.sum()))


def by_other_sites(corpus: Corpus, texts: list[str], gold: Marks) -> Marks:
    """Each site's reports as a model of the other sites reads them."""
    sites = np.array([row["site"] for row in corpus.rows])
    given = np.zeros_like(gold)
    for site in np.unique(sites):
        here = sites == site
        known = [text for text, out in zip(texts, here, strict=True) if not out]
        unseen = [text for text, out in zip(texts, here, strict=True) if out]
        given[here] = predicted(known, gold[~here], unseen)
    return given


def show(name: str, panel: str, rules: str, count: int) -> None:
    corpus = read_corpus(ROOT / name)
    texts = [str(row["text"]) for row in corpus.rows]
    answers = [corpus.gold[row["report_id"]] for row in corpus.rows]
    labeler = load(panel)
    findings = [finding.name for finding in labeler.panel.findings]
    gold = marks(answers, findings)
    generator = Generator(panel, seed=SEED)
    made = [generator.write(number) for number in range(count)]
    learned = predicted(
        [written.report.text for written in made], marks([w.answers for w in made], findings), texts
    )
    older = read_corpus(ROOT / rules)
    old = marks([older.gold[row["report_id"]] for row in older.rows], findings)
    from_older = predicted([str(row["text"]) for row in older.rows], old, texts)
    own = [labeler(text).answers for text in texts]
    print(f"\n{name}: {len(texts)} written reports, presence micro F1")
    print(f"  learned from {count:,} generated reports        {f1(learned, gold):.3f}")
    print(f"  learned from {len(older.rows)} written reports of {rules:14} {f1(from_older, gold):.3f}")
    print(
        f"  learned from the corpus's other three sites   {f1(by_other_sites(corpus, texts, gold), gold):.3f}"
    )
    print(f"  the rules                                     {f1(marks(own, findings), gold):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    count = parser.parse_args().count
    for name, (panel, rules) in PANELS.items():
        show(name, panel, rules, count)


if __name__ == "__main__":
    main()
