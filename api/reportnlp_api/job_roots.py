"""Which of the server's own files a job may name: those under the allowed roots, links followed first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from reportnlp_api.problems import Fault, ProblemError, invalid


def find_input(given: str, roots: Sequence[Path]) -> Path:
    """The file or folder that a path names; a relative one is looked for in each root.

    Raises:
        ProblemError: 403, it leads out of the roots; 422, there is nothing. Neither tells what is elsewhere.
    """
    if not roots:
        detail = "The service has no job roots, so jobs may name none of its files. Send the reports."
        raise ProblemError(403, "path-not-allowed", detail)
    inside = [place for root in roots if (place := _resolved(root / given)) and is_inside(place, roots)]
    if not inside:
        detail = "Jobs may name files and folders under the service's job roots only (--job-root)."
        raise ProblemError(403, "path-not-allowed", detail)
    there = [place for place in inside if _exists(place)]
    if not there:
        raise invalid([Fault(pointer="/path", detail="There is no such file or folder under the job roots.")])
    if not all(is_inside(path, roots) for path in files_of(there[0])):
        detail = "The folder leads out of the service's job roots by a symbolic link. Copy the files into it."
        raise ProblemError(403, "path-not-allowed", detail)
    return there[0]


def is_inside(path: Path, roots: Iterable[Path]) -> bool:
    """Whether a path lies under one of the roots, wherever its links lead."""
    place = _resolved(path)
    return place is not None and any(place.is_relative_to(root.resolve()) for root in roots)


def files_of(place: Path) -> Iterator[Path]:
    """A file itself, or all that is in a folder."""
    yield from sorted(place.rglob("*")) if place.is_dir() else (place,)


def digest_of(place: Path) -> str:
    """sha256 (hex) over path, and names, sizes and times of the files: not their bytes, which may be many."""
    digest = sha256(str(place).encode("utf-8", "surrogateescape"))
    for path in files_of(place):
        status = path.stat()
        digest.update(f"\n{path} {status.st_size} {status.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _resolved(path: Path) -> Path | None:
    """A path without links; None where they go in a circle, or it cannot be one."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _exists(path: Path) -> bool:
    try:
        return path.is_file() or path.is_dir()
    except OSError:
        return False
