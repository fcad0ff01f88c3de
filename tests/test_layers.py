"""The tiers hold, and the contract that says so would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(command), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{folder / 'api'}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    shutil.copy(root / "pyproject.toml", tmp_path)
    for package in ("reportnlp", "api/reportnlp_api"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_tiers_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


def test_an_upward_import_is_noticed(copy: Path) -> None:
    (copy / "reportnlp" / "text" / "upward.py").write_text("import reportnlp.jobs.evaluate\n")
    result = lint(copy)
    assert result.returncode == 1
    assert "reportnlp.text.upward" in result.stdout


def test_an_import_across_one_tier_is_noticed(copy: Path) -> None:
    (copy / "reportnlp" / "text" / "sideways.py").write_text("import reportnlp.formats\n")
    assert "reportnlp.text.sideways" in lint(copy).stdout


def test_a_module_in_no_tier_is_noticed(copy: Path) -> None:
    (copy / "reportnlp" / "somewhere.py").write_text("")
    result = lint(copy)
    assert result.returncode == 1
    assert "somewhere" in result.stdout


def test_an_inner_import_of_the_service_is_noticed(copy: Path) -> None:
    (copy / "api" / "reportnlp_api" / "inner.py").write_text("import reportnlp.labeler\n")
    result = lint(copy)
    assert result.returncode == 1
    assert "reportnlp_api.inner" in result.stdout
