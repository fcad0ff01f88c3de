"""An evaluation as rows: for the screen, for CSV and for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from rich.table import Table

from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.compare import PANEL, Comparison
from reportnlp.evaluation.record import Evaluation
from reportnlp.evaluation.scores import AttributeScore, PanelScore, PresenceScore, QuestionScore, Scores
from reportnlp.evaluation.words import Words, words_of
from reportnlp.types import Presence

PRESENCE_FIGURES = ("precision", "recall", "f1")
ATTRIBUTE_FIGURES = ("accuracy", "macro_f1", "micro_f1")
FIGURES = (*PRESENCE_FIGURES, *ATTRIBUTE_FIGURES)
COLUMNS = (
    *("question", "n", "support", "confusion"),
    *(f"{figure}{part}" for figure in FIGURES for part in ("", ".low", ".high")),
)


def screen(evaluation: Evaluation) -> Iterator[Table]:
    """A table for presence, one for attributes, and one for another method, where there are any."""
    scores = evaluation.scores
    if scores.panel is not None:
        yield _presence_table(scores.presence, scores.panel)
    asked = tuple(score for score in scores.attributes if score.n)
    if asked:
        yield _attribute_table(asked)
    if evaluation.comparison is not None:
        yield _comparison_table(evaluation.comparison)


def notes(evaluation: Evaluation) -> Iterator[str]:
    """What was compared and what was not, in plain lines."""
    scores, words = evaluation.scores, words_of(evaluation.about)
    coverage = scores.coverage
    if words.images:
        yield from _of_images(evaluation, words)
        return
    yield (
        f"gold reports {coverage.scored + coverage.missing} = scored {coverage.scored} + without labels "
        f"{coverage.missing}; labelled reports without gold answers {coverage.extra}"
    )
    if coverage.unanswered:
        yield f"gold columns that are no question of the labels, not scored: {', '.join(coverage.unanswered)}"
    if evaluation.about.split:
        yield f"split: {evaluation.about.split}; {evaluation.about.train} reports on a training side"
    yield (
        f"95 % intervals over reports: {scores.resamples} bootstrap samples, seed {scores.seed}; "
        f"uncertain counts as {scores.uncertain_as}"
    )


def _of_images(evaluation: Evaluation, words: Words) -> Iterator[str]:
    scores, coverage = evaluation.scores, evaluation.scores.coverage
    yield f"{coverage.scored} {words.many} compared with {words.truth} ({evaluation.about.gold})"
    for count, why in (
        (coverage.missing, "have answers, and no image that could be read"),
        (coverage.extra, "were looked at, and have no answer to compare"),
    ):
        if count:
            yield f"    {count} more {why}"
    if coverage.unanswered:
        yield f"not scored, the model does not look for it: {', '.join(coverage.unanswered)}"
    for one in scores.presence:
        yield f"    {_told(one)}"
    yield (
        f"95 % intervals over {words.many}: {scores.resamples} bootstrap samples, seed {scores.seed}; "
        f"uncertain counts as {scores.uncertain_as}"
    )


def _told(score: PresenceScore) -> str:
    """The area under the curve of one finding, or why there is none."""
    if score.auroc is not None and not math.isnan(score.auroc.value):
        return f"AUROC {_number(score.auroc)} ({_interval(score.auroc)})  {score.question} (n {score.n:,})"
    present = score.support.get(Presence.PRESENT.value, 0)
    return f"no AUROC  {score.question}: {present} present of {score.n}, and it takes both sides"


def records(scores: Scores) -> Iterator[dict[str, str]]:
    """One row per question, then one for the panel, under `COLUMNS`; undefined figures are blank."""
    questions: tuple[PresenceScore | AttributeScore, ...] = (*scores.presence, *scores.attributes)
    for score in questions:
        yield {
            "question": score.question,
            "n": str(score.n),
            "support": " ".join(f"{answer}={n}" for answer, n in score.support.items()),
            "confusion": " ".join(_confused(score)),
            **_parts(score),
        }
    if scores.panel is not None:
        yield {"question": PANEL, **_parts(scores.panel)}


def document(evaluation: Evaluation) -> dict[str, Any]:
    """All of an evaluation for JSON, the scores at the top; undefined figures are null."""
    content: dict[str, Any] = _json(asdict(evaluation.scores))
    rest = {field.name: getattr(evaluation, field.name) for field in fields(evaluation)}
    del rest["scores"]
    return content | {name: _json(_plain(value)) for name, value in rest.items()}


def _plain(value: Any) -> Any:
    """Dataclasses within as dictionaries."""
    if isinstance(value, tuple):
        return [asdict(item) for item in value]
    return None if value is None else asdict(value)


def _confused(score: QuestionScore) -> Iterator[str]:
    for gold, row in score.confusion.items():
        yield from (f"{gold}>{given}={n}" for given, n in row.items())


def _parts(score: PresenceScore | AttributeScore | PanelScore) -> dict[str, str]:
    figures = {name: getattr(score, name) for name in FIGURES if hasattr(score, name)}
    return {
        f"{name}{part}": "" if math.isnan(number) else f"{number:.4f}"
        for name, figure in figures.items()
        for part, number in zip(("", ".low", ".high"), figure, strict=True)
    }


def _json(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return _json(value._asdict())
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("question", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _presence_table(scores: tuple[PresenceScore, ...], panel: PanelScore) -> Table:
    table = _table("Presence", "n", "present", "precision", "recall", "F1", "95 %")
    for score in scores:
        support = score.support.get(Presence.PRESENT, 0)
        figures = (score.precision, score.recall, score.f1)
        table.add_row(score.question, str(score.n), str(support), *map(_number, figures), _interval(score.f1))
    figures = (panel.precision, panel.recall, panel.micro_f1)
    table.add_row("all, micro", "", "", *map(_number, figures), _interval(panel.micro_f1))
    table.add_row("all, macro", "", "", "", "", _number(panel.macro_f1), _interval(panel.macro_f1))
    return table


def _attribute_table(scores: tuple[AttributeScore, ...]) -> Table:
    table = _table("Attributes, where present", "n", "accuracy", "95 %", "macro F1", "micro F1")
    for score in scores:
        figures = (score.macro_f1, score.micro_f1)
        accuracy = (_number(score.accuracy), _interval(score.accuracy))
        table.add_row(score.question, str(score.n), *accuracy, *map(_number, figures))
    return table


def _comparison_table(found: Comparison) -> Table:
    """F1 of both methods, and McNemar's p, adjusted for the number of questions."""
    table = _table(
        f"{found.first} (first) against {found.second}", "F1 first", "second", "difference", "95 %", "p"
    )
    ps = {test.question: test.holm for test in found.tests}
    for one in found.differences:
        if one.figure in ("f1", "micro_f1"):
            p = ps.get(one.question, math.nan)
            table.add_row(
                "all, micro" if one.question == PANEL else one.question,
                *(_number(Figure(value, value, value)) for value in (one.first, one.second)),
                _number(one.difference),
                _interval(one.difference),
                "-" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}",
            )
    return table


def _number(figure: Figure) -> str:
    return "-" if math.isnan(figure.value) else f"{figure.value:.3f}"


def _interval(figure: Figure) -> str:
    return "-" if math.isnan(figure.low) else f"{figure.low:.3f} to {figure.high:.3f}"
