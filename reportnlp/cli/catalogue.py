"""What there is: `reportnlp findings`, `panels`, `doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

commands = typer.Typer(rich_markup_mode=None)


@commands.command(epilog="Example: reportnlp findings pneumothorax")
def findings(
    name: Annotated[str, typer.Argument(help="A finding, or the path of a TOML file, to show in full.")] = "",
) -> None:
    """List what can be labelled and how it is defined."""
    from reportnlp.jobs import findings as job

    for line in job.run(name):
        typer.echo(line)


@commands.command(epilog="Example: reportnlp panels chest_xray")
def panels(
    name: Annotated[str, typer.Argument(help="A panel, or the path of a TOML file, to show alone.")] = "",
) -> None:
    """List which findings are labelled together."""
    from reportnlp.jobs import panels as job

    for line in job.run(name):
        typer.echo(line)


@commands.command(epilog="Example: reportnlp doctor --json")
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
