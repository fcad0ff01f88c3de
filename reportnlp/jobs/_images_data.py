"""What an image training learns from, what it is held to, and what it leaves alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError
from reportnlp.evaluation.splits import present_together, random_split
from reportnlp.images.store import Store
from reportnlp.images.table import ImageLabels
from reportnlp.training.weights import class_weights
from reportnlp.types import Presence, Report

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

TRAIN, VALID = "train", "valid"
"""Names of splits that are learned from, and held out to choose the epoch and to calibrate."""

SELF_TRAIN = "self-train"


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Numbers of images.

    Attributes:
        train: learned from.
        valid: held out.
        other: of another split ("test"); never looked at.
        unknown: of training or validation, but nothing is known of them.
        kin: of a patient who is held out, and so not learned from.
    """

    train: Places
    valid: Places
    other: int = 0
    unknown: int = 0
    kin: int = 0


class Wanted(NamedTuple):
    """What is to be learned.

    Attributes:
        targets: (images, findings) or (images, findings, 3) float32.
        weights: (images, findings) float32; 0 where nothing is known.
    """

    targets: Floats
    weights: Floats


def wanted(labels: ImageLabels) -> Wanted:
    """Soft targets, and weight times mask."""
    targets = labels.target if labels.distribution is None else labels.distribution
    return Wanted(targets, labels.weight * labels.mask)


def sides(labels: ImageLabels, *, held_out: float, seed: int) -> Sides:
    """Which images teach and which are held out: as the labels say, else by chance, patients whole.

    Images of which nothing is known are left out, but those that self-training asks its network about.

    Raises:
        InputError: nothing is left to learn from.
    """
    known = labels.mask.any(axis=1)
    useful = known | _doubtful(labels).any(axis=1)
    splits = np.array([row.split or "" for row in labels.rows], dtype=object)
    named = bool((splits != "").any())
    train = (splits == TRAIN) if named else np.ones(len(labels), dtype=np.bool_)
    valid = splits == VALID
    unknown = int(((train & ~useful) | (valid & ~known)).sum())
    train, valid = train & useful, valid & known
    if not train.any():
        raise InputError(
            f"None of the {len(labels)} images can be learned from: {unknown} have no label that counts, "
            f"{int((splits == TRAIN).sum())} of {int((splits != '').sum())} are of the split 'train'. Make "
            "the labels anew with another policy or split: reportnlp images labels."
        )
    kin = np.zeros_like(train)
    if not valid.any() and held_out:
        valid = _drawn(labels, train & known, held_out, seed)
        kin = train & ~valid & _patients(labels, valid)
        train = train & ~valid & ~kin
    other = int((named & ~np.isin(splits, (TRAIN, VALID))).sum())
    return Sides(np.flatnonzero(train), np.flatnonzero(valid), other, unknown, int(kin.sum()))


def _doubtful(labels: ImageLabels) -> npt.NDArray[np.bool_]:
    """(images, findings): where self-training fills in a label."""
    if labels.policy != SELF_TRAIN:
        return np.zeros(labels.mask.shape, dtype=np.bool_)
    return np.asarray((labels.answers == Presence.UNCERTAIN.value) & ~labels.mask, dtype=np.bool_)


def _whose(labels: ImageLabels) -> list[str]:
    return [row.patient or row.study for row in labels.rows]


def _drawn(
    labels: ImageLabels, among: npt.NDArray[np.bool_], share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """(images,): a share of those, no patient or study split up, findings spread alike."""
    places, whose = np.flatnonzero(among), _whose(labels)
    # An image has no text; its place stands for one, so that only patients tie images together.
    stand_ins = [Report(str(at), str(at), patient=whose[at]) for at in places.tolist()]
    told = [dict(zip(labels.findings, labels.answers[at], strict=True)) for at in places.tolist()]
    strata = present_together(told, labels.findings)
    split = random_split(stand_ins, seed=seed, test_share=share, strata=strata)
    drawn = np.zeros(len(labels), dtype=np.bool_)
    drawn[places[list(split.test)]] = True
    return drawn


def _patients(labels: ImageLabels, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(images,): those of a patient who is held out."""
    whose = np.array(_whose(labels), dtype=object)
    return np.isin(whose, np.unique(whose[valid].astype(str)))


def readable(found: Sides, store: Store) -> Sides:
    """Without the images that could not be read.

    Raises:
        InputError: none is left to learn from.
    """
    train = found.train[store.good[found.train]]
    if not len(train):
        reasons = sorted({one.reason for one in store.bad})
        raise InputError(
            f"None of the {len(found.train)} images to learn from could be read: {'; '.join(reasons[:3])}. "
            "Look at them: reportnlp images check."
        )
    return replace(found, train=train, valid=found.valid[store.good[found.valid]])


def rarity(goal: Wanted, train: Places, strength: float) -> Floats:
    """(images, findings) factors that let rare answers count, 1 in the mean over the training images.

    Args:
        goal: targets and weights of all images.
        train: which of them teach.
        strength: 0: every image counts alike; 1: present ones together count as much as absent ones.
    """
    factors = np.ones(goal.weights.shape, dtype=np.float32)
    if not strength:
        return factors
    for at in range(goal.weights.shape[1]):
        column = goal.targets[:, at]
        answers = column if column.ndim == 2 else np.stack([1 - column, column], axis=1)
        there = goal.weights[train, at] > 0
        if there.any():
            factors[:, at] = answers @ class_weights(answers[train], there, strength=strength)
    return factors
