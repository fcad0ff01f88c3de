"""Groups stay whole, nothing is lost unsaid, and shares and answers are spread as asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from reportnlp.errors import InputError, UnknownNameError
from reportnlp.evaluation.splits import (
    Split,
    folds,
    groups,
    make_splits,
    random_split,
    site_splits,
    temporal_split,
)
from reportnlp.types import Report

START = date(2020, 1, 1)


def archive(
    *rows: tuple[str, str | None] | tuple[str, str | None, int] | tuple[str, str | None, int, str],
) -> list[Report]:
    """Reports of text, patient, day and site."""
    reports = []
    for i, (text, patient, *rest) in enumerate(rows):
        day, site = (*rest, 0, None)[0], (*rest, None, None)[1]
        exam = START + timedelta(days=int(day or 0))
        reports.append(Report(f"r{i}", text, patient, exam, None, None if site is None else str(site)))
    return reports


def alone(count: int) -> list[Report]:
    """Reports that share nothing, one a day, site by site in turn."""
    return archive(*((f"text {i}", f"p{i}", i, "abc"[i % 3]) for i in range(count)))


def drawn(
    count: int, *, seed: int, patients: int, sites: Sequence[str] = ("a", "b"), texts: int | None = None
) -> list[Report]:
    generator = np.random.default_rng(seed)
    texts = texts or 10 * count
    return archive(
        *(
            (
                f"text {generator.integers(texts)}",
                f"p{generator.integers(patients)}",
                int(generator.integers(400)),
                str(generator.choice(list(sites))),
            )
            for _ in range(count)
        )
    )


reports_drawn = st.lists(
    st.builds(
        Report,
        id=st.just("r"),
        text=st.one_of(st.text(max_size=3), st.integers(0, 40).map(str)),
        patient=st.one_of(st.none(), st.integers(0, 15).map(str)),
        exam_date=st.integers(0, 20).map(lambda day: START + timedelta(days=day)),
        site=st.sampled_from("abc"),
    ),
    min_size=1,
    max_size=40,
)


def sides_hold(split: Split, reports: Sequence[Report]) -> None:
    """What is true of every split."""
    numbers = groups(reports)
    assert split.train and split.test
    assert list(split.train) == sorted(set(split.train))
    assert list(split.test) == sorted(set(split.test))
    assert not set(split.train) & set(split.test)
    assert not set(numbers[list(split.train)]) & set(numbers[list(split.test)])
    assert set(split.train) | set(split.test) <= set(range(len(reports)))


def test_groups_by_hand() -> None:
    reports = archive(
        ("CT head.", "p1", 0, "a"),
        ("Other.", "p2", 0, "a"),
        ("ct \n HEAD. ", "p3", 0, "a"),  # the text of the first
        ("Third.", "p3", 0, "a"),  # the patient of the one before: a chain
        ("Fourth.", "p2", 0, "b"),  # the same id at another site is another patient
        ("Fifth.", None, 0, "a"),
        ("Sixth.", None, 0, "a"),  # no patient is no shared patient
    )
    assert groups(reports).tolist() == [0, 1, 0, 0, 2, 3, 4]


def test_a_late_report_joins_two_groups() -> None:
    assert groups(archive(("a", "p1"), ("b", "p2"), ("c", "p3"), ("b", "p1"))).tolist() == [0, 0, 1, 0]


def test_groups_of_nothing() -> None:
    numbers = groups([])
    assert numbers.shape == (0,) and numbers.dtype == np.int64


def test_site_and_patient_are_not_run_together() -> None:
    assert groups(archive(("x", "b", 0, "a"), ("y", "", 0, "ab"), ("z", "a', 'b", 0, ""))).tolist() == [
        0,
        1,
        2,
    ]


@given(reports_drawn)
def test_groups_are_the_connected_reports(reports: list[Report]) -> None:
    """Against spreading the lowest number over links until nothing moves."""

    def linked(one: Report, other: Report) -> bool:
        same_text = one.text.casefold().split() == other.text.casefold().split()
        return same_text or (
            one.patient is not None and (one.patient, one.site) == (other.patient, other.site)
        )

    links = np.array([[linked(one, other) for other in reports] for one in reports])
    lowest = np.arange(len(reports))
    for _ in reports:
        lowest = np.where(links, lowest, len(reports)).min(axis=1)
    order = {int(number): i for i, number in enumerate(dict.fromkeys(lowest.tolist()))}
    assert groups(reports).tolist() == [order[int(number)] for number in lowest]


def test_a_long_chain_is_one_group() -> None:
    reports = [Report(str(i), f"text {i // 2}", f"p{(i + 1) // 2}") for i in range(20_000)]
    assert not groups(reports).any()


@given(reports_drawn, st.floats(0.05, 0.95), st.integers(0, 5), st.booleans())
@settings(deadline=None)
def test_random_split_holds(reports: list[Report], share: float, seed: int, stratified: bool) -> None:
    strata = [report.text[:1] for report in reports] if stratified else None
    try:
        split = random_split(reports, seed=seed, test_share=share, strata=strata)
    except InputError:
        return
    sides_hold(split, reports)
    assert set(split.train) | set(split.test) == set(range(len(reports)))
    assert split == random_split(reports, seed=seed, test_share=share, strata=strata)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.37, 0.5, 0.8])
def test_random_split_has_the_share(share: float) -> None:
    split = random_split(alone(200), seed=1, test_share=share)
    assert len(split.test) == pytest.approx(200 * share, abs=1)
    grouped = random_split(drawn(2000, seed=0, patients=500), seed=1, test_share=share)
    assert len(grouped.test) == pytest.approx(2000 * share, abs=15)


def test_random_split_differs_by_seed_alone() -> None:
    reports = alone(50)
    assert random_split(reports, seed=1) != random_split(reports, seed=2)
    assert random_split(reports, seed=1) == random_split(reports, seed=1)


def test_every_report_is_as_likely_to_be_tested() -> None:
    reports = alone(20)
    times = Counter(row for seed in range(500) for row in random_split(reports, seed=seed).test)
    assert all(60 <= times[row] <= 145 for row in range(20))  # 100 expected; 5 standard deviations


def test_a_group_larger_than_the_test_trains() -> None:
    reports = archive(
        *(("No acute finding.", f"p{i}") for i in range(60)), *((f"t{i}", None) for i in range(40))
    )
    for seed in range(20):
        split = random_split(reports, seed=seed)
        assert set(range(60)) <= set(split.train)
        assert len(split.test) == 20


def test_a_rare_answer_is_on_both_sides() -> None:
    strata = ["absent"] * 94 + ["present"] * 6
    for seed in range(30):
        split = random_split(alone(100), seed=seed, test_share=1 / 3, strata=strata)
        assert sum(strata[row] == "present" for row in split.test) == 2
        assert len(split.test) in (33, 34)


@given(reports_drawn, st.integers(2, 5), st.integers(0, 5), st.booleans())
@settings(deadline=None)
def test_folds_hold(reports: list[Report], count: int, seed: int, stratified: bool) -> None:
    strata = [report.text[:1] for report in reports] if stratified else None
    if count > groups(reports).max() + 1:
        with pytest.raises(InputError, match=f"{count} folds were asked for"):
            folds(reports, seed=seed, count=count, strata=strata)
        return
    made = folds(reports, seed=seed, count=count, strata=strata)
    for split in made:
        sides_hold(split, reports)
        assert len(split.train) + len(split.test) == len(reports)
    assert sorted(row for split in made for row in split.test) == list(range(len(reports)))
    assert made == folds(reports, seed=seed, count=count, strata=strata)


def test_folds_are_level() -> None:
    made = folds(alone(103), seed=3, count=5)
    assert sorted(len(split.test) for split in made) == [20, 20, 21, 21, 21]
    assert [split.name for split in made] == [f"fold {i} of 5" for i in (1, 2, 3, 4, 5)]
    assert made != folds(alone(103), seed=4, count=5)


def test_answers_rarer_than_the_folds_are_spread() -> None:
    """Where scikit-learn warns, or refuses."""
    strata = ["absent"] * 40 + ["present"] * 3 + ["uncertain"] * 2
    for seed in range(10):
        tests = [
            Counter(strata[row] for row in split.test)
            for split in folds(alone(45), seed=seed, count=5, strata=strata)
        ]
        assert all(held["present"] <= 1 and held["uncertain"] <= 1 for held in tests)
        assert all(held["absent"] == 8 and 8 <= sum(held.values()) <= 10 for held in tests)


def test_folds_spread_as_well_as_scikit_learn() -> None:
    reports = drawn(1500, seed=5, patients=400)
    strata = np.random.default_rng(6).choice(
        ["absent", "present", "uncertain"], len(reports), p=[0.8, 0.15, 0.05]
    )
    numbers = groups(reports)

    def unevenness(tests: Sequence[Sequence[int]]) -> float:
        counts = np.array(
            [[(strata[list(rows)] == answer).sum() for answer in np.unique(strata)] for rows in tests]
        )
        return float((counts.std(axis=0) / counts.mean(axis=0)).mean())

    theirs = StratifiedGroupKFold(5).split(np.zeros(len(reports)), strata, numbers)
    ours = folds(reports, seed=1, count=5, strata=strata.tolist())
    assert unevenness([split.test for split in ours]) <= unevenness([test for _, test in theirs]) + 0.01


def test_temporal_by_hand() -> None:
    reports = archive(
        ("a", "p1", 0),
        ("b", "p2", 9),  # p2 was seen before the border as well: left out
        ("c", "p3", 8),
        ("d", "p2", 1),
        ("e", "p4", 2),
        ("A", "p5", 9),  # the text of the first: left out
        ("g", "p3", 9),  # p3 was seen after the border only
        ("h", "p6", 3),
    )
    assert temporal_split(reports, test_share=0.5) == Split("temporal", (0, 3, 4, 7), (2, 6))


def test_temporal_border_is_nearest_to_the_share() -> None:
    assert temporal_split(alone(10)).test == (8, 9)
    assert temporal_split(alone(10), test_share=0.9).test == tuple(range(1, 10))
    days = archive(*((f"t{i}", None, day) for i, day in enumerate([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])))
    assert temporal_split(days, test_share=0.5).test == (6, 7, 8, 9)  # 4 of 10 is nearer to 5 than 7


@given(reports_drawn, st.floats(0.05, 0.95))
@settings(deadline=None)
def test_temporal_holds(reports: list[Report], share: float) -> None:
    try:
        split = temporal_split(reports, test_share=share)
    except InputError:
        return
    sides_hold(split, reports)
    days = [(report.exam_date or START) for report in reports]
    first = min(days[row] for row in split.test)
    assert max(days[row] for row in split.train) < first
    numbers = groups(reports)
    trained = set(numbers[list(split.train)])
    for row in set(range(len(reports))) - set(split.train) - set(split.test):
        assert numbers[row] in trained  # left out for the one reason that is said


def test_sites_by_hand() -> None:
    reports = archive(
        ("a", "p1", 0, "north"),
        ("b", "p2", 0, "south"),
        ("A", "p3", 0, "south"),  # the text of the first
        ("c", "p1", 0, "west"),
    )
    assert site_splits(reports) == [
        Split("site north", (1, 3), (0,)),
        Split("site south", (3,), (1, 2)),
        Split("site west", (0, 1, 2), (3,)),
    ]


@given(reports_drawn)
@settings(deadline=None)
def test_sites_hold(reports: list[Report]) -> None:
    try:
        made = site_splits(reports)
    except InputError:
        return
    numbers = groups(reports)
    assert sorted(row for split in made for row in split.test) == list(range(len(reports)))
    for split in made:
        sides_hold(split, reports)
        tested = set(numbers[list(split.test)])
        for row in set(range(len(reports))) - set(split.train) - set(split.test):
            assert numbers[row] in tested


def test_make_splits_by_name() -> None:
    reports = alone(30)
    strata = ["x", "y"] * 15
    assert make_splits("random", reports, seed=2) == [random_split(reports, seed=2)]
    assert make_splits("random", reports, seed=2, strata=strata, test_share=0.4) == [
        random_split(reports, seed=2, strata=strata, test_share=0.4)
    ]
    assert make_splits("temporal", reports, seed=2, test_share=0.5) == [
        temporal_split(reports, test_share=0.5)
    ]
    assert make_splits("site", reports, seed=2) == site_splits(reports)
    assert make_splits("site", reports, seed=2, site="b") == [site_splits(reports)[1]]


def test_wrong_names_are_told() -> None:
    with pytest.raises(UnknownNameError, match=r"No split is called 'temporel'. Did you mean 'temporal'"):
        make_splits("temporel", alone(9), seed=0)  # type: ignore[arg-type]
    reports = archive(("a", "p", 0, "north"), ("b", "p", 0, "south"))
    with pytest.raises(UnknownNameError, match=r"No site is called 'nort'. Did you mean 'north'"):
        make_splits("site", reports, seed=0, site="nort")
    with pytest.raises(InputError, match="'north' was given for a random split"):
        make_splits("random", reports, seed=0, site="north")


@pytest.mark.parametrize("share", [0, 1, -0.2, 20, float("nan")])
def test_a_share_that_is_none(share: float) -> None:
    with pytest.raises(InputError, match="above 0 and below 1"):
        random_split(alone(9), seed=0, test_share=share)
    with pytest.raises(InputError, match="above 0 and below 1"):
        temporal_split(alone(9), test_share=share)


def test_no_reports() -> None:
    for split in (
        lambda: random_split([], seed=0),
        lambda: temporal_split([]),
        lambda: site_splits([]),
        lambda: folds([], seed=0, count=2),
    ):
        with pytest.raises(InputError, match="no reports to split"):
            split()


def test_what_a_split_needs() -> None:
    bare = [Report("r1", "secret one"), Report("r2", "secret two", exam_date=START, site="a")]
    with pytest.raises(InputError, match="1 of 2 reports have no exam date, the first is 'r1'") as undated:
        temporal_split(bare)
    with pytest.raises(InputError, match="1 of 2 reports have no site, the first is 'r1'"):
        site_splits(bare)
    with pytest.raises(InputError, match="All 2 reports are of one day, 2020-01-01"):
        temporal_split(archive(("a", None, 0), ("b", None, 0)))
    with pytest.raises(InputError, match="All 2 reports are of one site, 'a'"):
        site_splits(archive(("a", None, 0, "a"), ("b", None, 0, "a")))
    with pytest.raises(InputError, match="There are 1 strata for 9 reports"):
        random_split(alone(9), seed=0, strata=["present"])
    assert "secret" not in str(undated.value)


@pytest.mark.parametrize("count", [-1, 0, 1, 4])
def test_a_number_of_folds_that_cannot_be(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} folds were asked for; 2 to 3 can be made"):
        folds(alone(3), seed=0, count=count)


def test_a_side_left_empty() -> None:
    one = archive(("secret", "p1", 0, "a"), ("secret", "p2", 1, "b"))
    with pytest.raises(InputError, match="The split 'random' of 2 reports leaves none to test on") as empty:
        random_split(one, seed=0)
    with pytest.raises(InputError, match="The split 'temporal' of 2 reports leaves none to test on"):
        temporal_split(one)
    with pytest.raises(InputError, match="The split 'site a' of 2 reports leaves none to train on"):
        site_splits(one)
    assert "secret" not in str(empty.value)
