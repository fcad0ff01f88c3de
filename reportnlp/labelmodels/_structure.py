"""What a panel forbids among its answers, for votes and for probabilities.

A kind that is present makes its parent so, a parent that is absent makes its kinds so, "no finding" is
present only where the findings it speaks of are not, and an attribute is answered only where its finding is
present.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportnlp.findings import Panel
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, Presence, Question

Floats = npt.NDArray[np.float64]

PRESENT, ABSENT = (list(Presence).index(answer) for answer in (Presence.PRESENT, Presence.ABSENT))


@dataclass(frozen=True, slots=True)
class Structure:
    """Ties among findings; names of findings that are not asked for do no harm.

    Attributes:
        kin: kinds, each with a parent.
        none: findings that stand for "nothing else", each with those that it excludes.
    """

    kin: tuple[tuple[str, str], ...] = ()
    none: tuple[tuple[str, tuple[str, ...]], ...] = ()


def structure_of(panel: Panel) -> Structure:
    """The ties of a panel's findings."""
    kin = tuple((finding.name, parent) for finding in panel.findings for parent in finding.parents)
    none = tuple(
        (
            finding.name,
            tuple(o.name for o in panel.findings if not o.none_of_panel and o.name not in finding.exempt),
        )
        for finding in panel.findings
        if finding.none_of_panel
    )
    return Structure(kin, none)


@dataclass(frozen=True, slots=True)
class Ties:
    """A structure as numbers of questions.

    Attributes:
        presence: finding to the number of the question after its presence.
        above: for each question that of its finding's presence; itself, or None where that is not asked.
        kin: (kind, parent) pairs, parents of parents last.
        none: (question, those it excludes).
    """

    presence: dict[str, int]
    above: tuple[int | None, ...]
    kin: tuple[tuple[int, int], ...]
    none: tuple[tuple[int, tuple[int, ...]], ...]


def ties(structure: Structure, questions: Sequence[Question]) -> Ties:
    """Where the ties are among these questions."""
    at = {q.finding: number for number, q in enumerate(questions) if q.attribute is None}
    kin = tuple((at[kind], at[parent]) for kind, parent in structure.kin if kind in at and parent in at)
    none = tuple(
        (at[own], tuple(at[other] for other in others if other in at))
        for own, others in structure.none
        if own in at
    )
    return Ties(at, tuple(at.get(q.finding) for q in questions), kin, none)


def completed(
    values: npt.NDArray[np.int8], questions: Sequence[Question], tied: Ties
) -> npt.NDArray[np.int8]:
    """Votes with what they imply, where the function itself says nothing; `not_applicable` becomes `ABSTAIN`.

    Args:
        values: (reports, functions, questions) int8.
        questions: the last axis.
        tied: their ties.
    """
    votes = values.copy()
    for number, question in enumerate(questions):
        above = tied.above[number]
        if question.attribute is None:
            continue
        own = votes[:, :, number]
        if NOT_APPLICABLE in question.answers:
            own[own == question.answers.index(NOT_APPLICABLE)] = ABSTAIN
        if above is not None:
            _imply(votes, own != ABSTAIN, above, PRESENT)
    for _ in tied.kin:  # as long as the longest line of parents, at most
        for kind, parent in tied.kin:
            _imply(votes, votes[:, :, kind] == PRESENT, parent, PRESENT)
            _imply(votes, votes[:, :, parent] == ABSENT, kind, ABSENT)
    return votes


def _imply(votes: npt.NDArray[np.int8], where: npt.NDArray[np.bool_], question: int, answer: int) -> None:
    silent = votes[:, :, question] == ABSTAIN
    votes[:, :, question][where & silent] = answer


def settled(values: Floats, tied: Ties) -> Floats:
    """Presence probabilities that a joint distribution under the structure can have.

    A finding is at least as likely present as each of its kinds, a kind at least as likely absent as its
    parent, and "nothing else" at most as likely as the likeliest finding is not present.

    Args:
        values: (reports, questions, answers) float64; is not changed.
        tied: the ties.
    """
    found = values.copy()
    for _ in tied.kin:
        for kind, parent in tied.kin:
            _raise(found[:, parent], PRESENT, found[:, kind, PRESENT])
    for _ in tied.kin:
        for kind, parent in tied.kin:
            _raise(found[:, kind], ABSENT, found[:, parent, ABSENT])
    for own, others in tied.none:
        if others:
            most = 1 - found[:, list(others), PRESENT].max(axis=1)
            above = np.maximum(found[:, own, PRESENT] - most, 0)
            found[:, own, PRESENT] -= above
            found[:, own, ABSENT] += above
    return found


def _raise(own: Floats, answer: int, least: Floats) -> None:
    """Give one answer at least so much, in place; the others keep their proportions."""
    before = own[:, answer].copy()
    after = np.maximum(before, least)
    own *= ((1 - after) / np.maximum(1 - before, 1e-300))[:, None]
    own[:, answer] = after
