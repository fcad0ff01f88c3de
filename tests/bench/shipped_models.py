"""Make the models that the package ships, `reportnlp/models/pe` and `reportnlp/models/head_ct`.

    python tests/bench/shipped_models.py DATA [--panel pe]

`DATA` holds `mtsamples.jsonl` (CC0) and `roco.jsonl` (its CC BY rows are taken): text for the word vectors.
Half a thousand documents of the first, of any kind of medicine, in which the rules find no word of the panel
teach besides that other documents mention none of it; `other_documents.py` shows what the rest get. All else
that is learned from with answers is in `corpora/`: the written reports of a panel and those written to train
on are cross-fitted in folds that keep a site together; the reports on which the rules were written are only
learned from, never held out, since the rules read them too well. Forty minutes on two cores.

Settings were chosen on `corpora/ctpa_training`, each author read by a network of the others; see
`tests/bench/RESULTS.md` for what was tried.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from reportnlp import terminal
from reportnlp.findings import load_panel
from reportnlp.generators import Generator
from reportnlp.jobs import embed, generate, train
from reportnlp.jobs._model_out import LOGS
from reportnlp.jobs._train_data import Source
from reportnlp.jobs._train_fit import Recipe
from reportnlp.labeler import load
from reportnlp.training.settings import TrainSettings
from reportnlp.types import Presence, Report

ROOT = Path(__file__).parents[2]
CORPORA = ROOT / "corpora"
WRITTEN = {"pe": ("ctpa", "ctpa_training"), "head_ct": ("head_ct", "head_ct_training")}
RULES = {"pe": "ctpa_rules", "head_ct": "head_ct_rules"}
SETTINGS = {"width": 100, "filters": 128, "spans": (1, 2, 3, 5), "dropout": 0.5}
EPOCHS = {"pe": 25, "head_ct": 15}
MORE = {"pe": 2000, "head_ct": 3000}
"""Generated reports that are learned from too."""
RULES_WEIGHT = {"pe": 1.0, "head_ct": 0.5}
MORE_WEIGHT = {"pe": 0.3, "head_ct": 0.5}
OTHERS = 500
"""Documents of other kinds that are learned from."""
OTHERS_LENGTH = 2000
"""Characters of one that are taken: what it is shows at once, and time goes by length."""
OTHERS_WEIGHT = 0.5
GENERATED = 30_000
LIMITS = """Written reports stand behind every figure above, no report of a hospital: nobody has measured
it there. Doubt (`uncertain`) and rare answers are where it errs most. Score it on your own reports before you
trust it: `reportnlp evaluate REPORTS --labels GOLD --method auto`."""


def texts(data: Path) -> Iterator[str]:
    """Text for the vectors: never of the corpora that are scored on."""
    for name in ("mtsamples.jsonl", "roco.jsonl"):
        for line in (data / name).open(encoding="utf-8"):
            row = json.loads(line)
            if str(row["licence"]).startswith("CC0") or row["licence"] == "CC BY":
                yield row["text"]
    for name in (*RULES.values(), "chest_ct", "ctpa_training", "head_ct_training"):
        for line in (CORPORA / name / "reports.jsonl").open(encoding="utf-8"):
            yield json.loads(line)["text"]
    for panel in WRITTEN:
        generator = Generator(panel, seed=11)
        yield from (generator.write(number).report.text for number in range(GENERATED))


def vectors(data: Path, folder: Path) -> Path:
    """fastText vectors, so that a rare or misspelt word begins near its like."""
    corpus, out = folder / "texts.jsonl", folder / "vectors"
    with corpus.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts(data)):
            file.write(json.dumps({"report_id": str(number), "text": text}) + "\n")
    wanted = embed.EmbedSettings(
        inputs=(corpus,),
        out=out,
        method="fasttext",
        options={"width": SETTINGS["width"], "epochs": 5},
        engine="numba",
        workers=1,
    )
    with terminal.progress() as progress:
        embed.run(wanted, progress)
    return out


def source(names: tuple[str, ...], *, weight: float = 1.0) -> Source:
    """Corpora of the repository, as they are named from its root."""
    places = [(CORPORA / name).relative_to(Path.cwd()) for name in names]
    inputs, labels = (f"{p}/reports.jsonl" for p in places), (p / "gold.csv" for p in places)
    return Source(tuple(inputs), tuple(labels), weight=weight)


def other_documents(data: Path, panel: str) -> list[Report]:
    """MTSamples in which the rules find no word of the panel, in an order that hangs on their ids alone.

    The first `OTHERS` are learned from.
    """
    labeler = load(panel)
    rows = map(json.loads, (data / "mtsamples.jsonl").open(encoding="utf-8"))
    reports = [Report(str(row["id"]), row["text"]) for row in rows if any(map(str.isalnum, row["text"]))]
    presence = [at for at, question in enumerate(labeler.questions) if question.attribute is None]
    silent = [
        report
        for report, labels in zip(reports, labeler.label_batch(reports), strict=True)
        if {labels[at].answer for at in presence} == {Presence.NOT_MENTIONED}
    ]
    return sorted(silent, key=lambda report: sha256(report.id.encode()).hexdigest())


def others(data: Path, panel: str, folder: Path) -> Source:
    """Documents of other kinds, and that they mention none of the panel's findings."""
    chosen = other_documents(data, panel)[:OTHERS]
    reports, gold = folder / f"others_{panel}.jsonl", folder / f"others_{panel}.csv"
    with reports.open("w", encoding="utf-8") as file:
        for report in chosen:
            row = {"report_id": f"mtsamples-{report.id}", "text": report.text[:OTHERS_LENGTH]}
            file.write(json.dumps(row) + "\n")
    names = [finding.name for finding in load_panel(panel).findings]
    with gold.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["report_id", *names])
        writer.writerows([f"mtsamples-{r.id}", *["not_mentioned"] * len(names)] for r in chosen)
    return Source((str(reports),), (gold,), weight=OTHERS_WEIGHT)


def further(data: Path, panel: str, folder: Path) -> tuple[Source, ...]:
    """What is only learned from: the rules' own reports, generated ones, and documents of other kinds."""
    made = folder / "generated"
    wanted = generate.GenerateSettings(out=made, panel=panel, count=MORE[panel], seed=12, workers=1)
    with terminal.progress() as progress:
        generate.run(wanted, progress)
    generated = Source((str(made / "reports.jsonl"),), (made / "gold.csv",), weight=MORE_WEIGHT[panel])
    return source((RULES[panel],), weight=RULES_WEIGHT[panel]), generated, others(data, panel, folder)


def recipe(panel: str, with_vectors: Path) -> Recipe:
    """How the networks are made."""
    return Recipe(
        architecture="cnn",
        settings=SETTINGS,
        vectors=with_vectors,
        extra_words=4000,
        train=TrainSettings(epochs=EPOCHS[panel], patience=0),
    )


def make(data: Path, panel: str, with_vectors: Path, folder: Path) -> None:
    job = train.TrainJob(
        source=source(WRITTEN[panel]),
        more=further(data, panel, folder),
        out=ROOT / "reportnlp" / "models" / panel,
        panel=panel,
        recipe=recipe(panel, with_vectors),
        folds=5,
        by_site=True,
        rules=True,
        command="python tests/bench/shipped_models.py DATA",
        limits=LIMITS,
        overwrite=True,
        resume=True,
    )
    with terminal.progress() as progress:
        made = train.run(job, progress)
    shutil.rmtree(job.out / LOGS, ignore_errors=True)
    print("\n".join(train.describe(made)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--panel", choices=sorted(WRITTEN), action="append")
    parser.add_argument("--vectors", type=Path, help="vectors that an earlier run has made")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = given.vectors or vectors(given.data, Path(folder))
        for panel in given.panel or sorted(WRITTEN):
            make(given.data, panel, made, Path(folder))


if __name__ == "__main__":
    main()
