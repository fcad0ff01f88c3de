"""What images learn from what reports say: each policy by hand, and the join of images with reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reportnlp.errors import InputError, InvalidDefinitionError, UnknownNameError
from reportnlp.images.join import key_of, of_side, one_each
from reportnlp.images.manifest import ImageRow
from reportnlp.images.policies import PRESENCE, Rules, Said, said, self_trained, targets
from reportnlp.images.table import ANSWERS, ImageLabels
from reportnlp.types import Posteriors, Question

FINDINGS = ("edema",)
ROWS = ("present", "absent", "uncertain", "not_mentioned", "")
"""An answer a report, in this order."""


def told(*answers: str) -> Said:
    return said({f"r{at}": {"edema": answer} for at, answer in enumerate(answers)}, None, FINDINGS)


def posteriors(*rows: tuple[float, float, float, float]) -> Posteriors:
    """Probabilities over `PRESENCE`, of reports r0, r1, ..."""
    names = tuple(f"r{at}" for at in range(len(rows)))
    values = np.array(rows, np.float32)[:, None]
    return Posteriors(values, names, (Question("edema", None, PRESENCE),))


def made(policy: str, *answers: str, **rules: Any) -> tuple[list[float], list[float], list[bool]]:
    goal = targets(told(*(answers or ROWS)), Rules(policy, **rules))
    return goal.target[:, 0].tolist(), goal.weight[:, 0].tolist(), goal.mask[:, 0].tolist()


@pytest.mark.parametrize(
    ("policy", "target", "weight", "mask"),
    [
        ("soft", [1, 0, 0.5, 0, 0], [1, 1, 1, 0.5, 0], [1, 1, 1, 1, 0]),
        ("zeros", [1, 0, 0, 0, 0], [1, 1, 1, 0.5, 0], [1, 1, 1, 1, 0]),
        ("ones", [1, 0, 1, 0, 0], [1, 1, 1, 0.5, 0], [1, 1, 1, 1, 0]),
        ("ignore", [1, 0, 0, 0, 0], [1, 1, 0, 0.5, 0], [1, 1, 0, 1, 0]),
        ("self-train", [1, 0, 0, 0, 0], [1, 1, 0, 0.5, 0], [1, 1, 0, 1, 0]),
        ("multi-class", [1, 0, 0.5, 0, 0], [1, 1, 1, 0.5, 0], [1, 1, 1, 1, 0]),
    ],
)
def test_each_policy(policy: str, target: list[float], weight: list[float], mask: list[int]) -> None:
    assert made(policy) == (target, weight, [bool(one) for one in mask])


@pytest.mark.parametrize("policy", ["soft", "zeros", "ones", "ignore", "self-train", "multi-class"])
def test_silence_can_be_masked_whatever_the_policy(policy: str) -> None:
    _, weight, mask = made(policy, silence="mask")
    assert weight[3] == 0 and not mask[3]
    assert mask[:2] == [True, True] and weight[:2] == [1, 1]


def test_the_weight_of_silence_and_the_share_of_doubt_are_chosen() -> None:
    target, weight, _ = made("soft", silence_weight=0.1, uncertain_share=0.7)
    assert target[2] == pytest.approx(0.7) and weight[3] == pytest.approx(0.1)
    assert made("zeros", silence_weight=1)[1][3] == 1


def test_three_classes_are_a_distribution() -> None:
    goal = targets(told(*ROWS), Rules("multi-class"))
    assert goal.distribution is not None
    assert ANSWERS == ("absent", "present", "uncertain")
    expected = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0], [1 / 3] * 3])
    np.testing.assert_allclose(goal.distribution[:, 0], expected, atol=1e-6)


def test_soft_uses_the_probabilities_and_hard_policies_the_answers() -> None:
    known = posteriors((0.7, 0.1, 0.1, 0.1), (0.2, 0.5, 0.2, 0.1))
    heard = said({"r0": {"edema": "present"}, "r1": {"edema": "absent"}}, known, FINDINGS)
    soft = targets(heard, Rules())
    np.testing.assert_allclose(soft.target[:, 0], [0.75, 0.3], atol=1e-6)
    np.testing.assert_allclose(soft.weight[:, 0], [0.95, 0.95], atol=1e-6)
    hard = targets(heard, Rules("ones"))
    assert hard.target[:, 0].tolist() == [1, 0] and hard.weight[:, 0].tolist() == [1, 1]


def test_masked_silence_leaves_what_a_report_that_speaks_would_say() -> None:
    heard = said({"r0": {"edema": "present"}}, posteriors((0.6, 0.2, 0.0, 0.2)), FINDINGS)
    goal = targets(heard, Rules(silence="mask"))
    assert goal.target[0, 0] == pytest.approx(0.75) and goal.weight[0, 0] == pytest.approx(0.8)


def test_probabilities_may_be_those_of_other_questions_and_reports() -> None:
    values = np.full((1, 2, 5), np.nan, np.float32)
    values[0, 1, :4] = [0.1, 0.6, 0.2, 0.1]
    questions = (Question("edema", "severity", tuple("abcde")), Question("edema", None, PRESENCE))
    known = Posteriors(values, ("r1",), questions)
    heard = said({"r0": {"edema": "present"}, "r1": {"edema": "absent"}}, known, FINDINGS)
    expected = np.array([[1, 0, 0, 0], [0.1, 0.6, 0.2, 0.1]], np.float32)
    np.testing.assert_allclose(heard.probabilities[:, 0], expected)


def test_an_answer_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match=r"report 'r1' to edema \(1 such\) is none of present"):
        told("present", "maybe")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"policy": "zeroes"}, "Did you mean 'zeros'"),
        ({"silence": "absnt"}, "Did you mean 'absent'"),
        ({"silence_weight": 1.5}, "from 0 to 1"),
        ({"uncertain_share": -1}, "from 0 to 1"),
    ],
)
def test_rules_out_of_range_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((UnknownNameError, InvalidDefinitionError), match=message):
        Rules(**wrong)


def labels(policy: str = "self-train") -> ImageLabels:
    heard = told(*ROWS)
    goal = targets(heard, Rules(policy))
    rows = tuple(ImageRow(f"s{at}", f"{at}.png") for at in range(len(ROWS)))
    return ImageLabels(rows, FINDINGS, goal.target, goal.weight, goal.mask, heard.answers, policy)


def test_self_training_fills_in_doubt_and_nothing_else() -> None:
    before = labels()
    after = self_trained(before, np.full((5, 1), 0.8, np.float32))
    assert after.target[:, 0].tolist() == pytest.approx([1, 0, 0.8, 0, 0])
    assert after.weight[:, 0].tolist() == [1, 1, 1, 0.5, 0]
    assert after.mask[:, 0].tolist() == [True, True, True, True, False]
    assert not before.mask[2, 0]
    unasked = np.full((5, 1), np.nan, np.float32)
    assert not self_trained(before, unasked).mask[2, 0]


@pytest.mark.parametrize(("policy", "shape"), [("soft", (5, 1)), ("self-train", (4, 1))])
def test_self_training_of_other_labels_is_refused(policy: str, shape: tuple[int, int]) -> None:
    with pytest.raises(InvalidDefinitionError, match="--policy self-train"):
        self_trained(labels(policy), np.zeros(shape, np.float32))


def rows(*cells: tuple[str, str, str]) -> list[ImageRow]:
    return [ImageRow(s, f"{at}.png", report_id=r, accession=a) for at, (s, r, a) in enumerate(cells)]


def test_the_column_is_the_one_that_fits_most_images() -> None:
    some = rows(("1", "r1", "a1"), ("2", "r2", "a2"), ("3", "", "r1"))
    assert key_of(some, {"r1", "r2"}) == "report_id"
    assert key_of(some, {"a1", "a2", "r1"}) == "accession"
    assert key_of(some, {"a1", "2"}, "study") == "study"


def test_nothing_in_common_is_one_clear_error() -> None:
    with pytest.raises(InputError, match="None of 1 images and 1 labelled reports belong together by"):
        key_of(rows(("1", "r1", "a1")), {"x"})
    with pytest.raises(UnknownNameError, match="Did you mean 'accession'"):
        key_of(rows(("1", "r1", "a1")), {"r1"}, "acession")


@pytest.mark.parametrize(
    ("several", "kept", "weights"),
    [("all", [0, 1, 2], [1, 1, 1]), ("share", [0, 1, 2], [0.5, 1, 0.5]), ("first", [0, 1], [1, 1])],
)
def test_several_images_of_a_study(several: str, kept: list[int], weights: list[float]) -> None:
    found, share = one_each(rows(("1", "", ""), ("2", "", ""), ("1", "", "")), several)
    assert (found, share.tolist()) == (kept, weights)


def sided(laterality: str, side: str, answer: str = "present") -> tuple[str, npt.NDArray[np.float32]]:
    answers = {"r0": {"edema": answer, "edema.laterality": side}}
    heard = of_side(said(answers, None, FINDINGS), [ImageRow("s", "a.png", laterality=laterality)], answers)
    return str(heard.answers[0, 0]), heard.probabilities[0, 0]


@pytest.mark.parametrize(
    ("laterality", "side", "expected"),
    [
        ("L", "left", "present"),
        ("L", "right", "absent"),
        ("R", "left", "absent"),
        ("L", "bilateral", "present"),
        ("L", "unspecified", ""),
        ("B", "right", "present"),
    ],
)
def test_an_image_of_one_side_learns_what_is_said_of_it(laterality: str, side: str, expected: str) -> None:
    answer, p = sided(laterality, side)
    assert answer == expected
    assert p.sum() == (0 if expected == "" else 1)
    assert not expected or p[PRESENCE.index(expected)] == 1


def test_what_is_not_there_has_no_side() -> None:
    assert sided("L", "not_applicable", "absent")[0] == "absent"
