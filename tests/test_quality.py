"""The corpora are what their cards say, and the methods hold the floors of `corpora/floors.toml` on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportnlp.corpora.floors import read_floors
from reportnlp.jobs import check

CORPORA = Path(__file__).parents[1] / "corpora"
FLOORS = CORPORA / "floors.toml"


@pytest.mark.parametrize("name", sorted(card.parent.name for card in CORPORA.glob("*/card.toml")))
def test_corpus_is_sound_and_holds_its_floors(name: str) -> None:
    [found] = check.run(check.CheckSettings((CORPORA / name,), FLOORS))
    assert found.problems == []


def test_every_corpus_with_answers_has_floors() -> None:
    wanted = {gold.parent.name for gold in CORPORA.glob("*/gold.csv")}
    assert wanted <= set(read_floors(FLOORS)[1])
