"""The command line: a file for each command or group of them, and the only place that prints.

A file has a `commands` to which its functions belong, small ones, and a name in `_PARTS`. Nothing heavy is
imported before a command needs it, so that `--help` comes at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from reportnlp import __version__, terminal
from reportnlp.cli import catalogue, corpora, embed, evaluate, images, label, serve, train, weak

_PARTS = (label, train, evaluate, weak, images, serve, catalogue, corpora, embed)
"""In the order of the help."""

app = typer.Typer(
    name="reportnlp",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _part in _PARTS:
    app.add_typer(_part.commands)


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

    Exit codes: 0 done, 1 a fault of the program, 2 bad usage or input, 3 done, but not all could
    be used: rows are quarantined, or a check found problems.
    """
