"""How good is what the package ships on a site that it did not learn from?

    python tests/bench/site_kept_out.py DATA --panel pe [--vectors DIR]

Networks are trained as `shipped_models.py` trains them, in the same folds: a report is read by a
network that learned from no report of its site. The weight of the rules and the calibration of each
site are then fitted on all the other sites. Shown are, for the corpus that no setting was chosen on
(`corpora/ctpa`, `corpora/head_ct`) and then for the one written to train on, the rules, the network and
both together, with 95 % bootstrap intervals over reports, and both together by site.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script sees its own folder alone

from reportnlp import terminal
from reportnlp.classifiers._decide import Decider, stacked, unspoken
from reportnlp.classifiers._folder import Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.corpora import Corpus, read_corpus
from reportnlp.evaluation.calibration import expected_calibration_error
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.scores import Scores
from reportnlp.findings import Panel, load_panel
from reportnlp.jobs import _train_data
from reportnlp.jobs._train_data import LabelledReports
from reportnlp.jobs._train_decide import Aim, answers_of, decisions, stack
from reportnlp.jobs._train_learn import Learning, out_of_fold, rules
from reportnlp.types import Posteriors
from tests.bench.shipped_models import (
    CORPORA,
    WRITTEN,
    further,
    recipe,
    source,
    vectors,
)

Answers = dict[str, dict[str, str]]


def crossed(
    panel: Panel, data: LabelledReports, logits: Floats, said: list[dict[str, str]] | None
) -> tuple[Answers, list[Posteriors]]:
    """Answers of each site by weights and temperatures of the other sites."""
    columns = Columns(panel.questions)
    sites = np.array([str(report.site) for report in data.reports])
    answers: Answers = {}
    found: list[Posteriors] = []
    for site in np.unique(sites):
        here, there = np.flatnonzero(sites == site).tolist(), np.flatnonzero(sites != site).tolist()
        others = data.taken(there)
        learned, seen = logits[there], logits[here]
        if said is not None:
            weights: dict[str, Stack] = stack(
                columns, learned, [said[i] for i in there], others.targets, others.weights
            )
            learned = stacked(columns, learned, [said[i] for i in there], weights)
            seen = stacked(columns, seen, [said[i] for i in here], weights)
        decided = decisions(columns, learned, others.targets, others.weights, Aim())
        decider = Decider(columns, panel, decided)
        posteriors = decider.posteriors(seen, [data.reports[i].id for i in here])
        if said is not None:
            posteriors = unspoken(posteriors, [said[i] for i in here])
        answers |= answers_of(decider, posteriors)
        found.append(posteriors)
    return answers, found


def line(name: str, scores: Scores) -> str:
    if scores.panel is None:
        return name
    shown = [f"{name:24}"]
    for figure in (scores.panel.precision, scores.panel.recall, scores.panel.micro_f1):
        shown.append(f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})")
    shown += [f"{one.question.split('.')[1]} {one.accuracy.value:.3f}" for one in scores.attributes if one.n]
    return "  ".join(shown)


def calibration(posteriors: list[Posteriors], answers: Answers, gold: Answers) -> float:
    """Expected calibration error of the answers about presence."""
    sure, right = [], []
    for part in posteriors:
        for row, report in enumerate(part.report_ids):
            for at, question in enumerate(part.questions):
                answer = answers[report][question.name]
                if report in gold and question.attribute is None:
                    sure.append(float(part.values[row, at, question.answers.index(answer)]))
                    right.append(answer == gold[report][question.name])
    return expected_calibration_error(np.array(sure), np.array(right))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--panel", choices=sorted(WRITTEN), default="pe")
    parser.add_argument("--vectors", type=Path, help="vectors that an earlier run has made")
    parser.add_argument(
        "--work", type=Path, help="keep the folds' logits here, and take those that are there"
    )
    given = parser.parse_args()
    panel = load_panel(given.panel)
    columns = Columns(panel.questions)
    data = _train_data.read(source(WRITTEN[given.panel]), columns)
    with tempfile.TemporaryDirectory() as folder, terminal.progress() as progress:
        made = given.vectors or vectors(given.data, Path(folder))
        more = _train_data.read_all(further(given.data, given.panel, Path(folder)), columns)
        how = Learning(recipe(given.panel, made), folds=5, by_site=True, rules=True)
        work = given.work or Path(folder) / "work"
        logits = out_of_fold(how, columns, data, more, work=work, progress=progress, resume=True)
        said = rules(panel, data, progress)
    by_rules = {report.id: row for report, row in zip(data.reports, said, strict=True)}
    alone, _ = crossed(panel, data, logits, None)
    both, posteriors = crossed(panel, data, logits, said)
    ways = {"rules": by_rules, "network": alone, "network and rules": both}
    for name in WRITTEN[given.panel]:
        tell(read_corpus(CORPORA / name), ways, posteriors)


def tell(scored: Corpus, ways: dict[str, Answers], posteriors: list[Posteriors]) -> None:
    """Print the figures on one corpus."""
    gold: Answers = {str(row["report_id"]): dict(scored.gold[row["report_id"]]) for row in scored.rows}
    print(f"{len(gold)} reports of corpora/{scored.name}: presence, precision, recall, micro F1; accuracies")
    for name, answers in ways.items():
        print(line(name, evaluate({r: answers[r] for r in gold}, gold, seed=0)))
    both = ways["network and rules"]
    print(f"calibration error of network and rules {calibration(posteriors, both, gold):.3f}")
    for site in sorted({str(row["site"]) for row in scored.rows}):
        own = {str(row["report_id"]) for row in scored.rows if row["site"] == site}
        part = {report: gold[report] for report in gold if report in own}
        print(line(f"  {site}", evaluate({r: both[r] for r in part}, part, seed=0)))


if __name__ == "__main__":
    main()
