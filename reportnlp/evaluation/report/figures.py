"""Tables of figures: each question, each answer, and what is taken for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reportnlp.evaluation.answers import NO_ANSWER
from reportnlp.evaluation.record import Evaluation
from reportnlp.evaluation.report.markup import Markup, Row, Rows, cell, details, join, table, tag
from reportnlp.evaluation.scores import AnswerScore, PresenceScore, QuestionScore, Scores
from reportnlp.evaluation.words import Words, words_of
from reportnlp.types import NOT_APPLICABLE, Presence

NARROW = 4
"""Answers up to which two confusion tables stand side by side."""
OPEN = 12
"""Confusion tables up to which all are shown unfolded."""


def questions(evaluation: Evaluation) -> Markup:
    """One table for presence, one for attributes."""
    scores = evaluation.scores
    return join([_presence(scores) if scores.presence else "", _attributes(scores)])


def _presence(scores: Scores) -> Markup:
    ranked = any(score.auroc is not None for score in scores.presence)
    columns = ["question", "n", "present", "precision", "recall", "specificity", "F1"]
    rows = [_presence_row(score, ranked) for score in scores.presence]
    if scores.panel is not None and len(scores.presence) > 1:
        panel, blank = scores.panel, tag("td", "")
        rest = [blank, blank] if ranked else []
        rows.append(
            [
                "all, pooled",
                "",
                "",
                cell(panel.precision),
                cell(panel.recall),
                blank,
                cell(panel.micro_f1),
                *rest,
            ]
        )
        rows.append(["all, mean", "", "", blank, blank, blank, cell(panel.macro_f1), *rest])
    caption = "Is the finding present? Figures of the answer present against the rest, with 95 % intervals."
    return table(caption, columns + ["AUROC", "AUPRC"] * ranked, rows)


def _presence_row(score: PresenceScore, ranked: bool) -> Row:
    figures = [score.precision, score.recall, score.specificity, score.f1]
    areas = [cell(score.auroc), cell(score.auprc)] if ranked else []
    present = score.support.get(Presence.PRESENT.value, 0)
    return [score.question, score.n, present, *map(cell, figures), *areas]


def _attributes(scores: Scores) -> Markup:
    asked = [score for score in scores.attributes if score.n]
    if not asked:
        return Markup("")
    caption = (
        "Attributes, where gold says that the finding is present; there a missed finding is a wrong answer. "
        "Macro F1 is the mean over the answers that occur in gold."
    )
    rows: Rows = (
        [score.question, score.n, cell(score.accuracy), cell(score.macro_f1), cell(score.micro_f1)]
        for score in asked
    )
    return table(caption, ["question", "n", "accuracy", "macro F1", "micro F1"], rows)


def answers(evaluation: Evaluation) -> Markup:
    """Every answer against the rest, one table for all; sorted by a click."""
    found = evaluation.scores.answers
    if not found:
        return Markup("")
    ranked = any(score.auroc is not None for score in found)
    counted = f"in {words_of(evaluation.about).short}{'s' if evaluation.about.truth != 'gold' else ''}"
    columns = ["question", "answer", "n", counted, "prevalence", "precision", "recall", "specificity", "F1"]
    never = (
        "The model answers present or absent and never another, so only these are scored. "
        if words_of(evaluation.about).images
        else ""
    )
    note = tag(
        "p",
        f"{never}Each answer against all others of its question, as the answers are: here uncertain is an "
        "answer of its own, whatever it counts as above. A click on a heading sorts.",
        class_="note",
    )
    rows = (_answer_row(score, ranked) for score in found)
    shown = table(
        "Each answer, with 95 % intervals.",
        columns + ["AUROC", "AUPRC"] * ranked,
        rows,
        kind="sortable",
        headed=2,
    )
    return join([note, shown])


def _answer_row(score: AnswerScore, ranked: bool) -> Row:
    figures = [score.prevalence, score.precision, score.recall, score.specificity, score.f1]
    areas = [cell(score.auroc), cell(score.auprc)] if ranked else []
    return [score.question, score.answer, score.n, score.support, *map(cell, figures), *areas]


def confusions(evaluation: Evaluation) -> Markup:
    """A shaded table for each question."""
    scores: list[QuestionScore] = [*evaluation.scores.presence, *evaluation.scores.attributes]
    asked = [score for score in scores if score.n]
    words = words_of(evaluation.about)
    rows = "gold" if evaluation.about.truth == "gold" else f"the {words.short}s' answers"
    columns = f"the {words.given}'s" if words.images else "what was given"
    note = tag(
        "p",
        f"Rows are {rows}, columns {columns}; the shade is the share of its row, blue where both agree.",
        class_="note",
    )
    order: dict[str, list[str]] = {}
    for answer in evaluation.scores.answers:
        order.setdefault(answer.question, []).append(answer.answer)
    shown = [_confusion(score, order.get(score.question, []), words) for score in asked]
    if len(shown) > OPEN:
        shown = [details(score.question, one) for score, one in zip(asked, shown, strict=True)]
    return join([note, tag("div", *shown, class_="grid wide")]) if shown else Markup("")


def _confusion(score: QuestionScore, order: Sequence[str], words: Words) -> Markup:
    found = _given(score.confusion, order)
    told = {answer for row in score.confusion.values() for answer in row}
    # An image model gives two answers: no column for those that its reports alone know.
    columns = [answer for answer in found if answer in told or answer in order or not words.images]
    rows: Rows = (
        [gold, *_shaded(gold, score.confusion[gold], columns)] for gold in found if gold in score.confusion
    )
    caption = f"{score.question}, {score.n} {words.many}"
    shown = table(caption, [f"{words.short} \\ {words.given}", *columns], rows, kind="confusion")
    return tag("div", shown, class_="whole") if len(columns) > NARROW else shown


def _given(confusion: Mapping[str, Mapping[str, int]], order: Sequence[str]) -> list[str]:
    """Every answer that occurs, those that say there is none last."""
    found = {*confusion, *(answer for row in confusion.values() for answer in row)}
    known = dict.fromkeys((*order, *sorted(found)))
    last = (NOT_APPLICABLE, NO_ANSWER)
    return [a for a in known if a in found and a not in last] + [a for a in last if a in found]


def _shaded(gold: str, row: Mapping[str, int], columns: Sequence[str]) -> Iterator[Markup]:
    total = sum(row.values())
    for column in columns:
        n = row.get(column, 0)
        if not n:
            yield tag("td", tag("small", "0"))
            continue
        share = n / total
        yield tag(
            "td",
            tag("b", n),
            tag("small", f"{100 * share:.0f} %"),
            class_="right" if column == gold else None,
            style=f"--share:{share:.2f}",
        )
