"""`reportnlp images`: companion image models."""

from __future__ import annotations

import typer

from reportnlp.cli import image_labels, image_models

commands = typer.Typer(
    name="images",
    help="Images: labels out of their reports, and models trained on them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
commands.add_typer(image_labels.commands)
commands.add_typer(image_models.commands)
