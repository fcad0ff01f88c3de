"""Opening, decoding and walking files, with errors that hold no path of the machine and no text."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from reportnlp.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
BREAKS = (EOFError, zlib.error, OSError)
"""What reading raises where a compressed file is cut short or damaged, or a disk fails."""

CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""Characters that may not stand in an id or a name: they break a line of a log, or cannot be written."""


def source_name(path: Path, root: Path | None = None) -> str:
    """The file's name (below `root`, its path there) in characters that can always be written."""
    name = (path.name or str(path)) if root is None else path.relative_to(root).as_posix()
    return CONTROLS.sub("\ufffd", name)


def reason_of(error: BaseException) -> str:
    """The operating system's words for an error, without the path that `str(error)` would show."""
    told = error.strerror if isinstance(error, OSError) else None
    return told or "it is cut short or damaged"


def _is_packed(path: Path, head: bytes) -> bool:
    """Told by the first bytes; a file that is only called gzip is refused."""
    if not head.startswith(GZIP_MAGIC) and path.name.lower().endswith((".gz", ".tgz")):
        raise gzip.BadGzipFile(0, "its name says gzip, but it is not; unpack or rename it")
    return head.startswith(GZIP_MAGIC)


def _unopened(path: Path, error: OSError) -> InputError:
    return InputError(f"Cannot open '{source_name(path)}': {reason_of(error)}.")


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked when it is gzip.

    Raises:
        InputError: the file cannot be opened.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise _unopened(path, error) from error
    with stream:
        try:
            packed = _is_packed(path, stream.peek(2)[:2])
        except OSError as error:
            raise _unopened(path, error) from error
        if packed:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                # No second buffer: filling one would lose the rows just before the point of a break.
                yield cast(BinaryIO, unpacked)
        else:
            yield stream


def read_whole(path: Path) -> bytes:
    """The bytes of a small file, unpacked when gzip.

    Raises:
        OSError, EOFError, zlib.error: see `BREAKS`.
    """
    data = path.read_bytes()
    return gzip.decompress(data) if _is_packed(path, data[:2]) else data


def decoded(data: bytes) -> str:
    """The text of UTF-8 bytes, without a leading byte order mark.

    Raises:
        ValueError: the bytes are something else; the message holds no text.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = (
            "UTF-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else f"not UTF-8 from byte {error.start}"
        )
        raise ValueError(f"the text is {kind}; save it as UTF-8") from None


def walk(folder: Path) -> Iterator[Path]:
    """Every file under a folder, sorted by name level by level; links are followed, hidden ones left out.

    Raises:
        InputError: a folder may not be listed.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"Cannot list the folder '{source_name(folder)}': {reason_of(error)}.") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not _leads_back(entry):
                yield from walk(Path(entry.path))
        elif entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists()):
            # A link to nowhere too: reading it fails with a reason, leaving it out would be silent.
            yield Path(entry.path)


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """Is it a link to a folder that it lies in?"""
    path = Path(entry.path)
    return entry.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def base_name(path: Path, suffixes: Sequence[str]) -> str:
    """The file's name without `.gz` and without the suffix, or "" when it has none of the suffixes."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return next((name[: -len(s)] for s in suffixes if name.lower().endswith(s)), "")
