"""What stands beside the figures: sites and years, another method, the training side, and the errors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from reportnlp.evaluation.bootstrap import Figure
from reportnlp.evaluation.compare import PANEL, Difference, Test
from reportnlp.evaluation.learning import PANEL as ALL
from reportnlp.evaluation.mistakes import Mistake
from reportnlp.evaluation.record import Evaluation
from reportnlp.evaluation.report import plots
from reportnlp.evaluation.report.markup import (
    UNDEFINED,
    Markup,
    Row,
    Rows,
    cell,
    details,
    join,
    number,
    p_value,
    table,
    tag,
)
from reportnlp.evaluation.report.plots import Tree
from reportnlp.evaluation.scores import AttributeScore, PanelScore, PresenceScore, Scores
from reportnlp.evaluation.strata import Stratum
from reportnlp.evaluation.words import Words, words_of

FIGURES = ("precision", "recall", "F1")
NAMES = {
    "f1": "F1",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
}
FORESTS = 8
"""Questions up to which each has forest plots of its own; of more, only the panel has."""
LISTED = 200
"""Errors of a question that the page lists; the JSON file has them all."""


def strata(evaluation: Evaluation) -> Markup:
    """For each way to group reports forest plots, then a table."""
    groups = [(by, list(found)) for by, found in groupby(evaluation.strata, key=lambda one: one.by)]
    return join(_grouped(by, found, evaluation.scores) for by, found in groups)


def _grouped(by: str, found: Sequence[Stratum], scores: Scores) -> Markup:
    shown = [_forest(f"{by}{at}", by, q, found, scores) for at, q in enumerate(_drawn(scores))]
    rows = [row for one in found for row in _stratum_rows(one)]
    columns = [by, "question", "n", "precision", "recall", "F1", "accuracy"]
    whole = table(f"Main figures by {by}.", columns, rows, kind="sortable", headed=2)
    return join(
        [
            tag("h3", f"By {by}"),
            tag("div", *shown, class_="grid wide"),
            details(f"All figures by {by}", whole),
        ]
    )


def _drawn(scores: Scores) -> Iterator[str]:
    if scores.panel is not None and len(scores.presence) != 1:
        yield PANEL
    if len(scores.presence) <= FORESTS:
        yield from (score.question for score in scores.presence)


def _forest(anchor: str, by: str, question: str, found: Sequence[Stratum], scores: Scores) -> Markup:
    trees = [Tree(one.value, n, figures) for one in found for n, figures in _three(one, question)]
    trees += [Tree("all", n, figures, True) for n, figures in _three(scores, question)]
    name = "all findings" if question == PANEL else question
    caption = f"{name} by {by}, with 95 % intervals; reports in brackets."
    return plots.forest(anchor, f"{name} by {by}", FIGURES, trees, caption)


def _three(part: Stratum | Scores, question: str) -> Iterator[tuple[int, tuple[Figure, ...]]]:
    if question == PANEL and part.panel is not None:
        n = part.n if isinstance(part, Stratum) else part.coverage.scored
        yield n, (part.panel.precision, part.panel.recall, part.panel.micro_f1)
    for score in part.presence:
        if score.question == question:
            yield score.n, (score.precision, score.recall, score.f1)


def _stratum_rows(one: Stratum) -> Iterator[Row]:
    blank = tag("td", "")
    for score in one.presence:
        yield [one.value, score.question, score.n, *_cells(score), blank]
    if one.panel is not None and len(one.presence) > 1:
        yield [one.value, "all, pooled", one.n, *_cells(one.panel), blank]
    for attribute in one.attributes:
        if attribute.n:
            yield [one.value, attribute.question, attribute.n, *_cells(attribute), cell(attribute.accuracy)]


def _cells(score: PresenceScore | PanelScore | AttributeScore) -> list[Markup]:
    if isinstance(score, AttributeScore):
        return [tag("td", ""), tag("td", ""), cell(score.micro_f1)]
    f1 = score.f1 if isinstance(score, PresenceScore) else score.micro_f1
    return [cell(score.precision), cell(score.recall), cell(f1)]


def comparison(evaluation: Evaluation) -> Markup:
    """Differences as a forest plot and as a table, and the tests."""
    found = evaluation.comparison
    if found is None:
        return Markup("")
    note = tag(
        "p",
        tag("b", found.first or "the first method"),
        " less ",
        tag("b", found.second or "the second method"),
        f", over the {found.n} reports that both have labelled. Right of the line the first is better. "
        "Intervals are a paired bootstrap: both are scored on the same resampled reports.",
    )
    mains = [d for d in found.differences if d.figure in ("f1", "micro_f1")]
    trees = [
        Tree("all, pooled" if d.question == PANEL else d.question, None, (d.difference,), d.question == PANEL)
        for d in mains
    ]
    shown = plots.forest(
        "differences",
        "Differences of F1 between the two methods",
        ("difference of F1",),
        trees,
        "Difference of F1 with its 95 % interval: of presence, and of attributes over all answers (micro).",
    )
    rows = (_difference_row(one) for one in found.differences)
    columns = ["question", "figure", "first", "second", "difference"]
    every = table("All differences.", columns, rows, kind="sortable", headed=2)
    return join([note, shown, _tests(found.tests), details("All differences", every)])


def _difference_row(one: Difference) -> Row:
    name = "all, pooled" if one.question == PANEL else one.question
    shown = cell(one.difference, signed=True)
    if one.difference.low > 0 or one.difference.high < 0:
        told = "good" if one.difference.low > 0 else "bad"
        shown = Markup(shown.replace('class="figure"', f'class="figure {told}"', 1))
    return [name, NAMES.get(one.figure, one.figure), number(one.first), number(one.second), shown]


def _tests(tests: Sequence[Test]) -> Markup:
    ranked = any(test.delong is not None for test in tests)
    columns = ["question", "n", "first alone right", "second alone right", "McNemar p", "adjusted"]
    columns += ["AUROC first", "AUROC second", "DeLong p", "adjusted"] * ranked
    caption = (
        "Is it chance? McNemar's test of the answers, DeLong's of the areas under the ROC curve. Adjusted is "
        "for the number of questions (Holm)."
    )
    return table(caption, columns, (_test_row(test, ranked) for test in tests))


def _test_row(test: Test, ranked: bool) -> Row:
    row: Row = [test.question, test.n, test.mcnemar.only_a, test.mcnemar.only_b]
    row += [p_value(test.mcnemar.p), p_value(test.holm)]
    if not ranked:
        return row
    if test.delong is None:
        return [*row, *[UNDEFINED] * 4]
    areas = (number(test.delong.auc_a), number(test.delong.auc_b))
    return [*row, *areas, p_value(test.delong.p), p_value(test.delong_holm)]


def audit(evaluation: Evaluation) -> Markup:
    """The plot, and a table from the rarest answer up."""
    found = evaluation.audit
    if found is None:
        return Markup("")
    note = tag(
        "p",
        "How often each answer stood in the training reports, and how often it was found in the test reports "
        "(after Ueda et al. 2018).",
        class_="note",
    )
    rows: Rows = (
        [row.question, row.answer, row.n, row.tested, cell(row.sensitivity)]
        for row in sorted(found.rows, key=lambda row: row.n)
    )
    columns = ["question", "answer", "training", "tested", "sensitivity"]
    every = table(
        "Training examples and sensitivity, the rarest first.", columns, rows, kind="sortable", headed=2
    )
    drawn = any(row.n and not math.isnan(row.sensitivity.value) for row in found.rows)
    return join([note, plots.audit("audit-plot", found) if drawn else "", details("All answers", every)])


def learning(evaluation: Evaluation) -> Markup:
    """The plot, and its table."""
    found = evaluation.learning
    if found is None or not found.lines:
        return Markup("")
    if sum(line.figure == "f1" for line in found.lines) == 1:  # then the panel's line would lie on its line
        found = replace(found, lines=tuple(line for line in found.lines if line.question != ALL))
    rows: Rows = (
        [line.question, NAMES.get(line.figure, line.figure), *map(cell, line.figures)] for line in found.lines
    )
    columns = ["question", "figure", *(f"{size}" for size in found.sizes)]
    every = table("Figures on the test reports, by number of training reports.", columns, rows, headed=2)
    return join([plots.learning("learning-plot", found), every])


def errors(evaluation: Evaluation) -> Markup:
    """For each question those that it is most confident of, by report id."""
    words = words_of(evaluation.about)
    whose = "gold's" if evaluation.about.truth == "gold" else f"the {words.short}'s"
    if not evaluation.mistakes:
        return tag("p", f"None: every answer is {whose}.")
    by = f"{words.one} id" if words.images else "report id and offsets, without any text"
    note = tag(
        "p",
        f"Answers that are not {whose}, the most confident first; by {by}. Missed and false alarm count "
        "against presence; other answer is one that counts the same, as absent for not mentioned, or a wrong "
        "answer to an attribute.",
        class_="note",
    )
    box = tag(
        "label", "Show only those with: ", Markup('<input type="search" autocomplete="off">'), class_="filter"
    )
    groups = groupby(evaluation.mistakes, key=lambda one: one.question)
    return join([note, box, *(_listed(question, list(found), words) for question, found in groups)])


def _listed(question: str, found: Sequence[Mistake], words: Words) -> Markup:
    serious = sum(one.kind != "other answer" for one in found)
    told = f"{len(found)}" if "." in question else f"{len(found)}, {serious} of them count against presence"
    caption = f"{question}: errors"
    if len(found) > LISTED:
        caption += f"; the first {LISTED} of {len(found)}, the JSON file has them all"
    left = [tag("th", name, scope="col", class_="text") for name in ("kind", words.short, words.given)]
    # An image has no text in which an answer was read.
    last = [] if words.images else ["evidence", tag("th", "section", scope="col", class_="text")]
    columns = [words.one, *left, "probability", *last]
    rows = (_mistake_row(one)[: len(columns)] for one in found[:LISTED])
    return details(
        join([question, " ", tag("span", told, class_="count")]),
        table(caption, columns, rows, kind="sortable"),
    )


def _mistake_row(one: Mistake) -> Row:
    p = UNDEFINED if one.probability is None else f"{one.probability:.3f}"
    where = UNDEFINED if one.start is None else f"{one.start} to {one.end}"
    kind = tag("td", one.kind, class_=f"text kind-{one.kind.split()[0]}")
    answers = [tag("td", answer, class_="text") for answer in (one.gold, one.given)]
    section = tag("td", one.section or UNDEFINED, class_="text")
    return [tag("code", one.report), kind, *answers, p, where, section]
