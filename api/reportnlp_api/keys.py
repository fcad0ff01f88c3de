"""API keys: made at random, kept as hashes.

A key is 256 random bits, so nobody can guess it from its SHA-256, however fast that is computed; a slow hash
(scrypt) protects passwords, which people choose, and would let anybody who sends wrong keys keep the service
busy. Hashes are compared in constant time.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from reportnlp import ReportNLPError

LOG = logging.getLogger("reportnlp_api")

PREFIX = "rnlp_"
"""Before a key, so that scanners for leaked secrets can know one."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

LOOK_EVERY = 1.0
"""Seconds between looks at the file: a key that was revoked is refused from then on."""


class KeysError(ReportNLPError):
    """A keys file that cannot be used, or a name that it does not have, or has already."""


class Entry(BaseModel):
    """One key: whose, its hash, and when it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str
    created: str


class KeysFile(BaseModel):
    """All keys, as they are on disk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[Entry, ...] = ()


def digest(key: str) -> str:
    """What is kept of a key."""
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> KeysFile:
    """Read a keys file.

    Raises:
        KeysError: it cannot be read, or is none.
    """
    try:
        return KeysFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise KeysError(
            f"The keys file {path} cannot be read: {error.strerror}. "
            f"Make a key: reportnlp serve keys add NAME --file {path}."
        ) from None
    except ValidationError:
        raise KeysError(
            f"{path} is no keys file. Move it away, and make a new one: "
            f"reportnlp serve keys add NAME --file {path}."
        ) from None


def add(path: Path, name: str) -> str:
    """Make a key, and return it: nobody can show it again.

    Raises:
        KeysError: the name is taken or not allowed, or the file cannot be used.
    """
    if not NAME.fullmatch(name):
        raise KeysError(f"A key cannot be called '{name}'. Use up to 64 letters, digits, '.', '_' and '-'.")
    known = read(path).keys if path.exists() else ()
    if any(entry.name == name for entry in known):
        raise KeysError(f"There is a key '{name}' already. Revoke it first, or choose another name.")
    key = PREFIX + secrets.token_urlsafe(32)
    made = Entry(name=name, sha256=digest(key), created=datetime.now(UTC).isoformat(timespec="seconds"))
    _write(path, (*known, made))
    return key


def revoke(path: Path, name: str) -> None:
    """Take a key out.

    Raises:
        KeysError: there is none of that name, or the file cannot be used.
    """
    known = read(path).keys
    if all(entry.name != name for entry in known):
        names = ", ".join(entry.name for entry in known) or "none"
        raise KeysError(f"There is no key '{name}'. There are: {names}.")
    _write(path, tuple(entry for entry in known if entry.name != name))


def _write(path: Path, entries: tuple[Entry, ...]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    body = json.dumps({"keys": [entry.model_dump() for entry in entries]}, indent=2) + "\n"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise KeysError(f"The keys file {path} cannot be written: {error.strerror}.") from None


class Keys:
    """The keys of a file, which is looked at again when it changes. Where it cannot be read, no key is known.

    Args:
        path: the file.
        clock: seconds, monotonic.

    Raises:
        KeysError: it cannot be read now.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._mark = self._now()
        self._known = read(path).keys
        self._looked = clock()

    def owner(self, key: str) -> str | None:
        """The name of the key; None where it is not known."""
        if self._clock() - self._looked >= LOOK_EVERY:
            self._look()
        given = digest(key)
        found = [entry.name for entry in self._known if hmac.compare_digest(entry.sha256, given)]
        return found[0] if found else None

    def _look(self) -> None:
        self._looked = self._clock()
        mark = self._now()
        if mark != self._mark:
            self._mark = mark
            try:
                self._known = read(self._path).keys
            except KeysError as error:
                self._known = ()
                LOG.error("No key is known until it is mended. %s", error)

    def _now(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino
