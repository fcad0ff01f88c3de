"""The command line: quick to start, examples that work, exit codes and errors that tell no report's text."""

from __future__ import annotations

import csv
import errno
import inspect
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer import Typer
from typer.models import CommandInfo, TyperInfo

import reportnlp as package
from reportnlp import cli
from reportnlp.archive.runner import SHARD_SIZE
from reportnlp.archive.stop import stoppable
from reportnlp.embeddings import Vectors
from reportnlp.errors import InputError
from reportnlp.evaluation.read import read_answers
from reportnlp.findings import finding_names, load_finding, load_panel, panel_names
from reportnlp.formats.blocks import ReadOptions
from reportnlp.golds import openi_mesh
from reportnlp.images.manifest import ImageRow, write_manifest
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.table import ImageLabels, write_table
from reportnlp.jobs import doctor, findings, gold, images_train, label
from reportnlp.jobs._images_fit import ImageRecipe
from reportnlp.registry import IMAGE_READERS
from reportnlp.training.settings import TrainSettings
from reportnlp.types import ABSTAIN, BadRow, Votes
from reportnlp.votes import write_votes
from reportnlp_api import keys
from tests.conftest import Command

SECRET = "Mr Example has an embolus"
HEAVY = ("numpy", "pyarrow", "pydantic", "rich", "sklearn", "spacy", "torch")


def commands(app: Typer, *words: str) -> Iterator[tuple[str, CommandInfo | TyperInfo]]:
    """Every command by what a user types, those of groups too, and groups that do something themselves."""
    for command in app.registered_commands:
        assert command.callback
        yield " ".join((*words, command.name or command.callback.__name__)), command
    for group in app.registered_groups:
        assert group.typer_instance
        name = group.typer_instance.info.name  # none: its commands are those of the group it is in
        if name and group.typer_instance.info.invoke_without_command is True:
            yield " ".join((*words, name)), group.typer_instance.info
        yield from commands(group.typer_instance, *words, *([name] if name else []))


COMMANDS = dict(commands(cli.app))


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has loaded after running some code."""
    script = (
        f"{code}\nimport sys\nprint(*{HEAVY!r}.__class__(m for m in {HEAVY!r} if m in sys.modules), sep=',')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(filter(None, done.stdout.splitlines()[-1].split(",")))


def write_reports(path: Path, *rows: tuple[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("report_id", "text"), *rows])
    return path


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import reportnlp") == set()


def loaded_by_help(*words: str) -> set[str]:
    code = f"import sys\nfrom reportnlp.cli import main\nsys.argv[1:] = {[*words, '--help']}"
    return loaded_by(f"{code}\ntry:\n    main()\nexcept SystemExit:\n    pass")


def test_help_loads_nothing_heavy() -> None:
    assert loaded_by_help() == set()


@pytest.mark.parametrize(
    "words", ["label", "corpora", "corpora gold", "embed", "embed train", "embed plot", "serve"]
)
def test_help_of_a_command_loads_nothing_heavy(words: str) -> None:
    assert loaded_by_help(*words.split()) <= {"pydantic"}  # typer's own, for any command


def test_public_names_are_few_and_all_there() -> None:
    assert len(package.__all__) <= 16
    own_names = {name: getattr(package, name).__name__ for name in package.__all__}
    assert own_names.pop("label_archive") == "run"  # of jobs/label.py, as every job calls its function
    assert own_names == {name: name for name in own_names}
    assert set(package.__all__) < set(dir(package))


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'labeller'"):
        _ = package.labeller


def test_version(reportnlp: Command) -> None:
    assert reportnlp("--version") == (0, f"reportnlp {package.__version__}\n", "")


def test_python_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reportnlp", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"reportnlp {package.__version__}\n"


def test_every_job_is_a_command_and_every_command_a_job(root: Path) -> None:
    jobs = {path.stem for path in (root / "reportnlp" / "jobs").glob("[!_]*.py")}
    assert {job_of(name) for name in COMMANDS} == jobs


def job_of(command: str) -> str:
    """The file of a command's job; those of `embed` and of `serve` share one, those of `images` say so."""
    first, *_, last = (*command.split(), command.split()[-1])
    return {"embed": "embed", "serve": "serve", "images": f"images_{last}"}.get(first, last)


def plant_images(folder: Path) -> None:
    """What the examples of `images` read: images with labels, a manifest, gold answers and a model."""
    count = 40
    there = np.arange(count) % 2 == 0
    pixels = np.random.default_rng(0).integers(0, 100, (count, 28, 28), dtype=np.uint8)
    pixels[there, 4:14, 4:14] = 200
    np.savez(folder / "images.npz", image=pixels)
    (folder / "pictures").mkdir()
    IMAGE_READERS.get("picture").plant(folder / "pictures")
    rows = tuple(ImageRow(f"s{at}", f"images.npz#image/{at}", report_id=f"r{at}") for at in range(count))
    answers = np.where(there, "present", "absent").astype(object)[:, None]
    ones = np.ones((count, 1), dtype=np.float32)
    target = there.astype(np.float32)[:, None]
    labels = ImageLabels(rows, ("pneumonia",), target, ones, ones > 0, answers, root=folder)
    write_table(labels, folder / "labels.parquet")
    write_manifest(rows, folder / "manifest.csv")
    gold_lines = [f"r{at},{answer[0]}" for at, answer in enumerate(answers)]
    (folder / "gold.csv").write_text("\n".join(["report_id,pneumonia", *gold_lines]), encoding="utf-8")
    told = [
        "IMPRESSION: Right lower lobe pneumonia." if one else "IMPRESSION: No pneumonia." for one in there
    ]
    report_lines = [json.dumps({"report_id": f"r{at}", "text": text}) for at, text in enumerate(told)]
    (folder / "reports.jsonl").write_text("\n".join(report_lines), encoding="utf-8")
    loop = TrainSettings(epochs=1, device="cpu")
    recipe = ImageRecipe("small_cnn", {"widths": (4, 8)}, augmentation="none", train=loop)
    size = Preprocessing(size=(28, 28))
    job = images_train.ImagesTrainJob(folder / "labels.parquet", folder / "image_model", recipe, size)
    images_train.run(job)


def plant_vectors(folder: Path) -> None:
    """What the examples of `embed` ask: two folders of vectors, and a file of another program."""
    words = ["left", "right", "lower", "upper", "lung", "nodule", "effusion", "pneumothorax"]
    words += [f"word{number}" for number in range(290)]
    for number, name in enumerate(("vectors", "other_vectors")):
        rows = np.random.default_rng(number).normal(size=(len(words), 8)).astype(np.float32)
        made = Vectors.of(words, rows)
        made.save(folder / name)
    made.write_word2vec(folder / "vectors.txt")


def plant_votes(folder: Path) -> None:
    """What the example of `weak fit` asks: votes on the reports that ship, each presence voted `present`."""
    questions = load_panel("pe").questions
    ids = tuple(read_answers(folder / "corpora" / "demo" / "gold.csv"))
    values = np.full((len(ids), 3, len(questions)), ABSTAIN)
    values[:, :, 0] = 0
    votes = Votes(values, ids, ("a", "b", "c"), questions)
    write_votes(folder / "demo_votes", votes, meta={"panel": "pe"})


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_in_the_help_works(name: str, desk: Path, reportnlp: Command) -> None:
    openi_mesh.plant(desk)  # in the place of a published archive that an example names
    plant_vectors(desk)
    plant_votes(desk)
    keys.add(desk / "keys.json", "intern")
    if name.startswith("images "):
        plant_images(desk)
    command = COMMANDS[name]
    example = (command.epilog or "").removeprefix("Example: reportnlp ")
    if name == "images train":
        shutil.rmtree(desk / "image_model")  # which the example makes
    outcome = reportnlp(*shlex.split(example))
    assert outcome.code == 0, outcome.err
    assert outcome.out
    shown = " ".join(reportnlp(*name.split(), "--help").out.split())
    assert f"Example: reportnlp {example}" in shown


def test_label_ends_with_a_count_that_adds_up(desk: Path, reportnlp: Command) -> None:
    rows = [("a", "No pulmonary embolism."), ("b", "No pulmonary embolism."), ("c", "Pulmonary embolism.")]
    outcome = reportnlp(
        "label", str(write_reports(desk / "in.csv", *rows)), "-o", "out.csv", "--workers", "1"
    )
    assert outcome == (0, "read 3 = labelled 2 + quarantined 0 + duplicates 1\n", "")


def test_label_with_quarantined_rows_ends_with_3_and_says_where_they_are(
    desk: Path, reportnlp: Command
) -> None:
    source = write_reports(desk / "in.csv", ("a", "No pulmonary embolism."), ("b", ""))
    code, out, err = reportnlp("label", str(source), "-o", "out.csv", "--workers", "1")
    assert (code, out) == (3, "read 2 = labelled 1 + quarantined 1 + duplicates 0\n")
    assert err == (
        "     1 empty text\nreportnlp: the quarantined rows are listed in out.csv.quarantine.jsonl\n"
    )
    [row] = [json.loads(line) for line in (desk / "out.csv.quarantine.jsonl").read_text("utf-8").splitlines()]
    assert row["report_id"] == "b"


def test_label_hands_every_option_to_its_job(monkeypatch: pytest.MonkeyPatch, reportnlp: Command) -> None:
    seen: list[Any] = []

    def run(settings: Any, progress: object) -> Any:
        seen.append(settings)
        raise InputError("stop here")

    monkeypatch.setattr(label, "run", run)
    columns = "--id-column i --text-column t --text-column u --date-column d --modality-column m"
    others = "--site-column s --patient-column p --format csv --out-format parquet --panel head_ct"
    rest = "--method rules --workers 3 --shard-size 7 --resume --overwrite"
    reportnlp("label", "a.csv", "b.csv", "-o", "out.x", *shlex.split(f"{columns} {others} {rest}"))
    [settings] = seen
    assert settings == label.LabelSettings(
        inputs=("a.csv", "b.csv"),
        out=Path("out.x"),
        panel="head_ct",
        method="rules",
        format_in="csv",
        format_out="parquet",
        read_options=ReadOptions("i", ("t", "u"), "d", "m", "s", "p"),
        workers=3,
        shard_size=7,
        resume=True,
        overwrite=True,
    )


def test_the_shard_size_in_the_help_is_the_runners() -> None:
    assert inspect.signature(cli.label.label).parameters["shard_size"].default == SHARD_SIZE


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("label gone.csv -o out.csv", "gone.csv"),
        ("label corpora/demo/reports.csv -o out.csv --panel chest_xry", "Did you mean 'chest_xray'?"),
        ("label corpora/demo/reports.csv -o out.csv --method ruls", "Did you mean 'rules'?"),
        ("label corpora/demo/reports.csv -o out.csv --abstain", "no band of doubt"),
        ("label corpora/demo/reports.csv -o out.csv --format cvs", "Did you mean 'csv'?"),
        ("label corpora/demo/reports.csv -o out.xyz", "out.xyz"),
        ("label corpora/demo/reports.csv -o out.csv --id-column nobody", "nobody"),
        ("evaluate gone.csv --labels corpora/demo/gold.csv", "gone.csv"),
        ("findings pnuemothorax", "Did you mean 'pneumothorax'? See them all: reportnlp findings."),
        ("panels chest_xry", "Did you mean 'chest_xray'?"),
        ("corpora gold gone.tgz --source openi_mesh -o gold.csv", "gone.tgz"),
        ("corpora gold corpora --source openi_msh -o gold.csv", "Did you mean 'openi_mesh'?"),
        ("corpora gold corpora/demo --source openi_mesh -o gold.csv", "holds no .xml file"),
        ("corpora gold corpora/demo/gold.csv --source negbio -o gold.csv", "Is it the published file?"),
        ("corpora gold corpora/demo/gold.csv --source sarle -o gold.txt", "ends in .csv"),
    ],
)
def test_a_mistake_is_one_line_with_the_mend(arguments: str, message: str, reportnlp: Command) -> None:
    code, out, err = reportnlp(*shlex.split(arguments))
    assert (code, out) == (2, "")
    assert err.startswith("reportnlp: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    "arguments", ["", "label", "label in.csv", "nothing", "label in.csv -o o.csv --workers x"]
)
def test_bad_usage_is_2(arguments: str, reportnlp: Command) -> None:
    assert reportnlp(*shlex.split(arguments)).code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "label",
            "IN was not given, and is needed. Files, folders or globs of reports. See: reportnlp label",
        ),
        ("label in.csv", "--out was not given, and is needed."),
        ("label in.csv -o o.csv --workers -1", "--workers was given as -1; it should be greater"),
        ("label in.csv -o o.csv --workers x", "--workers was given as x; it should be a valid integer."),
        ("evaluate i.csv --labels g.csv --uncertain-as no", "it should be one of 'negative', 'positive',"),
        ("label in.csv -o o.csv --bogus", "There is no option '--bogus'. See: reportnlp label --help."),
        ("label in.csv -o o.csv --worker 2", "There is no option '--worker'. Did you mean '--workers'?"),
        ("labl", "There is no command 'labl'. Did you mean 'label'? There are: label, train, evaluate,"),
        ("doctor x", "unexpected extra argument"),
        ("label in.csv -o", "requires an argument"),
        ("corpora gld", "There is no command 'gld'. Did you mean 'gold'?"),
        (
            "corpora gold in.tgz -o o.csv --source negbio --not-coded no",
            "it should be one of 'absent', 'not_",
        ),
    ],
)
def test_bad_usage_is_one_line_with_what_was_given_and_what_is_allowed(
    arguments: str, message: str, reportnlp: Command
) -> None:
    code, out, err = reportnlp(*shlex.split(arguments))
    assert (code, out) == (2, "")
    assert err.startswith("reportnlp: ") and err.count("\n") == 1
    assert message in err
    assert "Usage:" not in err


def test_without_arguments_the_help_is_shown(reportnlp: Command) -> None:
    code, _, err = reportnlp()
    assert code == 2
    assert "Commands:" in err and "label" in err


def test_a_reader_that_has_enough_is_no_fault() -> None:
    command = f"{shlex.quote(sys.executable)} -m reportnlp findings"
    script = f"{command} | head -n 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 141)
    assert done.stderr == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_the_code_of_the_shell(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, reportnlp: Command
) -> None:
    def run() -> None:
        with stoppable(Path("out.csv")):
            os.kill(os.getpid(), number)
            signal.pause()

    monkeypatch.setattr(doctor, "run", run)
    message = f"reportnlp: Stopped by {number.name} before out.csv was finished.\n"
    assert reportnlp("doctor") == (code, "", message)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run() -> None:
        raise error

    monkeypatch.setattr(doctor, "run", run)


def test_an_unknown_error_is_one_line_without_its_message(
    monkeypatch: pytest.MonkeyPatch, reportnlp: Command
) -> None:
    fail_with(monkeypatch, ValueError(SECRET))
    outcome = reportnlp("doctor")
    assert outcome == (1, "", "reportnlp: ValueError: a fault of reportnlp. REPORTNLP_DEBUG=1 shows where.\n")


def test_what_the_system_refuses_is_told_in_the_systems_words(
    monkeypatch: pytest.MonkeyPatch, reportnlp: Command
) -> None:
    fail_with(monkeypatch, OSError(errno.ENOSPC, SECRET))
    assert reportnlp("doctor") == (1, "", "reportnlp: OSError: No space left on device\n")


def test_an_error_of_ours_stays_on_one_line(monkeypatch: pytest.MonkeyPatch, reportnlp: Command) -> None:
    fail_with(monkeypatch, InputError("no file 'a\nb\x1b[31m'"))
    assert reportnlp("doctor") == (2, "", "reportnlp: no file 'a b [31m'\n")


@pytest.mark.parametrize(("error", "code"), [(ValueError("x"), 1), (InputError("x"), 2)])
def test_a_traceback_is_shown_only_when_asked_for(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, reportnlp: Command
) -> None:
    fail_with(monkeypatch, error)
    assert "Traceback" not in reportnlp("doctor").err
    monkeypatch.setenv("REPORTNLP_DEBUG", "1")
    outcome = reportnlp("doctor")
    assert outcome.code == code
    assert "Traceback" in outcome.err


def test_findings_lists_every_finding_with_all_that_defines_it(reportnlp: Command) -> None:
    out = reportnlp("findings").out
    heads = [line.partition(":")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert heads == list(finding_names())
    assert "codes: RadLex RID4834, SNOMED CT 59282003" in out
    assert "location: saddle, main, interlobar, lobar, segmental, subsegmental, unspecified" in out


def test_a_finding_in_full_has_its_phrases_and_where_its_codes_are_from() -> None:
    text = "\n".join(findings.run("pulmonary_embolism"))
    assert "code: RadLex RID4834 (" in text
    assert "exclusions (" in text


def test_a_code_that_is_second_hand_is_marked() -> None:
    finding = load_finding("pulmonary_embolism")
    code = finding.codes[0].model_copy(update={"confirmed": False, "of": "presence.absent"})
    doubtful = finding.model_copy(update={"codes": (code,)})
    [line] = [line for line in findings.in_full(doubtful) if "code: " in line]
    assert line.endswith(", unconfirmed)")
    assert "for presence.absent" in line
    assert not any("codes: " in line for line in findings.in_short(doubtful))


def test_panels_lists_every_panel_and_its_findings(reportnlp: Command) -> None:
    out = reportnlp("panels").out
    heads = [line.partition(":")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert heads == list(panel_names())
    assert "    - pulmonary_embolism (chronicity, location, laterality)" in out


def test_evaluate_prints_scores_and_what_was_compared(desk: Path, reportnlp: Command) -> None:
    rows = [("report_id", "pe", "pe.p"), ("a", "present", "1.0"), ("b", "absent", "1.0")]
    with (desk / "table.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    code, out, err = reportnlp("evaluate", "table.csv", "--labels", "table.csv", "--seed", "3")
    assert (code, err) == (0, "")
    assert "all, micro" in out
    assert "gold reports 2 = scored 2 + without labels 0; labelled reports without gold answers 0" in out
    assert "seed 3; uncertain counts as negative" in out


def test_gold_prints_what_it_wrote_and_why_rows_were_left_out(
    monkeypatch: pytest.MonkeyPatch, reportnlp: Command
) -> None:
    seen: list[Any] = []

    def run(settings: Any) -> gold.GoldCounts:
        seen.append(settings)
        reasons = ("no report id", "no terms", "no report id")
        return gold.GoldCounts(5, 7, 2, [BadRow("in.tgz", 1, reason) for reason in reasons])

    monkeypatch.setattr(gold, "run", run)
    rest = "-o out.csv --not-coded blank --overwrite"
    code, out, err = reportnlp("corpora", "gold", "in.tgz", "--source", "negbio", *rest.split())
    assert seen == [gold.GoldSettings(Path("in.tgz"), Path("out.csv"), "negbio", "blank", True)]
    assert (code, out) == (3, "5 reports, 7 present answers; 2 reports without codes\n")
    listed = "reportnlp: the quarantined rows are listed in out.csv.quarantine.jsonl\n"
    assert err == f"     2 no report id\n     1 no terms\n{listed}"
