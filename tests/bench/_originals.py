"""The programs that `embeddings.py` sets side by side: how each is called, watched and read."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np

from reportnlp.embeddings._corpus import read_vocabulary
from reportnlp.embeddings._vectors import Vectors
from reportnlp.embeddings.blocks import Matrix

psutil: Any = import_module("psutil")  # it ships no types

SAMPLE_EVERY = 0.05
"""Seconds between looks at the memory."""

TAIL = 2000
"""Bytes of a program's output that are shown when it fails."""

KINDS = {
    "skipgram": ("numba", "gensim", "word2vec.c"),
    "cbow": ("numba", "gensim", "word2vec.c"),
    "fasttext": ("numba", "gensim", "fasttext"),
    "glove": ("numba", "glove.c"),
}
"""What is trained, and by which programs: ours first, the original last."""

RATES = {"skipgram": 0.025, "cbow": 0.05, "fasttext": 0.05, "glove": 0.05}
"""Learning rates: the original programs' own."""


@dataclass(frozen=True)
class Settings:
    """What all programs are told alike.

    Attributes:
        epochs: passes of word2vec and fastText over the tokens.
        glove_epochs: passes of GloVe over its counts.
        limit: seconds after which a program is stopped.
    """

    width: int = 100
    threads: int = 2
    window: int = 5
    negative: int = 5
    sample: float = 1e-3
    epochs: int = 1
    buckets: int = 2_000_000
    glove_epochs: int = 15
    glove_window: int = 10
    x_max: float = 10.0
    memory: int = 2048
    limit: float = 600.0

    def of(self, kind: str) -> dict[str, Any]:
        """The settings as this package names them."""
        if kind == "glove":
            names = {"window": self.glove_window, "epochs": self.glove_epochs}
            names |= {"memory": self.memory}
            more: dict[str, Any] = {"x_max": self.x_max}
        else:
            names = {"window": self.window, "epochs": self.epochs, "negative": self.negative}
            more = {"sample": self.sample, "architecture": "cbow" if kind == "cbow" else "skipgram"}
        if kind == "fasttext":
            more |= {"buckets": self.buckets}
        return {"width": self.width, "min_count": 1, "learning_rate": RATES[kind], **names, **more}


@dataclass(frozen=True)
class Tokens:
    """A corpus as every program reads it: a text on each line, and the same as ids, with its vocabulary.

    Attributes:
        folder: holds `tokens.txt`, `tokens.ids` and `vocab.txt`.
        words: how many words are in it.
    """

    folder: Path
    words: int

    @property
    def text(self) -> Path:
        """The words, separated by spaces."""
        return self.folder / "tokens.txt"

    @property
    def ids(self) -> Path:
        """Places in the vocabulary, int32."""
        return self.folder / "tokens.ids"

    @property
    def vocabulary(self) -> Path:
        """A word and its count on each line, as GloVe's program has it too."""
        return self.folder / "vocab.txt"


@dataclass(frozen=True)
class Places:
    """Where the programs are; None: they are not here."""

    word2vec: Path | None
    glove: Path | None
    fasttext: Path | None

    def why_not(self, program: str) -> str:
        """Why a program cannot run; empty where it can."""
        needed = {"word2vec.c": self.word2vec, "glove.c": self.glove, "fasttext": self.fasttext}
        if needed.get(program, program) is not None:
            return ""
        option = "--fasttext-python" if program == "fasttext" else "--originals"
        return f"{program} is skipped: {option} does not lead to it"


@dataclass(frozen=True)
class Ran:
    """A finished process.

    Attributes:
        wall, cpu: seconds.
        memory: bytes, the most that it and all below it had at a time.
        marked: seconds between the first and the last sign of progress.
        output: the end of what it printed.
    """

    wall: float
    cpu: float
    memory: int
    marked: float
    output: bytes


@dataclass
class Result:
    """One training.

    Attributes:
        rate: words per second of training; of GloVe counting, shuffling and learning together.
        wall, cpu: seconds of the whole program.
        memory: MiB.
        counting, learning: GloVe's two parts, seconds.
        matrix: (words of the vocabulary, width), in the vocabulary's order.
        unseen: vectors of words that are not in the vocabulary, where the program makes such.
    """

    rate: float
    wall: float
    cpu: float
    memory: float
    counting: float = nan
    learning: float = nan
    matrix: Matrix = field(default_factory=lambda: np.zeros((0, 0), np.float32), repr=False)
    unseen: dict[str, Matrix] = field(default_factory=dict, repr=False)

    def figures(self) -> dict[str, float]:
        """All that was measured, without the vectors."""
        names = ("rate", "wall", "cpu", "memory", "counting", "learning")
        figures = {name: float(getattr(self, name)) for name in names}
        return {name: value for name, value in figures.items() if not isnan(value)}


class Failed(Exception):
    """A program stopped with an error, or took too long."""


def tree_memory(process: Any) -> int:
    """Bytes resident in a process and all below it. Pages they share are counted for each."""
    try:
        return sum(member.memory_info().rss for member in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0


def watched(
    command: Sequence[str | Path],
    *,
    limit: float,
    mark: bytes = b"",
    source: Path | None = None,
    target: Path | None = None,
) -> Ran:
    """Run a command to its end, looking at its memory and for signs of progress.

    Args:
        command: the program and its arguments.
        limit: seconds.
        mark: what a sign of progress holds.
        source: the standard input, a file.
        target: the standard output, a file; None: it is watched with the standard error stream.

    Raises:
        Failed: it returned an error, or was stopped at the limit.
    """
    with Path(source or os.devnull).open("rb") as given, Path(target or os.devnull).open("wb") as taken:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=given,
            stdout=taken if target else subprocess.PIPE,
            stderr=subprocess.PIPE if target else subprocess.STDOUT,
        )
    stream = process.stderr if target else process.stdout
    assert stream is not None
    with stream, selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        seen = psutil.Process(process.pid)
        memory, looked, tail = 0, 0.0, b""
        times: list[float] = []
        while True:
            ready = selector.select(SAMPLE_EVERY)
            now = time.perf_counter() - start
            if now - looked >= SAMPLE_EVERY:
                memory, looked = max(memory, tree_memory(seen)), now
            if now > limit:
                process.kill()
                process.wait()
                raise Failed(f"stopped at the limit of {limit:.0f} s")
            if not ready:
                continue
            chunk = os.read(stream.fileno(), 1 << 16)
            if not chunk:
                break
            tail = (tail + chunk)[-TAIL:]
            if mark and mark in chunk:
                times = [*times[:1], now]
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(
            f"exit code {process.returncode}: {tail.decode(errors='replace').strip().splitlines()[-1:]}"
        )
    marked = times[-1] - times[0] if times else nan
    return Ran(wall, usage.ru_utime + usage.ru_stime, memory, marked, tail)


@dataclass(frozen=True)
class Bench:
    """Runs programs.

    Attributes:
        places: where the originals are.
        unseen: words whose vectors are asked for also where the vocabulary has none.
    """

    places: Places
    unseen: tuple[str, ...]

    def run(
        self, kind: str, program: str, tokens: Tokens, settings: Settings, seed: int, out: Path
    ) -> Result:
        """Train once; `out` is an empty folder.

        Raises:
            Failed: the program did.
        """
        originals = {"word2vec.c": self._word2vec, "fasttext": self._fasttext, "glove.c": self._glove}
        if program in originals:
            return originals[program](kind, tokens, settings, seed, out)
        return self._own(kind, program, tokens, settings, seed, out)

    def _own(
        self, kind: str, program: str, tokens: Tokens, settings: Settings, seed: int, out: Path
    ) -> Result:
        job = self._job(tokens, out) | {
            "kind": kind,
            "engine": program,
            "config": settings.of(kind),
            "seed": seed,
            "workers": 1 if program == "torch-cuda" else settings.threads,
        }
        script = Path(__file__).with_name("_embed_one.py")
        ran = watched([sys.executable, script, _written(job, out)], limit=settings.limit)
        told = json.loads(ran.output.splitlines()[-1])
        words = tokens.words if kind == "glove" else told["words"]
        result = _result(ran, words / told["seconds"])
        if kind == "glove":
            result.counting, result.learning = told["counting"], told["learning"]
        return self._with_arrays(result, out, kind, job["unseen"])

    def _fasttext(self, kind: str, tokens: Tokens, settings: Settings, seed: int, out: Path) -> Result:
        """Its Python takes no seed: seeds differ by the order of the texts alone."""
        config = {
            "model": "skipgram",
            "lr": RATES[kind],
            "dim": settings.width,
            "ws": settings.window,
            "epoch": settings.epochs,
            "minCount": 1,
            "neg": settings.negative,
            "loss": "ns",
            "bucket": settings.buckets,
            "thread": settings.threads,
            "t": settings.sample,
        }
        job = self._job(tokens, out) | {"config": config}
        script = Path(__file__).with_name("_fasttext_original.py")
        command = [self.places.fasttext or "", script, _written(job, out)]
        ran = watched(command, limit=settings.limit, mark=b"Progress:")
        result = _result(ran, tokens.words * settings.epochs / ran.marked)
        return self._with_arrays(result, out, kind, job["unseen"])

    def _word2vec(self, kind: str, tokens: Tokens, settings: Settings, seed: int, out: Path) -> Result:
        """It has no seed: seeds differ by the order of the texts alone."""
        options = {
            "-train": tokens.text,
            "-output": out / "vectors.bin",
            "-size": settings.width,
            "-window": settings.window,
            "-sample": settings.sample,
            "-hs": 0,
            "-negative": settings.negative,
            "-threads": settings.threads,
            "-iter": settings.epochs,
            "-min-count": 1,
            "-alpha": RATES[kind],
            "-binary": 1,
            "-cbow": int(kind == "cbow"),
        }
        command = [self.places.word2vec or "", *_flat(options)]
        ran = watched(command, limit=settings.limit, mark=b"Alpha")
        result = _result(ran, tokens.words * settings.epochs / ran.marked)
        result.matrix = _ordered(out / "vectors.bin", tokens)
        return result

    def _glove(self, kind: str, tokens: Tokens, settings: Settings, seed: int, out: Path) -> Result:
        """Its three programs one after the other; the vocabulary is given."""
        folder = self.places.glove or Path()
        memory = settings.memory / 1024
        counted, mixed = out / "counted.bin", out / "mixed.bin"
        counting = {
            "-symmetric": 1,
            "-window-size": settings.glove_window,
            "-vocab-file": tokens.vocabulary,
            "-memory": memory,
            "-overflow-file": out / "overflow",
            "-verbose": 0,
        }
        mixing = {"-memory": memory, "-temp-file": out / "mixing", "-seed": seed + 1, "-verbose": 0}
        learning = {
            "-input-file": mixed,
            "-vocab-file": tokens.vocabulary,
            "-save-file": out / "vectors",
            "-vector-size": settings.width,
            "-threads": settings.threads,
            "-iter": settings.glove_epochs,
            "-x-max": settings.x_max,
            "-eta": RATES[kind],
            "-binary": 0,
            "-write-header": 1,
            "-model": 2,
            "-seed": seed + 1,
        }
        limit = settings.limit
        parts = [
            watched([folder / "cooccur", *_flat(counting)], source=tokens.text, target=counted, limit=limit),
            watched([folder / "shuffle", *_flat(mixing)], source=counted, target=mixed, limit=limit),
            watched([folder / "glove", *_flat(learning)], limit=limit),
        ]
        wall = sum(part.wall for part in parts)
        result = Result(
            rate=tokens.words / wall,
            wall=wall,
            cpu=sum(part.cpu for part in parts),
            memory=max(part.memory for part in parts) / 2**20,
            counting=parts[0].wall + parts[1].wall,
            learning=parts[2].wall,
        )
        result.matrix = _ordered(out / "vectors.txt", tokens)
        return result

    def _job(self, tokens: Tokens, out: Path) -> dict[str, Any]:
        known = read_vocabulary(tokens.vocabulary).index
        paths = {"text": tokens.text, "ids": tokens.ids, "vocabulary": tokens.vocabulary, "out": out}
        unseen = [word for word in self.unseen if word not in known]
        return {name: str(path) for name, path in paths.items()} | {"unseen": unseen}

    def _with_arrays(self, result: Result, out: Path, kind: str, unseen: list[str]) -> Result:
        result.matrix = np.load(out / "vectors.npy")
        if kind == "fasttext":
            result.unseen = dict(zip(unseen, np.load(out / "unseen.npy"), strict=True))
        return result


def _written(job: dict[str, Any], out: Path) -> Path:
    path = out / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    return path


def _flat(options: dict[str, Any]) -> list[str]:
    return [str(part) for option in options.items() for part in option]


def _result(ran: Ran, rate: float) -> Result:
    return Result(rate, ran.wall, ran.cpu, ran.memory / 2**20)


def _ordered(path: Path, tokens: Tokens) -> Matrix:
    """A file's vectors in the order of the vocabulary; the file has words of its own too, as `</s>`."""
    vectors = Vectors.read_word2vec(path)
    words = read_vocabulary(tokens.vocabulary).words
    return vectors.matrix[[vectors.vocabulary.index[word] for word in words]]


def described(settings: Settings) -> dict[str, Any]:
    """The settings as JSON has them."""
    return asdict(settings)
