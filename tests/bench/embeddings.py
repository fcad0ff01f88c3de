"""Word vectors by this package beside gensim and the original programs: rate, memory, quality, neighbours.

    python tests/bench/embeddings.py DATA --originals PEERS --fasttext-python PEERS/ft/bin/python

The corpus is DATA/texts/*.jsonl and Open-I (DATA/openi, without the reports of NegBio's test list where that
is there), cut by this package's tokenizer; words that occur fewer than 5 times are left out. All programs
read the same tokens, get the same settings and the same number of threads, one program at a time. Repeating
the corpus to so many words changes no rate; for quality it amounts to more epochs, for all alike.

The originals are the user's own copies, compiled by their own makefiles:

    PEERS/word2vec/word2vec   github.com/tmikolov/word2vec
    PEERS/GloVe/build/        github.com/stanfordnlp/GloVe
    PEERS/ft                  python3.11 -m venv PEERS/ft && PEERS/ft/bin/pip install fasttext-wheel

Rates are of training alone: without starting, compiling and the pass that makes the vocabulary; of GloVe the
counting is in it. `wall`, `cpu` and `MiB` are of the whole program (ours and gensim's: with Python and its
libraries, the mapped corpus, numba's compiler). Quality is put to corpora/embedding_tests; a seed is also an
order of the texts, since word2vec.c and fastText take no seed. `strict`: an item with a word that is
missing is wrong. `open`: analogies over the whole vocabulary. Ratios: median of the
paired rounds (lowest, highest). word2vec.c begins every training with the same values, so that its trainings
share more neighbours with one another than they would with seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from importlib.util import find_spec
from itertools import permutations
from math import ceil, isnan, nan, sqrt
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # a script sees its own folder alone

from reportnlp.embeddings import _intrinsic as intrinsic  # noqa: E402
from reportnlp.embeddings._corpus import (  # noqa: E402
    Texts,
    VocabularyConfig,
    prepare,
    read_vocabulary,
    write_vocabulary,
)
from reportnlp.embeddings._torch_roofline import roofline  # noqa: E402
from reportnlp.embeddings._vectors import unit  # noqa: E402
from reportnlp.embeddings.blocks import BREAK, Matrix, Vocabulary  # noqa: E402
from reportnlp.formats.loader import read_reports  # noqa: E402
from reportnlp.types import Report  # noqa: E402
from tests.bench._originals import (  # noqa: E402
    KINDS,
    Bench,
    Failed,
    Places,
    Result,
    Settings,
    Tokens,
    described,
)

METHODS = {"word2vec": ("skipgram", "cbow"), "glove": ("glove",), "fasttext": ("fasttext",)}
PROGRAMS = ("numba", "gensim", "torch", "word2vec.c", "fasttext", "glove.c")
ITEMS = ROOT / "corpora" / "embedding_tests" / intrinsic.FILE
MIN_COUNT = 5
ASKED, SKIPPED, NEAR = 300, 100, 10
"""Of the words behind the 100 most frequent, which are mostly grammar, 300 are asked for 10 neighbours."""

SHORT = {
    "synonym": "syn",
    "abbreviation": "abbr",
    "misspelling": "missp",
    "spelling_variant": "brit",
    "laterality": "later",
    "severity": "sever",
    "odd_one_out": "odd",
}
Ids = npt.NDArray[np.int32]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Corpus:
    """The corpus once: its texts as places in the vocabulary, of those that have a word in it."""

    texts: list[Ids]
    words: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """How many words it has."""
        return sum(map(len, self.texts))


@dataclass
class Account:
    """What was measured: program to results by round, and to scores and neighbours by seed."""

    rates: dict[str, dict[str, list[Result]]] = field(default_factory=dict)
    scores: dict[str, dict[str, dict[int, intrinsic.Score]]] = field(default_factory=dict)
    grown: dict[str, dict[str, intrinsic.Score]] = field(default_factory=dict)
    near: dict[str, dict[str, dict[int, npt.NDArray[np.intp]]]] = field(default_factory=dict)


# The corpus.


def reports(data: Path, say: Say) -> Iterator[str]:
    """The texts, each on one line."""
    openi, test = data / "openi" / "NLMCXR_reports.tgz", data / "openi" / "openi-testset.txt"
    left_out = set(test.read_text(encoding="utf-8").split()) if test.is_file() else set()
    sources = [*sorted((data / "texts").glob("*.jsonl")), *([openi] if openi.is_file() else [])]
    if not sources:
        raise SystemExit(f"{data} has neither texts/*.jsonl nor openi/{openi.name}.")
    for source in sources:
        rows = (row for row in read_reports([source]) if isinstance(row, Report))
        texts = [row.text for row in rows if source != openi or row.id not in left_out]
        say(f"  {source.name}: {len(texts):,} texts")
        yield from (" ".join(text.split()) for text in texts)
    say(f"  left out of Open-I: the {len(left_out)} reports of NegBio's test list")


def read_corpus(data: Path, folder: Path, say: Say) -> Corpus:
    """Cut the texts into words, once for all programs."""
    plain, work = folder / "corpus.txt", folder / "prepared"
    work.mkdir()
    plain.write_text("".join(text + "\n" for text in reports(data, say)), encoding="utf-8")
    prepared = prepare(Texts([plain]), work, VocabularyConfig(min_count=MIN_COUNT))
    ids = np.array(prepared.corpus.ids)
    parts = np.split(ids, np.flatnonzero(ids == BREAK))
    texts = [text for part in parts if len(text := part[part != BREAK])]
    return Corpus(texts, prepared.vocabulary.words)


def write_tokens(corpus: Corpus, folder: Path, words: int, order: int) -> Tokens:
    """So many words of the corpus, whole texts, repeated or cut short, in an order of their own.

    Which texts are there does not depend on the order.
    """
    folder.mkdir()
    texts = chosen(corpus, words)
    turn = np.random.default_rng([1, order]).permutation(len(texts))
    texts = [texts[place] for place in turn.tolist()]
    counts = np.bincount(np.concatenate(texts), minlength=len(corpus.words)).astype(np.int64)
    kept = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    vocabulary = Vocabulary(tuple(corpus.words[place] for place in kept.tolist()), counts[kept])
    table = np.zeros(len(corpus.words), np.int32)
    table[kept] = np.arange(len(kept))
    tokens = Tokens(folder, int(counts.sum()))
    write_vocabulary(tokens.vocabulary, vocabulary)
    with tokens.text.open("w", encoding="utf-8") as lines, tokens.ids.open("wb") as ids:
        for text in texts:
            lines.write(" ".join(corpus.words[place] for place in text.tolist()) + "\n")
            ids.write(np.append(table[text], np.int32(BREAK)).tobytes())
    return tokens


def chosen(corpus: Corpus, words: int) -> list[Ids]:
    """Texts with so many words or a few more."""
    turn = np.random.default_rng(0).permutation(len(corpus.texts)).tolist()
    pool = [corpus.texts[place] for place in turn] * ceil(words / corpus.tokens)
    ends = np.cumsum([len(text) for text in pool])
    return pool[: int(np.searchsorted(ends, words)) + 1]


# Looking at vectors.


@dataclass(frozen=True)
class Found:
    """Vectors as the intrinsic test asks for them; see `_intrinsic.Lookup`."""

    words: Sequence[str]
    index: dict[str, int]
    result: Result

    def find(self, word: str, /) -> npt.NDArray[Any] | None:
        """(width,) a word's vector."""
        place = self.index.get(word)
        row = self.result.unseen.get(word) if place is None else self.result.matrix[place]
        return row


def looked_up(result: Result, tokens: Tokens) -> Found:
    words = read_vocabulary(tokens.vocabulary).words
    return Found(words, {word: place for place, word in enumerate(words)}, result)


def neighbours(matrix: Matrix) -> npt.NDArray[np.intp]:
    """(asked, 10) the places of each asked word's nearest words in the vocabulary."""
    directions = unit(matrix)
    places = np.arange(len(matrix))[SKIPPED : SKIPPED + ASKED]
    similarities = directions[places] @ directions.T
    similarities[np.arange(len(places)), places] = -np.inf
    return np.argpartition(-similarities, NEAR - 1, axis=1)[:, :NEAR]


def overlap(left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> float:
    """The mean share of neighbours that are the same."""
    return float((left[:, :, None] == right[:, None, :]).any(axis=2).mean())


# Running.


@dataclass
class Session:
    """All runs of one call."""

    bench: Bench
    programs: dict[str, tuple[str, ...]]
    folder: Path
    minutes: float
    items: tuple[intrinsic.Item, ...]
    say: Say
    account: Account = field(default_factory=Account)
    start: float = field(default_factory=time.perf_counter)
    gone: set[tuple[str, str]] = field(default_factory=set)

    def left(self) -> float:
        """Seconds left of what was allowed."""
        return self.minutes * 60 - (time.perf_counter() - self.start)

    def train(self, kind: str, program: str, tokens: Tokens, settings: Settings, seed: int) -> Result | None:
        """Train once, in a folder that goes afterwards; None where the program failed, now or before."""
        if (kind, program) in self.gone:
            return None
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            try:
                result = self.bench.run(kind, program, tokens, settings, seed, Path(out))
            except Failed as error:
                self.gone.add((kind, program))
                self.say(f"  {kind} {program} FAILED, and is left out from here: {error}")
                return None
        self.say(
            f"  {time.perf_counter() - self.start:6.0f} s  {kind} {program}: {result.rate:,.0f} words/s,"
            f" wall {result.wall:.1f} s"
        )
        return result

    def in_turn(self, name: str, number: int, step: Callable[[int], None]) -> int:
        """Do a step so often, but begin none that the time left would not hold; returns how often."""
        longest = 0.0
        for at in range(number):
            if at and longest > self.left():
                self.say(f"{name}: stopped after {at} of {number}; --minutes {self.minutes:g} allows no more")
                return at
            begun = time.perf_counter()
            step(at)
            longest = max(longest, time.perf_counter() - begun)
        return number

    def rates(self, tokens: Tokens, settings: Settings, rounds: int) -> int:
        """Rounds of all programs; each round goes through them the other way round."""

        def once(turn: int) -> None:
            for kind, names in self.programs.items():
                for program in names[:: -1 if turn % 2 else 1]:
                    result = self.train(kind, program, tokens, settings, turn)
                    if result is None:
                        continue
                    self.account.rates.setdefault(kind, {}).setdefault(program, []).append(result)
                    if not turn:
                        score = intrinsic.score(looked_up(result, tokens), self.items)
                        self.account.grown.setdefault(kind, {})[program] = score
                    result.matrix, result.unseen = np.zeros((0, 0), np.float32), {}

        return self.in_turn("rates", rounds, once)

    def quality(self, corpus: Corpus, words: int, settings: Settings, seeds: int) -> int:
        """Seeds of all programs, so that all have the same number of them."""

        def once(seed: int) -> None:
            tokens = write_tokens(corpus, self.folder / f"seed-{seed}", words, seed)
            for kind, names in self.programs.items():
                for program in names[:: -1 if seed % 2 else 1]:
                    result = self.train(kind, program, tokens, settings, seed)
                    if result is None:
                        continue
                    score = intrinsic.score(looked_up(result, tokens), self.items)
                    self.account.scores.setdefault(kind, {}).setdefault(program, {})[seed] = score
                    near = self.account.near.setdefault(kind, {}).setdefault(program, {})
                    near[seed] = neighbours(result.matrix)

        return self.in_turn("quality", seeds, once)


# Showing.


def show_rates(account: Account, settings: Settings, tokens: Tokens, rounds: int, say: Say) -> None:
    """Medians over the rounds, and ours over each."""
    say(
        f"\nRates: {tokens.words:,} words, width {settings.width}, {settings.threads} threads, "
        f"{settings.epochs} epoch (GloVe {settings.glove_epochs}), {rounds} rounds"
    )
    for kind, results in account.rates.items():
        say(f"\n    {kind:<12}{'words/s':>11}{'wall s':>9}{'cpu s':>8}{'MiB':>8}{'test':>8}   ours / it")
        ours = results.get("numba", [])
        for program, rows in results.items():
            middle = {name: median(row.figures()[name] for row in rows) for name in rows[0].figures()}
            shown = f"{middle['rate']:>11,.0f}{middle['wall']:>9.1f}{middle['cpu']:>8.1f}"
            shown += f"{middle['memory']:>8,.0f}"
            test = account.grown[kind][program].overall.accuracy
            say(f"    {program:<12}{shown}{test:>8.3f}   {ratio(ours, rows)}")
        for program, rows in results.items():
            if kind == "glove":
                counting, learning = (
                    median(getattr(row, part) for row in rows) for part in ("counting", "learning")
                )
                say(f"    {program}: counting and shuffling {counting:.1f} s, learning {learning:.1f} s")
    say("    test: accuracy of answered items by these vectors, the first round's")


def ratio(ours: list[Result], rows: list[Result]) -> str:
    """Ours over a program's, rate by rate."""
    if not ours or ours is rows:
        return ""
    found = [own.rate / row.rate for own, row in zip(ours, rows, strict=False)]
    return f"{median(found):.2f} ({min(found):.2f}, {max(found):.2f})"


def show_quality(
    account: Account, corpus: Corpus, words: int, seeds: int, settings: Settings, say: Say
) -> None:
    """Mean and standard deviation over the seeds."""
    say(
        f"\nQuality: {words:,} words ({words / corpus.tokens:.2f} of the corpus), {settings.epochs} epochs "
        f"(GloVe {settings.glove_epochs}), {seeds} seeds; mean (standard deviation)"
    )
    for kind, scores in account.scores.items():
        say(f"\n    {kind:<12}{'answered':>9}{'all':>15}{'strict':>15}{'open':>15}")
        for program, by_seed in scores.items():
            overall = [score.overall for score in by_seed.values()]
            cells = (
                spread([tally.accuracy for tally in overall]),
                spread([tally.strict_accuracy for tally in overall]),
                spread([score.open_overall.accuracy for score in by_seed.values()]),
            )
            say(
                f"    {program:<12}{mean(t.answered for t in overall):>9.0f}"
                + "".join(f"{c:>15}" for c in cells)
            )
        say(f"    {'of kinds':<12}" + "".join(f"{SHORT[name]:>14}" for name in intrinsic.KINDS))
        for program, by_seed in scores.items():
            rows = [
                spread([score.kinds[name].accuracy for score in by_seed.values()]) for name in intrinsic.KINDS
            ]
            say(f"    {program:<12}" + "".join(f"{row:>14}" for row in rows))
        for line in differences(scores):
            say(f"    {line}")


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    known = [value for value in values if not isnan(value)]
    if not known:
        return "-"
    return f"{mean(known):.3f} ({stdev(known):.3f})" if len(known) > 1 else f"{known[0]:.3f}"


def differences(scores: dict[str, dict[int, intrinsic.Score]]) -> Iterator[str]:
    """Ours less each other, seed by seed, with the standard error of the mean."""
    for program, by_seed in scores.items():
        if program == "numba" or "numba" not in scores:
            continue
        apart = [
            scores["numba"][seed].overall.accuracy - score.overall.accuracy
            for seed, score in by_seed.items()
            if seed in scores["numba"]
        ]
        if apart:
            error = stdev(apart) / sqrt(len(apart)) if len(apart) > 1 else nan
            yield f"numba less {program}: {mean(apart):+.3f}, standard error {error:.3f}"


def show_neighbours(account: Account, say: Say) -> None:
    """Overlaps of ours with the original, and of each with itself, always across seeds."""
    say(f"\nNeighbours: {NEAR} of {ASKED} frequent words, mean share that is the same between two seeds")
    for kind, near in account.near.items():
        original = next((name for name in reversed(KINDS[kind]) if name in near), "")
        for program in near:
            if program != original:
                say(f"    {kind:<10}{program} and {original}: {across(near[program], near[original])}")
        for program in near:
            say(f"    {kind:<10}{program} and itself: {across(near[program], near[program])}")


def overlaps(one: dict[int, Any], other: dict[int, Any]) -> list[float]:
    """Every pair of different seeds, so that no pair shares its order of texts."""
    pairs = permutations(sorted(one.keys() | other.keys()), 2)
    return [overlap(one[a], other[b]) for a, b in pairs if a in one and b in other]


def across(one: dict[int, Any], other: dict[int, Any]) -> str:
    found = overlaps(one, other)
    return f"{mean(found):.3f}" if found else "takes two seeds"


# Torch.


def show_torch(session: Session, corpus: Corpus, settings: Settings, words: int) -> None:
    """Our torch engine on the CPU: a short sample, for its rate alone."""
    tokens = write_tokens(corpus, session.folder / "torch", words, 0)
    session.say(f"\nOur torch engine on the CPU, {tokens.words:,} words (rate alone)")
    few = replace(settings, buckets=min(settings.buckets, 200_000), glove_epochs=3)
    for kind in session.programs:
        session.train(kind, "torch-cpu", tokens, few, 0)


def show_cuda(session: Session, tokens: Tokens, settings: Settings, bandwidth: float) -> None:
    """Skip-gram on a GPU beside gensim on the threads, and what memory would allow."""
    import torch

    name = torch.cuda.get_device_name(0)
    session.say(f"\nOn {name}: skip-gram, {tokens.words:,} words, width {settings.width}")
    ours = session.train("skipgram", "torch-cuda", tokens, settings, 0)
    theirs = session.train("skipgram", "gensim", tokens, settings, 0)
    if ours is None:
        return
    counts = read_vocabulary(tokens.vocabulary).counts
    share = counts / counts.sum() / settings.sample
    kept = float((counts * np.minimum(1, np.sqrt(1 / share) + 1 / share)).sum() / counts.sum())
    told = {"width": settings.width, "window": settings.window, "negative": settings.negative}
    for line in roofline(ours.rate, bandwidth=bandwidth * 1e9, kept=kept, **told).splitlines():
        session.say(f"    {line}")
    for result, label in ((ours, "torch on CUDA"), (theirs, f"gensim, {settings.threads} threads")):
        if result is not None:
            score = intrinsic.score(looked_up(result, tokens), session.items).overall.accuracy
            session.say(f"    {label}: {result.rate:,.0f} words/s, test {score:.3f}")
    if theirs is not None:
        session.say(f"    {ours.rate / theirs.rate:.1f} times gensim")


def has_cuda() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


# The command.


def places_of(originals: Path | None, python: Path | None) -> Places:
    def first(*names: str) -> Path | None:
        tried = [originals / name for name in names] if originals else []
        return next((path.resolve() for path in tried if path.is_file()), None)

    counter = first("GloVe/build/cooccur", "glove/build/cooccur", "cooccur")
    known = (
        python.absolute() if python and python.is_file() else None
    )  # a link that is followed leaves its venv
    return Places(
        first("word2vec/word2vec", "word2vec/bin/word2vec", "word2vec"),
        counter.parent if counter else None,
        known,
    )


def programs_of(given: argparse.Namespace, places: Places, say: Say) -> dict[str, tuple[str, ...]]:
    kinds = [kind for method in given.methods for kind in METHODS[method]]
    wanted = {kind: [name for name in KINDS[kind] if name in given.engines] for kind in kinds}
    for name in dict.fromkeys(name for names in wanted.values() for name in names):
        if reason := places.why_not(name):
            say(reason)
    here = {k: tuple(name for name in names if not places.why_not(name)) for k, names in wanted.items()}
    return {kind: names for kind, names in here.items() if names}


def machine() -> dict[str, Any]:
    versions = {
        name: metadata.version(name) for name in ("gensim", "numba", "numpy", "torch") if find_spec(name)
    }
    load = os.getloadavg()[0]
    model = Path("/proc/cpuinfo")
    lines = model.read_text(encoding="utf-8").splitlines() if model.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    about = {"processor": names[0] if names else platform.processor(), "cores": os.cpu_count(), "load": load}
    return {**about, "python": platform.python_version(), **versions}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a folder with texts/*.jsonl and openi/")
    parser.add_argument("--words", type=int, default=20_000_000, help="for rates, at least so many")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--engines", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--originals", type=Path, help="folder with the compiled originals, as above")
    parser.add_argument("--fasttext-python", type=Path, help="the Python of fastText's own environment")
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--buckets", type=int, default=2_000_000, help="fastText's")
    parser.add_argument("--rounds", type=int, default=1, help="of rates")
    parser.add_argument("--rate-glove-epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=5, help="of quality; 0 for none")
    parser.add_argument("--quality-words", type=int, help="default: the corpus once")
    parser.add_argument("--quality-epochs", type=int, default=1)
    parser.add_argument("--quality-glove-epochs", type=int, default=15)
    parser.add_argument("--torch-words", type=int, default=200_000, help="0 for no torch on the CPU")
    parser.add_argument("--cuda-width", type=int, default=300)
    parser.add_argument("--bandwidth", type=float, default=3350, help="of the GPU, GB/s, by its data sheet")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one program may take")
    parser.add_argument(
        "--minutes", type=float, default=24, help="no round or seed is begun that would end later"
    )
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--out", type=Path, help="a JSON file for all figures")
    return parser.parse_args()


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Run the benchmark."""
    given = arguments()
    about = machine()
    say(", ".join(f"{name} {value}" for name, value in about.items()))
    items = intrinsic.read_items(ITEMS)
    places = places_of(given.originals, given.fasttext_python)
    unseen = {form for item in items for term in item.terms for form in term}
    settings = Settings(
        width=given.width,
        threads=given.threads,
        buckets=given.buckets,
        glove_epochs=given.rate_glove_epochs,
        limit=given.limit,
    )
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        session = Session(
            Bench(places, tuple(sorted(unseen))),
            programs_of(given, places, say),
            Path(name),
            given.minutes,
            items,
            say,
        )
        run(session, given, settings, about)


def run(session: Session, given: argparse.Namespace, settings: Settings, about: dict[str, Any]) -> None:
    """Everything, one after the other."""
    begun = time.perf_counter()
    corpus = read_corpus(given.data, session.folder, say)
    seconds = time.perf_counter() - begun
    say(
        f"{len(corpus.texts):,} texts, {corpus.tokens:,} words, vocabulary {len(corpus.words):,} "
        f"(at least {MIN_COUNT} times); read, counted and numbered in {seconds:.1f} s"
    )
    tokens = write_tokens(corpus, session.folder / "rates", given.words, 0)
    say(f"For rates {tokens.words:,} words: the corpus {tokens.words / corpus.tokens:.2f} times")
    rounds = session.rates(tokens, settings, given.rounds) if given.rounds else 0
    if given.torch_words and "torch" in given.engines:
        show_torch(session, corpus, settings, given.torch_words)
    if "torch" in given.engines and "skipgram" in session.programs and has_cuda():
        show_cuda(session, tokens, replace(settings, width=given.cuda_width), given.bandwidth)
    words = given.quality_words or corpus.tokens
    finer = replace(settings, epochs=given.quality_epochs, glove_epochs=given.quality_glove_epochs)
    seeds = session.quality(corpus, words, finer, given.seeds)
    if rounds:
        show_rates(session.account, settings, tokens, rounds, say)
    if seeds:
        show_quality(session.account, corpus, words, seeds, finer, say)
        show_neighbours(session.account, say)
    say(f"\n{time.perf_counter() - session.start:.0f} s in all")
    if given.out:
        told = {
            "machine": about,
            "words": tokens.words,
            "settings": described(settings),
            "finer": described(finer),
        }
        given.out.write_text(json.dumps({**told, **figures(session.account)}, indent=1), encoding="utf-8")


def figures(account: Account) -> dict[str, Any]:
    """All figures as JSON has them."""
    rates = {k: {p: [r.figures() for r in rows] for p, rows in v.items()} for k, v in account.rates.items()}
    scores = {
        kind: {
            program: {
                seed: {
                    "all": score.overall.accuracy,
                    "strict": score.overall.strict_accuracy,
                    "open": score.open_overall.accuracy,
                    **{name: tally.accuracy for name, tally in score.kinds.items()},
                }
                for seed, score in by_seed.items()
            }
            for program, by_seed in by_program.items()
        }
        for kind, by_program in account.scores.items()
    }
    near = {
        kind: {f"{a}, {b}": overlaps(found[a], found[b]) for a in found for b in found}
        for kind, found in account.near.items()
    }
    grown = {k: {p: score.overall.accuracy for p, score in v.items()} for k, v in account.grown.items()}
    return {"rates": rates, "scores": scores, "rate_scores": grown, "neighbours": near}


if __name__ == "__main__":
    main()
