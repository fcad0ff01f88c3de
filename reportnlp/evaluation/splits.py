"""Which reports train and which test: at random, by time, by place, or in folds.

A model is tested on reports unlike those it was fitted to in one way at a time: on another draw of the same
(split-sample), on later ones (temporal), on those of another site (geographic): Park and Han 2018 (Radiology
286:800), Ueda et al. 2018 (Jpn J Radiol 37:15). No patient's reports, and no text, are ever on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, unknown_name
from reportnlp.types import Presence, Report

Kind = Literal["random", "temporal", "site"]
Groups = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers, ascending, into the reports that were split.

    Attributes:
        name: `random`, `temporal`, `site <its name>` or `fold <number> of <count>`.
        train: rows to fit on; no group of theirs is in `test`.
        test: rows to test on.
    """

    name: str
    train: tuple[int, ...]
    test: tuple[int, ...]


def groups(reports: Sequence[Report], *, by_site: bool = False) -> Groups:
    """Number the groups of reports that must stay on one side of a split.

    Reports share a group when they are of one patient (one site and one patient id) or of one text (case and
    white space aside), and when a chain of such reports joins them. Of patient ids and texts only digests are
    held, and only during the call.

    Args:
        reports: what is grouped.
        by_site: reports of one site share a group too.

    Returns:
        (reports,) int64, from 0, in order of first appearance.
    """
    leaders = list(range(len(reports)))
    first: dict[bytes, int] = {}
    for row, report in enumerate(reports):
        for key in _keys(report, by_site):
            _join(leaders, first.setdefault(key, row), row)
    found = np.array([_leader(leaders, row) for row in range(len(reports))], dtype=np.int64)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def random_split(
    reports: Sequence[Report], *, seed: int, test_share: float = 0.2, strata: Sequence[str] | None = None
) -> Split:
    """Draw groups for testing until they hold `test_share` of the reports, as near as whole groups allow.

    Every report is on one side. A group so large that it could overfill the test goes where more room is.

    Args:
        reports: what is split.
        seed: of a generator of this call's own.
        test_share: share of the reports to test on, above 0 and below 1.
        strata: (reports,) an answer per report, each to be spread over both sides in that share.

    Raises:
        InputError: no reports, a share that is none, a wrong number of strata, or a side left empty.
    """
    _check_share(test_share)
    _check_some(reports)
    part = _deal(groups(reports), np.array([1 - test_share, test_share]), strata, seed=seed)
    return _split("random", part == 0, part == 1)


def present_together(answers: Iterable[Mapping[str, str]], findings: Sequence[str]) -> list[str]:
    """One word a row by which a split spreads rare answers: its present findings.

    Args:
        answers: question to answer, of each row.
        findings: those that count.
    """
    return [
        "+".join(name for name in findings if row.get(name) == Presence.PRESENT) or "none" for row in answers
    ]


def temporal_split(reports: Sequence[Report], *, test_share: float = 0.2) -> Split:
    """Test on the latest exams: every tested report is of a later day than every one trained on.

    The border is the day that leaves nearest to `test_share` of the reports on it and after it. A group on
    both sides of it trains with its earlier reports; its later ones are left out, on neither side.

    Raises:
        InputError: no reports, a share that is none, a report without a date, or a side left empty.
    """
    _check_share(test_share)
    _check_some(reports)
    days = _days(reports)
    numbers = groups(reports)
    later = days >= _border(days, test_share)
    return _split("temporal", ~later, later & ~np.isin(numbers, numbers[~later]))


def site_splits(reports: Sequence[Report]) -> list[Split]:
    """Test on each site in turn, in the order of their names, training on all others.

    Reports of other sites that share a group with one of the tested site (a text that both use) are left out,
    on neither side.

    Raises:
        InputError: no reports, a report without a site, one site only, or a side left empty.
    """
    sites = _sites(reports)
    numbers = groups(reports)
    return [_site_split(sites, numbers, name) for name in np.unique(sites)]


def folds(
    reports: Sequence[Report],
    *,
    seed: int,
    count: int,
    strata: Sequence[str] | None = None,
    by_site: bool = False,
) -> list[Split]:
    """Deal the groups into `count` folds of about as many reports each; every fold is the test once.

    Args:
        reports: what is split; each is tested exactly once.
        seed: of a generator of this call's own.
        count: number of folds, from 2 to the number of groups.
        strata: (reports,) an answer per report, each to be spread evenly over the folds.
        by_site: keep all reports of a site in one fold.

    Raises:
        InputError: no reports, a wrong number of folds or of strata, or, by site, a report without one.
    """
    _check_some(reports)
    if by_site:
        _sites(reports)
    numbers = groups(reports, by_site=by_site)
    there = int(numbers.max()) + 1
    if not 2 <= count <= there:
        raise InputError(
            f"{count} folds were asked for; 2 to {there} can be made, the number of groups (reports of one "
            "patient or of one text stay together). Ask for as many, or give more reports."
        )
    part = _deal(numbers, np.full(count, 1 / count), strata, seed=seed)
    return [_split(f"fold {i + 1} of {count}", part != i, part == i) for i in range(count)]


def make_splits(
    kind: Kind,
    reports: Sequence[Report],
    *,
    seed: int,
    test_share: float = 0.2,
    site: str | None = None,
    strata: Sequence[str] | None = None,
) -> list[Split]:
    """Split by the name of the way: one split, or one per site unless `site` names the one to test on.

    Args:
        kind: `random`, `temporal` or `site`.
        reports: what is split.
        seed: used by `random`.
        test_share: used by `random` and `temporal`.
        site: of `site`, the one site to test on; None is each in turn.
        strata: used by `random`.

    Raises:
        UnknownNameError: there is no such kind or site.
        InputError: a site for another kind of split, or what the split itself refuses.
    """
    if kind not in get_args(Kind):
        raise unknown_name("split", kind, get_args(Kind))
    if site is not None and kind != "site":
        raise InputError(
            f"The site '{site}' was given for a {kind} split. Ask for a site split, or leave it away."
        )
    if kind == "random":
        return [random_split(reports, seed=seed, test_share=test_share, strata=strata)]
    if kind == "temporal":
        return [temporal_split(reports, test_share=test_share)]
    return site_splits(reports) if site is None else [_one_site(reports, site)]


def _keys(report: Report, by_site: bool) -> Iterator[bytes]:
    """Digests of what makes two reports of one group."""
    if by_site and report.site:
        yield _digest("site", report.site)
    if report.patient:
        yield _digest("patient", repr((report.site, report.patient)))
    yield _digest("text", " ".join(report.text.casefold().split()))


def _digest(kind: str, value: str) -> bytes:
    return blake2b(f"{kind} {value}".encode(errors="surrogatepass"), digest_size=16).digest()


def _leader(leaders: list[int], row: int) -> int:
    """The first row of a row's group (union-find with path halving)."""
    while leaders[row] != row:
        leaders[row] = leaders[leaders[row]]
        row = leaders[row]
    return row


def _join(leaders: list[int], one: int, other: int) -> None:
    one, other = _leader(leaders, one), _leader(leaders, other)
    leaders[max(one, other)] = min(one, other)


def _deal(numbers: Groups, shares: Values, strata: Sequence[str] | None, *, seed: int) -> Groups:
    """Deal groups to parts, each to the part that lacks most of what the group holds.

    scikit-learn's GroupShuffleSplit shares out groups, not reports, and its StratifiedGroupKFold makes equal
    parts alone and warns of, or refuses, answers rarer than they. Here shares are of reports, and of each
    answer.

    Args:
        numbers: (reports,) int64, the group of each report.
        shares: (parts,) float64, the share of the reports each part is to have; sums to 1.
        strata: (reports,) answers to spread by the same shares.
        seed: of the order in which groups are dealt.

    Returns:
        (reports,) int64, the part of each report.
    """
    counts = _counts(numbers, strata)
    lacking = shares[:, None] * counts.sum(axis=0)
    weights = counts / counts.sum(axis=0)
    part = np.empty(len(counts), dtype=np.int64)
    for group in _order(counts[:, -1], lacking[:, -1].min() / 2, seed=seed):
        part[group] = (lacking * weights[group]).sum(axis=1).argmax()
        lacking[part[group]] -= counts[group]
    return part[numbers]


def _counts(numbers: Groups, strata: Sequence[str] | None) -> Values:
    """(groups, answers + 1) float64: reports of each group per answer, and in all."""
    if strata is not None and len(strata) != len(numbers):
        raise InputError(f"There are {len(strata)} strata for {len(numbers)} reports. Give one per report.")
    sizes = np.bincount(numbers).astype(np.float64)
    if strata is None:
        return sizes[:, None]
    answers, which = np.unique(np.asarray(strata), return_inverse=True)
    counts = np.zeros((len(sizes), len(answers) + 1))
    np.add.at(counts, (numbers, which), 1)
    counts[:, -1] = sizes
    return counts


def _order(sizes: Values, limit: float, *, seed: int) -> Groups:
    """Group numbers at random, but groups above the limit first, the largest ahead."""
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    large = np.where(sizes > limit, sizes, 0)[shuffled]
    return np.asarray(shuffled[np.argsort(-large, kind="stable")])


def _split(name: str, train: Mask, test: Mask) -> Split:
    for side, rows in (("train", train), ("test", test)):
        if not rows.any():
            raise InputError(
                f"The split '{name}' of {len(rows)} reports leaves none to {side} on. Reports of one patient "
                "or of one text are never on both sides: give more reports, or split in another way or share."
            )
    return Split(name, tuple(np.flatnonzero(train).tolist()), tuple(np.flatnonzero(test).tolist()))


def _days(reports: Sequence[Report]) -> npt.NDArray[np.datetime64]:
    """(reports,) datetime64[D], the exam dates."""
    undated = [report.id for report in reports if report.exam_date is None]
    if undated:
        raise InputError(
            f"{len(undated)} of {len(reports)} reports have no exam date, the first is '{undated[0]}'. A "
            "temporal split needs one for each: give exam_date, leave those reports out, or split at random."
        )
    return np.array([report.exam_date for report in reports], dtype="datetime64[D]")


def _border(days: npt.NDArray[np.datetime64], test_share: float) -> np.datetime64:
    """The first day of the test."""
    distinct, counts = np.unique(days, return_counts=True)
    if len(distinct) < 2:
        raise InputError(
            f"All {len(days)} reports are of one day, {distinct[0]}. A temporal split needs two or more: "
            "check the column exam_date, or split at random."
        )
    from_here = counts[::-1].cumsum()[::-1]
    best = np.abs(from_here[1:] - test_share * len(days)).argmin()
    return np.datetime64(distinct[1 + best])


def _sites(reports: Sequence[Report]) -> npt.NDArray[np.object_]:
    """(reports,) str objects, the sites."""
    _check_some(reports)
    nowhere = [report.id for report in reports if not report.site]
    if nowhere:
        raise InputError(
            f"{len(nowhere)} of {len(reports)} reports have no site, the first is '{nowhere[0]}'. A site "
            "split needs one for each: give site, leave those reports out, or split at random."
        )
    sites = np.array([report.site for report in reports], dtype=object)
    if len(set(sites)) < 2:
        raise InputError(
            f"All {len(reports)} reports are of one site, '{sites[0]}'. A site split needs two or more: add "
            "reports of another site, or split at random."
        )
    return sites


def _one_site(reports: Sequence[Report], site: str) -> Split:
    sites = _sites(reports)
    if site not in set(sites):
        raise unknown_name("site", site, set(sites))
    return _site_split(sites, groups(reports), site)


def _site_split(sites: npt.NDArray[np.object_], numbers: Groups, site: str) -> Split:
    here = np.asarray(sites == site)
    return _split(f"site {site}", ~here & ~np.isin(numbers, numbers[here]), here)


def _check_share(test_share: float) -> None:
    if not 0 < test_share < 1:
        raise InputError(
            f"The test share is {test_share}; it must be above 0 and below 1, as 0.2 for one report in five."
        )


def _check_some(reports: Sequence[Report]) -> None:
    if not reports:
        raise InputError("There are no reports to split. Give two or more.")
