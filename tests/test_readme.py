"""What the README says is run: its commands, its Python, its finding; its set-up lines are those of CI."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from reportnlp.registry import FORMATS
from tests.conftest import ROOT, Command

README = (ROOT / "README.md").read_text("utf-8")
SETUP = "python3 -m venv .venv && . .venv/bin/activate && "


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def shell_lines() -> list[str]:
    return [line for block in blocks("bash") for line in block.splitlines() if line]


def test_two_lines_set_up_everything() -> None:
    lines = [line.removeprefix(SETUP) for line in shell_lines() if "venv" in line]
    assert [line.split(" && ")[0] for line in lines] == [
        "pip install -e .",
        "pip install -c .ci/constraints.txt -e '.[dev]'",
    ]
    assert lines[0].endswith(" -o demo.csv")
    assert lines[1].endswith(" && pytest")


def test_every_command_works_in_the_order_of_the_page(desk: Path, reportnlp: Command) -> None:
    [finding] = blocks("toml")
    (desk / "gallstones.toml").write_text(finding, encoding="utf-8")
    commands = [line.split(" && ")[-1] for line in shell_lines()]
    commands = [command for command in commands if command.startswith("reportnlp ")]
    assert len(commands) >= 6
    for command in commands:
        outcome = reportnlp(*shlex.split(command)[1:])
        assert outcome.code == 0, f"{command}: {outcome.err}"
    written = {"demo.csv", "chest.parquet", "pe.jsonl", "scores.json", "gallstones.csv", "words.png"}
    written |= {"report.html", "against.html", "with_model.csv", "by_my_model.csv"}
    assert written <= {path.name for path in desk.iterdir()}


@pytest.mark.usefixtures("desk")
def test_every_python_block_runs(reportnlp: Command) -> None:
    assert blocks("python")
    [training] = [line for line in shell_lines() if line.startswith("reportnlp embed corpora")]
    assert reportnlp(*shlex.split(training)[1:]).code == 0  # the vectors that a block opens
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})


def test_paths_that_are_named_exist(root: Path) -> None:
    named = re.findall(r"`((?:reportnlp|tests|corpora)/[\w./]+)`", README)
    assert named
    assert [path for path in named if not (root / path).exists()] == []


def test_the_map_names_every_part(root: Path) -> None:
    [house] = [block for block in blocks("text") if block.startswith("reportnlp/")]
    parts = [path.name for path in (root / "reportnlp").iterdir() if not path.name.startswith(("_", "py."))]
    assert [part for part in parts if part not in house] == []


def test_every_suffix_that_is_written_is_named() -> None:
    suffixes = [
        format.SUFFIXES[0] for format in map(FORMATS.get, FORMATS.names()) if hasattr(format, "write_shard")
    ]
    assert [suffix for suffix in suffixes if f"`{suffix}`" not in README] == []
