"""`reportnlp embed`: vectors of words out of any corpus of reports, and what can be asked of them."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from reportnlp import __version__
from reportnlp.archive import disk, records
from reportnlp.archive.lock import LOCK, locked
from reportnlp.archive.places import refuse_among_inputs
from reportnlp.archive.progress import Silent, Telling
from reportnlp.archive.stop import stoppable
from reportnlp.config import read_toml
from reportnlp.embeddings._corpus import Prepared, Tally, Texts, VocabularyConfig, reopen
from reportnlp.embeddings._processes import Company
from reportnlp.embeddings._vectors import FILES, Subwords, Vectors
from reportnlp.embeddings._work import CORPUS, MANIFEST, Checkpoints, Work, put
from reportnlp.embeddings.blocks import Trained, TrainingError
from reportnlp.errors import InputError, InvalidDefinitionError, OutputError, unknown_name
from reportnlp.formats.blocks import ReadOptions, Row
from reportnlp.jobs.label import usable_cores
from reportnlp.registry import EMBEDDINGS
from reportnlp.text.phrases import PhraseConfig
from reportnlp.types import BadRow

AUTO = "auto"

TOGETHER = "torch"
"""The engine that shares its work among processes."""

QUARANTINE = "quarantine.jsonl"
"""Within the work folder: the rows that are no text."""


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """What to train, on what, and where to.

    Attributes:
        inputs: files, folders or globs of reports, or plain text files.
        out: the folder to make; rows that are no text go to `<out>.quarantine.jsonl`.
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
        workers: threads of each process.
        processes: those that learn together.
        vocabulary: which words get vectors.
    """

    method: ModuleType
    config: Any
    engine: str
    reason: str
    workers: int
    processes: int
    vocabulary: VocabularyConfig


@dataclass(frozen=True, slots=True)
class Share:
    """What the other processes of a training must know of it: values that can be sent.

    Attributes:
        corpus: the folder of the corpus as ids, which all must see.
        method: the method's name.
        config: its settings.
        engine: its engine.
        seed: that of the training.
        workers: threads of each process.
    """

    corpus: Path
    method: str
    config: Any
    engine: str
    seed: int
    workers: int


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


class Quarantining(Texts):
    """Texts, each pass over which lists the rows that are none in a file, as `label` does.

    Args:
        listed: the file.
        settings: what to read.
        seen: hears of each text that was read.
    """

    def __init__(self, listed: Path, settings: EmbedSettings, seen: Callable[[int], None]) -> None:
        super().__init__(settings.inputs, format=settings.format, options=settings.columns, seen=seen)
        self._listed = listed

    def rows(self) -> Iterator[Row]:
        """One pass."""
        with self._listed.open("w", encoding="utf-8") as file:
            for row in super().rows():
                if isinstance(row, BadRow):
                    file.writelines(f"{json.dumps(line)}\n" for line in records.lines((row,)))
                yield row


class Deaf:
    """Hears of a training that the first process tells of."""

    def advance(self, words: int, loss: float) -> None:
        """See `blocks.Watcher`."""


class Watch:
    """Hears of a training, and passes it on with rate and loss; see `embeddings.blocks.PhaseWatcher`.

    Args:
        progress: hears of it.
        name: of the training.
        words: that it will read.
    """

    def __init__(self, progress: Telling, name: str, words: int) -> None:
        self._progress = progress
        self._name, self._left = name, words
        self._began = False
        self._start = time.monotonic()
        self.words = 0
        self.loss = float("nan")

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def phase(self, name: str, words: int) -> None:
        """Work before the training begins."""
        self._progress.phase(name, words, "words")

    def prepared(self, words: int) -> None:
        """So many words more of it are done."""
        self._progress.advance(words)

    def advance(self, words: int, loss: float) -> None:
        """So many words more were read; see `blocks.Watcher`."""
        if not self._began:
            self._progress.phase(self._name, self._left, "words")
            self._began = True
        self.words += words
        if isfinite(loss):
            self.loss = loss
            self._progress.note(f"loss {loss:.4f}")
        self._progress.advance(words)


def plan(settings: EmbedSettings, company: Company | None = None) -> Plan:
    """Check all that can be checked before any work, and choose the engine.

    Args:
        settings: what to train.
        company: the processes that torchrun started, where it did.

    Raises:
        UnknownNameError: no such method, engine or setting.
        InvalidDefinitionError, InputError: a setting of the wrong kind, or out of range.
        MissingExtraError: the engine is not installed.
        OutputError: the output exists, or cannot be written.
    """
    method = EMBEDDINGS.get(settings.method)
    given = {} if settings.settings is None else read_toml(settings.settings)
    config = _config(method, settings.method, {**given, **settings.options})
    _refuse(settings, disk.work_folder(settings.out))
    processes = 1 if company is None else company.number
    engine, reason = _engine(method, settings, config, processes)
    words = VocabularyConfig(config.min_count, settings.max_words, phrases=settings.phrases)
    return Plan(method, config, engine, reason, settings.workers or _threads(), processes, words)


def _threads() -> int:
    """One per usable core, shared out among the processes that torchrun started on this machine."""
    return max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


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


def _engine(method: ModuleType, settings: EmbedSettings, config: Any, processes: int) -> tuple[str, str]:
    if processes > 1 and TOGETHER in method.ENGINES:
        if settings.engine in (AUTO, TOGETHER):
            return TOGETHER, f"torchrun started {processes} processes, and it can share its work among them"
        raise InputError(
            f"torchrun started {processes} processes, and the engine {settings.engine} learns in one. Give "
            f"--engine {TOGETHER}, or start reportnlp without torchrun."
        )
    if settings.engine == AUTO:
        from reportnlp.embeddings._choose import choose

        return choose(settings.method, config)
    if settings.engine not in method.ENGINES:
        raise unknown_name(f"engine of {settings.method}", settings.engine, (AUTO, *method.ENGINES))
    return settings.engine, "it was asked for"


def run(
    settings: EmbedSettings,
    progress: Telling | None = None,
    chosen: Plan | None = None,
    company: Company | None = None,
) -> Outcome:
    """Train vectors into a folder. Of several processes the first runs this, and the others `help_out`.

    Args:
        settings: what to train.
        progress: hears of words read, rate and loss.
        chosen: the plan, where a caller made one already.
        company: the processes that torchrun started, where it did.

    Raises:
        TrainingError: an empty corpus, too few words, or numbers that are none.
        InputError: an input is missing or cannot be read at all.
        OutputError: the output cannot be written, or the run was stopped (finished work is kept).
        ResumeError: the unfinished work is of other settings or another corpus.
    """
    company = company or Company()
    chosen = chosen or plan(settings, company)
    folder = disk.work_folder(settings.out)
    try:
        folder.mkdir(exist_ok=True)
        with stoppable(settings.out), locked(folder):
            work = Work(folder, _identity(settings, chosen))
            work.resume(keep=LOCK) if settings.resume else work.begin(keep=LOCK)
            return _run(settings, chosen, work, progress or Silent(), company)
    except OSError as error:
        raise disk.cannot_write(settings.out, error) from error
    except TrainingError:  # the same settings would come to the same end
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except InputError:
        _drop_if_empty(folder)
        raise


def help_out(company: Company) -> None:
    """Wait for the first process's corpus, and learn along. Writes nothing and tells nothing.

    Raises:
        TrainingError: another process ended, or torch failed in this one.
    """
    share: Share | None = company.wait()
    if share is None:  # nothing is to be learned, and the first process has told why
        return
    prepared = reopen(share.corpus) if share.corpus.is_dir() else None
    if not company.all(prepared is not None) or prepared is None:
        return
    try:
        EMBEDDINGS.get(share.method).train(
            prepared.corpus,
            prepared.vocabulary,
            share.config,
            seed=share.seed,
            engine=share.engine,
            workers=share.workers,
            watcher=Deaf(),
            checkpoint=None,
        )
    except TrainingError:  # all of them come to it, and the first one tells
        return
    except RuntimeError as error:
        raise TrainingError(
            f"Process {company.rank} cannot go on ({type(error).__name__}): another process ended, and tells "
            "why, or else REPORTNLP_DEBUG=1 shows where."
        ) from error


def _run(settings: EmbedSettings, chosen: Plan, work: Work, progress: Telling, company: Company) -> Outcome:
    texts = Quarantining(work.folder / QUARANTINE, settings, progress.advance)
    prepared = work.prepared(
        texts, chosen.vocabulary, lambda name, total: progress.phase(name, total, "texts")
    )
    _call_in(settings, chosen, (work.folder / CORPUS).resolve(), company)
    watch, trained = _train(settings, chosen, prepared, work.checkpoints, progress)
    vectors = _vectors(settings, chosen, prepared, trained)
    tokens, tally = prepared.corpus.tokens, prepared.tally
    del prepared, trained
    _finish(settings.out, work.folder, vectors, quarantined=bool(tally.left_out))
    rate = watch.words / max(watch.seconds, 1e-9)
    return Outcome(chosen, vectors, tokens, tally.texts, tally.left_out, watch.seconds, rate, watch.loss)


def _call_in(settings: EmbedSettings, chosen: Plan, corpus: Path, company: Company) -> None:
    """Let the other processes begin to learn."""
    company.begin(Share(corpus, settings.method, chosen.config, chosen.engine, settings.seed, chosen.workers))
    if not company.all(True):
        raise InputError(
            f"Not every process sees {corpus}, the corpus as the first one prepared it. Name an output in a "
            "folder that all machines share."
        )


def _train(
    settings: EmbedSettings, chosen: Plan, prepared: Prepared, checkpoints: Checkpoints, progress: Telling
) -> tuple[Watch, Trained]:
    epochs = int(getattr(chosen.config, "epochs", 1))
    left = max(epochs - checkpoints.epoch, 0) * prepared.corpus.tokens
    watch = Watch(progress, f"training {settings.method}", left)
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
        "processes": chosen.processes,
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
        "processes": chosen.processes,
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
    refuse_among_inputs(settings.out, settings.inputs)
    unfinished = (work / MANIFEST).exists()
    if work.exists() and not (unfinished or (work / LOCK).exists() or not any(work.iterdir())):
        raise OutputError(f"{work} is in the way, and no work folder of this program. Move it elsewhere.")
    if unfinished and not (settings.resume or settings.overwrite):
        raise OutputError(
            f"Unfinished work lies in {work}. Continue it with --resume, or start again with --overwrite."
        )
    nothing = " There is no unfinished work to resume." if settings.resume and not unfinished else ""
    refuse_folder(settings.out, overwrite=settings.overwrite, nothing=nothing)
    listed = disk.quarantine_file(settings.out)
    if listed.exists() and not (settings.overwrite or unfinished):
        raise OutputError(f"{listed} exists already. Name another folder, or replace it with --overwrite.")


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


def _finish(out: Path, work: Path, vectors: Vectors, *, quarantined: bool) -> None:
    """Write the folder beside the work, give it and the quarantine file their names, and remove the work."""
    draft = work / "vectors"
    shutil.rmtree(draft, ignore_errors=True)
    vectors.save(draft)
    listed = disk.quarantine_file(out)
    put(work / QUARANTINE, listed) if quarantined else listed.unlink(missing_ok=True)
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
