"""What every job over an archive of reports is told: what to read, where to write, and how much at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from reportnlp.archive.runner import SHARD_SIZE
from reportnlp.errors import InvalidDefinitionError
from reportnlp.formats.blocks import ReadOptions


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """What to read, and where to.

    Attributes:
        inputs: files, folders or globs of reports.
        out: what to make.
        panel: a panel's name, or the path of a TOML file.
        format_in: the input format; None: by suffix or folder.
        read_options: input columns.
        workers: processes; 0 is one per usable core. The output does not depend on it.
        shard_size: rows per unit of work; a kill loses no more than one a worker.
        resume: go on with unfinished work, where there is any.
        overwrite: replace `out`, and throw away unfinished work unless it is resumed.

    Raises:
        InvalidDefinitionError: a number below what it can be.
    """

    inputs: Sequence[str | Path]
    out: Path
    panel: str = ""
    _: KW_ONLY
    format_in: str | None = None
    read_options: ReadOptions = field(default_factory=ReadOptions)
    workers: int = 0
    shard_size: int = SHARD_SIZE
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.workers < 0 or self.shard_size < 1:
            raise InvalidDefinitionError(
                f"workers is {self.workers} and shard_size {self.shard_size}; they must be at least 0 "
                "(all cores) and 1."
            )
