"""Answers paired with gold answers, report by report and question by question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError
from reportnlp.types import NOT_APPLICABLE, LabelTable, Presence, Question

Answers = Mapping[str, Mapping[str, str]]
"""Report id to question name to answer. A blank or missing answer was not asked for."""

NO_ANSWER = "(no answer)"
"""What stands in a confusion count where a labelled report has no answer to a question that gold asks."""

Strings = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many reports could be compared.

    Attributes:
        scored: reports with gold answers and with labels.
        missing: reports with gold answers but no labels (quarantined, or not in the table): not scored.
        extra: labelled reports without gold answers: not scored.
        unanswered: gold columns that are no question of the labels: not scored.
    """

    scored: int
    missing: int
    extra: int
    unanswered: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Gold and given answers to one question.

    Attributes:
        question: its name; a presence question has no dot in it.
        answers: every answer that occurs, presence in its usual order.
        gold, given: (reports,) the answers, as objects.
        asked: (reports,) bool, whether the question counts for that report.
        reports: the ids of the reports.
    """

    question: str
    answers: tuple[str, ...]
    gold: Strings
    given: Strings
    asked: Mask
    reports: tuple[str, ...]

    @property
    def is_presence(self) -> bool:
        """Does this ask for a finding's presence, not for an attribute of it?"""
        return "." not in self.question


def answers_of(table: LabelTable) -> dict[str, dict[str, str]]:
    """The bare answers of a label table."""
    return {row.report.id: {label.question: label.answer for label in row.labels} for row in table.rows}


def pair_up(given: Answers, gold: Answers, questions: Iterable[Question] = ()) -> tuple[list[Pair], Coverage]:
    """Pair two sets of answers over the reports and questions both have.

    Answers of an attribute come in the order of its `questions`, or else of the alphabet.

    Raises:
        InputError: they share no report or no question, or gold has an answer that cannot be.
    """
    ids = tuple(report for report in gold if report in given)
    answered = set(_questions(given.values()))
    asked = _questions(gold.values())
    shared = [question for question in asked if question in answered]
    _refuse_nothing(ids, shared, asked)
    unanswered = tuple(question for question in asked if question not in answered)
    coverage = Coverage(len(ids), len(gold) - len(ids), len(given) - len(ids), unanswered)
    order = {question.name: question.answers for question in questions}
    return [_pair(question, ids, given, gold, order.get(question, ())) for question in shared], coverage


def _questions(rows: Iterable[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(question for row in rows for question in row))


def _refuse_nothing(ids: Sequence[str], questions: Sequence[str], asked: Sequence[str]) -> None:
    if not ids:
        raise InputError(
            "No report of the gold answers is among the labels. Compare the values of the report_id columns."
        )
    if not questions:
        raise InputError(
            f"None of the gold columns ({', '.join(asked) or 'there is none'}) is a question of the labels. "
            "Name them as the label table does: pulmonary_embolism, pulmonary_embolism.location."
        )


def _pair(question: str, ids: tuple[str, ...], given: Answers, gold: Answers, order: Sequence[str]) -> Pair:
    wanted = _column(ids, question, gold)
    got = _column(ids, question, given)
    got[got == ""] = NO_ANSWER
    asked = wanted != ""
    if "." in question:
        asked &= _present(ids, question, gold, wanted)
        _check_attribute(question, ids, wanted, asked)
        occur = {str(answer) for answer in np.concatenate([wanted[asked], got[asked]])}
        answers = tuple(answer for answer in dict.fromkeys((*order, *sorted(occur))) if answer in occur)
    else:
        _check_presence(question, ids, wanted, asked)
        strange = sorted({str(answer) for answer in got[asked]} - set(Presence))
        answers = (*(answer.value for answer in Presence), *strange)
    return Pair(question, answers, wanted, got, asked, ids)


def _column(ids: Sequence[str], question: str, answers: Answers) -> Strings:
    return np.array([answers[report].get(question, "") for report in ids], dtype=object)


def _present(ids: Sequence[str], question: str, gold: Answers, wanted: Strings) -> Mask:
    """Attributes count where gold says the finding is present, or, with no such column, where they apply."""
    finding = question.partition(".")[0]
    presence = _column(ids, finding, gold)
    if (presence == "").all():
        return np.asarray(wanted != NOT_APPLICABLE)
    return np.asarray(presence == Presence.PRESENT.value)


def _check_presence(question: str, ids: Sequence[str], wanted: Strings, asked: Mask) -> None:
    wrong = asked & ~np.isin(wanted, [answer.value for answer in Presence])
    if wrong.any():
        raise InputError(
            f"The gold answer of report '{ids[int(wrong.argmax())]}' to {question} ({wrong.sum()} such) is "
            f"none of {', '.join(Presence)}. Leave it blank where there is no gold answer."
        )


def _check_attribute(question: str, ids: Sequence[str], wanted: Strings, asked: Mask) -> None:
    wrong = asked & (wanted == NOT_APPLICABLE)
    if wrong.any():
        raise InputError(
            f"The gold answer of report '{ids[int(wrong.argmax())]}' to {question} ({wrong.sum()} such) is "
            f"{NOT_APPLICABLE}, but the finding is present there. Say 'unspecified', or leave it blank."
        )
