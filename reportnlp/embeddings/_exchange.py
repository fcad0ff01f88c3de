"""Word2vec's text and binary files (Mikolov's program, 2013): how vectors go between programs.

Both begin with a line of two numbers, words and width. Text has a line for each word; binary has the word, a
space, the numbers as little-endian float32, and in most files a line end. Gzip is unpacked, and written where
the name ends in `.gz`.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reportnlp.embeddings.blocks import Matrix
from reportnlp.errors import InputError
from reportnlp.formats._files import BREAKS, GZIP_MAGIC, open_bytes, reason_of, source_name
from reportnlp.formats._writing import writing

LONGEST_WORD = 1 << 12
"""Bytes; a longer one means that the file is of another width than its header says."""

NUMBER = 40
"""Bytes of a text's line that a number may take."""

PIECE = 1 << 18
"""Bytes that are read together."""

_WRITTEN_OUT = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf|NaN|Inf|NAN|INF)")

Pairs = Iterator[tuple[bytes, Matrix]]


def read(path: Path, binary: bool | None = None) -> tuple[tuple[str, ...], Matrix]:
    """The words and the (words, width) float32 matrix of a file; of a word that comes twice the first counts.

    Args:
        path: the file, packed or not.
        binary: which of the two it is; None: the first bytes behind the header tell.

    Raises:
        InputError: no header, a line of another width, a number that is none, or an early end.
    """
    name = source_name(path)
    try:
        with open_bytes(path) as stream:
            count, width = _header(stream, name)
            _refuse_short(path, count, width, name)
            records, is_binary = _records(stream, count, width, name, binary)
            return _collected(records, count, width, name, is_binary)
    except BREAKS as error:
        raise InputError(f"{name} cannot be read to its end: {reason_of(error)}.") from error


def write(path: Path, words: Sequence[str], matrix: Matrix, *, binary: bool) -> None:
    """Write a file, which the caller names when it is whole.

    Raises:
        InputError: a word with a space or line end in it, which the format cannot hold.
        OutputError: no room, no permission.
    """
    bad = next((place for place, word in enumerate(words) if re.search(r"\s", word) or not word), None)
    if bad is not None:
        raise InputError(f"Word {bad} has a space in it or is empty, which word2vec's format cannot hold.")
    line = _binary_line if binary else _text_line
    with writing(path) as file, _packing(file, path) as stream:
        stream.write(f"{len(words)} {matrix.shape[1]}\n".encode())
        for word, row in zip(words, matrix, strict=True):
            stream.write(line(word, row))


@contextmanager
def _packing(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    if ".gz" not in path.suffixes:
        yield file
        return
    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        yield packed  # type: ignore[misc]


def _text_line(word: str, row: Matrix) -> bytes:
    # The shortest decimals that are this very float32.
    return f"{word} {' '.join(map(str, row))}\n".encode()


def _binary_line(word: str, row: Matrix) -> bytes:
    return word.encode() + b" " + row.astype("<f4").tobytes() + b"\n"


def _header(stream: BinaryIO, name: str) -> tuple[int, int]:
    line = stream.readline(LONGEST_WORD)
    numbers = re.fullmatch(rb"\s*(\d{1,12})\s+(\d{1,6})\s*", line)
    count, width = map(int, numbers.groups()) if numbers else (0, 0)
    if not (count and width):
        hint = " A file of GloVe has none: add it." if len(line.split()) > 2 else ""
        raise InputError(
            f"{name} does not begin with a line of two numbers, words and width, so it is no file of "
            f"word2vec's.{hint}"
        )
    return count, width


def _refuse_short(path: Path, count: int, width: int, name: str) -> None:
    """Before memory is taken for what a damaged header promises. Each number has two bytes at least."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
        size = file.seek(0, os.SEEK_END)
    # Packed files shrink, by deflate a thousandfold at most.
    if size * (1032 if packed else 1) < count * width * 2:
        raise InputError(
            f"{name} is too short for the {count} words of width {width} that its first line tells of. "
            "Is it cut short?"
        )


def _records(stream: BinaryIO, count: int, width: int, name: str, binary: bool | None) -> tuple[Pairs, bool]:
    """The words with their numbers, and whether the file is binary."""
    reader = _Reader(stream)
    if binary is None:
        binary = not _is_text(reader.peek(LONGEST_WORD + width * NUMBER), width)
    parse = _binary if binary else _text
    return parse(reader, count, width, name), binary


def _is_text(head: bytes, width: int) -> bool:
    """Does the first line end in numbers that are written out?"""
    behind = head.partition(b"\n")[0].split()[1:]
    return bool(behind) and all(_WRITTEN_OUT.fullmatch(number) for number in behind[-min(width, 3) :])


class _Reader:
    """A stream read in large pieces, and given out in small ones."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""
        self._at = 0

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read."""
        while len(self._buffer) - self._at < size and (more := self._stream.read(max(size, PIECE))):
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
        return self._buffer[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        piece = self.peek(size)
        self._at += len(piece)
        return piece

    def until(self, end: bytes, limit: int) -> bytes:
        """All up to and with the next `end`; without it at the end of the stream or the limit."""
        found = self._buffer.find(end, self._at, self._at + limit)
        if found < 0:
            place = self.peek(limit).find(end)
            return self.take(limit if place < 0 else place + 1)
        piece = self._buffer[self._at : found + 1]
        self._at = found + 1
        return piece


def _text(reader: _Reader, count: int, width: int, name: str) -> Pairs:
    limit = LONGEST_WORD + width * NUMBER
    for number in range(2, count + 2):
        line = reader.until(b"\n", limit)
        if not line.strip():
            raise _ended(name, number - 2, count)
        # A word may hold spaces; the numbers are the last of the line.
        parts = line.rstrip().rsplit(b" ", width)
        try:
            row = np.array(parts[1:], dtype="S").astype(np.float32) if len(parts) == width + 1 else None
        except ValueError:
            row = None
        if row is None or _ends_in_number(parts[0]):
            raise InputError(
                f"{name}, line {number}: not a word and {width} numbers, as its first line says."
            )
        yield parts[0], row


def _ends_in_number(word: bytes) -> bool:
    """Does a word of several parts end in a number, as where a line is wider than the header says?"""
    parts = word.split()
    return len(parts) > 1 and _WRITTEN_OUT.fullmatch(parts[-1]) is not None


def _binary(reader: _Reader, count: int, width: int, name: str) -> Pairs:
    for number in range(count):
        word = reader.until(b" ", LONGEST_WORD)
        numbers = reader.take(4 * width)
        if not word.endswith(b" ") or len(numbers) < 4 * width:
            raise _ended(name, number, count)
        yield word[:-1].lstrip(b"\n"), np.frombuffer(numbers, "<f4").astype(np.float32)
    if reader.take(2).strip():
        raise InputError(
            f"{name} goes on behind its {count} words of width {width}: its first line is wrong, "
            "or it is no binary file."
        )


def _ended(name: str, number: int, count: int) -> InputError:
    return InputError(
        f"{name} ends after {number} of the {count} words that its first line tells of, or is of another "
        "width. Is it whole?"
    )


def _collected(
    records: Pairs, count: int, width: int, name: str, binary: bool
) -> tuple[tuple[str, ...], Matrix]:
    matrix: Matrix = np.empty((count, width), np.float32)
    words: dict[str, None] = {}
    for number, (word, row) in enumerate(records, start=1):
        if not np.isfinite(row).all():
            where = "of another width than its first line says" if binary else "damaged"
            raise InputError(f"{name}: word {number} has a number that is none; the file is {where}.")
        text = word.decode("utf-8", "replace")
        if text not in words:
            matrix[len(words)] = row
            words[text] = None
    return tuple(words), matrix[: len(words)]
