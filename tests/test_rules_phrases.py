from __future__ import annotations

import pytest

from reportnlp.errors import InvalidDefinitionError, UnknownNameError
from reportnlp.rules.phrases import Pattern, compile_phrase

CLASSES = {"artery": ["pulmonary artery", "(left|right) pa"], "gapped": ["heart ... big", "big heart"]}


def test_words_in_a_row() -> None:
    assert compile_phrase("filling defect", {}) == [Pattern((frozenset({("filling", "defect")}),), ())]


def test_alternatives_and_optional_words() -> None:
    [pattern] = compile_phrase("(acute|) (clot|thrombus)", {})
    assert pattern.parts == (frozenset({("acute", "clot"), ("clot",), ("acute", "thrombus"), ("thrombus",)}),)


def test_classes_and_gaps() -> None:
    [pattern] = compile_phrase("clot ...6 {artery}", CLASSES)
    assert pattern.gaps == (6,)
    assert pattern.parts[1] == frozenset({("pulmonary", "artery"), ("left", "pa"), ("right", "pa")})


def test_class_alone_may_hold_gapped_phrases() -> None:
    assert [len(pattern.parts) for pattern in compile_phrase("{gapped}", CLASSES)] == [2, 1]


@pytest.mark.parametrize("phrase", ["(a", "a)", "", "...", "a ... ", "(|)"])
def test_broken_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(InvalidDefinitionError):
        compile_phrase(phrase, {})


def test_phrase_that_unfolds_too_far_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="Split it"):
        compile_phrase(" ".join(["(a|b|c|d|e|f)"] * 7), {})


def test_unknown_class_is_guessed() -> None:
    with pytest.raises(UnknownNameError, match="'artery'"):
        compile_phrase("{artry}", CLASSES)
