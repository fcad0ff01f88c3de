"""A worker process: labels batches until the service hangs up, or is no more."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from reportnlp_api.frames import LENGTH, Frame, pack, unpack

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Set to 1: a process a core, each with a thread a core, slow one another."""

STANDS_BACK = 5
"""Niceness of a worker: the process that takes and refuses requests goes before, so that it is never late."""

EMPTY = "The text holds no letter and no digit."

CHANGED = "The model's folder, or the panel's file, is not what it was when the service started."


class Worker:
    """Labels batches, keeping a few labelers loaded.

    Args:
        loaded: how many.
        load: makes a labeler, as `reportnlp.load` does.
    """

    def __init__(self, loaded: int, load: Callable[..., Any]) -> None:
        self._room = loaded
        self._load = load
        self._labelers: OrderedDict[tuple[str | None, str, bool], Any] = OrderedDict()

    def __call__(self, frame: Frame) -> Frame:
        """Answer one frame: a result as JSON for each report that came, or the reason why there is none.

        Args:
            frame: head `{"panel", "source", "digest", "abstain", "reports": [[id, questions or null], ...]}`,
                parts the texts; without reports the labeler is only loaded.

        Returns:
            Head `{"model", "tokens", "loaded"}` (the tokens of each report; panel and source of each labeler
            that is loaded) or `{"failed"}`; parts the results.
        """
        head = frame.head
        try:
            labeler = self._labeler(head["panel"], head["source"], head["abstain"])
        except Exception as error:
            return Frame({"failed": f"The method cannot be loaded ({type(error).__name__})."}, ())
        if labeler.digest != head["digest"]:
            return Frame({"failed": CHANGED}, ())
        texts = [part.decode() for part in frame.parts]
        results = label(labeler, head["reports"], texts)
        tokens = [result["tokens_read"] for result in results]
        shown = [json.dumps(result, ensure_ascii=False).encode() for result in results]
        loaded = [(panel, source) for panel, source, _ in self._labelers]
        return Frame({"model": labeler.model, "tokens": tokens, "loaded": loaded}, shown)

    def _labeler(self, panel: str | None, source: str, abstain: bool) -> Any:
        key = (panel, source, abstain)
        if key not in self._labelers:
            self._labelers[key] = self._load(panel, method=source, abstain=abstain)
        self._labelers.move_to_end(key)
        while len(self._labelers) > self._room:
            self._labelers.popitem(last=False)
        return self._labelers[key]


def label(labeler: Any, asked: Sequence[Sequence[Any]], texts: Sequence[str]) -> list[dict[str, Any]]:
    """A result for each text; see `schemas.ResultOut`.

    Args:
        labeler: a `reportnlp.Labeler`.
        asked: id, and names of the questions to answer or None, of each.
        texts: the reports.
    """
    wanted = [i for i, text in enumerate(texts) if any(map(str.isalnum, text))]
    found = dict(zip(wanted, _labels(labeler, [texts[i] for i in wanted]), strict=True))
    parts = {question.name: question for question in labeler.questions}
    return [
        _result(report_id, questions, text, found.get(i, EMPTY), parts)
        for i, ((report_id, questions), text) in enumerate(zip(asked, texts, strict=True))
    ]


def _labels(labeler: Any, texts: list[str]) -> list[Any]:
    """Labels and what was read; where that fails, one by one, so that a bad report stops no good one."""
    import reportnlp

    if not texts:
        return []
    try:
        return list(labeler.label_and_read([reportnlp.Report("", text) for text in texts]))
    except MemoryError:
        raise
    except Exception as error:
        # Its message may hold a report's text.
        if len(texts) == 1:
            return [f"The labeler failed on it ({type(error).__name__}). Please report the fault."]
        return [one for text in texts for one in _labels(labeler, [text])]


def _result(report_id: str, questions: list[str] | None, text: str, found: Any, parts: Any) -> dict[str, Any]:
    if isinstance(found, str):
        return {
            "id": report_id,
            "labels": [],
            "tokens_read": 0,
            "sections": [],
            "error": {"reason": found},
        }
    labels, read = found
    chosen = labels if questions is None else [one for one in labels if one.question in questions]
    return {
        "id": report_id,
        "labels": [_label(one, parts[one.question], text) for one in chosen],
        "tokens_read": read.tokens,
        "sections": list(read.sections),
        "error": None,
    }


def _label(label: Any, question: Any, text: str) -> dict[str, Any]:
    span = label.evidence
    evidence = {"start": span.start, "end": span.end, "text": text[span.start : span.end]} if span else None
    return {
        "question": label.question,
        "finding": question.finding,
        "attribute": question.attribute,
        "answer": str(label.answer),
        "probability": label.probability,
        "evidence": evidence,
        "section": label.section,
    }


def serve(line: socket.socket, loaded: int) -> None:
    """The worker's end of the line: answer frames until it ends."""
    # The service answers for all of its processes when a terminal or a supervisor signals the whole group.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(THREADS, "1"), TOKENIZERS_PARALLELISM="false")
    if hasattr(os, "nice"):
        os.nice(STANDS_BACK)
    worker = Worker(loaded, _load_for_good)
    line.setblocking(True)
    with suppress(EOFError, ConnectionError), line:
        while True:
            line.sendall(pack(worker(_receive(line))))


def _load_for_good(panel: str | None, **how: Any) -> Any:
    """A labeler that the garbage collector passes by: it has many parts, and looking at them takes long."""
    import reportnlp

    labeler = reportnlp.load(panel, **how)
    gc.collect()
    gc.freeze()
    return labeler


def _receive(line: socket.socket) -> Frame:
    (size,) = LENGTH.unpack(_read(line, LENGTH.size))
    return unpack(_read(line, size))


def _read(line: socket.socket, size: int) -> bytes:
    found = bytearray(size)
    view = memoryview(found)
    while view:
        count = line.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(found)
