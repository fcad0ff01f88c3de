"""How fast a model folder labels on processors, in how much memory, and what int8 would change.

    python tests/bench/model_rate.py MODEL_DIR [REPORTS ...] [--rows 60000] [--workers 2] [--quick]

`reportnlp label --method MODEL_DIR` over `--rows` different reports: generated ones of the model's panel, or
REPORTS over and over, each text ending in a number of its own. Printed are reports a second over the whole
run and less start-up, and the largest memory of all processes together (resident sets added up; needs
psutil). It is run for the folder as it is (fp32), for a copy with its weights of the rules taken out (the
network alone), and for that copy with ONNX Runtime's dynamic int8 quantisation (by channel, needs onnx); of
the last, the share of answers that are the network's own in fp32 is printed too.

Then the promise that a report gets alone what it gets in a batch: no answer may differ between the two, and
none between a report alone and the command's table. Dynamic quantisation takes its scale from the whole
batch, and so need not keep that promise.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reportnlp.classifiers._export import in_eight_bits
from reportnlp.classifiers._folder import ONNX, open_folder
from reportnlp.classifiers._predict import Predictor
from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.read import read_answers
from reportnlp.formats.loader import read_reports
from reportnlp.generators import Generator
from reportnlp.sums import update_config, write_sums
from reportnlp.types import Report
from tests.bench.archive_rate import measure, repeated, show

BATCH = 512
"""Reports labelled together, as the command's shards are."""


def texts_of(given: Sequence[str], panel: str) -> Iterator[tuple[str, str]]:
    """Ids and texts without end, no text twice but by the generator's chance."""
    if given:
        yield from repeated([row for row in read_reports(given) if isinstance(row, Report)], unique=True)
    generator, number = Generator(panel, seed=0), 0
    while True:
        yield str(number), generator.write(number).report.text
        number += 1


def write_rows(path: Path, rows: Iterator[tuple[str, str]]) -> int:
    """A CSV file of reports; returns how many different texts are in it."""
    different = set()
    with path.open("w", encoding="utf-8", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(("report_id", "text"))
        for report, text in rows:
            table.writerow((report, text))
            different.add(hash(text))
    return len(different)


def copied(folder: Path, out: Path) -> Path:
    """A copy of a model folder."""
    shutil.copytree(folder, out)
    return out


def without_rules(folder: Path) -> Path:
    """The network alone: the weights of the rules go out of its configuration."""
    update_config(folder, {"stack": {}})
    return folder


def to_int8(folder: Path) -> Path:
    """The network in eight bits; reports still go through it in batches."""
    in_eight_bits(folder / ONNX, folder / "small.onnx")
    (folder / "small.onnx").replace(folder / ONNX)
    write_sums(folder)
    return folder


def alike(ours: Answers, theirs: Answers) -> tuple[int, int]:
    """How many answers are the same, of how many."""
    pairs = [
        (answer, theirs[report][question]) for report, row in ours.items() for question, answer in row.items()
    ]
    return sum(one == other for one, other in pairs), len(pairs)


def labelled(predictor: Predictor, rows: Sequence[tuple[str, str]], size: int) -> dict[str, dict[str, str]]:
    """Report id to question to answer, so many reports at a time."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        labels = predictor([text for _, text in part]).labels
        for (report, _), own in zip(part, labels, strict=True):
            found[report] = {label.question: str(label.answer) for label in own}
    return found


def rate(name: str, model: Path, source: Path, one: Path, out: Path, options: argparse.Namespace) -> Answers:
    """Time the command, and read its table."""
    command = [sys.executable, "-m", "reportnlp", "label"]
    flags = ["--method", str(model), "--workers", str(options.workers), "--overwrite", "-o", str(out)]
    startup = measure([*command, str(one), *flags]).seconds
    show(name, options.rows, measure([*command, str(source), *flags]), startup)
    sys.stdout.flush()
    return read_answers(out)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="a model folder, as `reportnlp train` makes")
    parser.add_argument("reports", nargs="*", help="reports to repeat; without any they are generated")
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--alone", type=int, default=2_000, help="reports labelled alone and in batches")
    parser.add_argument("--quick", action="store_true", help="few reports: does it run?")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.alone = 2_000, 100
    opened = open_folder(options.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, one, out = folder / "rows.csv", folder / "one.csv", folder / "out.csv"
        different = write_rows(source, islice(texts_of(options.reports, opened.file.panel), options.rows))
        write_rows(one, islice(texts_of(options.reports, opened.file.panel), 1))
        print(f"{options.model}, {opened.file.architecture}, panel {opened.file.panel}, {opened.digest[:12]}")
        print(
            f"{options.rows:,} reports, {different:,} different texts, {options.workers} workers\n",
            flush=True,
        )
        whole = rate("as it is, fp32", options.model, source, one, out, options)
        network = without_rules(copied(options.model, folder / "network"))
        plain = rate("the network alone, fp32", network, source, one, out, options)
        small = to_int8(copied(network, folder / "small"))
        eight = rate("the network alone, int8", small, source, one, out, options)
        same, of = alike(plain, eight)
        sizes = [(path / ONNX).stat().st_size / 2**20 for path in (network, small)]
        print(f"  int8 gives fp32's answer to {same:,} of {of:,} questions: {same / of:.5f}")
        print(f"  network on disk: as it is {sizes[0]:.2f} MiB, int8 {sizes[1]:.2f} MiB\n")
        rows = list(islice(texts_of(options.reports, opened.file.panel), options.alone))
        for title, model, table in (("as it is", options.model, whole), ("int8", small, eight)):
            predictor = Predictor(open_folder(model))
            alone, together = (labelled(predictor, rows, size) for size in (1, BATCH))
            for against, theirs in (("in a batch", together), ("by the command", table)):
                same, of = alike(alone, theirs)
                print(f"{title}: answers that differ between alone and {against}: {of - same} of {of:,}")


if __name__ == "__main__":
    main()
