"""Which images train, which choose the epoch, and which test; nothing of a test image is ever trained on.

Images belong together when they share a patient, a study, a report, or all their pixels, and when a chain
of such images joins them. A split that is made keeps what belongs together on one side; one that is given
is refused where it does not. Of Zech et al. 2018 (PLoS Med 15:e1002683) and many since: models know their
patients again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from reportnlp.errors import InputError, unknown_name
from reportnlp.evaluation.splits import Kind, groups, make_splits, random_split
from reportnlp.images.manifest import ImageRow
from reportnlp.types import Report

TRAIN, VALID, TEST = "train", "valid", "test"
USUAL = {
    **{name: name for name in (TRAIN, VALID, TEST)},
    "training": TRAIN,
    "val": VALID,
    "validation": VALID,
    "validate": VALID,
    "dev": VALID,
    "testing": TEST,
}
"""What splits are called, in small letters; CheXpert and MIMIC-CXR write `valid` and `validate`."""

KINDS: dict[str, Kind] = {"random": "random", "temporal": "temporal", "site": "site"}
WAYS = ("given", *KINDS, "none")
SHOWN = 3
"""Ids that an error names; it counts all."""


def split(
    rows: Sequence[ImageRow],
    *,
    way: str = "",
    test_share: float = 0.2,
    valid_share: float = 0.0,
    site: str = "",
    drop_leaks: bool = False,
    strata: Sequence[str] | None = None,
    seed: int,
) -> tuple[ImageRow, ...]:
    """Give each image a split; those that a split must leave on neither side have None.

    Args:
        rows: the images.
        way: `given` (the manifest's own), `random`, `temporal`, `site` (tests on `site`), `none`; "" is
            `given` where any image has one, else `random`.
        test_share: share of the images to test on; of `random` and `temporal`.
        valid_share: share of all images that choose the epoch, drawn from those that train; of a given split
            only where it names no `valid`.
        site: the site to test on.
        drop_leaks: of images that a given split has on two sides, leave out those that are not of the test
            (or not of the validation, where none is of the test), instead of refusing them.
        strata: a word an image, each to be spread over the sides of a drawn split by the same shares.
        seed: of a generator of this call's own.

    Raises:
        UnknownNameError: there is no such way or site.
        InputError: a given split leaks, is nowhere, has a `valid` where one is asked for, or no such split
            can be made of these images.
    """
    way = way or ("given" if any(row.split for row in rows) else "random")
    if way not in WAYS:
        raise unknown_name("way to split", way, WAYS)
    if way == "none":
        return tuple(replace(row, split=None) for row in rows)
    if way == "site" and not site:
        raise InputError("A split by site tests on one of them. Name it: --site.")
    if way == "given":
        parted = _given(rows, drop_leaks)
    else:
        parted = _drawn(rows, KINDS[way], test_share, site or None, strata, seed)
    return _with_valid(parted, valid_share, strata, seed)


def _given(rows: Sequence[ImageRow], drop_leaks: bool) -> tuple[ImageRow, ...]:
    named = [replace(row, split=_usual(row.split)) for row in rows]
    if not any(row.split for row in named):
        raise InputError("The manifest names no split. Ask for one: --split random, temporal or site.")
    if drop_leaks:
        return _without_leaks(named)
    refuse_leaks(named)
    return tuple(named)


def _without_leaks(rows: Sequence[ImageRow]) -> tuple[ImageRow, ...]:
    """Of images that belong together those of one split: the test's, the validation's, else the first's."""
    numbers = numbered(rows)
    order = {TEST: 0, VALID: 1}
    kept: dict[int, str] = {}
    for number, row in zip(numbers, rows, strict=True):
        if row.split and order.get(row.split, 2) < order.get(kept.get(number, ""), 3):
            kept[number] = row.split
    return tuple(
        row if row.split == kept.get(number) else replace(row, split=None)
        for number, row in zip(numbers, rows, strict=True)
    )


def _usual(name: str | None) -> str | None:
    return USUAL.get(name.lower(), name) if name else None


def refuse_leaks(rows: Sequence[ImageRow]) -> None:
    """Refuse splits that share anything.

    Raises:
        InputError: counts what is in two splits, and names the first few.
    """
    told = [words for what, name in _TIES.items() if (words := _leak(rows, what, name))]
    if told:
        raise InputError(
            f"The manifest's splits leak: {'; '.join(told)}. What is in two splits is known from training. "
            "Mend the column 'split', leave them out (--drop-leaks), or have a split made: --split random."
        )


_TIES = {"patient": "patients", "study": "studies", "report_id": "reports", "digest": "sets of equal pixels"}
"""Field of a row to what it counts."""


def _leak(rows: Sequence[ImageRow], field: str, name: str) -> str:
    sides: defaultdict[tuple[str, str | None], set[str]] = defaultdict(set)
    first: dict[tuple[str, str | None], str] = {}
    for row in rows:
        if row.split and (value := getattr(row, field)):
            # One number means two patients at two sites, as in `groups`.
            key = value, row.site if field == "patient" else None
            sides[key].add(row.split)
            first.setdefault(key, row.place)
    both = [key for key, found in sides.items() if len(found) > 1]
    # A digest means nothing to anyone: the image that bears it stands for it.
    shown = [first[key] if field == "digest" else key[0] for key in both[:SHOWN]]
    more = ", ..." if len(both) > SHOWN else ""
    return f"{len(both)} {name} in two or more ({', '.join(shown)}{more})" if both else ""


def numbered(rows: Sequence[ImageRow]) -> list[int]:
    """Number the groups of images that belong together, a number an image."""
    stands: list[Report] = []
    for at, row in enumerate(rows):
        stands.append(Report(str(at), row.digest or f"image {at}", row.patient, site=row.site))
    for at, row in enumerate(rows):
        for tie in (f"study {row.study}", f"report {row.report_id}" if row.report_id else ""):
            if tie:
                stands.append(Report(str(at), stands[at].text, patient=tie))
    return [int(number) for number in groups(stands)[: len(rows)]]


def _drawn(
    rows: Sequence[ImageRow],
    kind: Kind,
    test_share: float,
    site: str | None,
    strata: Sequence[str] | None,
    seed: int,
) -> tuple[ImageRow, ...]:
    stands = _stand_ins(rows)
    [found] = make_splits(kind, stands, seed=seed, test_share=test_share, site=site, strata=strata)
    sides = {**dict.fromkeys(found.train, TRAIN), **dict.fromkeys(found.test, TEST)}
    return tuple(replace(row, split=sides.get(at)) for at, row in enumerate(rows))


def _stand_ins(rows: Sequence[ImageRow]) -> list[Report]:
    """Reports in the place of images, whose text is the group: whatever belongs together has one text."""
    return [
        Report(row.place, f"group {number}", exam_date=_day(row), site=row.site)
        for row, number in zip(rows, numbered(rows), strict=True)
    ]


def _day(row: ImageRow) -> date | None:
    if row.exam_date is None:
        return None
    try:
        return date.fromisoformat(row.exam_date)
    except ValueError:
        raise InputError(
            f"The exam date of the image {row.place} is no date as 2019-03-04. Mend the manifest."
        ) from None


def _with_valid(
    rows: tuple[ImageRow, ...], share: float, strata: Sequence[str] | None, seed: int
) -> tuple[ImageRow, ...]:
    """Some of the images that train, set apart."""
    if not share:
        return rows
    train = [at for at, row in enumerate(rows) if row.split == TRAIN]
    if any(row.split == VALID for row in rows) or not train:
        there = ", ".join(sorted({row.split for row in rows if row.split}))
        raise InputError(
            f"A share of {share} was asked for to choose the epoch on, and the manifest's splits are "
            f"{there}. It is drawn from 'train' where there is no 'valid': leave out --valid-share, or mend "
            "the column."
        )
    stands = _stand_ins([rows[at] for at in train])
    share = min(share * len(rows) / len(train), 1.0)
    among = None if strata is None else [strata[at] for at in train]
    part = random_split(stands, seed=seed, test_share=share, strata=among).test
    apart = {train[at] for at in part}
    return tuple(replace(row, split=VALID) if at in apart else row for at, row in enumerate(rows))
