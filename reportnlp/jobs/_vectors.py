"""What `reportnlp embed` does with vectors: neighbours, analogies, comparisons, pictures, exchange.

Vectors are a folder that `reportnlp embed` wrote, or a file in word2vec's format.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import reportnlp
from reportnlp.archive import disk
from reportnlp.embeddings import _compare, _intrinsic, _plot
from reportnlp.embeddings._vectors import Neighbour, Vectors, unit
from reportnlp.embeddings._work import put
from reportnlp.errors import InputError, OutputError
from reportnlp.jobs.embed import refuse_folder

ITEMS = (
    Path(reportnlp.__file__).parent / "embeddings" / _intrinsic.FILE,
    Path(reportnlp.__file__).parents[1] / "corpora" / "embedding_tests" / _intrinsic.FILE,
)
"""Where the items of this project's test lie: in an installed package, and in a clone of the repository."""


def neighbours(where: Path, words: Sequence[str], *, count: int = 10) -> list[tuple[str, list[Neighbour]]]:
    """Each word with the words nearest to it.

    Raises:
        UnknownNameError: a word has no vector.
    """
    vectors = Vectors.open(where)
    return [(word, vectors.neighbours(word, count)) for word in words]


def analogy(where: Path, words: Sequence[str], *, count: int = 10) -> list[Neighbour]:
    """The first is to the second as the third is to what?

    Raises:
        InputError: not three words.
        UnknownNameError: one of them has no vector.
    """
    if len(words) != 3:
        raise InputError(f"{len(words)} words were given; an analogy needs three: A is to B as C is to what?")
    first, second, third = words
    return Vectors.open(where).analogy(first, second, third, count)


def compare(first: Path, second: Path, *, seed: int, words: int, count: int) -> _compare.Comparison:
    """How alike two sets of vectors are.

    Raises:
        InputError: they share too few words.
    """
    return _compare.compare(
        Vectors.open(first), Vectors.open(second), seed=seed, words=words, neighbours=count
    )


def compared(found: _compare.Comparison) -> Iterator[str]:
    """A comparison as plain text."""
    yield f"words: {found.words[0]:,} and {found.words[1]:,}, of which both have {found.shared:,}"
    yield f"compared: the {found.compared:,} most frequent of the first"
    yield (
        f"same neighbours among the {found.neighbours} nearest: {found.overlap:.1%} "
        f"(by chance {found.by_chance:.1%})"
    )
    yield f"correlation of cosines: {found.correlation:.3f}"
    yield "least alike: " + ", ".join(f"{word} {share:.0%}" for word, share in found.least)


def intrinsic(where: Path, items: Path | None = None) -> _intrinsic.Score:
    """Put the items of a file to vectors; without one those of this project.

    Raises:
        InputError: the file cannot be read, or a line is no item.
    """
    vectors = Vectors.open(where)
    return _intrinsic.score(vectors, _intrinsic.read_items(_shipped_items() if items is None else items))


def _shipped_items() -> Path:
    for path in ITEMS:
        if path.is_file():
            return path
    raise InputError(
        "The items of this project's test are not installed. Take corpora/embedding_tests/items.csv out of "
        "its repository, and name it with --items."
    )


def scored(score: _intrinsic.Score) -> Iterator[str]:
    """A score as plain text: a line for each kind of item."""
    yield f"{'':24}{'items':>7}{'missing':>9}{'right':>7}{'accuracy':>10}{'chance':>8}"
    for kind, tally in score.kinds.items():
        yield _line(kind, tally)
    yield _line("all", score.overall)
    for kind, tally in score.open_kinds.items():
        yield _line(f"{kind}, any word", tally)
    yield "accuracy is of the items whose words all have vectors; 'any word': answered out of all words"


def _line(name: str, tally: _intrinsic.Tally) -> str:
    rates = f"{tally.accuracy:>10.1%}{tally.chance:>8.1%}" if tally.answered else f"{'-':>10}{'-':>8}"
    return f"{name:24}{tally.items:>7}{tally.missing:>9}{tally.right:>7}{rates}"


@dataclass(frozen=True, slots=True)
class PlotSettings:
    """What to draw.

    Attributes:
        where: the vectors.
        words: the words; each gets a colour.
        out: `.svg` or `.png`.
        layout: principal components, or t-SNE.
        neighbours: so many neighbours of each word are drawn too.
        seed: of t-SNE.
        overwrite: whether `out` may be replaced.
    """

    where: Path
    words: Sequence[str]
    out: Path
    layout: _plot.Layout = "pca"
    neighbours: int = 0
    seed: int = 0
    overwrite: bool = False


def plot(settings: PlotSettings) -> int:
    """Draw chosen words; returns how many there are.

    Raises:
        OutputError: `out` exists, is neither SVG nor PNG, or cannot be written.
        UnknownNameError: a word has no vector.
        InputError: fewer than three words.
        MissingExtraError: matplotlib, or for t-SNE scikit-learn, is not installed.
    """
    _plot.check_suffix(settings.out)
    _refuse_file(settings.out, overwrite=settings.overwrite)
    vectors = Vectors.open(settings.where)
    dots = _dots(vectors, settings)
    matrix = np.stack([vectors[dot.word] for dot in dots])
    points = _plot.lay_out(unit(matrix), settings.layout, seed=settings.seed)
    name = {"pca": "principal components", "tsne": "t-SNE"}[settings.layout]
    note = f"{name} of {len(dots)} of {len(vectors):,} words, width {vectors.width}"
    method = str(vectors.config.get("method", "vectors"))
    _plot.draw(settings.out, dots, points, title=f"{settings.where.name}: {method}", note=note)
    return len(dots)


def _dots(vectors: Vectors, settings: PlotSettings) -> list[_plot.Dot]:
    """Words and their neighbours; a word that comes twice is drawn once."""
    words = dict.fromkeys(settings.words)
    if not settings.neighbours:
        return [_plot.Dot(word, None) for word in words]
    dots = {word: _plot.Dot(word, group) for group, word in enumerate(words)}
    for group, word in enumerate(list(dots)):
        for neighbour in vectors.neighbours(word, settings.neighbours):
            dots.setdefault(neighbour.word, _plot.Dot(neighbour.word, group, chosen=False))
    return list(dots.values())


def bring_in(source: Path, out: Path, *, binary: bool | None, overwrite: bool) -> Vectors:
    """Make a folder of vectors out of a file in word2vec's format.

    Raises:
        InputError: the file has a bad header, is of another width, or ends early.
        OutputError: the folder exists, or cannot be written.
    """
    refuse_folder(out, overwrite=overwrite)
    if not source.is_file():
        raise InputError(f"There is no file {source}. Give one in word2vec's text or binary format.")
    vectors = Vectors.read_word2vec(source, binary=binary)
    draft = disk.temporary(out)
    try:
        vectors.save(draft)
        shutil.rmtree(out, ignore_errors=True)
        put(draft, out)
    except OSError as error:
        raise disk.cannot_write(out, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return vectors


def hand_out(where: Path, out: Path, *, binary: bool | None, overwrite: bool) -> Vectors:
    """Write vectors as a file in word2vec's format: binary when the name says `.bin`, or as told.

    Raises:
        OutputError: the file exists, or cannot be written.
    """
    _refuse_file(out, overwrite=overwrite)
    vectors = Vectors.open(where)
    draft = out.with_name(f".part-{out.name}")  # ends as the output does: `.gz` is packed
    try:
        vectors.write_word2vec(draft, binary=".bin" in out.suffixes if binary is None else binary)
        disk.put(draft, out)
    finally:
        draft.unlink(missing_ok=True)
    return vectors


def _refuse_file(out: Path, *, overwrite: bool) -> None:
    if out.is_dir():
        raise OutputError(f"{out} is a folder. Name a file.")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists. Name another file, or add --overwrite.")
    if not out.parent.is_dir():
        raise OutputError(f"Cannot write {out}: there is no folder {out.parent}. Make it first.")
