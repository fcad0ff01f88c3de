"""Asking every function about every report; a fault of one is counted, and stops nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import ReportNLPError
from reportnlp.findings.schema import Panel
from reportnlp.functions.blocks import REMEMBERED, Answers
from reportnlp.functions.loader import Voice
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, Question, Report

AT_ONCE = REMEMBERED // 2
"""Reports that one function after the other is asked about: what they share is still remembered then."""


class UnknownAnswer(ReportNLPError):
    """A function voted on a question that the panel has not, or with an answer that is none of its.

    What it said is not repeated, for it may be words of the report; but for a question that stands in the
    function's own file.
    """


LISTED = 6
"""Questions that a fault lists where none is like the one that was answered."""


class Cast(NamedTuple):
    """What one function makes of some reports.

    Attributes:
        values: (reports, questions) int8, answer index or `ABSTAIN`.
        faults: per report what went wrong, an error's kind or a function's own word; "" is nothing.
    """

    values: npt.NDArray[np.int8]
    faults: tuple[str, ...]


class Ballot:
    """A panel's functions at the vote.

    Args:
        panel: the findings to vote on.
        voices: who votes.
    """

    def __init__(self, panel: Panel, voices: Sequence[Voice]) -> None:
        self.voices = tuple(voices)
        self.questions: tuple[Question, ...] = panel.questions
        self._places = {
            question.name: (at, {answer: np.int8(i) for i, answer in enumerate(question.answers)})
            for at, question in enumerate(self.questions)
        }

    @property
    def text_only(self) -> bool:
        """Whether no function looks at more of a report than its text."""
        return all(getattr(voice.voter, "text_only", False) for voice in self.voices)

    def __call__(self, reports: Sequence[Report]) -> list[Cast]:
        """Per function its votes; each report gets what it would get alone."""
        parts = [
            [self._cast(voice, reports[at : at + AT_ONCE]) for voice in self.voices]
            for at in range(0, len(reports), AT_ONCE)
        ]
        return [
            Cast(
                np.concatenate([np.zeros((0, len(self.questions)), np.int8), *(p[v].values for p in parts)]),
                tuple(fault for part in parts for fault in part[v].faults),
            )
            for v in range(len(self.voices))
        ]

    def _cast(self, voice: Voice, reports: Sequence[Report]) -> Cast:
        values = np.full((len(reports), len(self.questions)), ABSTAIN)
        asked = enumerate(_asked(voice, reports))
        faults = [self._count(said, values[row], voice.source) for row, said in asked]
        return Cast(values, tuple(faults))

    def _count(self, said: Mapping[str, str] | str | None, row: npt.NDArray[np.int8], source: str) -> str:
        """Enter the votes on one report in its row; the fault, if there is one, as a word."""
        if said is None or isinstance(said, str):
            return said or ""
        try:
            entered = dict(self._entry(question, answer, source) for question, answer in said.items())
        except UnknownAnswer as error:
            return f"{type(error).__name__}, {error}"
        except Exception as error:
            return type(error).__name__
        for at, index in entered.items():
            row[at] = index
        return said.fault if isinstance(said, Answers) else ""

    def _entry(self, question: str, answer: str, source: str) -> tuple[int, np.int8]:
        if question not in self._places:
            raise UnknownAnswer(f"to {self._unasked(question, source)}")
        at, answers = self._places[question]
        if answer not in answers:
            raise UnknownAnswer(f"to {question}, which takes {', '.join(answers)}")
        return at, ABSTAIN if answer == NOT_APPLICABLE else answers[answer]

    def _unasked(self, question: str, source: str) -> str:
        """A question that the panel does not ask; what stands in a file of code is no word of a report."""
        names = list(self._places)
        if f'"{question}"' not in source and f"'{question}'" not in source:
            return f"a question that the panel does not ask (it asks {_listed(names)})"
        near = get_close_matches(question, names, n=1)
        guess = f"did you mean '{near[0]}'?" if near else f"it asks {_listed(names)}"
        return f"'{question}', which the panel does not ask ({guess})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def _asked(voice: Voice, reports: Sequence[Report]) -> Sequence[Mapping[str, str] | str | None]:
    """What a function says of each report: its votes, or the kind of the error it raised."""
    together = getattr(voice.voter, "vote_batch", None)
    if together is not None:
        try:
            votes: Sequence[Mapping[str, str] | None] = together(reports)
            if len(votes) == len(reports):
                return votes
        except MemoryError:
            raise
        except (Exception, SystemExit):
            # One by one, so that the report at fault takes no other one's votes away.
            return [_alone(voice, report) for report in reports]
        return ["UnknownAnswer"] * len(reports)
    return [_alone(voice, report) for report in reports]


def _alone(voice: Voice, report: Report) -> Mapping[str, str] | str | None:
    try:
        return voice.voter.vote(report)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        # Its message may hold a report's text.
        return type(error).__name__
