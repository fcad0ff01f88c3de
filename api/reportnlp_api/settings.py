"""What the service is told: by environment variables `REPORTNLP_<NAME>`, or by keyword."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reportnlp import ReportNLPError

PREFIX = "REPORTNLP_"

ALIKE = 0.85
"""How like a setting's name a variable must be to be taken for a slip of the pen."""

LOG = logging.getLogger("reportnlp_api")

OTHERS = ("REPORTNLP_DEBUG", "REPORTNLP_SALT")
"""Variables of the command line."""

KUBERNETES = re.compile(r"REPORTNLP_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP)).*")

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names by which a browser on this machine reaches the loopback address."""


class SettingsError(ReportNLPError):
    """A setting that is unknown, out of range, or unsafe beside another."""


def _data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "reportnlp"


class Settings(BaseModel):
    """Settings of one service; `api/README.md` has the table.

    Attributes:
        host, port: where it listens.
        hosts: names and addresses it may be called by in the Host header, without a port, beside the
            loopback's own; empty where it listens elsewhere: any.
        panel, method: what labels where a request names none.
        panel_files: TOML files of panels that requests may name, beside the shipped ones.
        model_roots: folders whose subfolders are model folders that requests may name.
        keys_file: hashed keys; without one no key is asked for.
        without_keys: listen beyond loopback without keys.
        quota_per_minute: reports a key may send in a minute; 0: any number.
        audit_file: where the audit log goes, a JSON line each; None: stderr.
        max_body_bytes, max_report_chars, max_batch: limits of a request, of a report, and of reports in one.
        queue_tokens: how much may wait, in tokens; past it requests are refused.
        batch_tokens: how much is labelled together, in tokens.
        batch_wait_ms: how long a batch that is not full waits for more while a worker is idle.
        deadline_s: how long a request may take, at most and where it names no less.
        stuck_s: how long a worker may be at one batch before it is taken for stuck and replaced.
        drain_s: how long what is under way may take once the service is told to stop.
        workers: processes that label; 0: one per processor.
        loaded: panels and methods that a worker keeps loaded.
        data_dir: where jobs keep their data.
        jobs_url: SQLAlchemy URL of the jobs' database.
        job_roots: folders that hold the files which jobs may name.
        job_ttl_s: how long a finished job and its data are kept.
        job_max_bytes: limit of an uploaded archive.
        job_workers: processes of one job.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    hosts: tuple[str, ...] = ()
    panel: str = "pe"
    method: str = "auto"
    panel_files: tuple[Path, ...] = ()
    model_roots: tuple[Path, ...] = ()
    keys_file: Path | None = None
    without_keys: bool = False
    quota_per_minute: int = Field(default=0, ge=0)
    audit_file: Path | None = None
    max_body_bytes: int = Field(default=8 * 2**20, ge=1024)
    max_report_chars: int = Field(default=100_000, ge=1)
    max_batch: int = Field(default=256, ge=1)
    queue_tokens: int = Field(default=200_000, ge=1)
    batch_tokens: int = Field(default=8192, ge=1)
    batch_wait_ms: float = Field(default=0.0, ge=0)
    deadline_s: float = Field(default=30.0, gt=0)
    stuck_s: float = Field(default=60.0, gt=0)
    drain_s: float = Field(default=30.0, ge=0)
    workers: int = Field(default=0, ge=0)
    loaded: int = Field(default=8, ge=1)
    data_dir: Path = Field(default_factory=_data_dir)
    jobs_url: str = Field(default_factory=lambda given: f"sqlite:///{given['data_dir'] / 'jobs.sqlite'}")
    job_roots: tuple[Path, ...] = ()
    job_ttl_s: float = Field(default=7 * 86400.0, gt=0)
    job_max_bytes: int = Field(default=2**30, ge=1)
    job_workers: int = Field(default=1, ge=1)

    @field_validator("hosts", "panel_files", "model_roots", "job_roots", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """In the environment several are written as in PATH."""
        return tuple(filter(None, given.split(os.pathsep))) if isinstance(given, str) else given

    @property
    def is_local(self) -> bool:
        """Whether it listens on the loopback address alone."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """What the Host header may name, without a port; empty: anything.

        A page of another site can have its own name lead to this machine (DNS rebinding), and would then
        read what it likes of a service that asks for no key.
        """
        if not self.is_local and not self.hosts:
            return frozenset()
        return frozenset((*LOOPBACK, *self.hosts))

    @property
    def processes(self) -> int:
        """How many processes label."""
        return self.workers or len(os.sched_getaffinity(0))


def read_settings(environment: Mapping[str, str], **given: Any) -> Settings:
    """Settings out of the environment; what is given by keyword goes before, unless it is None.

    Raises:
        SettingsError: a variable that looks like a misspelt setting, or a value that is not allowed.
    """
    names = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
    given_here = {v: value for v, value in environment.items() if not _is_kubernetes(v, value)}
    for variable in given_here:
        if variable.startswith(PREFIX) and variable not in (*names, *OTHERS):
            _refuse_a_slip(variable, list(names))
            LOG.warning("The environment has %s, which is no setting of the service.", variable)
    values: dict[str, Any] = {name: given_here[v] for v, name in names.items() if given_here.get(v)}
    values.update({name: value for name, value in given.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_told(error)) from None


def _is_kubernetes(variable: str, value: str) -> bool:
    """Whether Kubernetes set it because a service is called reportnlp: REPORTNLP_PORT=tcp://10.0.0.1:8000."""
    return KUBERNETES.fullmatch(variable) is not None or value.startswith(("tcp://", "udp://"))


def _refuse_a_slip(variable: str, names: list[str]) -> None:
    """Refuse a variable that is spelt nearly as a setting, or by some of its words: REPORTNLP_KEYS."""
    words = _words(variable)
    near = get_close_matches(variable, names, n=1, cutoff=ALIKE)
    near += [name for name in names if words <= _words(name)]
    if near:
        raise SettingsError(f"The environment has {variable}, which is no setting. Did you mean {near[0]}?")


def _words(variable: str) -> set[str]:
    return {word.rstrip("S") for word in variable.removeprefix(PREFIX).split("_")}


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    rule = first["msg"].replace("Input should", "It should").partition(", unable")[0]
    return f"The setting {name} ({PREFIX}{name.upper()}) was given as {first['input']!r}. {rule}."
