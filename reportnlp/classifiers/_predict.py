"""Labelling with a trained model: ONNX Runtime on processors, torch on a CUDA device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.classifiers import _evidence
from reportnlp.classifiers._decide import NO_ANSWER, Answers, Decider, stacked, unspoken
from reportnlp.classifiers._encode import Encoded, Encoder, Reading, alike, collate
from reportnlp.classifiers._folder import ONNX, TOKENIZER, Decision, Folder, Stack
from reportnlp.classifiers._questions import Columns, Floats
from reportnlp.errors import InputError, MissingExtraError, ReportNLPError
from reportnlp.findings import Panel
from reportnlp.rules.engine import RuleEngine
from reportnlp.text.words import BREAK, Words
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED, Label, Posteriors, Presence, Read, Span

TOKENS = 1024
"""Tokens in a batch, filling counted: small enough for a processor's cache."""

DEVICE_TOKENS = 262_144
"""The same on a CUDA device, which is filled by more."""

DRIVER = Path("/proc/driver/nvidia/version")
"""Is there where an NVIDIA driver is: known without the seconds that importing torch takes."""

DIGITS = 4
"""Decimals of a probability: more would only show in which batch a report was read."""

SILENT = (Presence.NOT_MENTIONED, UNSPECIFIED, NOT_APPLICABLE, "")
"""Answers that no words show."""

Run = Callable[[Mapping[str, npt.NDArray[np.int64]]], tuple[Floats, Floats]]
"""A batch to logits (reports, columns) and relevance (reports, tokens, columns)."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a model says of a batch of reports.

    Attributes:
        labels: per report one label per question, in order.
        posteriors: the distributions behind them.
        read: what was read of each report.
    """

    labels: list[tuple[Label, ...]]
    posteriors: Posteriors
    read: list[Read]


class Network:
    """A network with all that makes labels of its logits, whatever runs it.

    Args:
        panel: the findings it answers.
        columns: the panel's questions.
        words: the network's tokenizer.
        reading: what it reads of a report.
        run: runs it.
        decisions: how its logits become answers, by question.
        stack: weight of the rules, by question; empty without them.
        abstain: withhold answers within the band of doubt.
    """

    def __init__(
        self,
        panel: Panel,
        columns: Columns,
        words: Words,
        reading: Reading,
        run: Run,
        decisions: Mapping[str, Decision],
        stack: Mapping[str, Stack],
        *,
        abstain: bool = False,
    ) -> None:
        self.panel = panel
        self.columns = columns
        self._sections = reading.section_names
        self._encoder = Encoder(words, reading)
        self._is_end = _sentence_ends(words)
        self._run = run
        self._decider = Decider(columns, panel, decisions, abstain=abstain)
        self._stack = stack
        self._rules = RuleEngine(panel) if stack else None

    _tokens = TOKENS

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> Prediction:
        """Label texts; each gets what it would get alone."""
        encoded = self._encoder(texts)
        by_rules = [self._rules.label(text) for text in texts] if self._rules else None
        logits, shown = self._forward(encoded)
        rows: list[dict[str, str]] = []
        if by_rules is not None:
            rows = [{label.question: label.answer for label in labels} for labels in by_rules]
            logits = stacked(self.columns, logits, rows, self._stack)
        posteriors = self._decider.posteriors(logits, ids or [""] * len(texts))
        if by_rules is not None:
            posteriors = unspoken(posteriors, rows)
        answers = self._decider.answers(posteriors)
        labels = [
            self._labels(number, answers, report, relevance, by_rules[number] if by_rules else None)
            for number, (report, relevance) in enumerate(zip(encoded, shown, strict=True))
        ]
        return Prediction(labels, posteriors, [Read(len(e), e.sections) for e in encoded])

    def logits(self, texts: Sequence[str]) -> Floats:
        """(reports, columns) float32, of the network alone."""
        return self._forward(self._encoder(texts))[0]

    def _forward(self, reports: Sequence[Encoded]) -> tuple[Floats, list[Floats]]:
        logits = np.zeros((len(reports), self.columns.width), dtype=np.float32)
        shown: list[Floats] = [np.zeros((0, self.columns.width), dtype=np.float32)] * len(reports)
        for batch in alike([len(report) for report in reports], tokens=self._tokens):
            found, relevance = self._run(collate([reports[i] for i in batch]))
            logits[batch] = found
            for row, i in enumerate(batch):
                shown[i] = relevance[row, : len(reports[i])]
        return logits, shown

    def _labels(
        self,
        number: int,
        answers: Answers,
        report: Encoded,
        relevance: Floats,
        by_rules: tuple[Label, ...] | None,
    ) -> tuple[Label, ...]:
        labels = []
        borders = _evidence.sentence_borders(report.input_ids, self._is_end) if len(report) else None
        for i, question in enumerate(self.columns.questions):
            pick = int(answers.picks[number, i])
            answer = "" if pick == NO_ANSWER else str(question.answers[pick])
            span, section = None, ""
            if answer not in SILENT:
                span, section = self._shown(i, pick, report, borders, relevance, by_rules)
            probability = round(float(answers.probabilities[number, i]), DIGITS)
            labels.append(Label(question.name, answer, probability, span, section))
        return tuple(labels)

    def _shown(
        self,
        question: int,
        pick: int,
        report: Encoded,
        borders: npt.NDArray[np.int64] | None,
        relevance: Floats,
        by_rules: tuple[Label, ...] | None,
    ) -> tuple[Span | None, str]:
        """The words that show an answer: the rules' where they say the same, else what moved the network."""
        if by_rules is not None:
            same = by_rules[question]
            if same.evidence and same.answer == self.columns.questions[question].answers[pick]:
                return same.evidence, same.section
        if borders is None:
            return None, ""
        weights = _evidence.speaking(self.columns, relevance, question, pick)
        span = _evidence.strongest(report, weights, borders)
        return span, _evidence.section_of(report, span, self._sections) if span else ""


class Predictor(Network):
    """Labels texts with a model folder.

    Args:
        folder: the model.
        threads: processor threads.
        device: "auto": CUDA where there is any, else processors; "cpu"; or as torch names one.
        abstain: withhold answers within the model's band of doubt.

    Raises:
        InputError: the folder's network or tokenizer cannot be opened; there is no such device.
        MissingExtraError: a CUDA device was asked for and torch is not installed.
        ReportNLPError: onnxruntime is not installed.
    """

    def __init__(
        self, folder: Folder, *, threads: int = 1, device: str = "auto", abstain: bool = False
    ) -> None:
        file = folder.file
        self.folder = folder
        run, self._tokens = _runner(folder, threads, device)
        super().__init__(
            folder.panel(),
            file.columns,
            Words.read(folder.path / TOKENIZER),
            Reading(file.reads, file.sentences, file.sections),
            run,
            file.decisions,
            file.stack,
            abstain=abstain,
        )


def _sentence_ends(words: Words) -> npt.NDArray[np.bool_]:
    """(vocabulary,) whether a sentence begins behind the token of that id."""
    vocabulary = words.tokenizer.get_vocab()
    ends = np.zeros(max(vocabulary.values()) + 1, dtype=np.bool_)
    ends[[vocabulary[mark] for mark in (".", BREAK, ";") if mark in vocabulary]] = True
    return ends


def _runner(folder: Folder, threads: int, device: str) -> tuple[Run, int]:
    """What runs the network, and how many tokens a batch of it has."""
    if device == "cpu" or (device == "auto" and not DRIVER.exists()):
        return _on_processor(folder, threads)
    try:
        import torch

        from reportnlp.classifiers._device import OnDevice, named
    except ImportError as error:
        if device == "auto":
            return _on_processor(folder, threads)
        raise MissingExtraError("Labelling on a CUDA device", "train") from error
    if device == "auto" and not torch.cuda.is_available():
        return _on_processor(folder, threads)
    return OnDevice(folder, named("cuda" if device == "auto" else device)), DEVICE_TOKENS


def _on_processor(folder: Folder, threads: int) -> tuple[Run, int]:
    return open_session(folder.path / ONNX, threads), 1 if folder.file.int8 else TOKENS


def open_session(path: Path, threads: int) -> Run:
    """What runs an ONNX file on a processor.

    Raises:
        InputError: ONNX Runtime cannot open it.
        ReportNLPError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ReportNLPError("onnxruntime is not installed. Install it: pip install onnxruntime.") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's own kinds, by version
        raise InputError(
            f"{path} is no network that ONNX Runtime can open. Train the model again."
        ) from error
    wanted = [i.name for i in session.get_inputs()]

    def run(batch: Mapping[str, npt.NDArray[np.int64]]) -> tuple[Floats, Floats]:
        logits, relevance = session.run(["logits", "relevance"], {name: batch[name] for name in wanted})
        return logits, relevance

    return run
