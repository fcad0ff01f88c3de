"""The grammar's templates: what they expand to, how many ways there are, and which are refused."""

from __future__ import annotations

from random import Random

import pytest

from reportnlp.errors import InvalidDefinitionError, UnknownNameError
from reportnlp.generators._grammar import CLOSE, OPEN, Grammar

SLOTS = frozenset({"side"})


def expansions(template: str, register: str = "full", **rules: list[str]) -> set[str]:
    grammar = Grammar({"rule": [template], **rules}, where="test", slots=SLOTS)
    random = Random(0)
    slots = {"side": "left"}
    return {grammar.expand("rule", random, register=register, slots=slots) for _ in range(200)}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", {"plain"}),
        ("a (b|c) d", {"a b d", "a c d"}),
        ("a[ b]", {"a", "a b"}),
        ("(a|)(b|c)", {"ab", "ac", "b", "c"}),
        ("{side} lung", {"left lung"}),
        ("{other}!", {"x!", "y!"}),
        (r"\(se 4\)", {"(se 4)"}),
        ("see <this>", {f"see {OPEN}this{CLOSE}"}),
        ("(a [(b|c)]|d)", {"a ", "a b", "a c", "d"}),
    ],
)
def test_a_template_expands(template: str, expected: set[str]) -> None:
    assert expansions(template, other=["x", "y"]) == expected


def test_a_register_has_its_own_alternatives() -> None:
    grammar = Grammar({"rule": ["both", "@terse short", "@full long"]}, where="test")
    random = Random(0)
    assert {grammar.expand("rule", random, register="full") for _ in range(50)} == {"both", "long"}
    assert {grammar.expand("rule", random, register="terse") for _ in range(50)} == {"both", "short"}


def test_a_weight_makes_an_alternative_likelier() -> None:
    grammar = Grammar({"rule": ["9* often", "seldom"]}, where="test")
    random = Random(0)
    drawn = [grammar.expand("rule", random) for _ in range(1000)]
    assert 850 < drawn.count("often") < 950
    assert grammar.count("rule") == 2


def test_ways_are_counted() -> None:
    grammar = Grammar({"rule": ["(a|b) {other}[ c]", "d"], "other": ["x", "y", "z"]}, where="test")
    assert grammar.count("rule") == 2 * 3 * 2 + 1


def test_a_slot_may_name_a_rule() -> None:
    rules = {"rule": ["in {place}"], "lung": ["the lung"]}
    grammar = Grammar(rules, where="test", slots=frozenset({"place"}))
    assert grammar.expand("rule", Random(0), slots={"place": "lung"}) == "in the lung"


@pytest.mark.parametrize(
    ("template", "error", "message"),
    [
        ("a (b", InvalidDefinitionError, "'\\)' is missing"),
        ("a [b", InvalidDefinitionError, "'\\]' is missing"),
        ("a {b", InvalidDefinitionError, "'}' is missing"),
        ("a) b", InvalidDefinitionError, "closes nothing"),
        ("a {sied}", UnknownNameError, "sied"),
        ("@trese a", UnknownNameError, "Did you mean 'terse'"),
        ("@terse a", InvalidDefinitionError, "no alternative for 'full'"),
    ],
)
def test_a_broken_template_is_refused(template: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Grammar({"rule": [template]}, where="test", slots=SLOTS)
