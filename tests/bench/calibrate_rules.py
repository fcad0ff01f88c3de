"""Fit `reportnlp/rules/probability.toml`: how often an answer is right, by answer and by the reason for it.

    python tests/bench/calibrate_rules.py [--write]

Counts come from the set `calibration` of the written corpora (`corpora/*/`): reports whose texts nobody
looked at while the rules were written. A rate is smoothed with a few counts at the answer's own overall
rate, and never leaves [0.5, 0.99]. The sets `dev` (on which the rules were corrected, so that it flatters)
and `test` are not read.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reportnlp.findings import load_panel
from reportnlp.rules.engine import RuleEngine
from reportnlp.rules.labels import probabilities
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED

ROOT = Path(__file__).parents[2]
PANELS = {"ctpa_rules": "pe", "head_ct_rules": "head_ct", "chest_ct": "chest_ct"}
Counts = Counter[tuple[str, str, bool]]
SMOOTHING = 4.0
LOWEST, HIGHEST = 0.5, 0.99


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written(name: str, panel: str) -> Iterator[tuple[str, str, bool]]:
    """Outcomes on a written corpus's calibration set, attributes included."""
    folder = ROOT / "corpora" / name
    gold = {row["report_id"]: row for row in rows(folder / "gold.csv")}
    engine = RuleEngine(load_panel(panel))
    for line in (folder / "reports.jsonl").read_text("utf-8").splitlines():
        report = json.loads(line)
        if report["set"] != "calibration":
            continue
        answers = gold[report["report_id"]]
        for finding, verdict in engine.verdicts(report["text"]).items():
            yield verdict.answer.value, verdict.basis.value, verdict.answer.value == answers[finding]
        for label in engine.label(report["text"]):
            asked = answers.get(label.question, NOT_APPLICABLE)
            if "." in label.question and NOT_APPLICABLE not in (asked, label.answer):
                stated = "unspecified" if label.answer == UNSPECIFIED else "stated"
                yield "attribute", stated, label.answer == asked


def rate(counts: Counts, answer: str, basis: str) -> float:
    right = sum(n for (a, _, ok), n in counts.items() if a == answer and ok)
    overall = right / max(1, sum(n for (a, _, _), n in counts.items() if a == answer))
    hits, misses = counts[answer, basis, True], counts[answer, basis, False]
    smoothed = (hits + SMOOTHING * overall) / (hits + misses + SMOOTHING)
    return min(max(smoothed, LOWEST), HIGHEST)


def table(counts: Counts, known: dict[str, dict[str, float]]) -> str:
    lines = [
        "# How often an answer of the rules is right, by the answer and by the reason for it.",
        "# Fitted by tests/bench/calibrate_rules.py, which says on what. n = outcomes counted.",
    ]
    for answer, bases in known.items():
        lines += ["", f"[{'attribute' if answer == 'attribute' else 'presence.' + answer}]"]
        for basis in bases:
            n = counts[answer, basis, True] + counts[answer, basis, False]
            lines.append(f"{basis} = {rate(counts, answer, basis):.3f}  # n = {n}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the table into the package")
    options = parser.parse_args()
    counts: Counts = Counter()
    for name, panel in PANELS.items():
        counts.update(written(name, panel))
    text = table(counts, probabilities())
    print(text)
    if options.write:
        (ROOT / "reportnlp" / "rules" / "probability.toml").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
