"""Files that are whole or not there: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any

from reportnlp.errors import OutputError

TEMPORARY = ".tmp"


def work_folder(out: Path) -> Path:
    """The folder beside `out` that holds the work until it is whole."""
    return out.with_name(f"{out.name}.parts")


def quarantine_file(out: Path) -> Path:
    """The file beside `out` that names the rows that were not labelled."""
    return out.with_name(f"{out.name}.quarantine.jsonl")


def cannot_write(out: Path, error: Exception) -> OutputError:
    """The error for a disk that refused: what happened, and how to go on."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    kept = (
        f" Finished work is kept in {work_folder(out)}: mend that, and run the same command with --resume."
        if work_folder(out).exists()
        else " Mend that, or choose another output file."
    )
    return OutputError(f"Cannot write {out}: {why}.{kept}")


def temporary(path: Path) -> Path:
    """Where a process writes `path` until it is whole; no two processes share the name."""
    return path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")


def sync(path: Path) -> None:
    """Make a file or a folder's list of names safe against a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(written: Path, path: Path) -> None:
    """Give a written temporary file its final name; the folder is still to be synced."""
    sync(written)
    written.replace(path)


def put_json(path: Path, value: dict[str, Any]) -> None:
    """Write a small JSON file that is whole or not there."""
    draft = temporary(path)
    draft.write_text(json.dumps(value), encoding="utf-8")
    put(draft, path)
    sync(path.parent)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read what `put_json` wrote; None when it is not there or damaged (then it counts as not done)."""
    with suppress(FileNotFoundError, ValueError):
        value = json.loads(path.read_text(encoding="utf-8"))
        return value if isinstance(value, dict) else None
    return None


def digest(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as handle:
        return file_digest(handle, lambda: blake2b(digest_size=16)).hexdigest()
