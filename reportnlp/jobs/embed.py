"""`reportnlp embed`: vectors of words out of any corpus of reports, and what can be asked of them."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from reportnlp import __version__
from reportnlp.archive import disk
from reportnlp.archive.lock import LOCK, locked
from reportnlp.archive.progress import Silent, Telling
from reportnlp.archive.stop import stoppable
from reportnlp.config import read_toml
from reportnlp.embeddings._corpus import Prepared, Tally, Texts, VocabularyConfig
from reportnlp.embeddings._vectors import FILES, Subwords, Vectors
from reportnlp.embeddings._work import MANIFEST, Checkpoints, Work, put
from reportnlp.embeddings.blocks import Trained, TrainingError
from reportnlp.errors import InputError, InvalidDefinitionError, OutputError, unknown_name
from reportnlp.formats.blocks import ReadOptions
from reportnlp.jobs.label import usable_cores
from reportnlp.registry import EMBEDDINGS
from reportnlp.text.phrases import PhraseConfig

AUTO = "auto"

REASONS = 5
"""Reasons why rows were left out that are shown; config.json has all."""


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """What to train, on what, and where to.

    Attributes:
        inputs: files, folders or globs of reports, or plain text files.
        out: the folder to make.
        method: an embedding method.
        engine: one of the method's engines, or "auto".
        options: the method's settings that differ from its defaults.
        settings: a TOML file of more of them; `options` go before.
        seed: the same seed, engine and one worker: the same vectors.
        workers: threads; 0 is one per usable core. More than one: vectors differ a little from run to run.
        max_words: the most words that get vectors; None: all that are frequent enough.
        phrases: how phrases are learned; None: they are not.
        format: the input format; None: by suffix or folder.
        columns: input columns.
        resume: go on with unfinished work, where there is any.
        overwrite: replace `out`.
    """

    inputs: Sequence[str | Path]
    out: Path
    method: str = "word2vec"
    engine: str = AUTO
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Path | None = None
    seed: int = 0
    workers: int = 0
    max_words: int | None = None
    phrases: PhraseConfig | None = None
    format: str | None = None
    columns: ReadOptions = field(default_factory=ReadOptions)
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A training whose settings have been checked.

    Attributes:
        method: the module that trains.
        config: its settings.
        engine: its engine.
        reason: why that one.
        workers: threads.
        vocabulary: which words get vectors.
    """

    method: ModuleType
    config: Any
    engine: str
    reason: str
    workers: int
    vocabulary: VocabularyConfig


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        plan: how it was trained.
        vectors: the words with their vectors.
        tokens: words of the corpus that got vectors, with repetitions.
        texts: texts of the corpus.
        left_out: reasons why rows are no text, with how often.
        seconds: what training took, in this run.
        rate: words a second.
        loss: the mean per example, as last heard; nan when no engine told.
    """

    plan: Plan
    vectors: Vectors
    tokens: int
    texts: int
    left_out: Counter[str]
    seconds: float
    rate: float
    loss: float


class Watch:
    """Hears of a training, and passes it on with rate and loss."""

    def __init__(self, progress: Telling) -> None:
        self._progress = progress
        self._start = time.monotonic()
        self.words = 0
        self.loss = float("nan")

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def advance(self, words: int, loss: float) -> None:
        """So many words more were read; see `blocks.Watcher`."""
        self.words += words
        if isfinite(loss):
            self.loss = loss
            self._progress.note(f"loss {loss:.4f}")
        self._progress.advance(words)


def plan(settings: EmbedSettings) -> Plan:
    """Check all that can be checked before any work, and choose the engine.

    Raises:
        UnknownNameError: no such method, engine or setting.
        InvalidDefinitionError, InputError: a setting of the wrong kind, or out of range.
        MissingExtraError: the engine is not installed.
    """
    method = EMBEDDINGS.get(settings.method)
    given = {} if settings.settings is None else read_toml(settings.settings)
    config = _config(method, settings.method, {**given, **settings.options})
    engine, reason = _engine(method, settings, config)
    words = VocabularyConfig(config.min_count, settings.max_words, phrases=settings.phrases)
    return Plan(method, config, engine, reason, settings.workers or usable_cores(), words)


def _config(method: ModuleType, name: str, options: Mapping[str, Any]) -> Any:
    kinds = {option.name: type(option.default) for option in fields(method.Config)}
    for option, value in options.items():
        if option not in kinds:
            raise unknown_name(f"setting of {name}", option, kinds)
        if not _fits(value, kinds[option]):
            raise InvalidDefinitionError(
                f"The setting '{option}' was given as {value!r}. It should be of the kind "
                f"'{kinds[option].__name__}'."
            )
    return method.Config(**options)


def _fits(value: object, kind: type) -> bool:
    """Is it what the default is? A whole number will do for any; a truth value is no number."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _engine(method: ModuleType, settings: EmbedSettings, config: Any) -> tuple[str, str]:
    if settings.engine == AUTO:
        from reportnlp.embeddings._choose import choose

        return choose(settings.method, config)
    if settings.engine not in method.ENGINES:
        raise unknown_name(f"engine of {settings.method}", settings.engine, (AUTO, *method.ENGINES))
    return settings.engine, "it was asked for"


def run(settings: EmbedSettings, progress: Telling | None = None, chosen: Plan | None = None) -> Outcome:
    """Train vectors into a folder.

    Args:
        settings: what to train.
        progress: hears of words read, rate and loss.
        chosen: the plan, where a caller made one already.

    Raises:
        TrainingError: an empty corpus, too few words, or numbers that are none.
        InputError: an input is missing or cannot be read at all.
        OutputError: the output exists, cannot be written, or the run was stopped (finished work is kept).
        ResumeError: the unfinished work is of other settings or another corpus.
    """
    chosen = chosen or plan(settings)
    folder = disk.work_folder(settings.out)
    _refuse(settings, folder)
    try:
        folder.mkdir(exist_ok=True)
        with stoppable(settings.out), locked(folder):
            work = Work(folder, _identity(settings, chosen))
            work.resume(keep=LOCK) if settings.resume else work.begin(keep=LOCK)
            return _run(settings, chosen, work, progress or Silent())
    except OSError as error:
        raise disk.cannot_write(settings.out, error) from error
    except (InputError, TrainingError):
        _drop_if_empty(folder)
        raise


def _run(settings: EmbedSettings, chosen: Plan, work: Work, progress: Telling) -> Outcome:
    texts = Texts(settings.inputs, format=settings.format, options=settings.columns, seen=progress.advance)
    prepared = work.prepared(
        texts, chosen.vocabulary, lambda name, total: progress.phase(name, total, "texts")
    )
    watch, trained = _train(settings, chosen, prepared, work.checkpoints, progress)
    vectors = _vectors(settings, chosen, prepared, trained)
    tokens, tally = prepared.corpus.tokens, prepared.tally
    del prepared, trained
    _finish(settings.out, work.folder, vectors)
    rate = watch.words / max(watch.seconds, 1e-9)
    return Outcome(chosen, vectors, tokens, tally.texts, tally.left_out, watch.seconds, rate, watch.loss)


def _train(
    settings: EmbedSettings, chosen: Plan, prepared: Prepared, checkpoints: Checkpoints, progress: Telling
) -> tuple[Watch, Trained]:
    epochs = int(getattr(chosen.config, "epochs", 1))
    left = max(epochs - checkpoints.epoch, 0) * prepared.corpus.tokens
    progress.phase(f"training {settings.method}", left, "words")
    watch = Watch(progress)
    trained: Trained = chosen.method.train(
        prepared.corpus,
        prepared.vocabulary,
        chosen.config,
        seed=settings.seed,
        engine=chosen.engine,
        workers=chosen.workers,
        watcher=watch,
        checkpoint=checkpoints,
    )
    _refuse_no_numbers(trained)
    return watch, trained


def _refuse_no_numbers(trained: Trained) -> None:
    tables = [trained.matrix] if trained.buckets is None else [trained.matrix, trained.buckets]
    # A sum is finite only where all are (or where two infinities meet, and then it is nan).
    if not all(np.isfinite(table.sum(dtype=np.float64)) for table in tables):
        raise TrainingError(
            "The vectors hold numbers that are none: training ran away. Give a smaller --learning-rate."
        )


def _identity(settings: EmbedSettings, chosen: Plan) -> dict[str, Any]:
    """What a resumed training must share with the one it continues, by names that a user knows."""
    phrases = None if settings.phrases is None else asdict(settings.phrases)
    return {
        "version": __version__,
        "method": settings.method,
        "engine": chosen.engine,
        "seed": settings.seed,
        "workers": chosen.workers,
        **asdict(chosen.config),
        "max words": settings.max_words,
        "phrases": phrases,
        "corpus": [str(given) for given in settings.inputs],
        "format": settings.format,
        "columns": asdict(settings.columns),
    }


def _vectors(settings: EmbedSettings, chosen: Plan, prepared: Prepared, trained: Trained) -> Vectors:
    subwords = None
    if trained.buckets is not None:
        subwords = Subwords(trained.buckets, chosen.config.min_n, chosen.config.max_n)
    tally: Tally = prepared.tally
    about = {
        "reportnlp": __version__,
        "method": settings.method,
        "engine": chosen.engine,
        "engine_reason": chosen.reason,
        "seed": settings.seed,
        "workers": chosen.workers,
        "settings": asdict(chosen.config),
        "max_words": settings.max_words,
        "phrases": None if settings.phrases is None else asdict(settings.phrases),
        "corpus": {
            "inputs": [Path(given).name for given in settings.inputs],
            "texts": tally.texts,
            "tokens": prepared.corpus.tokens,
            "left_out": dict(tally.left_out),
            "digest": tally.digest,
        },
    }
    return Vectors(prepared.vocabulary, trained.matrix, prepared.words, subwords, about)


def _refuse(settings: EmbedSettings, work: Path) -> None:
    """Refuse what would lose earlier work or overwrite anything."""
    unfinished = (work / MANIFEST).exists()
    if work.exists() and not (unfinished or (work / LOCK).exists() or not any(work.iterdir())):
        raise OutputError(f"{work} is in the way, and no work folder of this program. Move it elsewhere.")
    if unfinished and not (settings.resume or settings.overwrite):
        raise OutputError(
            f"Unfinished work lies in {work}. Continue it with --resume, or start again with --overwrite."
        )
    nothing = " There is no unfinished work to resume." if settings.resume and not unfinished else ""
    refuse_folder(settings.out, overwrite=settings.overwrite, nothing=nothing)


def refuse_folder(out: Path, *, overwrite: bool, nothing: str = "") -> None:
    """Refuse an output folder that may not be made, or not be replaced.

    Raises:
        OutputError: says what is in the way, and which option allows it.
    """
    if not out.parent.is_dir():
        raise OutputError(f"Cannot write {out}: there is no folder {out.parent}. Make it first.")
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"{out} is a file. Name a folder.")
    if {path.name for path in out.iterdir()} - set(FILES):
        raise OutputError(f"{out} holds other things than vectors. Name another folder.")
    if any(out.iterdir()) and not overwrite:
        raise OutputError(
            f"{out} exists already.{nothing} Name another folder, or replace it with --overwrite."
        )


def _finish(out: Path, work: Path, vectors: Vectors) -> None:
    """Write the folder beside the work, give it its name, and remove the work."""
    draft = work / "vectors"
    shutil.rmtree(draft, ignore_errors=True)
    vectors.save(draft)
    shutil.rmtree(out, ignore_errors=True)
    put(draft, out)
    # Without its manifest a work folder holds no unfinished work: from here on the job is over.
    (work / MANIFEST).unlink()
    shutil.rmtree(work)


def _drop_if_empty(work: Path) -> None:
    """A work folder in which no corpus was finished is nothing to go on with."""
    with suppress(OSError):
        if not (work / "corpus").is_dir():
            shutil.rmtree(work)
