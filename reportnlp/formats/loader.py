"""From what the user names (files, folders, globs, an output) to the format that reads or writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import cast

from reportnlp.errors import InputError, OutputError, unknown_name
from reportnlp.formats._files import reason_of, walk
from reportnlp.formats.blocks import ReadOptions, Row
from reportnlp.registry import FORMATS
from reportnlp.types import Question

Source = tuple[ModuleType, Path]


def readers() -> dict[str, ModuleType]:
    """The formats that can be read, by name."""
    return {name: module for name in FORMATS.names() if hasattr(module := FORMATS.get(name), "read")}


def writers() -> dict[str, ModuleType]:
    """The formats that can be written, by name."""
    return {name: module for name in FORMATS.names() if hasattr(module := FORMATS.get(name), "write_shard")}


def read_reports(
    inputs: Sequence[str | Path],
    *,
    format: str | None = None,
    options: ReadOptions | None = None,
) -> Iterator[Row]:
    """Stream the reports of files, folders and globs: inputs in the given order, each one's files sorted.

    What can be seen before the work starts (a wrong path, an unknown format, a missing column in any of the
    files) is raised by the call itself, not in the middle of a run.

    Raises:
        InputError: an input is missing, of no known format, or cannot be read at all.
        UnknownNameError: no format is called `format`.
    """
    chosen = options or ReadOptions()
    sources = [source for given in inputs for source in _found(given, format)]
    if not sources:
        raise InputError("No input was given. Give a file, a folder or a glob of reports.")
    for reader, path in sources:
        _try_out(reader, path, chosen)
    return chain.from_iterable(reader.read(path, chosen) for reader, path in sources)


def writer_for(out: Path, format: str | None = None, *, can_be_named: bool = True) -> ModuleType:
    """The format of an output, by `format` or else by its suffix (the longest that fits).

    Args:
        out: the output.
        format: its name; None goes by the suffix.
        can_be_named: whether the command has `--out-format`, which the error then recommends.

    Raises:
        OutputError: no format is written under that suffix.
        UnknownNameError: no format that is written is called `format`.
    """
    if format is not None:
        return _named(format, writers(), "output format")
    formats = writers()
    suffixes = {s: name for name, module in formats.items() for s in _out_suffixes(module)}
    found = _longest(out.name, suffixes)
    if found is None:
        raise OutputError(
            f"Cannot tell what to write into '{out.name}'. Let its name end in one of: "
            f"{', '.join(suffixes)}"
            + (f"; or name it: --out-format {'|'.join(formats)}." if can_be_named else ".")
        )
    return formats[found]


def check_writer(writer: ModuleType, questions: Sequence[Question]) -> None:
    """Let the format refuse, before any work, a panel that it cannot hold.

    Raises:
        OutputError: says what the format needs.
    """
    if hasattr(writer, "check"):
        writer.check(questions)


def _named(name: str, formats: dict[str, ModuleType], kind: str) -> ModuleType:
    if name not in formats:
        raise unknown_name(kind, name, formats)
    return formats[name]


def _out_suffixes(writer: ModuleType) -> tuple[str, ...]:
    return cast(tuple[str, ...], getattr(writer, "OUT_SUFFIXES", writer.SUFFIXES))


def _longest(name: str, suffixes: Mapping[str, str]) -> str | None:
    """The format whose suffix is the longest that the name ends in; `suffixes` gives each one's format."""
    lowered = name.lower()
    hits = [suffix for suffix in suffixes if lowered.endswith(suffix)]
    return suffixes[max(hits, key=len)] if hits else None


def _in_suffixes() -> dict[str, str]:
    """Each suffix of a file that can be read, packed or not, with its format."""
    plain = {suffix: name for name, module in readers().items() for suffix in module.SUFFIXES}
    return {**{f"{suffix}.gz": name for suffix, name in plain.items()}, **plain}


def _shown_suffixes() -> str:
    return ", ".join(suffix for module in readers().values() for suffix in module.SUFFIXES)


def _try_out(reader: ModuleType, path: Path, options: ReadOptions) -> None:
    """Read the first row of a table, which finds its columns or raises."""
    if not reader.FOLDERS:
        with closing(reader.read(path, options)) as rows:
            next(rows, None)


def _found(given: str | Path, format: str | None) -> list[Source]:
    try:
        return _sources(given, format)
    except (
        OSError,
        ValueError,
    ) as error:  # a name too long, a folder that may not be listed, a glob like a**b
        told = reason_of(error) if isinstance(error, OSError) else "it is no valid file name or glob"
        raise InputError(f"Cannot look for the input '{str(given)[:200]}': {told}.") from error


def _sources(given: str | Path, format: str | None) -> list[Source]:
    reader = None if format is None else _named(format, readers(), "input format")
    path = Path(given)
    if path.is_dir():
        return _folder(path, reader)
    if path.exists():
        return [_file(path, reader)]
    matches = _matches(path)
    if not matches:
        raise InputError(f"There is no file or folder '{given}', and no file that it matches as a glob.")
    return [source for match in matches for source in _sources(match, format)]


def _matches(pattern: Path) -> list[Path]:
    """What a glob matches, sorted; hidden ones and what lies in a folder that matches too are left out."""
    root = Path(pattern.anchor or ".")
    found = {p for p in root.glob(str(pattern.relative_to(pattern.anchor))) if not p.name.startswith(".")}
    return sorted(path for path in found if found.isdisjoint(path.parents))


def _file(path: Path, reader: ModuleType | None) -> Source:
    if not path.is_file():
        raise InputError(
            f"'{path}' is a pipe or a device, and inputs are read more than once. "
            "Save it as a file, and give that."
        )
    if reader is not None:
        return reader, path
    found = _longest(path.name, _in_suffixes())
    if found is None:
        raise InputError(
            f"Cannot tell the format of '{path.name}'. Known suffixes, each also with .gz: "
            f"{_shown_suffixes()}; or name it: --format {'|'.join(readers())}."
        )
    return readers()[found], path


def _folder(folder: Path, reader: ModuleType | None) -> list[Source]:
    """One source where the format reads whole folders, else the folder's files of that format."""
    found = reader or _claimant(folder)
    if found is not None and found.FOLDERS:
        return [(found, folder)]
    formats, suffixes = readers(), _in_suffixes()
    named = ((path, _longest(path.name, suffixes)) for path in walk(folder))
    files = [(formats[name], path) for path, name in named if name is not None]
    return _of_one_kind(files if found is None else [f for f in files if f[0] is found], folder)


def _claimant(folder: Path) -> ModuleType | None:
    return next((m for m in readers().values() if hasattr(m, "claims") and m.claims(folder)), None)


def _of_one_kind(files: list[Source], folder: Path) -> list[Source]:
    kinds = {_key(reader): reader for reader, _ in files}
    if not kinds:
        raise InputError(f"The folder '{folder.name}' holds no file of: {_shown_suffixes()}, nor with .gz.")
    if len(kinds) > 1:
        raise InputError(
            f"The folder '{folder.name}' holds reports of several formats ({', '.join(sorted(kinds))}). "
            "Name one with --format, or give a glob."
        )
    (reader,) = kinds.values()
    return [(reader, folder)] if reader.FOLDERS else files


def _key(reader: ModuleType) -> str:
    return str(reader.__name__).rsplit(".", 1)[-1]
