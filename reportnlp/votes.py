"""The vote matrix on disk: a folder of `votes.parquet` and `meta.json`, written without a pickle.

`votes.parquet` has a row per report: `report_id`, then a column per function and question, named
`<function>:<question>`. A cell is the answer in words (dictionary-encoded), and null where the function
abstains, so that no number can be taken for another tool's. A vote on an attribute is given that the finding
is present: `not_applicable` follows from the vote on presence, and is never one itself. `meta.json` names
the functions, the questions with their ordered answers, and what the votes were given with.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from reportnlp.errors import InputError, OutputError
from reportnlp.types import ABSTAIN, Question, Votes

TABLE = "votes.parquet"
META = "meta.json"
ID = "report_id"
FORMAT = 1
"""Version of the layout, in `meta.json`."""

BATCH = 65_536
"""Reports decoded at once."""


def write_votes(folder: Path, votes: Votes, *, meta: Mapping[str, Any], overwrite: bool = False) -> None:
    """Write votes into a folder that is whole or not there.

    Args:
        folder: to be made.
        votes: (reports, functions, questions) int8 with the names along each axis.
        meta: what `meta.json` holds besides the names; plain JSON values, no report text.
        overwrite: replace the folder where it exists.

    Raises:
        OutputError: the folder exists, or the disk refused.
    """
    if folder.exists() and not overwrite:
        raise OutputError(f"{folder} exists. Name another folder, or add --overwrite.")
    draft = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        pq.write_table(table_of(votes), draft / TABLE)
        write_meta(draft, votes.functions, votes.questions, meta)
        if folder.exists():
            shutil.rmtree(folder)
        draft.replace(folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}.") from error


def read_votes(folder: Path) -> tuple[Votes, dict[str, Any]]:
    """Read what `write_votes` or `reportnlp weak votes` wrote.

    Returns:
        The votes, (reports, functions, questions) int8, and all of `meta.json`.

    Raises:
        InputError: the folder, or a column of its table, is missing or not as `meta.json` says.
    """
    meta = read_meta(folder)
    functions, questions = tuple(meta["functions"]), questions_in(meta)
    parts = list(iter_votes(folder))
    nothing = np.zeros((0, len(functions), len(questions)), np.int8)
    values = np.concatenate([nothing, *(part.values for part in parts)])
    ids = tuple(report for part in parts for report in part.report_ids)
    if len(set(ids)) < len(ids):
        raise InputError(f"{folder / TABLE} has an id twice; nothing can be joined to it. Write it anew.")
    return Votes(values, ids, functions, questions), meta


def iter_votes(folder: Path, *, rows: int = BATCH) -> Iterator[Votes]:
    """The votes of so many reports at a time, in order.

    Raises:
        InputError: the folder, or a column of its table, is missing or not as `meta.json` says.
    """
    meta = read_meta(folder)
    functions, questions = tuple(meta["functions"]), questions_in(meta)
    try:
        with pq.ParquetFile(folder / TABLE) as file:
            _refuse_other_columns(folder, file.schema_arrow.names, functions, questions)
            names = [ID, *(column(f, q) for f in functions for q in questions)]
            for batch in file.iter_batches(rows, columns=names):
                yield _votes_in(batch, functions, questions, folder)
    except (OSError, pa.ArrowException) as error:
        kind = type(error).__name__
        raise InputError(f"{folder / TABLE} cannot be read ({kind}). Write it anew.") from None


def column(function: str, question: Question) -> str:
    """Name of the column that holds one function's votes on one question."""
    return f"{function}:{question.name}"


def table_of(votes: Votes) -> pa.Table:
    """The Arrow table of some reports' votes; its columns do not depend on which reports."""
    columns = {ID: pa.array(votes.report_ids, pa.string())}
    for f, function in enumerate(votes.functions):
        for q, question in enumerate(votes.questions):
            given = votes.values[:, f, q]
            cells = pa.array(given, pa.int8(), mask=given == ABSTAIN)
            words = pa.array(question.answers, pa.string())
            columns[column(function, question)] = pa.DictionaryArray.from_arrays(cells, words)
    return pa.table(columns)


def write_meta(
    folder: Path, functions: Sequence[str], questions: Iterable[Question], meta: Mapping[str, Any]
) -> None:
    """Write `meta.json`: the names along the axes, then what else there is to say."""
    named = {
        "format": FORMAT,
        "functions": list(functions),
        "questions": [
            {"finding": q.finding, "attribute": q.attribute, "answers": list(q.answers)} for q in questions
        ],
    }
    text = json.dumps({**named, **meta}, indent=2, ensure_ascii=False)
    (folder / META).write_text(f"{text}\n", encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any]:
    """Read `meta.json`.

    Raises:
        InputError: there is none, or it is not of this layout.
    """
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        mend = "Write some: reportnlp weak votes ... -o VOTES"
        mend = "Write some: reportnlp weak votes ... -o VOTES"
        raise InputError(f"{folder} holds no votes. {mend}.") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise InputError(
            f"{folder / META} is not of layout {FORMAT}. Write the votes anew, with this version."
        )
    return meta


def questions_in(meta: Mapping[str, Any]) -> tuple[Question, ...]:
    """The questions that `meta.json` names, in order."""
    return tuple(Question(q["finding"], q["attribute"], tuple(q["answers"])) for q in meta["questions"])


def _refuse_other_columns(
    folder: Path, names: Sequence[str], functions: Sequence[str], questions: Sequence[Question]
) -> None:
    wanted = {ID, *(column(f, q) for f in functions for q in questions)}
    missing = sorted(wanted - set(names))
    if missing:
        raise InputError(
            f"{folder / TABLE} has no column '{missing[0]}' ({len(missing)} such), which {META} names. "
            "Write the votes anew."
        )


def _votes_in(
    batch: pa.RecordBatch, functions: tuple[str, ...], questions: tuple[Question, ...], folder: Path
) -> Votes:
    values = np.full((batch.num_rows, len(functions), len(questions)), ABSTAIN)
    for f, function in enumerate(functions):
        for q, question in enumerate(questions):
            cells = batch.column(column(function, question))
            values[:, f, q] = _indices(cells, question.answers, folder)
    return Votes(values, tuple(batch.column(ID).to_pylist()), functions, questions)


def _indices(cells: pa.Array, answers: tuple[str, ...], folder: Path) -> npt.NDArray[np.int8]:
    """Answer indices of one column, (reports,) int8, whatever order its dictionary has."""
    coded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    words = coded.dictionary.to_pylist()
    if any(word not in answers for word in words):
        raise InputError(
            f"{folder / TABLE} holds an answer that is none of: {', '.join(answers)}. Write the votes anew."
        )
    order = np.array([*(answers.index(word) for word in words), ABSTAIN], np.int8)
    filled: npt.NDArray[np.int64] = coded.indices.cast(pa.int64()).fill_null(len(words)).to_numpy()
    found: npt.NDArray[np.int8] = order[filled]
    return found
