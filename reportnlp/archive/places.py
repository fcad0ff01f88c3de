"""What may be written where: refusals before any work, so that nothing is lost or overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reportnlp.archive.disk import quarantine_file, work_folder
from reportnlp.archive.lock import LOCK
from reportnlp.archive.work import MANIFEST
from reportnlp.errors import OutputError


def refuse(out: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse what would lose earlier work or overwrite an earlier output.

    Raises:
        OutputError: says what is in the way, and which option allows it.
    """
    work = work_folder(out)
    refuse_folder(out)
    if not out.parent.is_dir():
        raise OutputError(f"Cannot write {out}: there is no folder {out.parent}. Make it first.")
    if work.exists() and not _is_ours(work):
        raise OutputError(f"{work} is in the way, and no work folder of this program. Move it elsewhere.")
    unfinished = (work / MANIFEST).exists()
    if unfinished and not (resume or overwrite):
        raise OutputError(
            f"Unfinished work lies in {work}. Continue it with --resume, or start again with --overwrite."
        )
    if not (overwrite or (resume and unfinished)):
        refuse_existing(out, resume=resume)


def refuse_folder(out: Path) -> None:
    """Refuse an output that is a folder.

    Raises:
        OutputError: it is one.
    """
    if out.is_dir():
        raise OutputError(f"{out} is a folder. Name a file to write, such as {out / 'labels.csv'}.")


def refuse_existing(out: Path, *, resume: bool = False) -> None:
    """Refuse to overwrite a table or a quarantine file.

    Raises:
        OutputError: one of them exists.
    """
    nothing = " There is no unfinished work to resume." if resume else ""
    for path in (out, quarantine_file(out)):
        if path.exists():
            raise OutputError(
                f"{path} exists already.{nothing} Choose another output file, or replace it with --overwrite."
            )


def refuse_among_inputs(out: Path, inputs: Sequence[str | Path]) -> None:
    """Refuse an output among the inputs: the next run would read it as one of them.

    Raises:
        OutputError: it lies in an input folder, or an input names it.
    """
    written = [path.resolve() for path in (out, quarantine_file(out))]
    for given in inputs:
        place = Path(given).resolve()
        inside = place.is_dir() and place in written[0].parents
        if inside or any(path == place or path.match(str(place)) for path in written):
            raise OutputError(
                f"{out} or its quarantine file would lie among the inputs ('{given}'). Write it elsewhere."
            )


def _is_ours(work: Path) -> bool:
    return work.is_dir() and ((work / LOCK).exists() or not any(work.iterdir()))
