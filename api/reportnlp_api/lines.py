"""Lines for a file or stderr, written in a thread of their own: nobody waits for a disk, or for a reader."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

MOST = 10_000
"""Lines that may wait. There is no room for more: they are lost, and counted."""

LAG_S = 0.05
"""How long lines are gathered, so that a busy service does not change threads for each."""

RETRY_S = 1.0
"""After how long it is tried again where a write fails, as on a full disk."""

FLUSH_S = 2.0
"""How long the end waits for what is not written yet."""

STDERR = 2


class Lines:
    """Writes lines in their order.

    Args:
        path: file to append to, made for nobody else to read; None: stderr.
        gap: makes the line that stands where lines are missing, of their number.
        warn: is told why lines may get lost, once until all is well again. From any thread.
    """

    def __init__(
        self, path: Path | None, gap: Callable[[int], str], warn: Callable[[str], object] | None = None
    ) -> None:
        self._path = path
        self._gap = gap
        self._warn = warn
        self._file = STDERR
        self._waiting: deque[bytes] = deque()
        self._left = b""
        self._lost = self._told = 0
        self._is_well = True
        self._arrived, self._closing = Event(), Event()

    def open(self) -> None:
        """Begin to write."""
        if self._path is not None:
            self._file = _append_to(self._path)
        self._closing.clear()
        self._thread = Thread(target=self._serve, name="lines", daemon=True)
        self._thread.start()

    def write(self, line: str) -> bool:
        """Have a line written soon; False where there is no room for it. Never waits."""
        if len(self._waiting) >= MOST:
            self._lost += 1
            self._trouble("it is not read, or not written, as fast as lines come")
            return False
        self._waiting.append(f"{line}\n".encode())
        self._arrived.set()
        return True

    def close(self) -> int:
        """Write what waits, and end; how many lines could not be written within `FLUSH_S`."""
        self._closing.set()
        self._arrived.set()
        self._thread.join(FLUSH_S)
        unwritten = self._left.count(b"\n") + len(self._waiting)
        if self._path is not None and not self._thread.is_alive():
            os.close(self._file)
        return unwritten

    def _serve(self) -> None:
        while self._waiting or not self._closing.is_set():
            self._arrived.wait()
            self._closing.wait(LAG_S)
            self._arrived.clear()
            self._follow()
            self._left = self._take()
            while self._left:
                if not self._put() and self._closing.wait(RETRY_S):
                    return

    def _follow(self) -> None:
        """Go on in a new file where the old one was renamed or removed, as logrotate does."""
        if self._path is None:
            return
        with suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), os.fstat(self._file)):
                return
        with suppress(OSError):
            new = _append_to(self._path)
            os.close(self._file)
            self._file = new

    def _take(self) -> bytes:
        """All that waits, and a word on what there was no room for behind it."""
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        missing = self._lost - self._told
        if missing:
            self._told += missing
            lines.append(f"{self._gap(missing)}\n".encode())
        return b"".join(lines)

    def _put(self) -> bool:
        """Write what is left, or its beginning; whether that went."""
        try:
            self._left = self._left[os.write(self._file, self._left) :]
        except OSError as error:
            self._trouble(os.strerror(error.errno or 0))
            return False
        self._is_well = True
        return True

    def _trouble(self, why: str) -> None:
        if self._is_well and self._warn is not None:
            self._is_well = False
            self._warn(why)


def _append_to(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
