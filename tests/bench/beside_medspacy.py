"""Reports a second of reportnlp beside medspaCy, on Open-I's findings and impressions, in one run.

medspaCy pins an older spaCy and numpy, so it needs an environment of its own (no model is downloaded):

    python3.11 -m venv medspacy-venv && medspacy-venv/bin/pip install medspacy
    python tests/bench/beside_medspacy.py NLMCXR_reports.tgz --medspacy-python medspacy-venv/bin/python

No text comes twice. Every row runs in N fresh processes of its own; each round starts one row further on.

first sight N  reportnlp as a library with nothing remembered from one sentence to the next
archive N      the same as it comes: fresh labelers, once over all texts, keeping the sentences they read
command N      `reportnlp label`, a file to a file with N workers: loading is in its rates, and in no other's
medspacy N     medspaCy's default pipeline (PyRuSH sentences, target rules, ConText), its debug log off
medspacy+ N    the same with spaCy's own sentencizer: most of the default's time is PyRuSH

`load`: seconds of loading; `cpu`: reports per second of processor time. Ratios: median of the paired rounds
(lowest, highest). Alike, not equal: reportnlp has more phrases, and attributes and evidence.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from itertools import product
from math import nan
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

PLAIN = """atelectasis, volume loss, collapse; cardiomegaly, enlarged heart, heart is enlarged; pneumonia;
consolidation, airspace disease; pulmonary edema, edema, vascular congestion; emphysema, hyperinflation, copd;
pulmonary fibrosis, fibrosis; fracture, fractures; hiatal hernia; infiltration, infiltrate, infiltrates; mass;
lung opacity, opacity, opacities; nodule, nodules; pleural effusion, effusion, effusions, pleural fluid;
pleural thickening; pneumothorax, pneumothoraces; support devices, pacemaker, catheter, tube, port;
enlarged cardiomediastinum, widened mediastinum; calcified granuloma, granuloma, granulomas"""
"""The panel's findings by name, each with a few plain phrases: medspaCy's target rules."""
OURS = ("first sight 1", "archive 1", "archive 2", "command 2")
THEIRS = ("medspacy 1", "medspacy+ 1", "medspacy 2", "medspacy+ 2")
ROWS = [row for pair in zip(OURS, THEIRS, strict=True) for row in pair]
VERSIONS = "import importlib.metadata as m; print({n: m.version(n) for n in ('%s', 'spacy', 'numpy')})"
Label = Callable[[Iterable[str]], Iterable[int]]
Pace = tuple[float, float, float, float]
"""Reports a second, the same of processor time, seconds of loading, findings present; nan: not told."""


def reportnlp_side(side: str) -> Label:
    from reportnlp import load
    from reportnlp.rules import engine

    if side == "first sight":
        engine.REMEMBERED_SENTENCES = 0
    label = load("chest_xray")
    findings = {q.name for q in label.questions if not q.attribute and q.finding != "no_finding"}
    return lambda ts: (sum(a == "present" and q in findings for q, a in label(t).answers.items()) for t in ts)


def medspacy_side(side: str) -> Label:
    import_module("loguru").logger.remove()
    nlp: Any = import_module("medspacy").load()
    if side == "medspacy+":
        nlp.replace_pipe("medspacy_pyrush", "sentencizer")
    rule: Any = import_module("medspacy.ner").TargetRule
    findings = " ".join(PLAIN.split()).split("; ")
    rules = [rule(phrase, finding) for finding in findings for phrase in finding.split(", ")]
    nlp.get_pipe("medspacy_target_matcher").add(rules)
    return lambda t: (len({e.label_ for e in d.ents if not e._.any_context_attributes}) for d in nlp.pipe(t))


def work(side: str, source: str, number: str, at: str) -> None:
    """In a process of its own: label each `number`th text of a file, print what it took as a JSON line."""
    start = perf_counter()
    label = (medspacy_side if side.startswith("medspacy") else reportnlp_side)(side)
    list(label(["FINDINGS:\nThe lungs are clear."]))
    lines = Path(source).read_text(encoding="utf-8").splitlines()[int(at) :: int(number)]
    texts = [json.loads(line)["text"] for line in lines]
    wall, cpu = perf_counter(), process_time()
    present = sum(label(texts))
    print(json.dumps([perf_counter() - wall, process_time() - cpu, wall - start, present]))


def processes(python: str, side: str, folder: str, number: int, reports: int) -> Pace:
    """So many processes at once; the slowest one's wall time counts, and all of their processor time."""
    call = [python, __file__, "--work", side, f"{folder}/all.jsonl", str(number)]
    running = [subprocess.Popen([*call, str(at)], stdout=subprocess.PIPE, text=True) for at in range(number)]
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit(f"The {side} side failed, as told above. Its environment: see --help.")
    walls, cpus, loads, present = zip(*(json.loads(o.splitlines()[-1]) for o in outputs), strict=True)
    return reports / max(walls), reports / sum(cpus), max(loads), sum(present)


def command(folder: str, workers: int, reports: int) -> Pace:
    call = [sys.executable, "-m", "reportnlp", "label", f"{folder}/all.jsonl", "--panel=chest_xray"]
    call += [f"--workers={workers}", "--overwrite", f"-o{folder}/out.csv"]
    before = os.times()
    subprocess.run(call, check=True, capture_output=True)
    user, system, wall = (b - a for a, b in zip(before[2:], os.times()[2:], strict=True))
    return reports / wall, reports / (user + system), nan, nan


def unique_texts(archive: Path) -> list[str]:
    rows = import_module("reportnlp.formats.loader").read_reports([archive])
    sections = (getattr(row, "text", "").split("\n\n") for row in rows)
    kept = ([part for part in some if part.startswith(("FINDINGS:", "IMPRESSION:"))] for some in sections)
    return list(dict.fromkeys("\n\n".join(parts) for parts in kept if parts))


def show(rounds: Sequence[dict[str, Pace]]) -> None:
    print(f"{'medians':<15}{'wall':>8}{'cpu':>8}{'load':>7}{'present':>9}")
    for row in (*OURS, *THEIRS):
        wall, cpu, load, present = (median(values) for values in zip(*(r[row] for r in rounds), strict=True))
        print(f"{row:<15}{wall:>8,.0f}{cpu:>8,.0f}{load:>7.1f}{present:>9,.0f}")
    for ours, theirs, (at, kind) in product(OURS, THEIRS, enumerate(("wall", "cpu"))):
        ratios = sorted(r[ours][at] / r[theirs][at] for r in rounds)
        if ours[-1] >= theirs[-1]:
            print(f"{ours} / {theirs} {kind}: {median(ratios):.2f} ({ratios[0]:.2f}, {ratios[-1]:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path, help="NLMCXR_reports.tgz, as published")
    parser.add_argument("--medspacy-python", required=True, help="a Python that has medspaCy")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    texts = unique_texts(given.archive)
    print(f"{len(texts):,} unique texts, {given.rounds} rounds, {os.cpu_count()} processors, {sys.version}")
    for python, name in ((sys.executable, "reportnlp"), (given.medspacy_python, "medspacy")):
        subprocess.run([python, "-c", VERSIONS % name], check=True)
    rounds: list[dict[str, Pace]] = [{} for _ in range(given.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps({"report_id": str(at), "text": text}) + "\n" for at, text in enumerate(texts)]
        Path(folder, "all.jsonl").write_text("".join(lines), encoding="utf-8")
        for turn, at in product(range(given.rounds), range(len(ROWS))):
            row = ROWS[(turn + at) % len(ROWS)]
            python = given.medspacy_python if row in THEIRS else sys.executable
            run = command(folder, int(row[-1]), len(texts)) if row.startswith("command") else None
            rounds[turn][row] = run or processes(python, row[:-2], folder, int(row[-1]), len(texts))
    show(rounds)


if __name__ == "__main__":
    work(*sys.argv[2:]) if sys.argv[1:2] == ["--work"] else main()
