"""Presence on Open-I: the chest_xray panel against the MeSH gold of NegBio's study (Peng et al. 2018).

    python tests/bench/openi_chest_xray.py NLMCXR_reports.tgz openi_gld_std14.csv openi-testset.txt

The phrases were written on `--split dev`, the gold reports that are not in NegBio's 771-report test list;
the score on `test` was looked at a few times, and its texts are not for reading. Only findings and
impression are labelled.

The gold says which MeSH terms an annotator gave, not what a radiologist would answer. Three habits of theirs,
all counted on dev, are met here and not in the finding files, because they are no good medicine
(`--uncertain coded`, the default; `positive` and `negative` take every doubt one way and nothing else):

- an uncertain finding is seldom coded (21 of 233), but for two words: "versus" (25 of 40) and a
  "borderline" heart size (9 of 14);
- bullae have a term of their own, and are not coded as emphysema (0 of 7);
- a hydropneumothorax has one too, and is not coded as pneumothorax (0 of 2).
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reportnlp import load
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.openi import read
from reportnlp.labeler import Labeler, Result
from reportnlp.types import Presence, Report

FINDINGS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Atelectasis": (("atelectasis",), ("Atelectasis",)),
    "Cardiomegaly": (("cardiomegaly",), ("Cardiomegaly",)),
    "Effusion": (("pleural_effusion",), ("Effusion",)),
    "Pneumonia": (("pneumonia",), ("Pneumonia",)),
    "Pneumothorax": (("pneumothorax",), ("Pneumothorax",)),
    "Consolidation": (("consolidation",), ("Consolidation",)),
    "Edema": (("pulmonary_edema",), ("Edema",)),
    "Emphysema": (("emphysema",), ("Emphysema",)),
    "Nodule-or-Mass": (("nodule", "mass"), ("Nodule", "Mass")),
}
"""What is scored: the panel's questions, then the gold's columns; any of them makes it positive."""

_READ = ("FINDINGS:", "IMPRESSION:")
_CODED_DOUBT = re.compile(r"\b(?:versus|vs|borderline)\b", re.IGNORECASE)
_OWN_TERM = {
    "emphysema": re.compile(r"\Abull", re.IGNORECASE),
    "pneumothorax": re.compile(r"\Ahydro", re.IGNORECASE),
}


@dataclass(slots=True)
class Counts:
    """Hits and misses of one finding."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def add(self, got: bool, wanted: bool) -> None:
        self.tp += got and wanted
        self.fp += got and not wanted
        self.fn += wanted and not got

    @property
    def scores(self) -> tuple[float, float, float]:
        """Precision, recall, F1; 0 where nothing was found or there was nothing to find."""
        found, there = self.tp + self.fp, self.tp + self.fn
        return (
            self.tp / found if found else 0.0,
            self.tp / there if there else 0.0,
            2 * self.tp / (found + there) if found + there else 0.0,
        )


def coded(result: Result, question: str) -> bool:
    """Whether Open-I's annotators would have coded the finding; see the module's docstring."""
    label = result[question]
    shown = result.text[slice(*label.evidence)] if label.evidence else ""
    if label.answer == Presence.PRESENT:
        own_term = _OWN_TERM.get(question)
        return own_term is None or own_term.match(shown) is None
    return label.answer == Presence.UNCERTAIN and _CODED_DOUBT.search(shown) is not None


def positive(result: Result, question: str) -> bool:
    return result[question].answer in (Presence.PRESENT, Presence.UNCERTAIN)


def negative(result: Result, question: str) -> bool:
    return result[question].answer == Presence.PRESENT


POLICIES: Mapping[str, Callable[[Result, str], bool]] = {
    "coded": coded,
    "negative": negative,
    "positive": positive,
}


def read_gold(path: Path) -> dict[str, dict[str, bool]]:
    """Report id to the findings that are positive."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return {
            row["filename"]: {
                name: any(row[c] == "1" for c in columns) for name, (_, columns) in FINDINGS.items()
            }
            for row in csv.DictReader(stream)
        }


def chosen(archive: Path, wanted: frozenset[str]) -> Iterator[Report]:
    """The reports of a split, cut down to findings and impression."""
    for row in read(archive, ReadOptions()):
        if isinstance(row, Report) and row.id in wanted:
            parts = [part for part in row.text.split("\n\n") if part.startswith(_READ)]
            yield Report(row.id, "\n\n".join(parts))


def score(
    labeler: Labeler, archive: Path, gold: Mapping[str, Mapping[str, bool]], split: frozenset[str]
) -> dict[str, dict[str, Counts]]:
    """Counts by policy and finding."""
    counts = {policy: {name: Counts() for name in FINDINGS} for policy in POLICIES}
    for report in chosen(archive, split):
        result = labeler(report.text)
        for policy, decide in POLICIES.items():
            for name, (questions, _) in FINDINGS.items():
                counts[policy][name].add(any(decide(result, q) for q in questions), gold[report.id][name])
    return counts


def micro(counts: Mapping[str, Counts]) -> Counts:
    rows = counts.values()
    return Counts(sum(c.tp for c in rows), sum(c.fp for c in rows), sum(c.fn for c in rows))


def show(counts: Mapping[str, Counts]) -> None:
    print(f"{'finding':<16}{'tp':>6}{'fp':>6}{'fn':>6}{'precision':>11}{'recall':>9}{'F1':>8}")
    for name, row in {**counts, "micro": micro(counts)}.items():
        precision, recall, f1 = row.scores
        print(f"{name:<16}{row.tp:>6}{row.fp:>6}{row.fn:>6}{precision:>11.3f}{recall:>9.3f}{f1:>8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("archive", type=Path, help="NLMCXR_reports.tgz, as published")
    parser.add_argument("gold", type=Path, help="openi_gld_std14.csv")
    parser.add_argument("testset", type=Path, help="openi-testset.txt, NegBio's test list")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--uncertain", choices=tuple(POLICIES), default="coded", help="what doubt counts as")
    options = parser.parse_args()
    gold = read_gold(options.gold)
    test = frozenset(options.testset.read_text(encoding="utf-8").split()) & gold.keys()
    split = test if options.split == "test" else frozenset(gold.keys() - test)
    counts = score(load("chest_xray"), options.archive, gold, split)
    print(f"Open-I {options.split}: {len(split)} reports, uncertain taken as {options.uncertain}")
    show(counts[options.uncertain])
    for policy in POLICIES:
        print(f"micro F1, uncertain taken as {policy}: {micro(counts[policy]).scores[2]:.4f}")


if __name__ == "__main__":
    main()
