"""Score a method on the written corpora, by set, site or voice, and how far its probabilities can be trusted.

    python tests/bench/written_corpora.py [CORPUS ...] [--by set|site|voice|none] [--only NAME ...]

Prints, for each corpus and each of its parts, presence precision, recall and F1 per finding and over the
panel (`uncertain` counts as not present), accuracy of the attributes where gold says the finding is present
(a missed finding is a wrong answer), and the expected calibration error of the presence answers (Naeini et
al. 2015; ten bins of equal width). `--only` keeps the parts named and joins them.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from reportnlp.corpora import Corpus, read_corpus
from reportnlp.labeler import Labeler, load
from reportnlp.types import NOT_APPLICABLE, Label, Presence, Report

ROOT = Path(__file__).parents[2] / "corpora"
CORPORA = ("ctpa", "head_ct")
BINS = 10
Answered = list[tuple[Label, str]]


def answered_by_part(corpus: Corpus, labeler: Labeler, by: str) -> Mapping[str, Answered]:
    """Part of the corpus to each label with its gold answer; a question without gold is left out."""
    parts: dict[str, Answered] = defaultdict(list)
    for row in corpus.rows:
        gold = corpus.gold[row["report_id"]]
        for label in labeler.label(Report(row["report_id"], row["text"])):
            if label.question in gold:
                parts[row.get(by, "all")].append((label, gold[label.question]))
    return parts


def presence_line(title: str, answered: Answered) -> str:
    """Precision, recall and F1 of `present`."""
    counts = Counter((label.answer == Presence.PRESENT, gold == Presence.PRESENT) for label, gold in answered)
    tp, fp, fn = counts[True, True], counts[True, False], counts[False, True]
    precision, recall = tp / max(1, tp + fp), tp / max(1, tp + fn)
    f1 = 2 * tp / max(1, 2 * tp + fp + fn)
    return f"{title:42}{tp:5}{fp:5}{fn:5}{precision:11.3f}{recall:9.3f}{f1:8.3f}"


def attribute_line(title: str, answered: Answered) -> str:
    """Accuracy where gold has an answer; a finding that was missed counts as wrong."""
    asked = [(label.answer, gold) for label, gold in answered if gold != NOT_APPLICABLE]
    right = sum(given == gold for given, gold in asked)
    return f"{title:42}{'accuracy':>15}{right / max(1, len(asked)):11.3f}   n = {len(asked)}"


def calibration_error(answered: Sequence[tuple[Label, str]]) -> float:
    """Mean distance between probability and accuracy over the bins, weighted by their sizes."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for label, gold in answered:
        number = min(BINS - 1, int(label.probability * BINS))
        bins.setdefault(number, []).append((label.probability, label.answer == gold))
    gaps = (abs(sum(p for p, _ in b) - sum(ok for _, ok in b)) for b in bins.values())
    return sum(gaps) / max(1, len(answered))


def show(title: str, labeler: Labeler, answered: Answered) -> None:
    reports = len(answered) // max(1, len({label.question for label, _ in answered}))
    print(f"\n{title}: {reports} reports, model {labeler.model}")
    print(f"{'question':42}{'tp':>5}{'fp':>5}{'fn':>5}{'precision':>11}{'recall':>9}{'F1':>8}")
    for question in labeler.questions:
        mine = [(label, gold) for label, gold in answered if label.question == question.name]
        if mine:
            line = presence_line if question.attribute is None else attribute_line
            print(line(question.name, mine))
    presence = [(label, gold) for label, gold in answered if "." not in label.question]
    print(presence_line("micro, presence", presence))
    print(f"{'expected calibration error, presence':42}{calibration_error(presence):31.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="*", default=CORPORA, help="names of corpora")
    parser.add_argument("--by", choices=("set", "site", "voice", "none"), default="none")
    parser.add_argument("--only", nargs="*", default=[], help="parts to keep, joined")
    parser.add_argument("--method", default="rules")
    options = parser.parse_args()
    for name in options.corpora:
        corpus = read_corpus(ROOT / name)
        labeler = load(corpus.card.panel, method=options.method)
        parts = answered_by_part(corpus, labeler, options.by)
        if options.only:
            kept = [pair for part in options.only for pair in parts.get(part, [])]
            show(f"{name}, {' and '.join(options.only)}", labeler, kept)
            continue
        for part, answered in sorted(parts.items()):
            show(f"{name}, {part}", labeler, answered)


if __name__ == "__main__":
    main()
