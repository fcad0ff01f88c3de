"""The vote matrix on disk: what is written comes back, and what is broken is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reportnlp.errors import InputError, OutputError
from reportnlp.types import ABSTAIN, Question, Votes
from reportnlp.votes import META, TABLE, read_votes, table_of, write_votes

QUESTIONS = (
    Question("mass", None, ("present", "absent", "uncertain", "not_mentioned")),
    Question("mass", "laterality", ("left", "right", "unspecified", "not_applicable")),
)


@pytest.fixture
def votes() -> Votes:
    values = np.random.default_rng(7).integers(0, 4, (50, 3, 2)).astype(np.int8)
    values[::3, 1] = ABSTAIN
    return Votes(values, tuple(f"r{i}" for i in range(50)), ("rules", "negation", "mine"), QUESTIONS)


def test_what_is_written_comes_back(tmp_path: Path, votes: Votes) -> None:
    write_votes(tmp_path / "votes", votes, meta={"panel": "chest"})
    back, meta = read_votes(tmp_path / "votes")
    assert (back.values == votes.values).all()
    assert back.values.dtype == np.int8
    assert (back.report_ids, back.functions, back.questions) == (
        votes.report_ids,
        votes.functions,
        votes.questions,
    )
    assert meta["panel"] == "chest"
    assert [path.name for path in tmp_path.iterdir()] == ["votes"]


def test_an_abstain_is_null_and_an_answer_a_word(tmp_path: Path, votes: Votes) -> None:
    write_votes(tmp_path / "votes", votes, meta={})
    column = pq.read_table(tmp_path / "votes" / TABLE)["negation:mass"].to_pylist()
    assert column[0] is None
    assert column[1] == QUESTIONS[0].answers[votes.values[1, 1, 0]]


def test_no_reports_are_votes_too(tmp_path: Path) -> None:
    none = Votes(np.zeros((0, 1, 2), np.int8), (), ("rules",), QUESTIONS)
    write_votes(tmp_path / "votes", none, meta={})
    assert read_votes(tmp_path / "votes")[0].values.shape == (0, 1, 2)


def test_a_dictionary_in_another_order_means_the_same(tmp_path: Path, votes: Votes) -> None:
    write_votes(tmp_path / "votes", votes, meta={})
    table = table_of(votes)
    plain = table.cast(pa.schema([pa.field(name, pa.string()) for name in table.column_names]))
    pq.write_table(plain, tmp_path / "votes" / TABLE, row_group_size=7)
    assert (read_votes(tmp_path / "votes")[0].values == votes.values).all()


def test_an_existing_folder_is_kept(tmp_path: Path, votes: Votes) -> None:
    write_votes(tmp_path / "votes", votes, meta={"run": 1})
    with pytest.raises(OutputError, match="--overwrite"):
        write_votes(tmp_path / "votes", votes, meta={"run": 2})
    assert read_votes(tmp_path / "votes")[1]["run"] == 1
    write_votes(tmp_path / "votes", votes, meta={"run": 2}, overwrite=True)
    assert read_votes(tmp_path / "votes")[1]["run"] == 2


def test_what_is_broken_is_refused(tmp_path: Path, votes: Votes) -> None:
    folder = tmp_path / "votes"
    with pytest.raises(InputError, match="holds no votes"):
        read_votes(folder)
    write_votes(folder, votes, meta={})
    meta = json.loads((folder / META).read_text("utf-8"))
    (folder / META).write_text(json.dumps({**meta, "functions": ["rules", "other"]}), "utf-8")
    with pytest.raises(InputError, match="no column 'other:mass'"):
        read_votes(folder)
    (folder / META).write_text(json.dumps({**meta, "format": 99}), "utf-8")
    with pytest.raises(InputError, match="layout"):
        read_votes(folder)
    (folder / META).write_text(json.dumps(meta), "utf-8")
    twice = pa.concat_tables([table_of(votes), table_of(votes)], promote_options="none")
    pq.write_table(twice, folder / TABLE)
    with pytest.raises(InputError, match="twice"):
        read_votes(folder)
    (folder / TABLE).write_bytes(b"no parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_votes(folder)


def test_a_strange_answer_is_refused(tmp_path: Path, votes: Votes) -> None:
    write_votes(tmp_path / "votes", votes, meta={})
    table = table_of(votes)
    at = table.column_names.index("mine:mass")
    strange = table.set_column(at, "mine:mass", pa.array(["perhaps"] * 50))
    pq.write_table(strange, tmp_path / "votes" / TABLE)
    with pytest.raises(InputError, match="none of: present"):
        read_votes(tmp_path / "votes")
