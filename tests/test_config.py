"""TOML is read and checked with messages that name the file, the place and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from reportnlp.config import check, read_toml
from reportnlp.errors import InputError, InvalidDefinitionError, ReportNLPError, UnknownNameError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    codes: tuple[Inner, ...] = ()


def test_a_table_becomes_a_model(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('title = "a"\n[[codes]]\ncode = "b"\n', encoding="utf-8")
    settings = check(Settings, read_toml(path), where="s.toml")
    assert settings == Settings(title="a", codes=(Inner(code="b"),))


@pytest.mark.parametrize(
    ("table", "kind", "message"),
    [
        ({"titel": "a"}, UnknownNameError, r"key of s\.toml is called 'titel'\. Did you mean 'title'"),
        ({}, InvalidDefinitionError, r"s\.toml: 'title' is missing, and is required\. Add it"),
        ({"title": 3}, InvalidDefinitionError, "'title' was given as 3. It should be a valid string"),
        (
            {"title": "a", "codes": [{"code": "b", "kode": ""}]},
            InvalidDefinitionError,
            "no key 'codes.1.kode'",
        ),
    ],
)
def test_what_a_table_may_not_say(table: dict[str, object], kind: type[ReportNLPError], message: str) -> None:
    with pytest.raises(kind, match=message):
        check(Settings, table, where="s.toml")


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (None, InputError, "There is no file"),
        (b'title = "\xff"', InputError, "not UTF-8 at byte 9"),
        (b"title\n", InvalidDefinitionError, "line 1"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, content: bytes | None, kind: type[ReportNLPError], message: str
) -> None:
    path = tmp_path / "s.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind, match=message):
        read_toml(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Is a directory"):
        read_toml(tmp_path)
