"""What every source of gold answers must do. A new file in `reportnlp/golds` is tested here with no edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportnlp.errors import InputError
from reportnlp.findings import load_panel
from reportnlp.golds.blocks import GoldAnswers, NotCoded, filled
from reportnlp.registry import GOLDS
from reportnlp.types import BadRow, Presence

NAMES = GOLDS.names()
SECRET = "Mr Example has an embolus"


@pytest.mark.parametrize("name", NAMES)
def test_a_source_says_what_it_is(name: str) -> None:
    source = GOLDS.get(name)
    assert source.TITLE and "\n" not in source.TITLE
    findings = [finding.name for finding in load_panel(source.PANEL).findings]
    asked = source.asked()
    assert asked and list(asked) == [finding for finding in findings if finding in asked]


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_example_comes_back(name: str, tmp_path: Path) -> None:
    source = GOLDS.get(name)
    planted = source.plant(tmp_path)
    assert tuple(source.read(planted.source)) == planted.rows
    assert len({row.report_id for row in planted.rows}) == len(planted.rows)
    assert any(Presence.PRESENT in row.answers.values() for row in planted.rows)


@pytest.mark.parametrize("not_coded", ["absent", "not_mentioned", "blank"])
@pytest.mark.parametrize("name", NAMES)
def test_the_panel_allows_every_answer(name: str, not_coded: NotCoded, tmp_path: Path) -> None:
    source = GOLDS.get(name)
    panel = load_panel(source.PANEL)
    allowed = {question.name: question.answers for question in panel.questions}
    for row in source.plant(tmp_path).rows:
        assert all(answer in ("", *allowed[question]) for question, answer in row.answers.items())
        whole = filled(panel, row, source.asked(), not_coded)
        assert list(whole) == list(allowed)
        assert all(answer in ("", *allowed[question]) for question, answer in whole.items())
        assert {**whole, **row.answers} == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_there_is_one_clear_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file or folder"):
        list(GOLDS.get(name).read(tmp_path / "gone.tgz"))


@pytest.mark.parametrize("content", [b"", SECRET.encode(), b"report_id,a\n1,2\n", bytes(range(256))])
@pytest.mark.parametrize("name", NAMES)
def test_another_file_is_refused_without_its_text(name: str, content: bytes, tmp_path: Path) -> None:
    """By an error, or row by row: never by answers."""
    (tmp_path / "other.csv").write_bytes(content)
    try:
        told = list(GOLDS.get(name).read(tmp_path / "other.csv"))
    except InputError as error:
        assert SECRET not in str(error)
        return
    assert all(isinstance(row, BadRow) and SECRET not in row.reason for row in told)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_breaks_off_gives_what_came_before(name: str, tmp_path: Path) -> None:
    source = GOLDS.get(name)
    planted = source.plant(tmp_path)
    data = planted.source.read_bytes()
    for share in (0.2, 0.9):
        planted.source.write_bytes(data[: int(len(data) * share)])
        try:
            rows = list(source.read(planted.source))
        except InputError:
            continue
        assert all(row in planted.rows for row in rows if isinstance(row, GoldAnswers))
