"""Fit `reportnlp/rules/probability.toml`: how often an answer is right, by answer and by the reason for it.

    python tests/bench/calibrate_rules.py NLMCXR_reports.tgz openi_gld_std14.csv openi-testset.txt [--write]

The development reports of the written corpora (`corpora/*/`, set `dev`) give counts for every answer; the
Open-I reports outside NegBio's test list add counts for `present`, `absent` and `not_mentioned`, whose gold
is the MeSH coding. A rate is smoothed with two counts at the answer's own overall rate, and never leaves
[0.5, 0.995]. Test sets are not read.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reportnlp.findings import load_panel
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.openi import read
from reportnlp.rules.engine import RuleEngine
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED, Presence, Report

ROOT = Path(__file__).parents[2]
PANELS = {"ctpa": "pe", "head_ct": "head_ct", "chest_ct": "chest_ct"}
OPENI = {
    "Atelectasis": "atelectasis",
    "Cardiomegaly": "cardiomegaly",
    "Effusion": "pleural_effusion",
    "Pneumonia": "pneumonia",
    "Pneumothorax": "pneumothorax",
    "Consolidation": "consolidation",
    "Edema": "pulmonary_edema",
    "Emphysema": "emphysema",
}
Counts = Counter[tuple[str, str, bool]]
SMOOTHING = 2.0
LOWEST, HIGHEST = 0.5, 0.995


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written(name: str, panel: str) -> Iterator[tuple[str, str, bool]]:
    """Outcomes on a written corpus's development set, attributes included."""
    folder = ROOT / "corpora" / name
    gold = {row["report_id"]: row for row in rows(folder / "gold.csv")}
    engine = RuleEngine(load_panel(panel))
    for line in (folder / "reports.jsonl").read_text("utf-8").splitlines():
        report = json.loads(line)
        if report["set"] != "dev":
            continue
        answers = gold[report["report_id"]]
        for finding, verdict in engine.verdicts(report["text"]).items():
            yield verdict.answer.value, verdict.basis.value, verdict.answer.value == answers[finding]
        for label in engine.label(report["text"]):
            asked = answers.get(label.question, NOT_APPLICABLE)
            if "." in label.question and NOT_APPLICABLE not in (asked, label.answer):
                stated = "unspecified" if label.answer == UNSPECIFIED else "stated"
                yield "attribute", stated, label.answer == asked


def openi(archive: Path, gold_csv: Path, test_list: Path) -> Iterator[tuple[str, str, bool]]:
    """Outcomes on Open-I's development reports; a doubt has no gold there."""
    tested = set(test_list.read_text("utf-8").split())
    gold = {row["filename"]: row for row in rows(gold_csv) if row["filename"] not in tested}
    engine = RuleEngine(load_panel("chest_xray"))
    for report in read(archive, ReadOptions()):
        if not isinstance(report, Report) or report.id not in gold:
            continue
        verdicts = engine.verdicts(report.text)
        for column, finding in OPENI.items():
            verdict = verdicts[finding]
            if verdict.answer is not Presence.UNCERTAIN:
                is_right = (verdict.answer is Presence.PRESENT) == (gold[report.id][column] == "1")
                yield verdict.answer.value, verdict.basis.value, is_right


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
    parser.add_argument("archive", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("test_list", type=Path)
    parser.add_argument("--write", action="store_true", help="write the table into the package")
    options = parser.parse_args()
    from reportnlp.rules.labels import probabilities

    counts: Counts = Counter(openi(options.archive, options.gold, options.test_list))
    for name, panel in PANELS.items():
        counts.update(written(name, panel))
    text = table(counts, probabilities())
    print(text)
    if options.write:
        (ROOT / "reportnlp" / "rules" / "probability.toml").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
