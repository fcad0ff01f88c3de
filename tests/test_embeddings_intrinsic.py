"""The intrinsic test: its items are sound, and vectors with planted meaning score as they should."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reportnlp.corpora.card import read_card
from reportnlp.embeddings._intrinsic import (
    ANALOGY,
    COLUMNS,
    FILE,
    KINDS,
    Item,
    Score,
    Term,
    read_items,
    score,
)
from reportnlp.errors import InputError
from reportnlp.jobs.check import CheckSettings, run

FOLDER = Path(__file__).parents[1] / "corpora" / "embedding_tests"
ITEMS = read_items(FOLDER / FILE)
ANALOGIES = [kind for kind, words in KINDS.items() if words == ANALOGY]
LEAST = {
    "synonym": 90,
    "abbreviation": 70,
    "misspelling": 60,
    "spelling_variant": 20,
    "odd_one_out": 50,
}
WIDTH = 100
Vector = npt.NDArray[np.float32]


class Planted:
    """Words with the vectors that were given them."""

    def __init__(self, vectors: dict[str, Vector]) -> None:
        self._vectors = vectors

    @property
    def words(self) -> Sequence[str]:
        return list(self._vectors)

    def find(self, word: str, /) -> npt.NDArray[Any] | None:
        return self._vectors.get(word)


def made_items(each: int) -> list[Item]:
    """Items of every kind, no word in two of them."""

    def item(kind: str, number: int) -> Item:
        def term(role: str) -> Term:
            return (f"{kind}{number}{role}",)

        question = tuple(term(f"q{place}") for place in range(KINDS[kind]))
        return Item(kind, question, term("answer"), tuple(term(f"d{place}") for place in range(3)))

    return [item(kind, number) for kind in KINDS for number in range(each)]


def planted(items: Sequence[Item], sense: float, seed: int = 0) -> Planted:
    """Vectors that answer each item rightly (sense 1), at random (0) or wrongly (-1)."""
    draw = np.random.default_rng(seed)
    vectors: dict[str, Vector] = {}
    for item in items:
        rows = [_unit(draw.normal(size=WIDTH)) for _ in item.terms]
        asked = len(item.question)
        if sense and asked:
            target = rows[0] if asked == 1 else rows[1] - rows[0] + rows[2]
            rows[asked] = sense * target + 0.02 * draw.normal(size=WIDTH)
        elif sense:
            # Three of a kind, and the answer apart; or the answer amidst three that are apart.
            rows[1:] = [row + 2 * sense * rows[1] for row in rows[1:]] if sense > 0 else rows[1:]
            rows[0] = rows[0] if sense > 0 else sum(rows[1:], rows[0])
        named = zip(item.terms, rows, strict=True)
        vectors |= {term[0]: row.astype(np.float32) for term, row in named}
    return Planted(vectors)


def _unit(row: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    unit: npt.NDArray[np.float64] = row / np.linalg.norm(row)
    return unit


def accuracies(scored: Score) -> dict[str, float]:
    assert list(scored.kinds) == list(KINDS)
    return {kind: tally.accuracy for kind, tally in scored.kinds.items()}


def test_vectors_that_know_answer_all() -> None:
    items = made_items(40)
    scored = score(planted(items, 1), items)
    assert accuracies(scored) == dict.fromkeys(KINDS, 1.0)
    assert {kind: tally.accuracy for kind, tally in scored.open_kinds.items()} == dict.fromkeys(
        ANALOGIES, 1.0
    )
    assert scored.overall.right == scored.overall.answered == scored.overall.items == len(items)
    assert scored.open_overall.items == 80


def test_random_vectors_are_near_chance() -> None:
    items = made_items(400)
    scored = score(planted(items, 0), items)
    # Four standard deviations of 400 guesses at one in four.
    assert all(abs(accuracy - 0.25) < 0.087 for accuracy in accuracies(scored).values()), accuracies(scored)
    assert all(tally.chance == 0.25 for tally in scored.kinds.values())
    assert scored.open_overall.accuracy < 0.01


def test_reversed_vectors_are_near_zero() -> None:
    items = made_items(40)
    scored = score(planted(items, -1), items)
    assert max(accuracies(scored).values()) < 0.05, accuracies(scored)
    assert scored.open_overall.right == 0


def test_random_vectors_are_near_chance_on_the_items_themselves() -> None:
    draw = np.random.default_rng(3)
    words = {form for item in ITEMS for term in item.terms for form in term}
    vectors = Planted({word: draw.normal(size=WIDTH).astype(np.float32) for word in sorted(words)})
    scored = score(vectors, ITEMS)
    assert scored.overall.missing == 0
    assert abs(scored.overall.accuracy - 0.25) < 0.08


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_ties_are_decided_against_the_vectors(value: float) -> None:
    items = made_items(3)
    words = [form for item in items for term in item.terms for form in term]
    scored = score(Planted({word: np.full(WIDTH, value, np.float32) for word in words}), items)
    assert scored.overall.answered == len(items)
    assert scored.overall.right == scored.open_overall.right == 0


def test_an_answer_like_a_distractor_is_wrong() -> None:
    [item] = [item for item in made_items(1) if item.kind == "synonym"]
    vectors = planted([item], 1)
    vectors._vectors["synonym0d1"] = vectors._vectors["synonym0answer"]
    assert score(vectors, [item]).overall.right == 0


def test_items_without_a_vector_are_counted_apart() -> None:
    items = made_items(4)
    vectors = planted(items, 1)
    for kind in KINDS:
        del vectors._vectors[f"{kind}0d2"]
    scored = score(vectors, items)
    for tally in (*scored.kinds.values(), *scored.open_kinds.values()):
        assert (tally.items, tally.answered, tally.missing, tally.right) == (4, 3, 1, 3)
        assert (tally.accuracy, tally.strict_accuracy) == (1.0, 0.75)


def test_with_no_words_at_all_everything_is_missing() -> None:
    scored = score(Planted({}), made_items(1))
    assert scored.overall.answered == 0
    assert math.isnan(scored.overall.accuracy)
    assert scored.overall.strict_accuracy == scored.open_overall.strict_accuracy == 0


def test_with_no_items_there_is_nothing_to_say() -> None:
    scored = score(Planted({}), [])
    assert scored.kinds == scored.open_kinds == {}
    assert math.isnan(scored.overall.accuracy) and math.isnan(scored.overall.strict_accuracy)


def test_the_first_form_with_a_vector_stands_for_a_word() -> None:
    [item] = [item for item in made_items(1) if item.kind == "abbreviation"]
    vectors = planted([item], 1)
    other = Item(item.kind, item.question, ("unheard", *item.answer), item.distractors)
    assert score(vectors, [other]).overall.right == 1


def test_an_analogy_is_lost_to_a_nearer_word_of_the_vocabulary() -> None:
    [item] = [item for item in made_items(1) if item.kind == "severity"]
    vectors = planted([item], 1)
    a, b, c = (vectors._vectors[term[0]] for term in item.question)
    assert score(vectors, [item]).open_overall.right == 1
    vectors._vectors["nearer"] = b - a + c
    scored = score(vectors, [item])
    assert (scored.overall.right, scored.open_overall.right) == (1, 0)


def test_an_answer_outside_the_vocabulary_cannot_be_named() -> None:
    class Composing(Planted):
        @property
        def words(self) -> Sequence[str]:
            return [word for word in self._vectors if "answer" not in word]

    items = made_items(2)
    scored = score(Composing(planted(items, 1)._vectors), items)
    assert scored.overall.right == len(items)
    assert (scored.open_overall.answered, scored.open_overall.right) == (4, 0)


def test_a_large_vocabulary_is_read_in_blocks() -> None:
    items = made_items(1)
    vectors = planted(items, 1)
    draw = np.random.default_rng(5)
    noise = {f"other{place}": draw.normal(size=WIDTH).astype(np.float32) for place in range(5000)}
    first = {**vectors._vectors, **noise}
    last = {**noise, **vectors._vectors}
    assert score(Planted(first), items).open_overall == score(Planted(last), items).open_overall
    assert score(Planted(last), items).open_overall.right == 2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("kind,words\n", "should begin with the line kind,question,answer,distractors"),
        ("", "should begin with"),
        ("synonym,a1,b1\n", "line 2: 3 cells; there should be 4"),
        ("synonim,a1,b1,c1 d1\n", "line 2: 'synonim' is no kind of item; the kinds are synonym,"),
        ("synonym,a1 x1,b1,c1 d1\n", "line 2: the question of synonym has 1 words, and this one 2"),
        ("severity,a1 b1,c1,d1\n", "line 2: the question of severity has 3 words"),
        ("odd_one_out,a1,b1,c1 d1 e1\n", "line 2: the question of odd_one_out has 0 words"),
        ("synonym,a1,b1,\n", "line 2: there are too few distractors"),
        ("odd_one_out,,a1,b1 c1\n", "line 2: there are too few distractors"),
        ("synonym,a1,,c1\n", "line 2: words are letters and digits"),
        ("synonym,Left,b1,c1\n", "line 2: words are letters and digits, in small letters"),
        ("synonym,x-ray,b1,c1\n", "line 2: words are letters and digits"),
        ("synonym,a1,b1|c1,c1 d1\n", "line 2: a word is there twice"),
        ("synonym,a1,b1,c1\nsynonym,b1,a1,d1\n", "line 3 asks the same as line 2"),
        ("odd_one_out,,a1,b1 c1 d1\nodd_one_out,,a1,d1 c1 b1\n", "line 3 asks the same as line 2"),
        ("severity,a1 b1 c1,d1,e1\nseverity,c1 d1 a1,b1,f1\n", "line 3 asks the same as line 2"),
        ('synonym,"a1"x,b1,c1\n', "is no CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_wrong_is_refused(lines: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / FILE
    whole = lines.startswith("kind") or not lines
    path.write_text(lines if whole else f"{','.join(COLUMNS)}\n{lines}", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_items(path)
    assert message in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_items(tmp_path / FILE)
    (tmp_path / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_items(tmp_path / FILE)


def test_the_same_words_may_be_asked_about_in_two_kinds(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text(f"{','.join(COLUMNS)}\nsynonym,a,b|c_d,e f\nmisspelling,a,b,e f\n", encoding="utf-8")
    first, second = read_items(path)
    assert first == Item("synonym", (("a",),), ("b", "c_d"), (("e",), ("f",)))
    assert (second.kind, first.chance) == ("misspelling", 1 / 3)


def test_there_are_enough_items_of_every_kind() -> None:
    counts = Counter(item.kind for item in ITEMS)
    assert all(counts[kind] >= least for kind, least in LEAST.items())
    assert sum(counts[kind] for kind in ANALOGIES) >= 60
    assert min(counts[kind] for kind in ANALOGIES) >= 30
    assert counts.total() >= 340
    assert counts == read_card(FOLDER).items


def test_every_item_has_three_distractors() -> None:
    assert {len(item.distractors) for item in ITEMS} == {3}


def edits(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, row[0] = row[0], place
        for at, there in enumerate(other, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != there))
    return row[-1]


@pytest.mark.parametrize("kind", ["misspelling", "spelling_variant"])
def test_the_right_spelling_is_nearest_in_letters(kind: str) -> None:
    for item in ITEMS:
        if item.kind == kind:
            [[asked]] = item.question
            distances = [edits(asked, term[0]) for term in (item.answer, *item.distractors)]
            assert distances[0] < min(distances[1:]), asked


def copied(folder: Path, change: Callable[[str], str], name: str) -> Path:
    made = folder / "embedding_tests"
    made.mkdir()
    for file in (FILE, "card.toml"):
        text = (FOLDER / file).read_text("utf-8")
        (made / file).write_text(change(text) if file == name else text, encoding="utf-8")
    return made


@pytest.mark.parametrize(
    ("name", "change", "problems"),
    [
        ("card.toml", lambda text: text, []),
        ("card.toml", lambda text: text.replace("synonym = 1", "synonym = 2"), ["items are"]),
        (FILE, lambda text: text[: text.rindex("odd_one_out")], ["items are", "digest is"]),
        (FILE, lambda text: text + text[text.rindex("odd_one_out") :], ["asks the same as line"]),
        (FILE, lambda text: "", ["should begin with the line"]),
    ],
)
def test_the_check_holds_the_card_to_the_file(
    name: str, change: Callable[[str], str], problems: list[str], tmp_path: Path
) -> None:
    [found] = run(CheckSettings((copied(tmp_path, change, name),)))
    assert len(found.problems) == len(problems)
    assert all(part in said for part, said in zip(problems, found.problems, strict=True))


def test_the_check_tells_of_a_missing_file(tmp_path: Path) -> None:
    folder = copied(tmp_path, lambda text: text, FILE)
    (folder / FILE).unlink()
    [found] = run(CheckSettings((folder,)))
    assert len(found.problems) == 1
    assert "cannot be read" in found.problems[0]
