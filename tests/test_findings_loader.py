"""What is wrong with a finding or panel file is told with the file's name, what was given, and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportnlp.errors import ReportNLPError
from reportnlp.findings import load_finding, load_panel

HEAD = 'title = "Stones"\ndefinition = "Stones."\nphrases = ["stone"]\n'
CASE = '[[cases]]\ntext = "A stone."\npresence = "present"\n'
PLACE = '[attributes.size]\nanswers = ["small", "unspecified"]\n'

BAD_FINDINGS = {
    HEAD: r"^stones\.toml has no worked case\. Add at least one \[\[cases\]\]",
    HEAD
    + CASE.replace('"present"', '"presnt"'): r"'cases\.1\.presence' was given as 'presnt'\. It should be",
    HEAD + '[[cases]]\npresence = "absent"\n': r"^stones\.toml: 'cases\.1\.text' is missing, and is required",
    HEAD + CASE + 'side = "left"\n': r"^stones\.toml: case 1 has 'side', but the finding has no attributes",
    HEAD + PLACE + CASE + 'side = "left"\n': r"in case 1 of stones\.toml, is called 'side'.*Allowed: size",
    HEAD + PLACE + CASE + 'size = "smal"\n': r"in case 1 of stones\.toml, is called 'smal'.*'small'",
    HEAD + "attributes = 3\n" + CASE: r"^stones\.toml: 'attributes' was given as 3\.",
    HEAD + "phrase = []\n" + CASE: r"key of stones\.toml is called 'phrase'.*'phrases'",
}


@pytest.mark.parametrize("content", BAD_FINDINGS)
def test_a_bad_finding(content: str, tmp_path: Path) -> None:
    path = tmp_path / "stones.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ReportNLPError, match=BAD_FINDINGS[content]):
        load_finding(path)


BAD_PANELS = {
    'findings = ["pnuemothorax"]': r"^mine\.toml lists the finding 'pnuemothorax'.*mean 'pneumothorax'",
    'findings = ["gone.toml"]': r"^mine\.toml lists the finding 'gone\.toml': There is no file",
    'findings = ["pneumothorax"]\nattributes = {mass = []}': r"finding of mine\.toml.*'mass'.*pneumothorax",
}


@pytest.mark.parametrize("content", BAD_PANELS)
def test_a_bad_panel(content: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "Mine"\ndefinition = "Mine."\n{content}\n', encoding="utf-8")
    with pytest.raises(ReportNLPError, match=BAD_PANELS[content]):
        load_panel(path)
