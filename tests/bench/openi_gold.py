"""What Open-I's coders gave, as gold for the chest_xray panel: is the map right, and how do the rules fare?

    python tests/bench/openi_gold.py NLMCXR_reports.tgz openi_gld_std14.csv openi-testset.txt [--sarle TRUTH]

First, on the reports that are not in NegBio's 771-report test list (`dev`): parts of MeSH terms that the
map does not know, and the presence of each finding beside NegBio's and SARLE's own tables. Then the rules
against the coders, on `dev` and on `test`: presence, and attributes where the finding is present. The map
was written on `dev`; the terms and texts of `test` are not for reading.

A finding that the coders are silent about counts as absent, as in the field's tables; but silence is no
denial: precision says how often rules and coders differ, not how often the rules are wrong. `unspecified`
is silence too: attributes are scored a second time where a qualifier was given.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from rich.console import Console

from reportnlp import evaluate, load
from reportnlp.evaluation import tables
from reportnlp.evaluation.record import About, Evaluation
from reportnlp.findings import load_panel
from reportnlp.formats.blocks import ReadOptions
from reportnlp.formats.openi import read, read_terms
from reportnlp.golds import negbio, openi_mesh, sarle
from reportnlp.golds.blocks import GoldAnswers, GoldRow, filled
from reportnlp.types import UNSPECIFIED, BadRow, Presence, Report

Answers = dict[str, Mapping[str, str]]
Read = Callable[[Path], Iterator[GoldRow]]


def coded(reader: Read, source: Path) -> Answers:
    """Report id to what the coders gave."""
    return {row.report_id: row.answers for row in reader(source) if isinstance(row, GoldAnswers)}


def show_left_over(archive: Path, test: frozenset[str]) -> None:
    """How many parts of terms the map does not know; of the test reports the number alone."""
    known = {True: 0, False: 0}
    strange = {True: 0, False: 0}
    for item in read_terms(archive):
        if not isinstance(item, BadRow):
            parts = [part for term in item.terms for part in openi_mesh.left_over(term)]
            known[item.report_id in test] += len(item.terms)
            strange[item.report_id in test] += len(parts)
    print(f"dev: {known[False]} terms, {strange[False]} headings or qualifiers left over")
    print(f"test: {known[True]} terms, {strange[True]} headings or qualifiers left over\n")


def show_agreement(mesh: Answers, other: Answers, name: str, findings: Iterable[str]) -> None:
    """Presence of each finding in both, over the reports that both have."""
    ids = mesh.keys() & other.keys()
    print(f"Presence beside {name}'s table, dev: {len(ids)} reports")
    print(f"{'finding':<22}{'mesh':>7}{name:>8}{'both':>7}{'mesh only':>11}{f'{name} only':>13}")
    for finding in findings:
        ours, theirs = (
            {i for i in ids if rows[i].get(finding) == Presence.PRESENT} for rows in (mesh, other)
        )
        both = len(ours & theirs)
        counts = f"{len(ours):>7}{len(theirs):>8}{both:>7}{len(ours) - both:>11}{len(theirs) - both:>13}"
        print(f"{finding:<22}{counts}")
    print()


def gold_of(mesh: Answers) -> Answers:
    """Every question answered: absent where the coders are silent."""
    panel = load_panel(openi_mesh.PANEL)
    asked = openi_mesh.asked()
    return {i: filled(panel, GoldAnswers(i, row), asked, "absent") for i, row in mesh.items()}


def said(gold: Answers) -> Answers:
    """The attributes for which a qualifier was given."""
    return {
        i: {q: "" if answer == UNSPECIFIED else answer for q, answer in row.items()}
        for i, row in gold.items()
    }


def labelled(archive: Path) -> Answers:
    """What the rules answer, on the whole of each report."""
    labeler = load(openi_mesh.PANEL)
    reports = (row for row in read(archive, ReadOptions()) if isinstance(row, Report))
    return {
        report.id: {label.question: label.answer for label in labeler.label(report)} for report in reports
    }


def show_scores(split: str, given: Answers, gold: Answers) -> None:
    """Presence and attributes as coded, then the attributes with a qualifier."""
    console = Console(width=110)
    print(f"The rules against the coders, {split}")
    whole = Evaluation(About(), evaluate(given, gold, seed=0))
    for table in tables.screen(whole):
        console.print(table, "")
    for note in tables.notes(whole):
        print(note)
    print(f"\nThe same, {split}: attributes for which a qualifier was given")
    *_, attributes = tables.screen(Evaluation(About(), evaluate(given, said(gold), seed=0)))
    console.print(attributes, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("archive", type=Path, help="NLMCXR_reports.tgz, as published")
    parser.add_argument("gold", type=Path, help="openi_gld_std14.csv")
    parser.add_argument("testset", type=Path, help="openi-testset.txt, NegBio's test list")
    parser.add_argument("--sarle", type=Path, help="openi_test_set_ground_truth.csv")
    options = parser.parse_args()
    test = frozenset(options.testset.read_text(encoding="utf-8").split())
    mesh = coded(openi_mesh.read, options.archive)
    show_left_over(options.archive, test)
    dev = {i: row for i, row in mesh.items() if i not in test}
    show_agreement(dev, coded(negbio.read, options.gold), "NegBio", (*negbio.asked(), "hiatal_hernia"))
    if options.sarle:
        show_agreement(dev, coded(sarle.read, options.sarle), "SARLE", sarle.asked())
    given, gold = labelled(options.archive), gold_of(mesh)
    for split, wanted in (("dev", gold.keys() - test), ("test", gold.keys() & test)):
        chosen = [i for i in gold if i in wanted]
        show_scores(split, {i: given[i] for i in chosen if i in given}, {i: gold[i] for i in chosen})


if __name__ == "__main__":
    main()
