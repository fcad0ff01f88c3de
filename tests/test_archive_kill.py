"""A run killed anywhere is resumed to the same bytes. The moments are counted in steps, not in seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reportnlp.archive.counts import Counts
from reportnlp.archive.disk import quarantine_file, work_folder
from reportnlp.archive.runner import run
from reportnlp.errors import OutputError
from tests.test_archive_standins import AT, MIXED, SIGNAL, job, placed

STEPS = ("mkdir", "open", "fsync", "replace", "unlink", "rmdir")
COUNTS = Counts(read=11, labelled=5, quarantined=4, duplicates=2)


def _run_and_die(out: Path, at_step: int) -> int:
    """Run in a forked process that is killed before its n-th step on the disk; its status."""
    with warnings.catch_warnings():
        # Python 3.12 and later warn of forks beside threads; the child touches none of numpy's.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            _count_steps(at_step)
            run(job(out), placed(MIXED))
        finally:
            os._exit(0 if out.exists() else 1)
    return os.waitpid(child, 0)[1]


def _count_steps(at_step: int) -> None:
    left = at_step

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def before(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*args, **options)

        return before

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def test_a_kill_before_any_step_on_the_disk_is_mended_by_resume(tmp_path: Path) -> None:
    whole = tmp_path / "whole.lines"
    run(job(whole), placed(MIXED))
    step, killed = 0, True
    while killed:
        step += 1
        out = tmp_path / f"killed{step}.lines"
        status = _run_and_die(out, step)
        killed = os.WIFSIGNALED(status)
        if killed and not _is_over(out):
            assert run(job(out, resume=True), placed(MIXED)) == COUNTS
        assert out.read_bytes() == whole.read_bytes()
        assert quarantine_file(out).read_bytes() == quarantine_file(whole).read_bytes()
        assert _is_over(out)
    assert step > 40


def _is_over(out: Path) -> bool:
    """Nothing is left to resume: the program says so itself."""
    if not out.exists() or (work_folder(out) / "manifest.json").exists():
        return False
    with pytest.raises(OutputError, match="no unfinished work"):
        run(job(out, resume=True), placed(MIXED))
    return True


SCRIPT = """
import sys
from pathlib import Path
from reportnlp.archive.runner import run
from reportnlp.errors import OutputError
from tests.test_archive_standins import MIXED, job, placed

if __name__ == "__main__":
    try:
        run(job(Path(sys.argv[1]), workers=2, size=1, resume=True), placed(MIXED))
    except OutputError as error:
        sys.exit(str(error))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_of_processes_is_mended_by_resume(
    tmp_path: Path, number: signal.Signals
) -> None:
    script, out, whole = tmp_path / "script.py", tmp_path / "table.lines", tmp_path / "whole.lines"
    script.write_text(SCRIPT)
    run(job(whole), placed(MIXED))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, str(script), str(out)]
    sent = {**environment, SIGNAL: str(int(number)), AT: "group"}
    ended = subprocess.run(
        command, env=sent, start_new_session=True, check=False, capture_output=True, text=True
    )
    assert ended.returncode == (-number if number == signal.SIGKILL else 1)
    assert len(ended.stderr.splitlines()) == (0 if number == signal.SIGKILL else 1)
    assert not out.exists()
    subprocess.run(command, env=environment, check=True)
    assert out.read_bytes() == whole.read_bytes()
