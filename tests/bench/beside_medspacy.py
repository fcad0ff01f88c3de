"""Reports a second of reportnlp beside medspaCy, on Open-I's findings and impressions, in one run.

    python tests/bench/beside_medspacy.py NLMCXR_reports.tgz --medspacy-python PYTHON [--rounds 3]

medspaCy pins an older spaCy and numpy, so it needs a Python environment of its own:

    python3.11 -m venv medspacy-venv && medspacy-venv/bin/pip install medspacy

and PYTHON is then medspacy-venv/bin/python. No model is downloaded: it runs its default pipeline on a blank
English one (tokenizer, PyRuSH sentences, target rules, ConText), with its debug log shut off.

Each text is given once (equal ones are dropped). All rows label the same texts, and each round runs every
row in a fresh process, one row after another, starting one further on than the round before. Rows:

first sight      reportnlp as a library, nothing remembered from one sentence to the next
over the archive the same, as it comes: a fresh labeler, once over all texts, keeping the sentences it read
command, N       `reportnlp label` CSV to CSV, N workers, less what it takes for one report
medspaCy, N      N processes at once, each with its part of the texts

Rates leave out loading; `cpu` is reports per second of processor time, which other load on the machine
changes less than `wall`; `load` is the seconds left out. Ratios are medians of paired rounds (lowest, highest).
The work is alike, not equal: reportnlp answers every question of the panel, attributes and evidence with it;
medspaCy says present, uncertain or absent of the same findings, from far fewer phrases.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

PANEL = "chest_xray"
PLAIN = {
    "atelectasis": ("atelectatic change", "volume loss", "collapse"),
    "cardiomegaly": ("enlarged heart", "heart is enlarged", "enlarged cardiac silhouette"),
    "consolidation": ("airspace disease", "air space disease"),
    "pulmonary_edema": ("edema", "vascular congestion"),
    "emphysema": ("hyperinflation", "copd", "bullae"),
    "pulmonary_fibrosis": ("fibrosis", "interstitial lung disease"),
    "fracture": ("fractures", "fractured"),
    "hiatal_hernia": ("hiatus hernia",),
    "infiltration": ("infiltrate", "infiltrates"),
    "lung_opacity": ("opacity", "opacities", "airspace opacity"),
    "mass": ("masses",),
    "nodule": ("nodules", "nodular density"),
    "pleural_effusion": ("effusion", "effusions", "pleural effusions", "pleural fluid"),
    "pleural_thickening": ("thickened pleura", "pleural scarring"),
    "pneumothorax": ("pneumothoraces",),
    "support_devices": ("pacemaker", "catheter", "endotracheal tube", "sternotomy", "port"),
    "enlarged_cardiomediastinum": ("widened mediastinum", "mediastinal widening"),
    "calcified_granuloma": ("granuloma", "granulomas", "granulomatous disease"),
}
"""Plain phrases for medspaCy, beside each finding's own name."""
DOUBTS = ("is_uncertain", "is_historical", "is_hypothetical", "is_family")
Label = Callable[[Iterable[str]], Iterable[int]]
"""Texts to the number of findings present in each."""


class Pace(NamedTuple):
    """Reports a second and per second of processor time, seconds of loading, findings present (-1: unknown)."""

    wall: float
    cpu: float
    load: float
    present: int


def reportnlp_side(memory: bool) -> Label:
    if not memory:
        vars(import_module("reportnlp.rules.engine"))["REMEMBERED_SENTENCES"] = 0
    labeler: Any = import_module("reportnlp").load(PANEL)
    return lambda texts: (list(labeler(text).answers.values()).count("present") for text in texts)


def medspacy_side() -> Label:
    import_module("loguru").logger.remove()  # PyRuSH logs each token at debug level, which would cost it dearly
    nlp: Any = import_module("medspacy").load()
    rule: Any = import_module("medspacy.ner").TargetRule
    names = {finding: (finding.replace("_", " "), *PLAIN.get(finding, ())) for finding in ["pneumonia", *PLAIN]}
    rules = [rule(phrase, finding) for finding, phrases in names.items() for phrase in phrases]
    nlp.get_pipe("medspacy_target_matcher").add(rules)
    return lambda texts: (len(affirmed(doc)) for doc in nlp.pipe(texts))


def affirmed(doc: Any) -> set[str]:
    answers: dict[str, set[str]] = {"present": set(), "uncertain": set(), "absent": set()}
    for entity in doc.ents:
        doubt = any(getattr(entity._, name) for name in DOUBTS)
        answers["absent" if entity._.is_negated else "uncertain" if doubt else "present"].add(entity.label_)
    return answers["present"]


def worker(side: str, source: str) -> None:
    """In a process of its own: label the texts of a file, print the pace as a JSON line."""
    start = time.perf_counter()
    label = medspacy_side() if side == "medspacy" else reportnlp_side(side == "archive")
    list(label(["FINDINGS:\nThe lungs are clear."]))
    texts = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    wall, cpu = time.perf_counter(), time.process_time()
    present = sum(label(texts))
    seconds = (time.perf_counter() - wall, time.process_time() - cpu, wall - start)
    names = ("medspacy" if side == "medspacy" else "reportnlp", "spacy", "numpy")
    versions = [f"{name} {version(name)}" for name in names]
    print(json.dumps({"seconds": seconds, "present": present, "versions": versions}))


def processes(python: str, side: str, texts: Sequence[str], folder: Path, number: int) -> Pace:
    """So many processes at once; the slowest one's time counts, as does all their processor time."""
    running = []
    for at in range(number):
        source = folder / f"part{at}.jsonl"
        source.write_text("".join(json.dumps(t) + "\n" for t in texts[at::number]), encoding="utf-8")
        command = [python, str(Path(__file__)), "--worker", side, str(source)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit(f"The {side} side failed; what it said is above. See --help for its environment.")
    told = [json.loads(output.splitlines()[-1]) for output in outputs]
    VERSIONS.update(name for one in told for name in one["versions"])
    walls, cpus, loads = zip(*(one["seconds"] for one in told), strict=True)
    present = sum(one["present"] for one in told)
    return Pace(len(texts) / max(walls), len(texts) / sum(cpus), max(loads), present)


VERSIONS: set[str] = set()


def command(texts: Sequence[str], folder: Path, workers: int) -> Pace:
    """The command line over a CSV file, less its time for one report."""
    one, whole = label_csv(texts[:1], folder, workers), label_csv(texts, folder, workers)
    return Pace((len(texts) - 1) / (whole[0] - one[0]), (len(texts) - 1) / (whole[1] - one[1]), one[0], -1)


def label_csv(texts: Sequence[str], folder: Path, workers: int) -> tuple[float, float]:
    source, out = folder / "reports.csv", folder / "labels.csv"
    with source.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("report_id", "text"), *((str(i), t) for i, t in enumerate(texts))])
    flags = ["--panel", PANEL, "--workers", str(workers), "--overwrite", "-o", str(out)]
    start, before = time.perf_counter(), children_cpu()
    label = [sys.executable, "-m", "reportnlp", "label", str(source), *flags]
    subprocess.run(label, check=True, capture_output=True)
    return time.perf_counter() - start, children_cpu() - before


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def unique_texts(archive: Path) -> Iterator[str]:
    seen: set[str] = set()
    for row in import_module("reportnlp.formats.loader").read_reports([archive]):
        parts = getattr(row, "text", "").split("\n\n")
        text = "\n\n".join(part for part in parts if part.startswith(("FINDINGS:", "IMPRESSION:")))
        if text and text not in seen:
            seen.add(text)
            yield text


def measure(texts: Sequence[str], other: str, rounds: int) -> dict[str, list[Pace]]:
    with tempfile.TemporaryDirectory() as name:
        folder, own = Path(name), sys.executable
        runs: dict[str, Callable[[], Pace]] = {
            "first sight": lambda: processes(own, "first", texts, folder, 1),
            "medspaCy, 1": lambda: processes(other, "medspacy", texts, folder, 1),
            "over the archive": lambda: processes(own, "archive", texts, folder, 1),
            "command, 1": lambda: command(texts, folder, 1),
            "medspaCy, 2": lambda: processes(other, "medspacy", texts, folder, 2),
            "command, 2": lambda: command(texts, folder, 2),
        }
        paces: dict[str, list[Pace]] = {row: [] for row in runs}
        order = list(runs)
        for turn in range(rounds):
            for row in order[turn % len(order) :] + order[: turn % len(order)]:
                paces[row].append(runs[row]())
                print(f"round {turn + 1}, {row}: {paces[row][-1].wall:,.0f} reports/s", file=sys.stderr)
    return paces


def show(paces: dict[str, list[Pace]]) -> None:
    print(f"{'medians':<18}{'wall':>8}{'cpu':>8}{'load':>7}{'present':>9}")
    for row, seen in paces.items():
        wall, cpu, load, present = (median(values) for values in zip(*seen, strict=True))
        print(f"{row:<18}{wall:>8,.0f}{cpu:>8,.0f}{load:>7.1f}{int(present) if present >= 0 else '':>9}")
    for row, number in {"first sight": 1, "over the archive": 1, "command, 1": 1, "command, 2": 2}.items():
        for beside in sorted({1, number}):
            pairs = list(zip(paces[row], paces[f"medspaCy, {beside}"], strict=True))
            shown = (spread([a.wall / b.wall for a, b in pairs]), spread([a.cpu / b.cpu for a, b in pairs]))
            print(f"{row} / medspaCy, {beside}: wall {shown[0]}, cpu {shown[1]}")


def spread(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path, help="NLMCXR_reports.tgz, as published")
    parser.add_argument("--medspacy-python", required=True, help="a Python that has medspaCy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="only so many texts")
    given = parser.parse_args()
    texts = list(unique_texts(given.archive))[: given.limit]
    paces = measure(texts, given.medspacy_python, given.rounds)
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors"
    print(f"{len(texts):,} unique texts, {given.rounds} rounds; {', '.join(sorted(VERSIONS))}; {machine}")
    show(paces)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:4])
    else:
        main()
