"""Label models on Open-I: presence over NegBio's test list, beside each function and snorkel.

    reportnlp corpora generate --panel chest_xray --count 6000 --seed 1 -o generated
    reportnlp train generated/reports.jsonl --labels generated/gold.csv --panel chest_xray -o linear \\
        --architecture linear
    reportnlp train generated/reports.jsonl --labels generated/gold.csv --panel chest_xray -o cnn \\
        --architecture cnn --epochs 8
    python tests/bench/label_models.py NLMCXR_reports.tgz openi_gld_std14.csv openi-testset.txt \\
        --classifier linear --classifier cnn --split dev --snorkel SNORKEL_PYTHON

Settings and models are chosen with `--split dev`, the reports outside the test list; `--split test` scores.
A label model is fitted on the votes alone, for `dev` on those of reports outside the test list, for `test`
on all. Gold answers score, and score only; no setting was chosen on the test list. The functions are the
voices of the rules; classifiers that have read nothing but generated reports; and the rules as a whole, which
are made of those voices. An answer `uncertain` counts as not present. Differences are to the best single
function and to the majority of the same set, of micro F1 and of the share of right answers (reports times
findings), with 95 % intervals of a paired bootstrap over reports.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reportnlp.evaluation import bootstrap
from reportnlp.findings import load_panel
from reportnlp.functions._ballot import Ballot
from reportnlp.functions.loader import build, choose
from reportnlp.labelmodels.loader import make
from reportnlp.registry import LABELMODELS
from reportnlp.types import ABSTAIN, Presence, Votes
from tests.bench.openi_chest_xray import FINDINGS, chosen, read_gold

VOICES = (
    *("addendum", "doubt", "history", "mention_findings", "mention_impression"),
    *("negation", "protocol", "silence"),
)
PRESENT = list(Presence).index(Presence.PRESENT)

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]

RESAMPLES = 1000


def ask(archive: Path, ids: frozenset[str], classifiers: Sequence[Path]) -> Votes:
    """The votes of every function on every report, on presence alone."""
    panel = load_panel("chest_xray")
    names = ["rules", *VOICES, *(f"{path.name}=classifier" for path in classifiers)]
    options = [f"{path.name}.model={path}" for path in classifiers]
    ballot = Ballot(panel, build(choose(names, (), options), panel))
    reports = list(chosen(archive, ids))
    values = np.stack([cast.values for cast in ballot(reports)], axis=1)
    functions = tuple(voice.name for voice in ballot.voices)
    asked = [number for number, question in enumerate(panel.questions) if question.attribute is None]
    questions = tuple(panel.questions[number] for number in asked)
    return Votes(values[:, :, asked], tuple(report.id for report in reports), functions, questions)


def only(votes: Votes, names: Sequence[str]) -> Votes:
    """Some of the functions."""
    at = [votes.functions.index(name) for name in names]
    return replace(votes, values=votes.values[:, at], functions=tuple(names))


def rows(votes: Votes, kept: Mask) -> Votes:
    """Some of the reports."""
    ids = tuple(report for report, keep in zip(votes.report_ids, kept, strict=True) if keep)
    return replace(votes, values=votes.values[kept], report_ids=ids)


def found(picks: npt.NDArray[np.integer], votes: Votes) -> Mask:
    """(reports, findings) bool, from (reports, questions) answers."""
    at = {question.name: number for number, question in enumerate(votes.questions)}
    return np.stack(
        [(picks[:, [at[q] for q in asked]] == PRESENT).any(axis=1) for asked, _ in FINDINGS.values()], axis=1
    )


def by_snorkel(votes: Votes, seen: Mask, python: str) -> npt.NDArray[np.int64]:
    """(reports, questions) answers of snorkel's label model; 3 where it was not asked."""
    asked = {question for questions, _ in FINDINGS.values() for question in questions}
    at = {q.name: number for number, q in enumerate(votes.questions) if q.name in asked}
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "votes.npz", Path(folder) / "out.npz"
        cells = {
            name: np.where(votes.values[:, :, n] == ABSTAIN, -1, votes.values[:, :, n]).astype(np.int64)
            for name, n in at.items()
        }
        np.savez(given, seen=seen, allow_pickle=False, **cells)
        script = Path(__file__).with_name("_snorkel_one.py")
        subprocess.run([python, str(script), str(given), str(out)], check=True)
        told = np.load(out, allow_pickle=False)
        picks = np.full((len(votes.report_ids), len(votes.questions)), 3, dtype=np.int64)
        for name, n in at.items():
            picks[:, n] = told[name].argmax(axis=1)
    return picks


def ways(votes: Votes, seen: Mask, snorkel: str) -> dict[str, tuple[Mask, float]]:
    """What each way to label finds, and the seconds it took; label models learn from the `seen` reports."""
    told: dict[str, tuple[Mask, float]] = {
        name: (found(votes.values[:, number].astype(np.int64), votes), 0.0)
        for number, name in enumerate(votes.functions)
    }
    panel = load_panel("chest_xray")
    for name in LABELMODELS.names():
        start = time.perf_counter()
        model = make(name, panel=panel).fit(rows(votes, seen), seed=0)
        picks = model.predict(votes).values.argmax(axis=2)
        told[name] = found(picks, votes), time.perf_counter() - start
    if snorkel:
        start = time.perf_counter()
        told["snorkel"] = found(by_snorkel(votes, seen, snorkel), votes), time.perf_counter() - start
    return told


def micro_f1(given: Mask, gold: Mask, times: Values) -> Values:
    """(resamples,) F1 over all findings; `times` is (reports, resamples), how often each report counts."""
    right = (given & gold).sum(axis=1) @ times
    both = (given.sum(axis=1) + gold.sum(axis=1)) @ times
    return np.asarray(2 * right / np.maximum(both, 1))


def accuracy(given: Mask, gold: Mask, times: Values) -> Values:
    """(resamples,) share of right answers; arguments as of `micro_f1`."""
    return np.asarray((given == gold).mean(axis=1) @ times / times.sum(axis=0))


def show(told: Mapping[str, tuple[Mask, float]], functions: Sequence[str], gold: Mask, kept: Mask) -> None:
    """A line for each way to label."""
    drawn = np.concatenate(
        list(bootstrap.draws(int(kept.sum()), seed=0, resamples=RESAMPLES)), axis=1, dtype=np.float64
    )
    lines = {name: f"    {name:<26}{seconds:5.1f} s  " for name, (_, seconds) in told.items()}
    for measure in (micro_f1, accuracy):
        once = np.ones((int(kept.sum()), 1))
        whole = {name: float(measure(mask[kept], gold[kept], once)[0]) for name, (mask, _) in told.items()}
        samples = {name: measure(mask[kept], gold[kept], drawn) for name, (mask, _) in told.items()}
        best = max(functions, key=whole.__getitem__)
        for name in told:
            others = () if name in functions else (best, "majority")
            against = "  ".join(_difference(whole, samples, name, other) for other in others)
            lines[name] += f"{whole[name]:.4f}  {against:<58}"
    print(*map(str.rstrip, lines.values()), sep="\n", flush=True)
    print(f"    F1, then accuracy, each less the best of {len(functions)} functions and less the majority")


def _difference(whole: Mapping[str, float], samples: Mapping[str, Values], name: str, other: str) -> str:
    low, high = np.percentile(samples[name] - samples[other], [2.5, 97.5])
    return f"{whole[name] - whole[other]:+.4f} ({low:+.4f} to {high:+.4f})"


def sets(classifiers: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Which functions are asked together."""
    several = [tuple(classifiers)] if len(classifiers) > 1 else []
    for rules in ((), ("rules",)):
        yield (*VOICES, *rules)
        for some in (*((name,) for name in classifiers), *several):
            yield (*VOICES, *rules, *some)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("archive", type=Path, help="NLMCXR_reports.tgz, as published")
    parser.add_argument("gold", type=Path, help="openi_gld_std14.csv")
    parser.add_argument("testset", type=Path, help="openi-testset.txt, NegBio's test list")
    parser.add_argument(
        "--classifier", type=Path, action="append", default=[], help="model folder that votes; repeat it"
    )
    parser.add_argument("--split", choices=("dev", "test"), default="dev", help="what is scored")
    parser.add_argument("--snorkel", default="", help="python of an environment with snorkel")
    options = parser.parse_args()
    missing = [
        path
        for path in (options.archive, options.gold, options.testset, *options.classifier)
        if not path.exists()
    ]
    if missing:
        print(f"skipped: there is no {missing[0]}")
        return
    gold = read_gold(options.gold)
    test_ids = frozenset(options.testset.read_text(encoding="utf-8").split()) & gold.keys()
    votes = ask(options.archive, frozenset(gold), options.classifier)
    test = np.array([report in test_ids for report in votes.report_ids])
    wanted = np.array([list(gold[report].values()) for report in votes.report_ids])
    kept = test if options.split == "test" else ~test
    for names in sets([path.name for path in options.classifier]):
        more = [name for name in names if name not in VOICES]
        print(f"{' + '.join(['voices', *more])}: {options.split}, {int(kept.sum())} reports")
        seen = kept if options.split == "dev" else np.ones_like(test)
        show(ways(only(votes, names), seen, options.snorkel), names, wanted, kept)


if __name__ == "__main__":
    main()
