"""What was compared, and the main figures."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reportnlp.evaluation.answers import Coverage
from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.record import Evaluation
from reportnlp.evaluation.report.markup import Content, Markup, interval, join, number, tag
from reportnlp.evaluation.words import Words, words_of
from reportnlp.types import Presence

PROBABILITIES = {
    "none": "None are known, or all are 1: nothing is ranked.",
    "shared": "Only that of the given answer is known; the other answers share the rest equally. "
    "Curves are coarse where a method has few different probabilities.",
    "full": "One of every answer.",
}
TITLED = 4
"""Findings that a title names."""

PERCENT = "\N{NO-BREAK SPACE}%"
INTERVALS = (
    "95 %, percentile bootstrap over {many}: {resamples} samples, seed {seed}. One of no width is no "
    "certainty: where n answers show no error, up to 3 in n may yet be wrong."
)
UNCERTAIN = {
    "negative": "not present",
    "positive": "present",
    "ignore": "nothing: {many} whose {truth} answer it is are left out; given, it is not present",
}


def title(evaluation: Evaluation) -> str:
    """Method and corpus; of images the model and what it looks for."""
    about = evaluation.about
    if words_of(about).images:
        names = [score.question for score in evaluation.scores.presence]
        more = f" and {len(names) - TITLED} more" if len(names) > TITLED else ""
        return f"Image model {about.method}: {', '.join(names[:TITLED])}{more}"
    what = ", ".join(about.inputs) or "labels"
    return f"{about.method}: {what}" if about.method and about.method != what else what


def lead(evaluation: Evaluation) -> Markup:
    """One sentence on what this is, one on how it went."""
    scores, words = evaluation.scores, words_of(evaluation.about)
    told: list[Content] = [f"{scores.coverage.scored} {words.many} compared with {words.truth}. "]
    if (panel := scores.panel) is not None:
        one = scores.presence[0].question.replace("_", " ") if len(scores.presence) == 1 else "a finding"
        by = f" by its {words.short}" if words.where else ""
        for figure, before, after in (
            (panel.recall, f"Where {words.where}{one} is present, it was found", ""),
            (panel.specificity, "Where not, it was not called present", ""),
            (panel.precision, "What was called present was so", by),
        ):
            if not math.isnan(figure.value):
                told.append(f"{before} {_percent(figure)} of the time{after}. ")
    return tag("p", *told, class_="lead")


def _percent(figure: Figure) -> str:
    spread = (
        "" if math.isnan(figure.low) else f" ({100 * figure.low:.0f} to {100 * figure.high:.0f}{PERCENT})"
    )
    return f"{100 * figure.value:.0f}{PERCENT}{spread}"


def compared(evaluation: Evaluation) -> Markup:
    """The list of what went in."""
    rows = (join([tag("dt", name), tag("dd", value)]) for name, value in _facts(evaluation) if value)
    return tag("dl", *rows)


def _facts(evaluation: Evaluation) -> Iterator[tuple[str, Content]]:
    about, scores = evaluation.about, evaluation.scores
    words = words_of(about)
    yield words.many.capitalize(), ", ".join(about.inputs)
    digest = f" (sha256 {about.gold_digest[:16]})" if about.gold_digest else ""
    what = "Gold answers" if about.truth == "gold" else "Compared with"
    said = "" if about.truth == "gold" else f"{words.truth}: "
    yield what, f"{said}{about.gold}{digest}" if about.gold else ""
    yield "Scored", _scored(scores.coverage, words)
    yield f"{words.short.capitalize()} columns not scored", ", ".join(scores.coverage.unanswered)
    yield "Method", about.method
    yield "Model", tag("code", about.model) if about.model else ""
    yield "Panel", about.panel
    yield "Split", about.split or f"none: every {words.one} is scored"
    yield "Training reports", "" if about.train is None else str(about.train)
    yield "Trained as", about.recipe
    yield "Uncertain counts as", UNCERTAIN[scores.uncertain_as].format(many=words.many, truth=words.short)
    yield "Probabilities", PROBABILITIES[about.probabilities]
    yield "Intervals", INTERVALS.format(many=words.many, resamples=scores.resamples, seed=scores.seed)
    yield "Version", f"reportnlp {about.version}" if about.version else ""
    yield "Date", about.date


def _scored(coverage: Coverage, words: Words) -> str:
    if words.images:
        told = f"{coverage.scored} {words.many}"
        told += f"; {coverage.missing} more have answers, and no image that could be read" * bool(
            coverage.missing
        )
        return told + f"; {coverage.extra} were looked at, and have no answer" * bool(coverage.extra)
    return (
        f"{coverage.scored} reports; {coverage.missing} with gold answers have no labels, "
        f"{coverage.extra} with labels have no gold answers"
    )


def main(evaluation: Evaluation) -> Markup:
    """Cards."""
    return tag("ul", *(_card(*one) for one in _main(evaluation)), class_="cards")


def _main(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    scores = evaluation.scores
    panel = scores.panel
    if panel is not None:
        many = len(scores.presence) > 1
        yield _figure("F1, all findings" if many else "F1 of presence", panel.micro_f1)
        yield _figure("Precision", panel.precision)
        yield _figure("Recall", panel.recall)
        yield _figure("Specificity", panel.specificity)
        if many:
            yield _figure("F1, mean of findings", panel.macro_f1)
        elif (area := scores.presence[0].auroc) is not None:
            yield _figure("AUROC", area)
    for score in scores.attributes:
        if score.n:
            name = score.question.partition(".")[2].replace("_", " ").capitalize()
            yield _figure(f"{name} right", score.accuracy)
    present = sum(score.support.get(Presence.PRESENT.value, 0) for score in scores.presence)
    told = f"{present} present answers" if scores.presence else ""
    yield words_of(evaluation.about).many.capitalize(), str(scores.coverage.scored), told


def _figure(name: str, figure: Figure) -> tuple[str, str, str]:
    return name, number(figure.value, 2), interval(figure)


def _card(name: str, value: str, below: str) -> Markup:
    return tag("li", tag("span", name, class_="name"), tag("b", value), tag("small", below))


def footer(evaluation: Evaluation) -> Markup:
    """What these figures are no proof of, and that no text is here."""
    words = words_of(evaluation.about)
    held = "ids and no text" if words.images else "ids and offsets, no report text"
    version = f"Written by reportnlp {evaluation.about.version}. " if evaluation.about.version else ""
    return tag(
        "p",
        f"{version}Figures hold for {words.many} like those scored here and no others. A dash is an "
        f"undefined figure: there was nothing to divide by. This page holds {words.one} {held}.",
    )
