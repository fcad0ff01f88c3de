"""Image models trained on labels that were read from reports alone, beside the same trained on gold.

    python -m tests.bench.weak_images IMAGES -o FOLDER [--quick] [--seeds 5] [--parts pneumonia,curve,...]

`IMAGES` holds `pneumoniamnist.npz` (CC BY 4.0), `covid_chestxray/` and `head_ct/`; a part whose data is not
there says so and is skipped. For PneumoniaMNIST and head CT **the reports are simulated**: the corpus
generator writes one for the gold answer of each image, clean, or noisy (slips of dictation and typing four
times as often as usual, and a fifth of all reports hedged without regard to the truth). The case notes of
covid_chestxray are real. Labels are what the rules read; no gold answer reaches a training but where it
says so. FOLDER gets `weak_images.csv`, a row a training, and `curve.png`, after Dunnmon 2020 (Patterns
1:100019), figure 3.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.images.table import ImageLabels
from reportnlp.training.settings import TrainSettings
from tests.bench._weak_images import (
    POLICIES,
    Setting,
    agreement,
    auroc,
    labels_from,
    mean_and_spread,
    reports_for,
    shrunk,
    told,
    trained,
    write_answers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Told = tuple[str, str, int, float, float]
"""Part, labels, reports, mean and standard deviation over seeds."""

NOISY = {"noise": 4.0, "hedge": 0.2}
CLEAN = {"noise": 0.0, "hedge": 0.0}
PARTS = ("pneumonia", "curve", "policies", "covid", "head_ct", "rate")


@dataclass
class Bench:
    """What is measured, and what came of it so far."""

    data: Path
    out: Path
    seeds: range
    quick: bool

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.rows: list[dict[str, str]] = []

    def note(self, part: str, labels: str, reports: int, seed: int, area: float) -> None:
        """Keep one figure; the file is whole after each."""
        row = {"part": part, "labels": labels, "reports": str(reports), "seed": str(seed)}
        self.rows.append({**row, "auroc": f"{area:.4f}"})
        with (self.out / "weak_images.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        print(f"{part:10} {labels:28} {reports:6} seed {seed} AUROC {area:.4f}", flush=True)

    def told(self, part: str) -> Iterator[Told]:
        """Part, labels, reports, mean and standard deviation over seeds."""
        groups: dict[tuple[str, int], list[float]] = {}
        for row in self.rows:
            if row["part"] == part:
                groups.setdefault((row["labels"], int(row["reports"])), []).append(float(row["auroc"]))
        for (labels, reports), values in groups.items():
            yield (part, labels, reports, *mean_and_spread(values))


def pneumonia_setting(bench: Bench) -> tuple[Setting, Path, Path]:
    """PneumoniaMNIST: its training and validation images, and the test images' manifest and gold."""
    source = bench.data / "pneumoniamnist.npz"
    arrays = np.load(source)
    rows, gold = [], {}
    for split, name in (("train", "train"), ("val", "valid"), ("test", "test")):
        for at, truth in enumerate(arrays[f"{split}_labels"][:, 0]):
            if bench.quick and at >= {"train": 800, "val": 200, "test": 624}[split]:
                break
            image = f"{source.absolute()}#{split}_images/{at}"
            rows.append(ImageRow(f"{split}-{at}", image, report_id=f"{split}-{at}", split=name))
            gold[f"{split}-{at}"] = "present" if truth else "absent"
    work = bench.out / "pneumonia"
    work.mkdir(parents=True, exist_ok=True)
    test = [row for row in rows if row.split == "test"]
    manifest, answers = work / "test.csv", work / "test_gold.csv"
    write_manifest(test, manifest)
    write_answers(answers, "pneumonia", {row.study: gold[row.study] for row in test})
    learned = [row for row in rows if row.split != "test"]
    kept = {row.study: gold[row.study] for row in learned}
    setting = Setting(
        work, learned, Path(), kept, "pneumonia", "chest_xray", (28, 28), loop(4 if bench.quick else 12)
    )
    return setting, manifest, answers


def loop(epochs: int, batch_size: int = 64) -> TrainSettings:
    """The recipe's training loop; it was chosen on validation images (see RESULTS.md)."""
    return TrainSettings(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=2e-3,
        schedule="cosine",
        average=1,
        patience=0,
        device="cpu",
    )


def gold_table(setting: Setting) -> Path:
    """The gold answers, as a label table."""
    return write_answers(setting.work / "gold.csv", setting.finding, setting.gold)


def tables(bench: Bench, setting: Setting) -> dict[str, Path]:
    """Label tables by what they were read from; an earlier run's in the same folder are taken over."""
    found = {"gold": gold_table(setting)}
    for name, how in (("clean reports", CLEAN), ("noisy reports", NOISY)):
        start = time.perf_counter()
        short = name.replace(" ", "_")
        found[name] = setting.work / f"{short}_labels.parquet"
        if not found[name].exists():
            labels_from(setting, short, reports_for(setting, short, seed=0, **how))
        shares = ", ".join(f"{key} {value:.4f}" for key, value in agreement(setting, found[name]).items())
        print(f"{name}: {shares} ({time.perf_counter() - start:.0f} s)", flush=True)
    return found


def pneumonia(bench: Bench) -> None:
    """Gold against reports, clean and noisy."""
    setting, manifest, gold = pneumonia_setting(bench)
    found = tables(bench, setting)
    for seed in bench.seeds:
        for name, table in found.items():
            labels = told(setting, table, "soft")
            model = trained(setting, "model", labels, seed=seed)
            bench.note("pneumonia", name, len(labels), seed, auroc(setting, model, manifest, gold))


def curve(bench: Bench) -> None:
    """Over the number of reports, and over the share of gold among the labels of all images."""
    setting, manifest, gold = pneumonia_setting(bench)
    found = tables(bench, setting)
    sizes = (100, 400) if bench.quick else (100, 300, 1000, 2500, len(setting.rows))
    for seed in bench.seeds:
        random = np.random.default_rng(seed)
        order = random.permutation(len(setting.rows))
        for size in sizes:
            some = [replace(setting.rows[at], split=None) for at in order[:size]]
            for name, table in found.items():
                labels = told(setting, table, "soft", some)
                model = trained(enough(setting, len(labels)), "model", labels, seed=seed)
                bench.note("curve", name, size, seed, auroc(setting, model, manifest, gold))
        for share in (0.0, 0.1, 0.25, 0.5, 1.0):
            labels = mixed(setting, found, order[: int(share * len(order))].tolist())
            model = trained(setting, "model", labels, seed=seed)
            area = auroc(setting, model, manifest, gold)
            bench.note("share", f"{share:.0%} gold, rest noisy", len(labels), seed, area)
        draw(bench)


def enough(setting: Setting, images: int) -> Setting:
    """With so many epochs that few images too are learned from in 300 steps or more."""
    steps = max(round(0.85 * images / setting.train.batch_size), 1)
    return replace(setting, train=replace(setting.train, epochs=max(setting.train.epochs, 300 // steps)))


def mixed(setting: Setting, found: dict[str, Path], by_hand: Sequence[int]) -> ImageLabels:
    """Labels of noisy reports, but for some images gold."""
    weak, sure = (told(setting, found[name], "soft") for name in ("noisy reports", "gold"))
    arrays = {name: getattr(weak, name).copy() for name in ("target", "weight", "mask", "answers")}
    for name, values in arrays.items():
        values[list(by_hand)] = getattr(sure, name)[list(by_hand)]
    return replace(weak, **arrays)


def draw(bench: Bench) -> None:
    """The curve as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    draw_sizes(axes[0], list(bench.told("curve")))
    draw_shares(axes[1], list(bench.told("share")))
    for axis in axes:
        axis.grid(alpha=0.3)
    seeds = len({row["seed"] for row in bench.rows if row["part"] == "share"})
    bars = "bars: standard deviation over seeds" if seeds > 1 else "one seed"
    figure.suptitle(f"PneumoniaMNIST, reports simulated; {bars}")
    figure.savefig(bench.out / "curve.png", dpi=120)
    pyplot.close(figure)


def draw_sizes(axis: Axes, found: Sequence[Told]) -> None:
    """A line for each source of labels, over the number of images."""
    for name, mark in zip(dict.fromkeys(labels for _, labels, *_ in found), "os^", strict=True):
        points = sorted((size, mean, spread) for _, labels, size, mean, spread in found if labels == name)
        sizes, means, spreads = zip(*points, strict=True)
        axis.errorbar(sizes, means, yerr=spreads, label=name, marker=mark, capsize=3)
    axis.set(xscale="log", xlabel="images with a report (or gold)", ylabel="AUROC on the test images")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    axis.legend(title="labels from", loc="lower right")


def draw_shares(axis: Axes, found: Sequence[Told]) -> None:
    """Over the share of images whose label is gold."""
    points = sorted((float(labels.partition("%")[0]), mean, spread) for _, labels, _, mean, spread in found)
    if points:
        shares, means, spreads = zip(*points, strict=True)
        axis.errorbar(shares, means, yerr=spreads, marker="D", color="tab:red", capsize=3)
        axis.set_xticks(shares)
    axis.set_xlabel("% of all images with gold, the rest with noisy reports")


def policies(bench: Bench) -> None:
    """What each way with uncertainty does, on the noisy reports."""
    setting, manifest, gold = pneumonia_setting(bench)
    table = tables(bench, setting)["noisy reports"]
    for seed in bench.seeds:
        for policy in POLICIES:
            labels = told(setting, table, policy)
            model = trained(setting, "model", labels, seed=seed)
            bench.note("policies", policy, len(labels), seed, auroc(setting, model, manifest, gold))


def folded(bench: Bench, part: str, setting: Setting, found: dict[str, Path]) -> None:
    """Five folds of patients, each scored by a model of the others, pooled."""
    from sklearn.metrics import roc_auc_score

    from reportnlp.jobs.images_evaluate import ImagesEvaluateJob, run

    setting = shrunk(setting)
    people = sorted({row.patient or row.study for row in setting.rows})
    for seed in bench.seeds:
        order = np.random.default_rng(seed).permutation(len(people))
        fold = {people[at]: place % 5 for place, at in enumerate(order.tolist())}
        for name, table in found.items():
            chances: dict[str, float] = {}
            for number in range(5):
                rows = [row for row in setting.rows if fold[row.patient or row.study] != number]
                model = trained(setting, "model", told(setting, table, "soft", rows), seed=seed)
                test = [row for row in setting.rows if fold[row.patient or row.study] == number]
                write_manifest(
                    [replace(row, image=str((setting.root / row.image).absolute())) for row in test],
                    setting.work / "test.csv",
                )
                job = ImagesEvaluateJob(
                    (str(setting.work / "test.csv"),), model, setting.work / "gold.csv", resamples=1
                )
                predicted = run(job).predicted
                chances.update(zip(predicted.ids, predicted.chances[:, 0].tolist(), strict=True))
            scored = [report for report in chances if setting.gold.get(report)]
            truth = [setting.gold[report] == "present" for report in scored]
            area = float(roc_auc_score(truth, [chances[report] for report in scored]))
            bench.note(part, name, len(setting.rows), seed, area)


def covid(bench: Bench) -> None:
    """covid_chestxray: real case notes, diagnosis of each image as gold ("todo" is none)."""
    folder = bench.data / "covid_chestxray"
    lines = (folder / "studies.jsonl").read_text("utf-8").splitlines()
    studies = [json.loads(line) for line in lines]
    rows, gold, texts = [], {}, []
    for at, one in enumerate(studies[:200] if bench.quick else studies):
        if not one["text"]:
            continue
        name = f"case-{at}"
        rows.append(ImageRow(name, one["image"], one["patient"], report_id=name))
        texts.append({"report_id": name, "text": one["text"]})
        if one["finding"] != "todo":
            gold[name] = "absent" if one["finding"] in ("No Finding", "ARDS") else "present"
    work = bench.out / "covid"
    work.mkdir(parents=True, exist_ok=True)
    notes = work / "notes.jsonl"
    notes.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    settings = loop(4 if bench.quick else 12, batch_size=32)
    setting = Setting(work, rows, folder, gold, "pneumonia", "chest_xray", (64, 64), settings)
    found = {"gold": gold_table(setting), "case notes": labels_from(setting, "notes", notes)}
    print("case notes:", agreement(setting, found["case notes"]), flush=True)
    folded(bench, "covid", setting, found)


def head_ct(bench: Bench) -> None:
    """Head CT slices, bleeding or not, reports simulated."""
    folder = bench.data / "head_ct"
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = [ImageRow(f"head-{at}", line["image"], report_id=f"head-{at}") for at, line in enumerate(lines)]
    gold = {
        f"head-{at}": "present" if line["hemorrhage"] == "1" else "absent" for at, line in enumerate(lines)
    }
    work = bench.out / "head_ct"
    work.mkdir(parents=True, exist_ok=True)
    settings = loop(6 if bench.quick else 30, batch_size=16)
    setting = Setting(work, rows, folder, gold, "intracranial_hemorrhage", "head_ct", (64, 64), settings)
    folded(bench, "head_ct", setting, tables(bench, setting))


def rate(bench: Bench) -> None:
    """Images a second, training and predicting, beside a plain loop over the same network."""
    from tests.bench._weak_images_rate import rates

    for line in rates(bench.data / "pneumoniamnist.npz", bench.out / "rate", quick=bench.quick):
        print(line, flush=True)


NEEDS = {"covid": "covid_chestxray/studies.jsonl", "head_ct": "head_ct/labels.csv"}


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0, help="to run seeds side by side")
    parser.add_argument("--quick", action="store_true", help="few images, few epochs, one seed")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    seeds = range(given.first_seed, given.first_seed + (1 if given.quick else given.seeds))
    bench = Bench(given.data, given.out, seeds, given.quick)
    for part in given.parts.split(","):
        needed = given.data / NEEDS.get(part, "pneumoniamnist.npz")
        if not needed.exists():
            print(f"{part}: skipped, there is no {needed}")
            continue
        globals()[part](bench)
    for part in dict.fromkeys(row["part"] for row in bench.rows):
        for _, labels, reports, mean, spread in bench.told(part):
            print(f"| {part} | {labels} | {reports:,} | {mean:.4f} | {spread:.4f} |")


if __name__ == "__main__":
    main()
