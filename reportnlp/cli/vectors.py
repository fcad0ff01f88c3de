"""What `reportnlp embed` can ask of vectors, and bring in and hand out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reportnlp.cli.options import LARGEST_SEED, Layout, Overwrite

commands = typer.Typer(rich_markup_mode=None)

Vectors = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of vectors, or a file in word2vec's format.")
]
Terms = Annotated[list[str], typer.Argument(metavar="WORD", help="Words, or phrases in quotes.")]
Count = Annotated[int, typer.Option("--count", "-n", min=1, help="How many words to show.")]


@commands.command(epilog="Example: reportnlp embed neighbours vectors effusion 'lung nodule'")
def neighbours(vectors: Vectors, words: Terms, count: Count = 10) -> None:
    """Show the words nearest to each word, with their cosine."""
    from reportnlp.jobs import _vectors as job

    for word, found in job.neighbours(vectors, words, count=count):
        typer.echo(f"{word}:")
        for near in found:
            typer.echo(f"    {near.similarity:6.3f} {near.word}")


@commands.command(epilog="Example: reportnlp embed analogy vectors left right lower")
def analogy(vectors: Vectors, words: Terms, count: Count = 10) -> None:
    """A is to B as C is to what? Show the best answers."""
    from reportnlp.jobs import _vectors as job

    for near in job.analogy(vectors, words, count=count):
        typer.echo(f"{near.similarity:6.3f} {near.word}")


@commands.command("compare", epilog="Example: reportnlp embed compare vectors other_vectors --words 200")
def compare_vectors(
    first: Annotated[Path, typer.Argument(metavar="DIR_A", help="Folder of vectors, or a word2vec file.")],
    second: Annotated[Path, typer.Argument(metavar="DIR_B", help="Another folder or file.")],
    words: Annotated[int, typer.Option(min=3, help="Compare so many shared words.")] = 5000,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Neighbours of each word.")] = 10,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the pairs whose cosines are correlated.")
    ] = 0,
) -> None:
    """Tell how alike two sets of vectors are: shared words, shared neighbours, correlation of cosines."""
    from reportnlp.jobs import _vectors as job

    for line in job.compared(job.compare(first, second, seed=seed, words=words, count=count)):
        typer.echo(line)


@commands.command(
    "plot", epilog="Example: reportnlp embed plot vectors effusion nodule pneumothorax -n 3 -o words.svg"
)
def plot_vectors(
    vectors: Vectors,
    words: Terms,
    out: Annotated[Path, typer.Option("--out", "-o", help="Picture to draw: .svg or .png.")],
    layout: Annotated[Layout, typer.Option(help="Principal components, or t-SNE.")] = Layout.PCA,
    count: Annotated[
        int, typer.Option("--neighbours", "-n", min=0, help="Draw so many neighbours of each word too.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of t-SNE.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Draw chosen words in the plane."""
    from reportnlp.jobs import _vectors as job

    wanted = job.PlotSettings(vectors, tuple(words), out, layout.value, count, seed, overwrite)
    typer.echo(f"{job.plot(wanted)} words in {out}")


@commands.command("test", epilog="Example: reportnlp embed test vectors")
def test_vectors(
    vectors: Vectors,
    items: Annotated[
        Path | None,
        typer.Option(
            help="Items to ask: a CSV of kind, question, answer, distractors. Without it the shipped ones."
        ),
    ] = None,
) -> None:
    """Test how well vectors know the words of radiology.

    Synonyms, abbreviations, misspellings, pairs of laterality and severity, the odd one out.
    """
    from reportnlp.jobs import _vectors as job

    for line in job.scored(job.intrinsic(vectors, items)):
        typer.echo(line)


@commands.command("import", epilog="Example: reportnlp embed import vectors.txt -o imported")
def bring_in(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="word2vec's text or binary format, or either with gzip.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of vectors to make.")],
    binary: Annotated[
        bool | None, typer.Option("--binary/--text", help="Which format; without it the beginning tells.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a folder of vectors out of a file of another program."""
    from reportnlp.jobs import _vectors as job

    made = job.bring_in(source, out, binary=binary, overwrite=overwrite)
    typer.echo(f"{len(made):,} words of width {made.width} in {out}")


@commands.command("export", epilog="Example: reportnlp embed export vectors -o vectors.bin")
def hand_out(
    vectors: Vectors,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; packed when it ends in .gz.")],
    binary: Annotated[
        bool | None, typer.Option("--binary/--text", help="Which format; without it .bin is binary.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write vectors as word2vec's text or binary format.

    For other programs. The n-grams of fastText stay behind: the format has no place for them.
    """
    from reportnlp.jobs import _vectors as job

    made = job.hand_out(vectors, out, binary=binary, overwrite=overwrite)
    typer.echo(f"{len(made):,} words of width {made.width} in {out}")
