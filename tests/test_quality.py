"""The rules hold the floors of `corpora/floors.toml`, on the very reports of the corpora's cards."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reportnlp.labeler import load
from reportnlp.types import Presence
from tests.bench.written_corpora import PANELS, answers

CORPORA = Path(__file__).parents[1] / "corpora"
FLOORS: dict[str, Any] = tomllib.loads((CORPORA / "floors.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(PANELS))
def test_corpus_is_the_one_of_its_card_and_its_floor(name: str) -> None:
    folder = CORPORA / name
    digest = hashlib.sha256((folder / "reports.jsonl").read_bytes() + (folder / "gold.csv").read_bytes())
    card = tomllib.loads((folder / "card.toml").read_text("utf-8"))
    assert digest.hexdigest() == card["digest"] == FLOORS[name]["digest"]


@pytest.mark.parametrize("part", ["dev", "test"])
@pytest.mark.parametrize("name", sorted(PANELS))
def test_presence_holds_its_floor(name: str, part: str) -> None:
    labeler = load(PANELS[name])
    counts = Counter(
        (label.answer == Presence.PRESENT, gold == Presence.PRESENT)
        for label, gold in answers(name, labeler, part)
        if "." not in label.question
    )
    missed = counts[True, False] + counts[False, True]
    f1 = 2 * counts[True, True] / (2 * counts[True, True] + missed)
    assert f1 >= FLOORS[name][part]
