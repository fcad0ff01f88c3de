"""`reportnlp embed`: vectors of words are trained."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from reportnlp import terminal
from reportnlp.cli import vectors
from reportnlp.cli.label import tell_quarantined
from reportnlp.cli.options import (
    LARGEST_SEED,
    Format,
    IdColumn,
    Overwrite,
    Resume,
    TextColumns,
    columns,
)


class TrainByDefault(TyperGroup):
    """`embed` with the commands that ask about vectors; what names none of them is a corpus to train on."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `train` in front, unless a command is named, or one is misspelt."""
        from difflib import get_close_matches

        first = args[0] if args else "--help"
        slip = get_close_matches(first, self.commands, n=1) and not Path(first).exists()
        if first not in (*self.commands, "-h", "--help") and not slip:
            args = ["train", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


commands = typer.Typer(
    name="embed",
    help="Vectors of words: train them (reportnlp embed CORPUS... -o DIR), look them up, compare them.",
    cls=TrainByDefault,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@commands.command(
    "train",
    epilog="Example: reportnlp embed corpora/*/reports.jsonl -o my_vectors "
    "--method word2vec --width 20 --epochs 2 --engine numba --workers 1",
)
def train_vectors(
    corpus: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS", help="Files, folders or globs of reports; in a named .txt each line is a text."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of vectors to make.")],
    method: Annotated[str, typer.Option(help="word2vec, glove or fasttext.")] = "word2vec",
    engine: Annotated[str, typer.Option(help="What trains: torch, numba, gensim; auto picks.")] = "auto",
    width: Annotated[int | None, typer.Option(help="Numbers of a vector.")] = None,
    window: Annotated[int | None, typer.Option(help="Words to each side that count as near.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the corpus.")] = None,
    min_count: Annotated[int | None, typer.Option(help="Rarer words get no vector.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At the start.")] = None,
    architecture: Annotated[str | None, typer.Option(help="skipgram or cbow (word2vec, fasttext).")] = None,
    negative: Annotated[int | None, typer.Option(help="Negative samples (word2vec, fasttext).")] = None,
    hierarchical: Annotated[
        bool | None, typer.Option("--hierarchical", help="Hierarchical softmax (word2vec, fasttext).")
    ] = None,
    sample: Annotated[
        float | None, typer.Option(help="Threshold of subsampling (word2vec, fasttext).")
    ] = None,
    min_n: Annotated[int | None, typer.Option(help="Shortest character n-gram (fasttext).")] = None,
    max_n: Annotated[int | None, typer.Option(help="Longest character n-gram (fasttext).")] = None,
    buckets: Annotated[int | None, typer.Option(help="Buckets of n-grams (fasttext).")] = None,
    x_max: Annotated[float | None, typer.Option(help="Count of full weight (glove).")] = None,
    alpha: Annotated[float | None, typer.Option(help="Exponent of the weight (glove).")] = None,
    symmetric: Annotated[
        bool | None, typer.Option("--symmetric/--one-sided", help="Count words to both sides (glove).")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file of settings, under the names that config.json has.")
    ] = None,
    max_words: Annotated[
        int | None, typer.Option(min=2, help="Vectors for so many words at most, the most frequent.")
    ] = None,
    phrases: Annotated[
        bool, typer.Option("--phrases", help="Learn phrases, which are words then: pulmonary_embolism.")
    ] = False,
    phrase_threshold: Annotated[float, typer.Option(help="Higher: fewer phrases.")] = 100.0,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Same seed and one worker: same vectors.")
    ] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0 is one per processor.")] = 0,
    format: Format = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Train vectors of words on any corpus of reports.

    OUT gets vectors.safetensors, vocab.txt, tokenizer.json and config.json. Rows that cannot be read are
    listed in OUT.quarantine.jsonl, and the exit code is 3.
    """
    from reportnlp.embeddings._processes import company
    from reportnlp.jobs import embed as job
    from reportnlp.text.phrases import PhraseConfig

    given = {
        "width": width,
        "window": window,
        "epochs": epochs,
        "min_count": min_count,
        "learning_rate": learning_rate,
        "architecture": architecture,
        "negative": negative,
        "hierarchical": hierarchical,
        "sample": sample,
        "min_n": min_n,
        "max_n": max_n,
        "buckets": buckets,
        "x_max": x_max,
        "alpha": alpha,
        "symmetric": symmetric,
    }
    wanted = job.EmbedSettings(
        inputs=tuple(corpus),
        out=out,
        method=method,
        engine=engine,
        options={name: value for name, value in given.items() if value is not None},
        settings=settings,
        seed=seed,
        workers=workers,
        max_words=max_words,
        phrases=PhraseConfig(phrase_threshold) if phrases else None,
        format=format,
        columns=columns(id_column, text_columns),
        resume=resume,
        overwrite=overwrite,
    )
    with company() as processes:
        if not processes.first:
            job.help_out(processes)
            return
        plan = job.plan(wanted, processes)
        typer.echo(f"engine {plan.engine}: {plan.reason}")
        with terminal.progress() as progress:
            done = job.run(wanted, progress, plan, processes)
    typer.echo(
        f"{len(done.vectors):,} words of width {done.vectors.width} in {out}: {done.texts:,} texts, "
        f"{done.tokens:,} words of text"
    )
    loss = f"loss {done.loss:.4f}" if isfinite(done.loss) else "no loss was told"
    typer.echo(f"{done.rate:,.0f} words/s in {done.seconds:.1f} s, {loss}")
    if done.left_out:
        tell_quarantined(out)


commands.add_typer(vectors.commands)
