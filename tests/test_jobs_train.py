from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from reportnlp.archive.disk import quarantine_file
from reportnlp.classifiers._encode import Encoder, Reading, collate
from reportnlp.classifiers._folder import open_folder
from reportnlp.classifiers._predict import Predictor, open_session
from reportnlp.embeddings import Vectors
from reportnlp.errors import InputError, OutputError, ReportNLPError, ResumeError, TrainingError
from reportnlp.jobs import label, train
from reportnlp.jobs._train_data import Source
from reportnlp.jobs._train_decide import Aim
from reportnlp.jobs._train_fit import Recipe, fit
from reportnlp.jobs.train import TrainJob
from reportnlp.labeler import load
from reportnlp.sums import SUMS, update_config
from reportnlp.text.words import Words
from reportnlp.training.settings import TrainSettings
from reportnlp.types import Report

CORPUS = Path(__file__).parents[1] / "corpora" / "ctpa_rules"
COUNT = 120


def rows(name: str) -> Iterator[dict[str, str]]:
    if name.endswith(".jsonl"):
        yield from map(json.loads, (CORPUS / name).read_text("utf-8").splitlines()[:COUNT])
        return
    with (CORPUS / name).open(encoding="utf-8", newline="") as file:
        yield from list(csv.DictReader(file))[:COUNT]


def write_gold(path: Path, gold: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(gold[0]))
        writer.writeheader()
        writer.writerows(gold)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "reports.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows("reports.jsonl")))
    return Source(
        (str(folder / "reports.jsonl"),), (write_gold(folder / "gold.csv", list(rows("gold.csv"))),)
    )


def job(source: Source, out: Path, **changes: Any) -> TrainJob:
    recipe = changes.pop("recipe", Recipe("linear", {"buckets": 2048}))
    return TrainJob(source=source, out=out, recipe=recipe, **changes)


def cnn(*, epochs: int = 3, **others: Any) -> Recipe:
    settings = {"width": 12, "filters": 8, **others.pop("settings", {})}
    return Recipe("cnn", settings, train=TrainSettings(epochs=epochs, device="cpu"), **others)


@pytest.fixture(scope="module")
def model(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "small"
    train.run(job(source, out, folds=2, rules=True, aim=Aim("isotonic", "f1", 0.02)))
    return out


def test_a_model_folder_is_whole_and_holds_no_pickle(model: Path) -> None:
    names = {path.name for path in model.iterdir()}
    wanted = {"config.json", "model.safetensors", "model.onnx", "tokenizer.json", "panel.toml", "README.md"}
    assert wanted | {SUMS} <= names
    for path in (path for path in model.rglob("*") if path.is_file()):
        assert not path.read_bytes().startswith(
            (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
        )
    folder = open_folder(model)
    assert folder.panel().name == folder.file.panel == "pe"
    assert folder.file.stack["pulmonary_embolism"].trust > 0
    assert folder.file.decisions["pulmonary_embolism"].knots
    assert folder.file.trained["folds"] == 2
    figures = {(row["question"], row["figure"]) for row in folder.file.trained["figures"]}
    assert {("pulmonary_embolism", "f1"), ("pulmonary_embolism", "f1, rules alone")} <= figures
    card = (model / "README.md").read_text("utf-8")
    assert "Not a medical device" in card
    assert "pulmonary_embolism.location" in card


def test_the_same_seed_gives_the_same_bytes(source: Source, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train.run(job(source, tmp_path / name / "m", recipe=cnn(epochs=1)))
    assert open_folder(tmp_path / "one" / "m").digest == open_folder(tmp_path / "two" / "m").digest


def test_a_network_learns(source: Source, tmp_path: Path) -> None:
    made = train.run(job(source, tmp_path / "m", recipe=cnn(epochs=12)))
    figures = {(row["question"], row["figure"]): row["value"] for row in made.record["figures"]}
    assert figures["pulmonary_embolism", "f1"] > 0.6
    assert made.read == COUNT
    assert list((tmp_path / "m" / "logs").glob("events*"))
    assert not (tmp_path / "m.work").exists()


class Stopped(Exception):
    pass


def test_a_stopped_training_goes_on_to_the_same_model(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = job(source, tmp_path / "m", recipe=cnn(epochs=2), folds=2)
    train.run(replace(wanted, out=tmp_path / "whole" / "m"))
    calls = []

    def stop_at_the_second(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise Stopped
        return fit(*given, **named)

    monkeypatch.setattr("reportnlp.jobs._train_learn.fit", stop_at_the_second)
    with pytest.raises(Stopped):
        train.run(wanted)
    train.run(replace(wanted, resume=True))
    assert len(calls) == 4  # the first fold was not trained again
    whole, resumed = (open_folder(tmp_path / place / "m").path for place in ("whole", ""))
    for name in ("config.json", "model.safetensors", "model.onnx", "tokenizer.json"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name


def test_other_reports_are_learned_from_and_never_scored_on(source: Source, tmp_path: Path) -> None:
    more = Source(("corpora/demo/reports.csv",), (Path("corpora/demo/gold.csv"),), weight=0.5)
    made = train.run(job(source, tmp_path / "m", more=(more,)))
    assert made.read > COUNT
    assert made.record["figures"][0]["n"] < COUNT


def test_a_model_goes_on_from_another_panels(source: Source, tmp_path: Path, model: Path) -> None:
    head = CORPUS.parent / "head_ct_rules"
    first = cnn(epochs=1)
    train.run(job(source, tmp_path / "pe", recipe=first))
    made = train.run(
        job(
            Source((str(head / "reports.jsonl"),), (head / "gold.csv",)),
            tmp_path / "head",
            panel="head_ct",
            recipe=replace(first, start_from=tmp_path / "pe"),
        )
    )
    assert made.record["notes"] == [f"went on from pe ({open_folder(tmp_path / 'pe').digest[:12]})"]
    with pytest.raises(InputError, match="shares no layer"):
        train.run(job(source, tmp_path / "no", recipe=cnn(settings={"width": 9}, start_from=model)))


def test_word_vectors_begin_a_network(source: Source, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    words = ["embolus", "pulmonary", "artery", "zebra"]
    Vectors.of(words, generator.normal(size=(4, 12)).astype(np.float32)).save(tmp_path / "v")
    made = train.run(job(source, tmp_path / "m", recipe=cnn(epochs=1, vectors=tmp_path / "v")))
    assert made.record["notes"][0].startswith("4 of ")
    wrong = cnn(epochs=1, vectors=tmp_path / "v", settings={"width": 7})
    with pytest.raises(InputError, match="have 12 numbers each, and the network takes 7"):
        train.run(job(source, tmp_path / "no", recipe=wrong))


def test_probabilities_of_a_label_table_are_learned(source: Source, tmp_path: Path, model: Path) -> None:
    table = tmp_path / "labels.jsonl"
    label.run(label.LabelSettings(source.inputs, table, method=str(model), workers=1))
    made = train.run(job(replace(source, labels=(table,)), tmp_path / "m"))
    assert made.read == COUNT


GOLD = [{"report_id": f"r{i}", "pulmonary_embolism": "present" if i % 2 else "absent"} for i in range(8)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"report_id": "x{}"}, "No report has labels in"),
        ({"pulmonary_embolism": "maybe"}, "in a way that the panel has not"),
        ({"pulmonary_embolism": "present"}, "one answer only"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(
    change: Mapping[str, str], said: str, tmp_path: Path
) -> None:
    reports = tmp_path / "r.csv"
    lines = (f"r{i},IMPRESSION: report {i}.\n" for i in range(8))
    reports.write_text("report_id,text\n" + "".join(lines))
    changed = [{**row, **{k: v.format(i) for k, v in change.items()}} for i, row in enumerate(GOLD)]
    source = Source((str(reports),), (write_gold(tmp_path / "gold.csv", changed),))
    with pytest.raises(InputError, match=said):
        train.run(job(source, tmp_path / "m"))


def test_what_does_not_fit_is_refused(source: Source, tmp_path: Path, model: Path) -> None:
    with pytest.raises(OutputError, match="exists"):
        train.run(job(source, model))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    with pytest.raises(OutputError, match="folder of something else"):
        train.run(job(source, tmp_path / "other", overwrite=True))
    with pytest.raises(InputError, match="needs --encoder"):
        Recipe("transformer")
    with pytest.raises(ReportNLPError, match="Did you mean 'cnn'"):
        Recipe("cn")
    with pytest.raises(InputError, match="folds is 1"):
        job(source, tmp_path / "m", folds=1)
    with pytest.raises(InputError, match="More than one of"):
        train.run(job(replace(source, labels=source.labels * 2), tmp_path / "m"))


@pytest.mark.parametrize("name", ["model.onnx", "config.json", "tokenizer.json", "panel.toml", SUMS])
def test_a_damaged_folder_is_refused_by_name(name: str, model: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    content = bytearray((broken / name).read_bytes())
    content[len(content) // 2] ^= 1
    (broken / name).write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"Copy the folder again"):
        open_folder(broken)
    (broken / name).unlink()
    with pytest.raises(InputError, match=f"has no {name}"):
        open_folder(broken)
    with pytest.raises(InputError, match="There is no model folder"):
        open_folder(tmp_path / "nowhere")


def texts(source: Source) -> list[Report]:
    lines = Path(source.inputs[0]).read_text("utf-8").splitlines()
    return [Report(row["report_id"], row["text"]) for row in map(json.loads, lines)]


def test_each_report_gets_what_it_gets_alone(source: Source, model: Path) -> None:
    labeler = load(method=model)
    reports = texts(source)
    assert labeler.label_batch(reports) == [labeler.label(report) for report in reports]


def test_evidence_lies_in_the_text_and_every_answer_is_the_panels(source: Source, model: Path) -> None:
    labeler = load("pe", method=model)
    for report in texts(source):
        for given, question in zip(labeler.label(report), labeler.questions, strict=True):
            assert given.answer in question.answers
            assert 0 <= given.probability <= 1
            if given.evidence:
                assert 0 <= given.evidence.start < given.evidence.end <= len(report.text)
                assert given.section


def test_a_table_is_labelled_by_a_model_and_resumed(source: Source, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    wanted = label.LabelSettings(source.inputs, out, method=str(model), workers=1, shard_size=16)
    counts = label.run(wanted)
    assert counts.read == counts.labelled + counts.quarantined + counts.duplicates == COUNT
    first = out.read_bytes()
    label.run(replace(wanted, overwrite=True, workers=2, shard_size=16))
    assert out.read_bytes() == first
    [method] = set(parquet.read_table(out)["method"].to_pylist())
    [identity] = set(parquet.read_table(out)["model"].to_pylist())
    assert (method, identity) == ("small", f"small-{open_folder(model).digest[:12]}")
    assert quarantine_file(out).exists() is False or not quarantine_file(out).read_text()


def test_in_doubt_an_answer_is_left_blank(source: Source, model: Path, tmp_path: Path) -> None:
    import shutil

    doubtful = tmp_path / "doubtful"
    shutil.copytree(model, doubtful)
    config = json.loads((doubtful / "config.json").read_text())
    config["decisions"]["pulmonary_embolism"].update(low=0.0, high=1.01)
    update_config(doubtful, config)
    report = texts(source)[0]
    [presence, *attributes] = load(method=doubtful, abstain=True).label(report)
    assert {presence.answer, *(one.answer for one in attributes)} == {""}
    assert presence.probability > 0
    assert load(method=doubtful).label(report)[0].answer


def test_a_model_of_another_panel_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match="answers the panel 'pe', and 'head_ct' was asked for"):
        load("head_ct", method=model)
    with pytest.raises(ReportNLPError, match="No method or model folder is called 'ruels'"):
        load("pe", method="ruels")


def test_labelling_needs_neither_torch_nor_transformers(model: Path) -> None:
    script = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'sklearn', 'gensim'): sys.modules[name] = None\n"
        "import reportnlp\n"
        f"print(reportnlp.load(method={str(model)!r})('IMPRESSION: Acute saddle embolus.').answers)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pulmonary_embolism" in done.stdout


def test_what_was_read_is_told(model: Path) -> None:
    predictor = Predictor(open_folder(model))
    [read] = predictor(["INDICATION: ?PE.\nIMPRESSION: No embolus."]).read
    assert read.sections == ("impression",)
    assert read.tokens == 3


def test_the_command_tells_a_mistake_in_one_line(source: Source, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reportnlp", "train", *source.inputs, "--labels", str(source.labels[0])]
    for more, said in (
        (["--architecture", "cn"], "Did you mean 'cnn'"),
        (["--set", "filters"], "Write NAME=VALUE"),
        (["--set", "filtres=3"], "Did you mean 'filters'"),
        (["--more", "x.csv"], "--more needs --more-labels"),
        (["--threshold", "f2"], "Allowed: argmax, f1"),
    ):
        done = subprocess.run(
            [*command, "-o", str(tmp_path / "m"), *more],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 2, done.stderr
        assert said in done.stderr.splitlines()[-1]


def test_errors_are_this_packages(source: Source, tmp_path: Path) -> None:
    with pytest.raises((TrainingError, ResumeError, ReportNLPError)):
        train.run(job(replace(source, labels=(tmp_path / "none.csv",)), tmp_path / "m"))


def test_what_runs_on_a_device_answers_as_onnx_does(model: Path) -> None:
    from reportnlp.classifiers._device import OnDevice, named

    folder = open_folder(model)
    reports = Encoder(Words.read(model / "tokenizer.json"), Reading.usual())(
        ["IMPRESSION: Saddle embolus.", "No PE. Clear lungs."]
    )
    batch = collate(reports)
    for ours, theirs in zip(
        OnDevice(folder, named("cpu"))(batch), open_session(model / "model.onnx", 1)(batch), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-4)


def test_a_device_that_there_is_not_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match="There is no device 'cuda:99' here"):
        load(method=model, device="cuda:99")
    with pytest.raises(InputError, match="There is no device 'bananas' here"):
        load(method=model, device="bananas")


def test_further_reports_may_all_have_one_answer(source: Source, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("report_id,text\nx1,Normal knee.\nx2,Broken finger.\n")
    (tmp_path / "g.csv").write_text("report_id,pulmonary_embolism\nx1,not_mentioned\nx2,not_mentioned\n")
    more = Source((str(tmp_path / "r.csv"),), (tmp_path / "g.csv",))
    made = train.run(job(source, tmp_path / "m", more=(more,)))
    assert made.read == COUNT + 2
    with pytest.raises(InputError, match="one answer only"):
        train.run(job(more, tmp_path / "n"))


def test_folds_by_site_need_folds_and_sites(source: Source, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Give --folds too"):
        job(source, tmp_path / "m", by_site=True)
    with pytest.raises(InputError, match="have no site, the first is"):
        train.run(job(source, tmp_path / "m", by_site=True, folds=2))


def test_all_files_of_a_model_may_be_read_alike(model: Path) -> None:
    assert len({path.stat().st_mode for path in model.iterdir() if path.is_file()}) == 1


def test_a_stopped_command_says_how_to_go_on(source: Source, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reportnlp", "train", *source.inputs, "--labels", str(source.labels[0])]
    process = subprocess.Popen(
        [*command, "-o", str(tmp_path / "m"), "--epochs", "5000", "--patience", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    work = tmp_path / "m.work" / "network"
    while not list(work.glob("checkpoint-*")):
        assert process.poll() is None
        time.sleep(0.1)
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Stopped by SIGTERM" in told.splitlines()[-1]
    assert "--resume" in told.splitlines()[-1]
    linear = job(source, tmp_path / "m", resume=True)
    with pytest.raises(ResumeError, match="solved at once"):
        train.run(linear)


def test_what_says_nothing_to_an_architecture_is_refused(source: Source, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reportnlp", "train", *source.inputs, "--labels", str(source.labels[0])]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "m"), "--architecture", "linear", "--batch-size", "4"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--batch-size: architecture linear is solved at once" in done.stderr
