"""A model folder's `SHA256SUMS`: every file is held to it before it is believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reportnlp.errors import InputError, OutputError

SUMS, CONFIG = "SHA256SUMS", "config.json"
MEND = "Copy the folder again from where it was made, or train it again."


def check_sums(path: Path, needed: Sequence[str]) -> str:
    """Hold every file of a model folder to its sum; returns the digest (sha256, hex) of the sums.

    Args:
        path: the folder.
        needed: names that must be among the files.

    Raises:
        InputError: a file is not there, is not spoken of, or is not what was saved.
    """
    for name in (SUMS, *needed):
        if not (path / name).is_file():
            raise InputError(f"{path} has no {name}, so it is no whole model. {MEND}")
    listed = (path / SUMS).read_bytes()
    names = [_checked(path, line) for line in listed.decode("ascii", "replace").splitlines()]
    for name in needed:
        if name not in names:
            raise InputError(f"{path / SUMS} does not speak of {name}. {MEND}")
    return hashlib.sha256(listed).hexdigest()


def _checked(path: Path, line: str) -> str:
    """The name in a line, when its file is what the line says."""
    wanted, _, name = line.partition("  ")
    if not name or Path(name).name != name:
        raise InputError(f"{path / SUMS} is damaged. {MEND}")
    if not (path / name).is_file() or _sum(path / name) != wanted:
        raise InputError(f"{path / name} is not the file that the model was saved with. {MEND}")
    return name


def write_sums(path: Path) -> None:
    """Write `SHA256SUMS` over the folder's files, as `sha256sum` does.

    Raises:
        OutputError: no room, no permission.
    """
    names = sorted(file.name for file in path.iterdir() if file.is_file() and file.name != SUMS)
    lines = (f"{_sum(path / name)}  {name}\n" for name in names)
    try:
        (path / SUMS).write_text("".join(lines), encoding="ascii")
    except OSError as error:
        raise OutputError(f"{path / SUMS} cannot be written: {error.strerror}.") from error


def update_config(path: Path, values: Mapping[str, Any]) -> None:
    """Put values into a model folder's `config.json` and renew the sums."""
    config = {**json.loads((path / CONFIG).read_text("utf-8")), **values}
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
    (path / CONFIG).write_text(text + "\n", encoding="utf-8")
    write_sums(path)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
