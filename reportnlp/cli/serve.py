"""`reportnlp serve`: the API and its page, and the keys that open it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer(
    name="serve",
    invoke_without_command=True,
    rich_markup_mode=None,
    epilog="Example: reportnlp serve --port 8080 --check",
)
keys = typer.Typer(name="keys", help="API keys: made, listed, revoked.", no_args_is_help=True)
commands.add_typer(keys)

KeysFile = Annotated[
    Path, typer.Option("--file", envvar="REPORTNLP_KEYS_FILE", help="File of hashed keys; made if need be.")
]
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Who the key is for.")]


@commands.callback()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen at; else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; else 8000. 0 is any that is free.")] = None,
    panel: Annotated[str | None, typer.Option(help="Panel where a request names none; else pe.")] = None,
    method: Annotated[str | None, typer.Option(help="Method where a request names none; else auto.")] = None,
    panels: Annotated[
        list[Path] | None, typer.Option("--panel-file", help="TOML file of a panel of your own; repeatable.")
    ] = None,
    models: Annotated[
        list[Path] | None, typer.Option("--models", help="Folder of model folders; repeat for more.")
    ] = None,
    keys_file: Annotated[Path | None, typer.Option("--keys", help="File of hashed keys.")] = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Ask for no key, though other machines can reach it.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that label; 0 is one per processor.")
    ] = None,
    audit: Annotated[Path | None, typer.Option(help="File of the audit log; else stderr.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for the data of jobs.")] = None,
    job_roots: Annotated[
        list[Path] | None, typer.Option("--job-root", help="Folder of files that jobs may name; repeatable.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Show what would be served, and end.")] = False,
) -> None:
    """Serve the API and its page, on this machine unless told otherwise.

    Every setting of api/README.md can be given as an environment variable too: REPORTNLP_PORT=8080.
    """
    if context.invoked_subcommand:
        return
    from reportnlp.jobs import serve as job

    settings = job.settings(
        host=host,
        port=port,
        panel=panel,
        method=method,
        panel_files=tuple(panels) if panels else None,
        model_roots=tuple(models) if models else None,
        keys_file=keys_file,
        without_keys=without_keys or None,
        workers=workers,
        audit_file=audit,
        data_dir=data,
        job_roots=tuple(job_roots) if job_roots else None,
    )
    if check:
        for line in job.check(settings):
            typer.echo(line)
        return
    job.run(settings, lambda address: typer.echo(f"reportnlp: serving at {address}"))


@keys.command("add", epilog="Example: reportnlp serve keys add research --file keys.json")
def add_key(name: KeyName, file: KeysFile) -> None:
    """Make a key, and show it this once: only its hash is kept."""
    from reportnlp.jobs import serve as job

    typer.echo(job.add_key(file, name))


@keys.command("list", epilog="Example: reportnlp serve keys list --file keys.json")
def list_keys(file: KeysFile) -> None:
    """List the keys by name."""
    from reportnlp.jobs import serve as job

    for line in job.list_keys(file):
        typer.echo(line)


@keys.command("revoke", epilog="Example: reportnlp serve keys revoke intern --file keys.json")
def revoke_key(name: KeyName, file: KeysFile) -> None:
    """Revoke a key: running services refuse it from the next second on."""
    from reportnlp.jobs import serve as job

    job.revoke_key(file, name)
    typer.echo(f"revoked {name}")
