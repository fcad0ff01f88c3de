"""What an image is to learn from a report's answer: targets, weights and masks.

A report may deny a finding, affirm it, doubt it, or be silent. What is made of doubt is the policy. Irvin et
al. 2019 (CheXpert, arXiv:1901.07031, section 3.1) tried five: `zeros` and `ones` take doubt for absent or
present, `ignore` masks it, `self-train` masks it at first and then lets a model trained so say what is there,
`multi-class` learns doubt as a class of its own. They know answers alone. `soft`, the default, uses the
probabilities that labelling gave: the target is P(present) + share * P(uncertain), as in training on the
posteriors of a label model (Ratner 2017, arXiv:1711.10160; Dunnmon 2020, Patterns 1:100019).

Silence is not denial, but nearly always means absence: a finding that is not mentioned is learned as absent
at half the weight, unless other is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InvalidDefinitionError, unknown_name
from reportnlp.images.table import UNANSWERED, Floats, ImageLabels
from reportnlp.types import Posteriors, Presence

Policy = Literal["soft", "zeros", "ones", "ignore", "self-train", "multi-class"]
Silence = Literal["absent", "mask"]

PRESENCE = tuple(answer.value for answer in Presence)
PRESENT, ABSENT, UNCERTAIN, NOT_MENTIONED = range(4)
"""Places of the answers on the last axis of `Said.probabilities`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How answers become targets.

    Attributes:
        policy: what is made of `uncertain`.
        silence: what is made of `not_mentioned`: `absent` with less weight, or masked.
        silence_weight: that weight, from 0 to 1.
        uncertain_share: under `soft`, how probable a finding in doubt is taken to be, from 0 to 1.

    Raises:
        UnknownNameError: no such policy or way with silence.
        InvalidDefinitionError: a number out of its range.
    """

    policy: str = "soft"
    silence: str = "absent"
    silence_weight: float = 0.5
    uncertain_share: float = 0.5

    def __post_init__(self) -> None:
        if self.policy not in get_args(Policy):
            raise unknown_name("policy", self.policy, get_args(Policy))
        if self.silence not in get_args(Silence):
            raise unknown_name("way with what is not mentioned", self.silence, get_args(Silence))
        for name, value in (("weight", self.silence_weight), ("share", self.uncertain_share)):
            if not 0 <= value <= 1:
                raise InvalidDefinitionError(f"A {name} was given as {value}; it should be from 0 to 1.")


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What reports say of findings.

    Attributes:
        report_ids, findings: the names along the axes.
        answers: (reports, findings) str objects, a `Presence` or `UNANSWERED`.
        probabilities: (reports, findings, 4) float32 over `PRESENCE`; sums to 1 where answered, else 0.
    """

    report_ids: tuple[str, ...]
    findings: tuple[str, ...]
    answers: npt.NDArray[np.object_]
    probabilities: Floats

    def taken(self, rows: Sequence[int]) -> Said:
        """Some of the rows, each as often as it is named: those of images are their reports'."""
        at = np.asarray(rows, dtype=np.intp)
        ids = tuple(self.report_ids[i] for i in at.tolist())
        return replace(self, report_ids=ids, answers=self.answers[at], probabilities=self.probabilities[at])


class Targets(NamedTuple):
    """As the fields of the same names in `ImageLabels`, a row a report."""

    target: Floats
    weight: Floats
    mask: npt.NDArray[np.bool_]
    distribution: Floats | None


def said(
    answers: Mapping[str, Mapping[str, str]], posteriors: Posteriors | None, findings: Sequence[str]
) -> Said:
    """Gather what reports say of some findings.

    Where no probability is known of an answer, it is taken for certain.

    Args:
        answers: report id to question to answer; a blank is none.
        posteriors: probabilities of answers; NaN for what is not known.
        findings: whose presence is asked for.

    Raises:
        InvalidDefinitionError: an answer is no `Presence`.
    """
    ids = tuple(answers)
    told = np.array([[answers[report].get(f, UNANSWERED) for f in findings] for report in ids], np.object_)
    told = told.reshape(len(ids), len(findings))
    wrong = ~np.isin(told, [UNANSWERED, *PRESENCE])
    if wrong.any():
        row, column = (int(at[0]) for at in np.nonzero(wrong))
        raise InvalidDefinitionError(
            f"The answer of report '{ids[row]}' to {findings[column]} ({int(wrong.sum())} such) is none of "
            f"{', '.join(PRESENCE)}. Leave it blank where nothing is known."
        )
    sure = np.stack([told == answer for answer in PRESENCE], axis=-1).astype(np.float32)
    known = np.full_like(sure, np.nan) if posteriors is None else _known(ids, findings, posteriors)
    use = ~np.isnan(known).any(axis=-1, keepdims=True) & (told != UNANSWERED)[..., None]
    return Said(ids, tuple(findings), told, np.where(use, known, sure).astype(np.float32))


def _known(ids: Sequence[str], findings: Sequence[str], posteriors: Posteriors) -> Floats:
    """(reports, findings, 4) float32 over `PRESENCE`; NaN for what is not known."""
    found = np.full((len(ids), len(findings), len(PRESENCE)), np.nan, np.float32)
    rows = {report: row for row, report in enumerate(posteriors.report_ids)}
    at = np.array([rows.get(report, -1) for report in ids], dtype=np.intp)
    places = {question.name: place for place, question in enumerate(posteriors.questions)}
    for column, finding in enumerate(findings):
        if finding in places and len(rows):
            answers = [str(answer) for answer in posteriors.questions[places[finding]].answers]
            order = [answers.index(answer) for answer in PRESENCE]
            found[:, column] = posteriors.values[at, places[finding]][:, order]
    found[at < 0] = np.nan
    return found


def targets(told: Said, rules: Rules) -> Targets:
    """Turn what reports say into what is learned from it."""
    p = told.probabilities
    answered = told.answers != UNANSWERED
    silent = told.answers == Presence.NOT_MENTIONED.value
    weight = answered * (1 - p[..., NOT_MENTIONED] * (1 - rules.silence_weight))
    mask = np.asarray(answered)
    if rules.silence == "mask":
        mask = mask & ~silent
        weight = 1 - p[..., NOT_MENTIONED]
        p = _without_silence(p)
    if rules.policy in ("ignore", "self-train"):
        mask = mask & (told.answers != Presence.UNCERTAIN.value)
    if rules.policy not in ("soft", "multi-class"):
        weight = np.where(silent, rules.silence_weight, 1.0)
    target = np.where(answered, _target(told.answers, p, rules), 0)
    weight = np.where(mask, weight, 0)
    distribution = _distribution(p, answered) if rules.policy == "multi-class" else None
    return Targets(target.astype(np.float32), weight.astype(np.float32), mask, distribution)


def _without_silence(p: Floats) -> Floats:
    """What is left when a report is known to speak; all alike where it surely does not."""
    spoken = p.copy()
    spoken[..., NOT_MENTIONED] = 0
    mass = spoken.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(spoken, mass, out=np.zeros_like(spoken), where=mass > 0), np.float32)


def _target(answers: npt.NDArray[np.object_], p: Floats, rules: Rules) -> npt.NDArray[Any]:
    """(reports, findings) float, the probability that the finding is there."""
    if rules.policy == "soft":
        return np.asarray(np.clip(p[..., PRESENT] + rules.uncertain_share * p[..., UNCERTAIN], 0, 1))
    if rules.policy == "multi-class":
        # As the paper tests: among present and absent alone.
        sure = 1 - p[..., UNCERTAIN]
        chance = np.divide(p[..., PRESENT], sure, out=np.full_like(sure, 0.5), where=sure > 0)
        return np.asarray(np.clip(chance, 0, 1))
    there = [Presence.PRESENT.value] + [Presence.UNCERTAIN.value] * (rules.policy == "ones")
    return np.asarray(np.isin(answers, there), dtype=np.float32)


def _distribution(p: Floats, answered: npt.NDArray[np.bool_]) -> Floats:
    """(reports, findings, 3) float32 over `reportnlp.images.table.ANSWERS`; even where nothing is said."""
    three = np.stack([p[..., ABSENT] + p[..., NOT_MENTIONED], p[..., PRESENT], p[..., UNCERTAIN]], axis=-1)
    mass = three.sum(axis=-1, keepdims=True)
    even = np.full_like(three, 1 / 3)
    known = (mass > 0) & answered[..., None]
    return np.asarray(np.divide(three, mass, out=even, where=known), dtype=np.float32)


def self_trained(labels: ImageLabels, probabilities: Floats) -> ImageLabels:
    """Put a model's own words in the place of doubt, and leave all else: self-training of Irvin 2019.

    Args:
        labels: of the policy `self-train`, whose doubtful answers are masked.
        probabilities: (images, findings) in [0, 1], what a model trained on `labels` says is present; NaN
            where it was not asked, whose doubt stays.

    Returns:
        The same labels, in which doubtful answers have those targets, weight 1 and no mask.

    Raises:
        InvalidDefinitionError: the labels are of another policy, or the shapes differ.
    """
    if labels.policy != "self-train" or probabilities.shape != labels.target.shape:
        raise InvalidDefinitionError(
            f"Labels of the policy '{labels.policy}' with {labels.target.shape} targets cannot take "
            f"{probabilities.shape} probabilities. Make labels with --policy self-train, and predict each."
        )
    doubt = (labels.answers == Presence.UNCERTAIN.value) & ~np.isnan(probabilities)
    return replace(
        labels,
        target=np.where(doubt, probabilities, labels.target).astype(np.float32),
        weight=np.where(doubt, 1, labels.weight).astype(np.float32),
        mask=labels.mask | doubt,
    )
