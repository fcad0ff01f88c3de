"""The service and its keys. The service itself is the package `reportnlp_api`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportnlp.errors import MissingExtraError

if TYPE_CHECKING:
    from reportnlp_api.settings import Settings


def settings(**given: Any) -> Settings:
    """Settings by environment variables, and by what is given and not None.

    Raises:
        MissingExtraError: FastAPI is not installed.
        SettingsError: a setting that is unknown or not allowed.
    """
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtraError("The service", "api") from None
    from reportnlp_api.settings import read_settings

    return read_settings(os.environ, **given)


def run(chosen: Settings, told: Callable[[str], object]) -> None:
    """Serve until told to stop; `told` is given the address.

    Raises:
        SettingsError: the settings contradict what is there, or the address cannot be had.
    """
    from reportnlp_api import server

    server.run(chosen, told)


def check(chosen: Settings) -> Iterator[str]:
    """What would be served, in plain lines.

    Raises:
        SettingsError: the settings contradict one another or what is there.
    """
    from reportnlp_api import create_app, server

    catalogue = create_app(chosen).state.catalogue
    yield f"address: {server.address(chosen, chosen.port)}"
    yield f"keys: {chosen.keys_file or 'none are asked for'}"
    yield f"hosts: {', '.join(sorted(chosen.allowed_hosts)) or 'any'}"
    yield f"data folder: {chosen.data_dir}"
    yield f"job roots: {', '.join(map(str, chosen.job_roots)) or 'none'}"
    yield f"audit log: {chosen.audit_file or 'stderr'}"
    yield f"quota: {chosen.quota_per_minute or 'no limit'} (reports a key and minute)"
    yield f"processes that label: {chosen.processes}"
    yield f"default: {catalogue.default.name} for {catalogue.default.panel}"
    for method in catalogue.methods.values():
        kind = "model" if method.is_model else "rules"
        yield f"- {method.name} for {method.panel}: {kind}, digest {method.digest[:12]}"
    for reason in catalogue.skipped:
        yield f"skipped: {reason}"


def add_key(file: Path, name: str) -> str:
    """Make a key and return it; only its hash is kept.

    Raises:
        KeysError: the name is taken, or the file cannot be used.
    """
    from reportnlp_api import keys

    return keys.add(file, name)


def list_keys(file: Path) -> Iterator[str]:
    """Name and date of every key.

    Raises:
        KeysError: the file cannot be read.
    """
    from reportnlp_api import keys

    for entry in keys.read(file).keys:
        yield f"{entry.name}, made {entry.created}"


def revoke_key(file: Path, name: str) -> None:
    """Take a key out; running services refuse it within a second or two.

    Raises:
        KeysError: there is none of that name, or the file cannot be used.
    """
    from reportnlp_api import keys

    keys.revoke(file, name)
