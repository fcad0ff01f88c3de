"""`reportnlp corpora generate`: reports with gold answers by construction, into a corpus folder."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from reportnlp import __version__, generators
from reportnlp.archive.disk import digest, put_json, read_json, sync
from reportnlp.archive.progress import Progress, Silent
from reportnlp.corpora.card import NAME, read_card
from reportnlp.errors import InputError, OutputError, ReportNLPError, ResumeError
from reportnlp.evaluation.read import read_answers
from reportnlp.formats._writing import csv_line
from reportnlp.generators import Generator, Written

FILES = ("reports.jsonl", "gold.csv", "evidence.csv")
EVIDENCE = ("report_id", "finding", "start", "end", "text")
GENERATORS_FOLDER = Path(generators.__file__).parent
CHUNK = 500
ATTEMPTS = 50
_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class GenerateSettings:
    """What to generate, and where to.

    Attributes:
        out: the folder to make, with `reports.jsonl`, `gold.csv`, `evidence.csv` and `card.toml`.
        panel: the panel whose questions are answered; a generator of that name must exist.
        count: how many reports; None: as many as `answers` has rows.
        seed: same seed, panel and version: same reports, however many workers.
        answers: a table of ids and answers, a report for each; None draws the answers.
        noise: factor on how often dictation, typing and de-identification slip; 0: never.
        workers: processes.
        resume: go on with a job that was stopped.
        overwrite: replace what stands in `out`.
    """

    out: Path
    panel: str
    count: int | None = None
    seed: int = 0
    answers: Path | None = None
    noise: float = 1.0
    workers: int = 1
    resume: bool = False
    overwrite: bool = False


class Order(NamedTuple):
    """One report to write: its number, its id (empty: one is made) and the answers it must have."""

    number: int
    report_id: str
    wanted: Mapping[str, str]


class Lines(NamedTuple):
    """One report as it stands in the three files, and the digest of its text."""

    digest: bytes
    lines: tuple[bytes, bytes, bytes]


@dataclass(slots=True)
class _Folder:
    """The work folder: three growing files, and how far they are good."""

    path: Path
    settings: Mapping[str, object]
    done: int = 0
    sizes: list[int] = field(default_factory=lambda: [0, 0, 0])
    seen: set[bytes] = field(default_factory=set)

    def open(self, resume: bool) -> list[BinaryIO]:
        """Open the files behind what is known to be good, and remember the texts that are there."""
        state = read_json(self.path / _STATE) if resume else None
        if state is None:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True)
        else:
            self._continue(state)
        streams: list[BinaryIO] = [(self.path / name).open("ab") for name in FILES]
        for stream, size in zip(streams, self.sizes, strict=True):
            stream.truncate(size)
        return streams

    def _continue(self, state: Mapping[str, object]) -> None:
        if state["settings"] != dict(self.settings):
            before = dict(state["settings"])  # type: ignore[call-overload]
            other = [f"{k} {before.get(k)}, now {v}" for k, v in self.settings.items() if before.get(k) != v]
            raise ResumeError(
                f"The unfinished work in {self.path} is of other settings ({'; '.join(other)}). Run it again "
                "with those, or start anew with --overwrite."
            )
        self.done, self.sizes = int(str(state["done"])), list(state["sizes"])  # type: ignore[call-overload]
        with (self.path / FILES[0]).open("rb") as lines:
            self.seen = {_digest(json.loads(line)["text"]) for line in islice(lines, self.done)}

    def save(self, streams: list[BinaryIO]) -> None:
        """Make what is written so far count."""
        for stream in streams:
            stream.flush()
            sync(Path(stream.name))
        self.sizes = [stream.tell() for stream in streams]
        put_json(
            self.path / _STATE, {"settings": dict(self.settings), "done": self.done, "sizes": self.sizes}
        )


def run(settings: GenerateSettings, progress: Progress | None = None) -> int:
    """Generate a corpus; returns the number of reports.

    Raises:
        UnknownNameError: no generator has that name, or answers name a question or an answer there is not.
        InputError: answers that cannot stand together, or nothing to generate.
        OutputError: `out` exists, or no report can be found that is not there already.
        ResumeError: unfinished work of other settings.
    """
    _refuse_place(settings)
    orders = _orders(settings)
    work = settings.out.with_name(f"{settings.out.name}.part")
    _refuse_unfinished(settings, work)
    watch = progress or Silent()
    watch.phase("generating", len(orders))
    folder = _Folder(work, _identity(settings, orders))
    streams = folder.open(settings.resume)
    watch.advance(folder.done)
    generator = Generator(settings.panel, seed=settings.seed, noise=settings.noise)
    if not folder.done:
        _write_heads(streams, generator)
    try:
        for chunk in _chunks(settings, orders[folder.done :]):
            for order, lines in zip(orders[folder.done :], chunk, strict=False):
                _append(streams, _unseen(lines, order, generator, folder.seen))
            folder.done += len(chunk)
            folder.save(streams)
            watch.advance(len(chunk))
    finally:
        for stream in streams:
            stream.close()
    _finish(settings, work, generator, len(orders))
    return len(orders)


def _orders(settings: GenerateSettings) -> list[Order]:
    """One order per report; answers are checked before any work."""
    generator = Generator(settings.panel, seed=settings.seed)
    if settings.answers is None:
        if not settings.count or settings.count < 1:
            raise InputError(
                f"{settings.count or 0} reports were asked for. Give --count, at least 1, or --answers."
            )
        return [Order(number, "", {}) for number in range(settings.count)]
    rows = read_answers(settings.answers)
    if rows and not any(rows.values()):
        raise InputError(
            f"{settings.answers} has no column that is a question of the panel '{settings.panel}', such as "
            f"{generator.panel.questions[0].name}. Give a CSV of report_id and a column per question."
        )
    orders = []
    for number, (report, row) in enumerate(islice(rows.items(), settings.count)):
        wanted = {question: answer for question, answer in row.items() if answer}
        generator.check(wanted, f"report '{report}' of {settings.answers.name}")
        orders.append(Order(number, report, wanted))
    if not orders:
        raise InputError(f"{settings.answers} has no row. Give a CSV of report_id and a column per question.")
    return orders


def _identity(settings: GenerateSettings, orders: list[Order]) -> dict[str, object]:
    """What a resumed job must have in common with the one it continues."""
    asked = blake2b(repr(orders).encode(), digest_size=16).hexdigest()
    return {
        "version": __version__,
        "generator": _generators_digest(),
        "panel": settings.panel,
        "seed": settings.seed,
        "noise": settings.noise,
        "orders": asked,
    }


def _generators_digest() -> str:
    """Digest of everything that reports are made of, code and words: half a corpus by each is none."""
    files = sorted(path for path in GENERATORS_FOLDER.rglob("*") if path.suffix in (".py", ".toml", ".bin"))
    return blake2b(b"".join(path.read_bytes() for path in files), digest_size=16).hexdigest()


def _refuse_place(settings: GenerateSettings) -> None:
    out = settings.out
    if not out.name or out.is_file():
        raise OutputError(f"'{out}' is no folder that can be made. Name one with --out.")
    if not out.parent.is_dir():
        raise OutputError(f"Cannot make {out}: there is no folder {out.parent}. Make it first.")
    if out.exists() and any(out.iterdir()):
        if not settings.overwrite:
            raise OutputError(f"{out} exists. Name another folder, or replace it with --overwrite.")
        if not _is_generated(out):
            raise OutputError(
                f"{out} was not generated (its {NAME} does not say so), and is kept. Name another folder."
            )


def _refuse_unfinished(settings: GenerateSettings, work: Path) -> None:
    if (work / _STATE).exists() and not (settings.resume or settings.overwrite):
        raise OutputError(
            f"Unfinished work lies in {work}. Continue it with --resume, or start again with --overwrite."
        )


def _is_generated(folder: Path) -> bool:
    with suppress(ReportNLPError):
        return read_card(folder).role == "generated"
    return False


def _chunks(settings: GenerateSettings, orders: list[Order]) -> Iterator[list[Lines]]:
    """The reports, chunk by chunk in order, however many processes write them."""
    parts = (orders[at : at + CHUNK] for at in range(0, len(orders), CHUNK))
    if settings.workers <= 1 or len(orders) <= CHUNK:
        _start(settings.panel, settings.seed, settings.noise)
        yield from map(_write, parts)
        return
    context = multiprocessing.get_context("spawn")
    start = (settings.panel, settings.seed, settings.noise)
    with ProcessPoolExecutor(settings.workers, context, initializer=_start, initargs=start) as pool:
        waiting: deque[Future[list[Lines]]] = deque()
        for part in parts:
            waiting.append(pool.submit(_write, part))
            if len(waiting) > 2 * settings.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_GENERATOR: list[Generator] = []
"""Each process's own."""


def _start(panel: str, seed: int, noise: float) -> None:
    _GENERATOR[:] = [Generator(panel, seed=seed, noise=noise)]


def _write(orders: Iterable[Order]) -> list[Lines]:
    return [_lines(_GENERATOR[0], order, 0) for order in orders]


def _lines(generator: Generator, order: Order, attempt: int) -> Lines:
    written = generator.write(order.number, report_id=order.report_id, wanted=order.wanted, attempt=attempt)
    return Lines(_digest(written.report.text), (_report(written), _gold(written), _evidence(written)))


def _digest(text: str) -> bytes:
    return blake2b(" ".join(text.lower().split()).encode(), digest_size=8).digest()


def _unseen(lines: Lines, order: Order, generator: Generator, seen: set[bytes]) -> Lines:
    """The report, or, where its text is there already, another with the same answers asked for."""
    for attempt in range(1, ATTEMPTS):
        if lines.digest not in seen:
            seen.add(lines.digest)
            return lines
        lines = _lines(generator, order, attempt)
    raise OutputError(
        f"No text for report {order.number} that is not there already, in {ATTEMPTS} attempts. "
        "Generate fewer reports, or ask for fewer answers."
    )


def _report(written: Written) -> bytes:
    report = written.report
    day = report.exam_date.isoformat() if report.exam_date else None
    row = {"report_id": report.id, "patient_id": report.patient, "exam_date": day}
    row.update(modality=report.modality, site=report.site, text=report.text)
    return f"{json.dumps(row, ensure_ascii=False)}\n".encode()


def _gold(written: Written) -> bytes:
    return csv_line([written.report.id, *written.answers.values()])


def _evidence(written: Written) -> bytes:
    text = written.report.text
    rows = ((f, str(start), str(end), text[start:end]) for f, (start, end) in written.evidence.items())
    return b"".join(csv_line([written.report.id, *row]) for row in rows)


def _write_heads(streams: list[BinaryIO], generator: Generator) -> None:
    streams[1].write(csv_line(["report_id", *(question.name for question in generator.panel.questions)]))
    streams[2].write(csv_line(EVIDENCE))


def _append(streams: list[BinaryIO], lines: Lines) -> None:
    for stream, line in zip(streams, lines.lines, strict=True):
        stream.write(line)


CARD = '''title = "{title}"
role = "generated"
origin = "Generated by reportnlp {version}. Not clinical data; answers hold by construction."
licence = "Apache-2.0"
language = "en"
panel = "{panel}"
reports = {{ generated = {count} }}
how = """
reportnlp corpora generate --panel {panel} --count {count} --seed {seed}{noise}{answers}
"""
'''


def _answers_told(answers: Path | None) -> str:
    """The rest of the command: whose answers were asked for."""
    return f" --answers {answers.name}\n(the file's BLAKE2 digest is {digest(answers)})" if answers else ""


def _finish(settings: GenerateSettings, work: Path, generator: Generator, count: int) -> None:
    card = CARD.format(
        title=f"Generated reports: {generator.panel.title}",
        version=__version__,
        panel=settings.panel,
        seed=settings.seed,
        count=count,
        noise="" if settings.noise == 1 else f" --noise {settings.noise:g}",
        answers=_answers_told(settings.answers),
    )
    (work / NAME).write_text(card, encoding="utf-8")
    for left in work.glob(f"{_STATE}*"):
        left.unlink()
    if settings.out.exists():
        shutil.rmtree(settings.out)
    work.replace(settings.out)
    sync(settings.out.parent)
