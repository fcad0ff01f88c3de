"""Score the rules on the written corpora, and how far their probabilities can be trusted.

    python tests/bench/written_corpora.py [--set dev|calibration|test|held_out]

`held_out` is `calibration` and `test` together: presence may be scored on both, probabilities only on
`test`.

Prints, for each corpus of `corpora/`, presence precision, recall and F1 per finding and over the panel
(`uncertain` counts as not present), accuracy of the attributes where gold says the finding is present, and
the expected calibration error of the presence answers (Naeini et al. 2015; ten bins of equal width).
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from reportnlp.labeler import Labeler, load
from reportnlp.types import Label, Presence, Report

ROOT = Path(__file__).parents[2]
PANELS = {"ctpa": "pe", "head_ct": "head_ct", "chest_ct": "chest_ct"}
BINS = 10
HELD_OUT = "held_out"
Answered = list[tuple[Label, str]]


def answers(name: str, labeler: Labeler, part: str) -> Iterator[tuple[Label, str]]:
    """Each label of one part of a corpus with its gold answer; a question without gold is left out."""
    folder = ROOT / "corpora" / name
    with (folder / "gold.csv").open(encoding="utf-8", newline="") as file:
        gold = {row["report_id"]: row for row in csv.DictReader(file)}
    for line in (folder / "reports.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["set"] == part or (part == HELD_OUT and row["set"] != "dev"):
            for label in labeler.label(Report(row["report_id"], row["text"])):
                if label.question in gold[row["report_id"]]:
                    yield label, gold[row["report_id"]][label.question]


def presence_line(title: str, answered: Answered) -> str:
    """Precision, recall and F1 of `present`."""
    counts = Counter((label.answer == Presence.PRESENT, gold == Presence.PRESENT) for label, gold in answered)
    tp, fp, fn = counts[True, True], counts[True, False], counts[False, True]
    precision, recall = tp / max(1, tp + fp), tp / max(1, tp + fn)
    f1 = 2 * tp / max(1, 2 * tp + fp + fn)
    return f"{title:42}{tp:5}{fp:5}{fn:5}{precision:11.3f}{recall:9.3f}{f1:8.3f}"


def attribute_line(title: str, answered: Answered) -> str:
    """Accuracy where gold has an answer; a finding that was missed counts as wrong."""
    asked = [(label.answer, gold) for label, gold in answered if gold != "not_applicable"]
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


def score(name: str, panel: str, part: str) -> None:
    labeler = load(panel)
    answered = list(answers(name, labeler, part))
    reports = len(answered) // max(1, len({label.question for label, _ in answered}))
    print(f"\n{name}, {part}: {reports} reports, model {labeler.model}")
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
    parser.add_argument("--set", choices=["dev", "calibration", "test", HELD_OUT], default="test")
    part = parser.parse_args().set
    for name, panel in PANELS.items():
        score(name, panel, part)


if __name__ == "__main__":
    main()
