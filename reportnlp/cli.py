"""The command line: one small function per command, and the only place that prints.

Nothing heavy is imported before a command needs it, so that `--help` comes at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from reportnlp import __version__, terminal

if TYPE_CHECKING:
    from reportnlp.formats.blocks import ReadOptions

app = typer.Typer(
    name="reportnlp",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
corpora = typer.Typer(
    help="Corpora: gold answers, generation, checks.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(corpora, name="corpora")


class UncertainAs(StrEnum):
    """How `uncertain` counts where presence is scored."""

    NEGATIVE = "negative"
    POSITIVE = "positive"
    IGNORE = "ignore"


class NotCoded(StrEnum):
    """What stands for findings that a source's coders are silent about."""

    ABSENT = "absent"
    NOT_MENTIONED = "not_mentioned"
    BLANK = "blank"


Format = Annotated[str | None, typer.Option(help="Input format; without it the suffix or the folder tells.")]
Method = Annotated[str, typer.Option(help="What labels.")]
IdColumn = Annotated[str, typer.Option(help="Input column with the report id; usual names are found.")]
TextColumns = Annotated[
    list[str] | None,
    typer.Option("--text-column", help="Input column with report text; repeat for sections."),
]
DateColumn = Annotated[str, typer.Option(help="Input column with the exam date.")]
ModalityColumn = Annotated[str, typer.Option(help="Input column with the modality.")]
SiteColumn = Annotated[str, typer.Option(help="Input column with the site.")]
PatientColumn = Annotated[str, typer.Option(help="Input column with the patient id.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]


def main() -> None:
    """Run the command line and end the process with its exit code."""
    with terminal.one_line_errors():
        sys.exit(app(prog_name="reportnlp", standalone_mode=False))


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"reportnlp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Findings, with evidence, out of free-text radiology reports.

    Exit codes: 0 done, 1 a fault of the program, 2 bad usage or input, 3 done but some rows are quarantined.
    """


@app.command(epilog="Example: reportnlp label corpora/demo/reports.csv --panel pe -o demo.csv")
def label(
    inputs: Annotated[list[str], typer.Argument(metavar="IN", help="Files, folders or globs of reports.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Label table to write: .csv is wide; .jsonl, .parquet are long."),
    ],
    panel: Annotated[
        str, typer.Option(help="A panel (see: reportnlp panels), or the path of a TOML file.")
    ] = "pe",
    method: Method = "rules",
    format: Format = None,
    out_format: Annotated[
        str | None, typer.Option(help="Output format; without it OUT's suffix tells.")
    ] = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    date_column: DateColumn = "",
    modality_column: ModalityColumn = "",
    site_column: SiteColumn = "",
    patient_column: PatientColumn = "",
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one per processor.")] = 0,
    shard_size: Annotated[int, typer.Option(min=1, help="Reports per unit of work.")] = 512,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a job that was stopped.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Label reports: files in, a table of findings out.

    Rows that cannot be read or labelled are listed in OUT.quarantine.jsonl, and the exit code is 3.
    """
    from reportnlp.archive import disk
    from reportnlp.jobs import label as job

    columns = _columns(id_column, text_columns, date_column, modality_column, site_column, patient_column)
    settings = job.LabelSettings(
        inputs=tuple(inputs),
        out=out,
        panel=panel,
        method=method,
        format_in=format,
        format_out=out_format,
        read_options=columns,
        workers=workers,
        shard_size=shard_size,
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        counts = job.run(settings, progress)
    typer.echo(
        f"read {counts.read} = labelled {counts.labelled} + quarantined {counts.quarantined} "
        f"+ duplicates {counts.duplicates}"
    )
    if counts.quarantined:
        for count, reason in job.reasons(out):
            typer.echo(f"{count:>6} {reason}", err=True)
        typer.echo(f"reportnlp: the quarantined rows are listed in {disk.quarantine_file(out)}", err=True)
        raise typer.Exit(terminal.QUARANTINED)


def _columns(
    id_column: str, text: list[str] | None, date: str, modality: str, site: str, patient: str
) -> ReadOptions:
    from reportnlp.formats.blocks import ReadOptions

    return ReadOptions(id_column, tuple(text or ()), date, modality, site, patient)


@app.command(
    epilog="Example: reportnlp evaluate corpora/demo/reports.csv --panel pe --labels corpora/demo/gold.csv"
)
def evaluate(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IN", help="A label table; with --panel, reports to label first."),
    ],
    labels: Annotated[Path, typer.Option(help="Gold answers: report_id and a column per question.")],
    panel: Annotated[str, typer.Option(help="Label IN with this panel first.")] = "",
    method: Method = "rules",
    format: Format = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the scores too: .csv or .json.")
    ] = None,
    overwrite: Overwrite = False,
    uncertain_as: Annotated[
        UncertainAs, typer.Option(help="How 'uncertain' counts for presence.")
    ] = UncertainAs.NEGATIVE,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap samples.")] = 1000,
) -> None:
    """Score labels against gold answers.

    IN is a label table, or, with --panel, reports that are labelled on the way.
    """
    from rich.console import Console

    from reportnlp.evaluation import tables
    from reportnlp.jobs import evaluate as job

    settings = job.EvaluateSettings(
        inputs=tuple(inputs),
        gold=labels,
        panel=panel,
        method=method,
        format=format,
        columns=_columns(id_column, text_columns, "", "", "", ""),
        out=out,
        overwrite=overwrite,
        uncertain_as=uncertain_as.value,
        seed=seed,
        resamples=resamples,
    )
    scores = job.run(settings)
    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables.screen(scores):
        console.print(table, "")
    for note in tables.notes(scores):
        typer.echo(note)


@app.command(epilog="Example: reportnlp findings pneumothorax")
def findings(
    name: Annotated[str, typer.Argument(help="A finding, or the path of a TOML file, to show in full.")] = "",
) -> None:
    """List what can be labelled and how it is defined."""
    from reportnlp.jobs import findings as job

    for line in job.run(name):
        typer.echo(line)


@app.command(epilog="Example: reportnlp panels chest_xray")
def panels(
    name: Annotated[str, typer.Argument(help="A panel, or the path of a TOML file, to show alone.")] = "",
) -> None:
    """List which findings are labelled together."""
    from reportnlp.jobs import panels as job

    for line in job.run(name):
        typer.echo(line)


@app.command(epilog="Example: reportnlp doctor --json")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is installed, for bug reports.

    Versions, extras present or missing and why, and devices.
    """
    import json
    from dataclasses import asdict

    from reportnlp.jobs import doctor as job

    diagnosis = job.run()
    if as_json:
        typer.echo(json.dumps(asdict(diagnosis), indent=2))
        return
    for line in job.lines(diagnosis):
        typer.echo(line)


@corpora.command(epilog="Example: reportnlp corpora gold NLMCXR_reports.tgz --source openi_mesh -o gold.csv")
def gold(
    published: Annotated[Path, typer.Argument(metavar="SOURCE", help="The published file or folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Table of gold answers to write: .csv.")],
    source: Annotated[str, typer.Option(help="What SOURCE is: openi_mesh, negbio or sarle.")],
    not_coded: Annotated[
        NotCoded, typer.Option(help="What stands for findings that the coders are silent about.")
    ] = NotCoded.ABSENT,
    overwrite: Overwrite = False,
) -> None:
    """Make gold answers of a published corpus.

    For `evaluate --labels`. Coders say what is there; their silence does not tell a denial from nothing said:
    score only 'present'.
    """
    from reportnlp.archive import disk
    from reportnlp.jobs import gold as job

    settings = job.GoldSettings(published, out, source, not_coded.value, overwrite)
    counts = job.run(settings)
    typer.echo(
        f"{counts.reports} reports, {counts.present} present answers; {counts.uncoded} reports without codes"
    )
    for reason, count in counts.left_out.most_common(job.REASONS):
        typer.echo(f"{count:>6} {reason}", err=True)
    if counts.quarantined:
        typer.echo(f"reportnlp: the quarantined rows are listed in {disk.quarantine_file(out)}", err=True)
        raise typer.Exit(terminal.QUARANTINED)


@corpora.command(epilog="Example: reportnlp corpora generate --panel pe --count 200 --seed 1 -o generated")
def generate(
    out: Annotated[Path, typer.Option("--out", "-o", help="Corpus folder to make.")],
    panel: Annotated[str, typer.Option(help="Whose questions: pe, head_ct or chest_xray.")] = "pe",
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="Reports; as many as --answers has without it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same reports.")] = 0,
    answers: Annotated[
        Path | None,
        typer.Option(help="Table of report_id and answers; a report for each. A blank answer is drawn."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one per processor.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a job that was stopped.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Generate reports with gold answers by construction.

    OUT gets reports.jsonl, gold.csv, evidence.csv and card.toml. Simulated reports, not clinical data.
    """
    from reportnlp.jobs import generate as job
    from reportnlp.jobs.label import usable_cores

    settings = job.GenerateSettings(
        out=out,
        panel=panel,
        count=count,
        seed=seed,
        answers=answers,
        workers=workers or usable_cores(),
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        written = job.run(settings, progress)
    typer.echo(f"{written} reports in {out}")


@corpora.command(epilog="Example: reportnlp corpora check corpora --floors corpora/floors.toml")
def check(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER", help="Corpora, or folders of them.")],
    floors: Annotated[
        Path | None, typer.Option(help="File of the F1 that must hold; measures the methods.")
    ] = None,
    raise_floors: Annotated[
        bool, typer.Option("--raise-floors", help="Raise the floors to what is measured now.")
    ] = False,
    lower_floors: Annotated[
        bool, typer.Option("--lower-floors", help="Set the floors to what is measured now, lower ones too.")
    ] = False,
) -> None:
    """Check corpora: cards, ids, answers, evidence, near-duplicates, agreement, and quality floors."""
    from reportnlp.jobs import check as job

    settings = job.CheckSettings(tuple(folders), floors, raise_floors, lower_floors)
    with terminal.progress() as progress:
        found = job.run(settings, progress)
    for corpus in found:
        what = "no reports here" if corpus.reports is None else f"{corpus.reports} reports"
        held = "; no floors" if corpus.unheld else ""
        typer.echo(f"{corpus.name}: {what}, {len(corpus.problems)} problems{held}")
        for problem in corpus.problems:
            typer.echo(f"    {problem}", err=True)
    if any(corpus.problems for corpus in found):
        raise typer.Exit(terminal.QUARANTINED)


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


embed = typer.Typer(
    help="Vectors of words: train them (reportnlp embed CORPUS... -o DIR), look them up, compare them.",
    cls=TrainByDefault,
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(embed, name="embed")

Vectors = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of vectors, or a file in word2vec's format.")
]
Terms = Annotated[list[str], typer.Argument(metavar="WORD", help="Words, or phrases in quotes.")]
Count = Annotated[int, typer.Option("--count", "-n", min=1, help="How many words to show.")]


class Layout(StrEnum):
    """How words are laid out in the plane."""

    PCA = "pca"
    TSNE = "tsne"


@embed.command(
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
    seed: Annotated[int, typer.Option(help="Same seed and one worker: same vectors.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0 is one per processor.")] = 0,
    format: Format = None,
    id_column: IdColumn = "",
    text_columns: TextColumns = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a job that was stopped.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Train vectors of words on any corpus of reports.

    OUT gets vectors.safetensors, vocab.txt, tokenizer.json and config.json. Rows that are no report are left
    out and counted, and the exit code is 3.
    """
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
        columns=_columns(id_column, text_columns, "", "", "", ""),
        resume=resume,
        overwrite=overwrite,
    )
    plan = job.plan(wanted)
    typer.echo(f"engine {plan.engine}: {plan.reason}")
    with terminal.progress() as progress:
        done = job.run(wanted, progress, plan)
    typer.echo(
        f"{len(done.vectors):,} words of width {done.vectors.width} in {out}: {done.texts:,} texts, "
        f"{done.tokens:,} words of text"
    )
    typer.echo(f"{done.rate:,.0f} words/s in {done.seconds:.1f} s, loss {done.loss:.4f}")
    for reason, count in done.left_out.most_common(job.REASONS):
        typer.echo(f"{count:>6} left out: {reason}", err=True)
    if done.left_out:
        raise typer.Exit(terminal.QUARANTINED)


@embed.command(epilog="Example: reportnlp embed neighbours vectors effusion 'lung nodule'")
def neighbours(vectors: Vectors, words: Terms, count: Count = 10) -> None:
    """Show the words nearest to each word, with their cosine."""
    from reportnlp.jobs import _vectors as job

    for word, found in job.neighbours(vectors, words, count=count):
        typer.echo(f"{word}:")
        for near in found:
            typer.echo(f"    {near.similarity:6.3f} {near.word}")


@embed.command(epilog="Example: reportnlp embed analogy vectors left right lower")
def analogy(vectors: Vectors, words: Terms, count: Count = 10) -> None:
    """A is to B as C is to what? Show the best answers."""
    from reportnlp.jobs import _vectors as job

    for near in job.analogy(vectors, words, count=count):
        typer.echo(f"{near.similarity:6.3f} {near.word}")


@embed.command("compare", epilog="Example: reportnlp embed compare vectors other_vectors --words 200")
def compare_vectors(
    first: Annotated[Path, typer.Argument(metavar="DIR_A", help="Folder of vectors, or a word2vec file.")],
    second: Annotated[Path, typer.Argument(metavar="DIR_B", help="Another.")],
    words: Annotated[int, typer.Option(min=3, help="Compare so many shared words.")] = 5000,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Neighbours of each word.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the pairs whose cosines are correlated.")] = 0,
) -> None:
    """Tell how alike two sets of vectors are: shared words, shared neighbours, correlation of cosines."""
    from reportnlp.jobs import _vectors as job

    for line in job.compared(job.compare(first, second, seed=seed, words=words, count=count)):
        typer.echo(line)


@embed.command(
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
    seed: Annotated[int, typer.Option(help="Seed of t-SNE.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Draw chosen words in the plane."""
    from reportnlp.jobs import _vectors as job

    wanted = job.PlotSettings(vectors, tuple(words), out, layout.value, count, seed, overwrite)
    typer.echo(f"{job.plot(wanted)} words in {out}")


@embed.command("test", epilog="Example: reportnlp embed test vectors")
def test_vectors(
    vectors: Vectors,
    items: Annotated[
        Path, typer.Option(help="Items of the test: a CSV of kind, question, answer, distractors.")
    ] = Path("corpora/embedding_tests/items.csv"),
) -> None:
    """Test how well vectors know the words of radiology.

    Synonyms, abbreviations, misspellings, pairs of laterality and severity, the odd one out.
    """
    from reportnlp.jobs import _vectors as job

    for line in job.scored(job.intrinsic(vectors, items)):
        typer.echo(line)


@embed.command("import", epilog="Example: reportnlp embed import vectors.txt -o imported")
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


@embed.command("export", epilog="Example: reportnlp embed export vectors -o vectors.bin")
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
