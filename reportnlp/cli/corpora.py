"""`reportnlp corpora`: gold answers, generation, checks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reportnlp import terminal
from reportnlp.cli.options import (
    NotCoded,
    Overwrite,
    Processes,
    Resume,
)

commands = typer.Typer(
    name="corpora",
    help="Corpora: gold answers, generation, checks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@commands.command(epilog="Example: reportnlp corpora gold NLMCXR_reports.tgz --source openi_mesh -o gold.csv")
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


@commands.command(epilog="Example: reportnlp corpora generate --panel pe --count 200 --seed 1 -o generated")
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
    noise: Annotated[
        float, typer.Option(min=0, help="How often dictation and typing slip: 1 as usual, 0 never, 2 twice.")
    ] = 1.0,
    workers: Processes = 0,
    resume: Resume = False,
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
        noise=noise,
        workers=workers or usable_cores(),
        resume=resume,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        written = job.run(settings, progress)
    typer.echo(f"{written} reports in {out}")


@commands.command(epilog="Example: reportnlp corpora check corpora --floors corpora/floors.toml")
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
