"""A classifier that `evaluate` trains on one side of a split and scores on the other."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from reportnlp.classifiers._questions import Columns
from reportnlp.errors import InputError
from reportnlp.evaluation.labelled import Labelled
from reportnlp.evaluation.learning import log_spaced
from reportnlp.evaluation.splits import groups
from reportnlp.findings import load_panel
from reportnlp.jobs import _evaluate_trained
from reportnlp.jobs._evaluate_trained import Trainer, Training
from reportnlp.jobs._labelled import TrainRow
from reportnlp.jobs._train_data import LabelledReports, Source, read
from reportnlp.jobs._train_fit import Recipe
from reportnlp.jobs._train_learn import Learned, Learning, learn
from reportnlp.jobs.evaluate import EvaluateSettings, run
from reportnlp.training.progress import Silent
from reportnlp.training.settings import TrainSettings
from reportnlp.types import Report
from tests.conftest import ROOT, Command

CORPUS = ROOT / "corpora" / "ctpa_rules"
SITES = ("north", "south")
LINEAR = Learning(Recipe("linear", {"buckets": 1024, "longest": 1, "penalty": 1.0}), seed=1)
CNN = Learning(
    Recipe("cnn", {"filters": 8, "width": 12, "spans": [2, 3]}, train=TrainSettings(epochs=2)), seed=1
)


def write(folder: Path, name: str, rows: Sequence[int], *, prefix: str = "") -> tuple[Path, Path]:
    """Some reports of a corpus, with days, sites and a patient for every two of them."""
    lines = (CORPUS / "reports.jsonl").read_text("utf-8").splitlines()
    reports = [json.loads(lines[row]) for row in rows]
    with (CORPUS / "gold.csv").open(encoding="utf-8", newline="") as file:
        gold = {row["report_id"]: row for row in csv.DictReader(file)}
    answers = [gold[report["report_id"]] for report in reports]
    for place, (row, report, answer) in enumerate(zip(rows, reports, answers, strict=True)):
        report |= {"patient_id": f"p{row // 2}", "site": SITES[row // 2 % 2]}
        report |= {"exam_date": f"2020-{1 + place * 12 // len(rows):02}-01"}
        report["report_id"] = answer["report_id"] = prefix + report["report_id"]
    path, labels = folder / f"{name}.jsonl", folder / f"{name}.csv"
    path.write_text("".join(json.dumps(report) + "\n" for report in reports), "utf-8")
    with labels.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(answers[0]))
        writer.writeheader()
        writer.writerows(answers)
    return path, labels


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> EvaluateSettings:
    reports, gold = write(tmp_path_factory.mktemp("corpus"), "reports", range(120))
    return EvaluateSettings(
        (str(reports),),
        gold,
        panel="pe",
        split="random",
        test_share=0.25,
        seed=1,
        resamples=20,
        training=Training(LINEAR),
    )


class Listener:
    """Hears what every network learned from and what calibrated it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard: list[tuple[LabelledReports, LabelledReports | None, Learned]] = []

        def listen(
            how: Learning,
            panel: object,
            columns: Columns,
            data: LabelledReports,
            more: LabelledReports | None,
            **others: object,
        ) -> Learned:
            learned = learn(how, panel, columns, data, more, **others)  # type: ignore[arg-type]
            self.heard.append((data, more, learned))
            return learned

        monkeypatch.setattr(_evaluate_trained, "learn", listen)


def test_it_is_scored_on_reports_that_it_never_saw(
    settings: EvaluateSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(monkeypatch)
    evaluation = run(replace(settings, against="rules"))
    [(data, more, learned)] = listener.heard
    assert (len(data), evaluation.scores.coverage.scored, more) == (90, 30, None)
    assert 0 < len(learned.held.data) < len(data)
    tested = {one.report for one in evaluation.mistakes}
    assert tested and not tested & {report.id for report in data.reports}
    assert evaluation.about.method == "linear"
    said = "linear (buckets=1024, longest=1, penalty=1.0); calibrated on the 15 %"
    assert evaluation.about.recipe.startswith(said)
    assert evaluation.audit is not None
    assert evaluation.audit.reports == 90
    assert evaluation.learning is None
    assert evaluation.comparison is not None
    assert (evaluation.comparison.first, evaluation.comparison.second) == ("linear", "rules")


def test_probabilities_of_every_answer_are_known(settings: EvaluateSettings) -> None:
    evaluation = run(settings)
    assert evaluation.about.probabilities == "full"
    [presence] = evaluation.scores.presence
    assert presence.auroc is not None and presence.auroc.value > 0.6
    again = run(settings)
    assert again.scores == evaluation.scores


def test_a_network_and_rules_are_stacked_and_show_their_evidence(settings: EvaluateSettings) -> None:
    evaluation = run(replace(settings, training=Training(replace(CNN, rules=True))))
    assert evaluation.about.method == "cnn with rules"
    assert "at most 2 epochs" in evaluation.about.recipe
    rules = run(replace(settings, training=None))
    assert evaluation.scores.presence[0].f1.value >= rules.scores.presence[0].f1.value - 0.1
    assert any(one.start is not None for one in evaluation.mistakes)


def test_each_site_has_a_method_of_its_own(
    settings: EvaluateSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(monkeypatch)
    evaluation = run(replace(settings, split="site"))
    assert [{report.site for report in data.reports} for data, _, _ in listener.heard] == [
        {"south"},
        {"north"},
    ]
    assert evaluation.scores.coverage.scored == 120
    assert evaluation.scores.presence[0].auroc is not None


@pytest.mark.parametrize("split", ["random", "temporal", "site"])
def test_further_reports_keep_off_the_test_side(
    settings: EvaluateSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    listener = Listener(monkeypatch)
    labelled: list[Report] = []

    class Watched(Trainer):
        def __call__(self, reports: Sequence[Report], train: Sequence[TrainRow]) -> Labelled:
            labelled.extend(reports)
            return super().__call__(reports, train)

    monkeypatch.setattr(_evaluate_trained, "Trainer", Watched)
    path, labels = write(tmp_path, "more", range(60, 180), prefix="m")
    more = Source((str(path),), (labels,), weight=0.5)
    site = "north" if split == "site" else ""
    evaluation = run(
        replace(settings, split=split, site=site, training=Training(LINEAR, (more,)))  # type: ignore[arg-type]
    )
    [(data, taken, learned)] = listener.heard
    assert taken is not None and 0 < len(taken) < 120
    assert float(taken.weights.max()) == 0.5
    assert "more.jsonl, labelled by more.csv, at weight 0.5" in evaluation.about.recipe
    numbers = groups([*labelled, *taken.reports])
    assert not set(numbers[: len(labelled)]) & set(numbers[len(labelled) :])
    days = [report.exam_date for report in labelled if report.exam_date]
    if split == "temporal":
        assert all(report.exam_date and report.exam_date < min(days) for report in taken.reports)
    if split == "site":
        assert {report.site for report in taken.reports} == {"south"}
    # nor were those of the reports that calibrate learned from
    assert learned.held.data.reports and len(data) == evaluation.about.train


def test_a_learning_curve_ends_at_the_method_itself(
    settings: EvaluateSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(monkeypatch)
    evaluation = run(replace(settings, training=Training(LINEAR, curve=True, sizes=(40, 20, 500))))
    assert evaluation.learning is not None
    assert evaluation.learning.sizes == (20, 40, 90)
    sets = [{report.id for report in data.reports} for data, _, _ in listener.heard]
    # the whole is not trained twice
    assert [len(one) for one in sets] == [90, 20, 40]
    assert sets[1] < sets[2] < sets[0]
    assert evaluation.scores.panel is not None
    assert evaluation.learning.lines[0].figures[-1] == evaluation.scores.panel.micro_f1


@pytest.mark.parametrize(("reports", "sizes"), [(800, (50, 100, 200, 400, 800)), (7, (7,))])
def test_sizes_are_log_spaced(reports: int, sizes: tuple[int, ...]) -> None:
    assert log_spaced(reports) == sizes


def test_what_labels_is_what_a_model_folder_would_say(settings: EvaluateSettings, tmp_path: Path) -> None:
    from reportnlp.jobs import train
    from reportnlp.labeler import load

    source = Source(settings.inputs, (settings.gold,))
    train.run(train.TrainJob(source, tmp_path / "model", recipe=CNN.recipe, seed=1))
    panel = load_panel("pe")
    columns = Columns(panel.questions)
    data = read(source, columns)
    learned = learn(CNN, panel, columns, data, None, work=tmp_path / "work", progress=Silent())
    texts = [report.text for report in data.reports[:20]]
    here = learned.network(panel, columns)(texts)
    there = load(None, method=str(tmp_path / "model")).predict(data.reports[:20])
    assert there is not None
    np.testing.assert_allclose(here.posteriors.values, there.posteriors.values, atol=0.02)
    same = sum(
        a == b
        for mine, other in zip(here.labels, there.labels, strict=True)
        for a, b in zip(
            ((x.answer, x.evidence) for x in mine), ((x.answer, x.evidence) for x in other), strict=True
        )
    )
    assert same >= 0.9 * sum(map(len, here.labels))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"panel": ""}, "add --panel"),
        ({"split": None}, "Add --split random"),
        ({"split": "site", "training": Training(LINEAR, curve=True)}, "with --site"),
        ({"training": Training(LINEAR, curve=True, sizes=(0,))}, "sizes of 1 or more"),
    ],
)
def test_what_does_not_go_together_is_refused(
    settings: EvaluateSettings, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(replace(settings, **changes))  # type: ignore[arg-type]


def test_reports_of_one_answer_teach_nothing(settings: EvaluateSettings, tmp_path: Path) -> None:
    path, labels = write(tmp_path, "few", range(12))
    with labels.open(encoding="utf-8", newline="") as file:
        ids = [row["report_id"] for row in csv.DictReader(file)]
    labels.write_text("report_id,pulmonary_embolism\n" + "".join(f"{i},absent\n" for i in ids), "utf-8")
    with pytest.raises(InputError, match="one answer only, or none, in the 10 reports"):
        run(replace(settings, inputs=(str(path),), gold=labels))


def test_the_command_line(settings: EvaluateSettings, tmp_path: Path, reportnlp: Command) -> None:
    call = [
        "evaluate",
        *settings.inputs,
        "--labels",
        str(settings.gold),
        "--panel",
        "pe",
        "--resamples",
        "20",
    ]
    trained = [*call, "--split", "random", "--architecture", "linear"]
    trained += ["--set", "buckets=512", "--set", "penalty=1"]
    page = tmp_path / "page.html"
    outcome = reportnlp(
        *trained, "--learning-curve", "--sizes", "30,60", "--against", "rules", "-o", str(page)
    )
    assert outcome.code == 0, outcome.err
    assert "linear (first) against rules" in outcome.out
    shown = page.read_text("utf-8")
    assert 'id="audit"' in shown and 'id="learning"' in shown and "buckets=512" in shown
    figures = tmp_path / "figures.json"
    assert reportnlp(*trained, "--sizes", "30,60", "-o", str(figures)).code == 0
    content = json.loads(figures.read_text("utf-8"))
    assert content["learning"]["sizes"] == [30, 60]
    assert content["learning"]["lines"][0]["figure"] == "micro_f1"
    assert set(content["learning"]["lines"][0]["figures"][0]) == {"value", "low", "high"}
    for wrong, message in (
        ([*call, "--set", "filters=3"], "--set says how to train a method"),
        ([*call, "--learning-curve"], "--learning-curve says how"),
        ([*trained, "--method", "rules"], "Leave --method and"),
        ([*trained, "--sizes", "30,a"], "--sizes 50,100,200"),
        ([*trained, "--more", "x.csv"], "--more needs --more-labels"),
        ([*trained, "--set", "filter=3"], "filter"),
    ):
        outcome = reportnlp(*wrong)
        assert (outcome.code, message in outcome.err) == (2, True), outcome.err
