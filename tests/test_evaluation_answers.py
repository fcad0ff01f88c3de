"""Each answer against the rest: counts by hand, areas as scikit-learn has them, intervals that fit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn

from reportnlp.evaluation import bootstrap, confidence, ranking
from reportnlp.evaluation.answers import pair_up
from reportnlp.evaluation.bootstrap import Figure, Values
from reportnlp.evaluation.labelled import labelled_of, posteriors_from, posteriors_of, questions_of
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.mistakes import mistakes
from reportnlp.evaluation.paired import auroc_interval
from reportnlp.evaluation.scores import AnswerScore
from reportnlp.types import (
    Label,
    LabelledReport,
    LabelTable,
    Posteriors,
    Presence,
    Question,
    Report,
    Span,
)

NODULE = Question("nodule", None, tuple(Presence))
PLACE = Question("pe", "location", ("saddle", "main", "not_applicable"))
Table = dict[str, dict[str, str]]


def tables(gold: list[str], given: list[str], question: str = "nodule") -> tuple[Table, Table]:
    return (
        {f"r{i}": {question: answer} for i, answer in enumerate(given)},
        {f"r{i}": {question: answer} for i, answer in enumerate(gold)},
    )


def of(scores: tuple[AnswerScore, ...], answer: str) -> AnswerScore:
    [score] = [score for score in scores if score.answer == answer]
    return score


def drawn(reports: int, *, seed: int) -> tuple[Table, Table, Posteriors]:
    """Gold, the most probable answers, and probabilities that lean to gold."""
    generator = np.random.default_rng(seed)
    names = [answer.value for answer in Presence]
    truth = generator.integers(0, 4, reports)
    values = generator.dirichlet(np.ones(4), reports)
    values = 0.7 * values + 0.3 * np.eye(4)[truth]
    gold = [names[at] for at in truth]
    given = [names[int(at)] for at in values.argmax(axis=1)]
    told = values[:, None].astype(np.float32)
    posteriors = Posteriors(told, tuple(f"r{i}" for i in range(reports)), (NODULE,))
    return (*tables(gold, given), posteriors)


def test_each_answer_by_hand() -> None:
    gold = ["present", "present", "present", "absent", "absent", "uncertain"]
    given = ["present", "present", "absent", "absent", "present", "uncertain"]
    scores = evaluate(*tables(gold, given), seed=0).answers
    assert [score.answer for score in scores] == ["present", "absent", "uncertain"]
    present = of(scores, "present")
    assert (present.n, present.support) == (6, 3)
    assert present.prevalence.value == pytest.approx(3 / 6)
    assert present.precision.value == pytest.approx(2 / 3)
    assert present.recall.value == pytest.approx(2 / 3)
    assert present.specificity.value == pytest.approx(2 / 3)
    assert present.f1.value == pytest.approx(2 / 3)
    assert of(scores, "uncertain").f1 == Figure(1.0, 1.0, 1.0)
    assert present.auroc is None


def test_each_answer_is_scikit_learns() -> None:
    given, gold, posteriors = drawn(300, seed=1)
    scores = evaluate(given, gold, seed=0, posteriors=posteriors)
    truth, told = ([row["nodule"] for row in table.values()] for table in (gold, given))
    names = [score.answer for score in scores.answers]
    assert names == [answer.value for answer in Presence]
    expected = sklearn.precision_recall_fscore_support(truth, told, labels=names)
    for at, score in enumerate(scores.answers):
        ours = (score.precision.value, score.recall.value, score.f1.value, score.support)
        assert ours == pytest.approx([column[at] for column in expected])
        positive = np.array(truth) == score.answer
        p = posteriors.values[:, 0, at].astype(np.float64)
        assert score.auroc is not None and score.auprc is not None
        assert score.auroc.value == pytest.approx(sklearn.roc_auc_score(positive, p))
        assert score.auprc.value == pytest.approx(sklearn.average_precision_score(positive, p))
        assert score.auroc.low < score.auroc.value < score.auroc.high


@pytest.mark.parametrize("decimals", [1, 12])
def test_areas_of_resampled_reports_are_scikit_learns(decimals: int) -> None:
    generator = np.random.default_rng(3)
    positive = generator.random(80) < 0.3
    score: Values = np.asarray(np.round(generator.random(80) + 0.3 * positive, decimals), dtype=np.float64)
    used = generator.random(80) < 0.8
    samples = ranking.sampled([ranking.usable(positive, score, used)], seed=0, resamples=20)
    times = np.concatenate(list(bootstrap.draws(80, seed=0, resamples=20)), axis=1)
    for ours, weights in zip(samples[:, 0], times.T, strict=True):
        rest = {"y_score": score[used], "sample_weight": weights[used]}
        assert ours[0] == pytest.approx(sklearn.roc_auc_score(positive[used], **rest))
        assert ours[1] == pytest.approx(sklearn.average_precision_score(positive[used], **rest))


def test_drawn_reports_come_to_their_number_in_every_resample() -> None:
    times = np.concatenate(list(bootstrap.draws(70_000, seed=0, resamples=7)), axis=1)
    assert times.shape == (70_000, 7)
    assert times.sum(axis=0).tolist() == [70_000] * 7


def test_the_interval_of_an_auroc_is_near_delongs() -> None:
    generator = np.random.default_rng(5)
    positive = generator.random(600) < 0.3
    score: Values = generator.normal(size=600) + positive
    [found] = ranking.areas(
        [ranking.usable(positive, score, np.ones(600, dtype=bool))], seed=0, resamples=2000
    )
    expected = auroc_interval(positive, score)
    assert (found.auroc.low, found.auroc.high) == pytest.approx((expected.low, expected.high), abs=0.006)


def test_one_class_only_has_no_areas_and_no_curve() -> None:
    gold, given = ["absent"] * 4, ["absent", "absent", "present", "absent"]
    values = np.full((4, 1, 4), 0.25, dtype=np.float32)
    posteriors = Posteriors(values, ("r0", "r1", "r2", "r3"), (NODULE,))
    scores = evaluate(*tables(gold, given), seed=0, posteriors=posteriors)
    [presence] = scores.presence
    assert presence.auroc is not None
    assert np.isnan(presence.auroc).all()
    assert np.isnan(presence.recall).all()
    assert presence.specificity.value == pytest.approx(3 / 4)
    assert scores.curves == ()


def test_presence_is_ranked_by_what_counts_as_present() -> None:
    gold = ["present", "uncertain", "absent", "absent"]
    values = np.array(
        [[0.6, 0.2, 0.2, 0], [0.1, 0.1, 0.8, 0], [0.5, 0.5, 0, 0], [0.2, 0.8, 0, 0]], dtype=np.float32
    )[:, None]
    posteriors = Posteriors(values, ("r0", "r1", "r2", "r3"), (NODULE,))
    areas = {
        policy: evaluate(
            *tables(gold, gold), seed=0, uncertain_as=policy, posteriors=posteriors, resamples=50
        ).presence[0]
        for policy in ("negative", "positive", "ignore")
    }
    found = {policy: score.auroc.value for policy, score in areas.items() if score.auroc}
    assert found == pytest.approx({"negative": 1, "positive": 1, "ignore": 1})
    assert (areas["ignore"].n, areas["positive"].specificity.value) == (3, 1)


def test_specificity_leaves_out_what_is_ignored() -> None:
    given, gold = tables(["uncertain", "absent", "present"], ["present", "present", "present"])
    scores = evaluate(given, gold, seed=0, uncertain_as="ignore")
    assert scores.presence[0].specificity.value == 0
    assert evaluate(given, gold, seed=0).presence[0].specificity.value == 0


def table_of(*labels: Label) -> LabelTable:
    rows = tuple(LabelledReport(Report(f"r{i}", "text"), (label,)) for i, label in enumerate(labels))
    return LabelTable((NODULE if labels[0].question == "nodule" else PLACE,), rows, "rules", "rules-1")


def test_the_other_answers_share_what_is_left() -> None:
    posteriors = posteriors_of(table_of(Label("nodule", "present", 0.7), Label("nodule", "absent", 1.0)))
    assert posteriors is not None
    assert posteriors.values[0, 0] == pytest.approx([0.7, 0.1, 0.1, 0.1])
    assert posteriors.values[1, 0].tolist() == [0, 1, 0, 0]
    place = posteriors_of(table_of(Label("pe.location", "not_applicable", 0.6)))
    assert place is not None
    assert place.values[0, 0] == pytest.approx([0.2, 0.2, 0.6])


def test_a_table_that_is_sure_of_everything_ranks_nothing() -> None:
    assert posteriors_of(table_of(Label("nodule", "present", 1.0))) is None


def test_what_has_no_probability_is_left_out_of_the_ranking() -> None:
    answers = {"a": {"nodule": "present"}, "b": {"nodule": "absent"}, "c": {"nodule": "absent"}}
    posteriors = posteriors_from(answers, {"a": {"nodule": 0.9}, "b": {"nodule": 0.8}}, (NODULE,))
    assert posteriors is not None and posteriors.report_ids == ("a", "b")
    scores = evaluate(answers, answers, seed=0, posteriors=posteriors)
    assert scores.calibration[0].n == 2
    assert scores.curves[0].n == 2


def test_questions_of_bare_answers() -> None:
    answers = {"a": {"pe": "present", "pe.location": "main"}, "b": {"pe": "absent", "pe.location": ""}}
    assert questions_of(answers) == (
        Question("pe", None, ("present", "absent", "uncertain", "not_mentioned")),
        Question("pe", "location", ("main", "not_applicable")),
    )


def test_calibration_by_hand() -> None:
    gold, given = ["present", "absent", "present", "absent"], ["present", "absent", "absent", "present"]
    answers, truth = tables(gold, given)
    p = {report: {"nodule": value} for report, value in zip(answers, (0.9, 0.9, 0.6, 0.6), strict=True)}
    scores = evaluate(answers, truth, seed=0, posteriors=posteriors_from(answers, p, (NODULE,)))
    [score] = scores.calibration
    assert score.n == 4
    # 0.9 said and 1 right; 0.6 said and 0 right
    assert score.ece.value == pytest.approx((0.1 + 0.6) / 2)
    assert [(one.n, one.right) for one in score.bins] == [(2, 0), (2, 1)]
    assert score.ece.low <= score.ece.value <= score.ece.high


def test_resampled_calibration_errors_use_the_same_bins() -> None:
    edges = np.arange(16) / 15
    between = edges[:-1] + 1 / 30
    assert confidence.bin_of(between).tolist() == list(range(15))
    assert confidence.bin_of(np.array([0.0, 1.0])).tolist() == [0, 14]


def test_answers_of_an_attribute_keep_the_panels_order() -> None:
    answers = {"a": {"pe.location": "saddle"}, "b": {"pe.location": "main"}}
    [pair] = pair_up(answers, answers, (PLACE,))[0]
    assert pair.answers == ("saddle", "main")
    [pair] = pair_up(answers, answers)[0]
    assert pair.answers == ("main", "saddle")


def test_the_same_input_gives_the_same_scores() -> None:
    given, gold, posteriors = drawn(80, seed=2)
    first = evaluate(given, gold, seed=4, posteriors=posteriors, resamples=100)
    assert evaluate(given, gold, seed=4, posteriors=posteriors, resamples=100) == first
    other = evaluate(given, gold, seed=5, posteriors=posteriors, resamples=100)
    assert other.calibration[0].ece != first.calibration[0].ece


def test_mistakes_are_listed_the_most_confident_first() -> None:
    table = table_of(
        Label("nodule", "present", 0.7, Span(3, 9), "findings"),
        Label("nodule", "absent", 0.8),
        Label("nodule", "absent", 0.95),
        Label("nodule", "present", 0.95, Span(0, 4), "impression"),
        Label("nodule", "present", 0.99),
    )
    gold = ["absent", "present", "not_mentioned", "absent", "present"]
    truth = {f"r{i}": {"nodule": answer} for i, answer in enumerate(gold)}
    found = mistakes(labelled_of(table), truth)
    assert [(one.report, one.kind, one.probability) for one in found] == [
        ("r3", "false alarm", 0.95),
        ("r2", "other answer", 0.95),
        ("r1", "missed", 0.8),
        ("r0", "false alarm", 0.7),
    ]
    assert (found[0].start, found[0].end, found[0].section) == (0, 4, "impression")
    assert (found[2].start, found[2].section) == (None, "")


def test_an_ignored_uncertain_is_no_missed_finding() -> None:
    table = table_of(Label("nodule", "absent", 0.7))
    truth = {"r0": {"nodule": "uncertain"}}
    assert [one.kind for one in mistakes(labelled_of(table), truth, uncertain_as="positive")] == ["missed"]
    assert [one.kind for one in mistakes(labelled_of(table), truth, uncertain_as="ignore")] == [
        "other answer"
    ]
