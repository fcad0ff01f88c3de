"""Settings and definitions out of TOML: read, then checked against a pydantic model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reportnlp.errors import InputError, InvalidDefinitionError, unknown_name

Model = TypeVar("Model", bound=BaseModel)

SHOWN = 60
"""Characters of a wrong value that a message shows."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file.

    Raises:
        InputError: the file is not there, cannot be read, or is not UTF-8.
        InvalidDefinitionError: it is no TOML; the message has the line.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {path}. Give the path of a TOML file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidDefinitionError(f"{path} is not valid TOML: {error}.") from None


def package_toml(folder: str, name: str) -> dict[str, Any]:
    """Read a TOML file that the package ships, by folder and file name."""
    return read_toml(Path(__file__).parent / folder / name)


def check(model: type[Model], table: Mapping[str, Any], *, where: str) -> Model:
    """Make a model out of one TOML table.

    Args:
        model: a model that forbids unknown keys.
        table: keys and values as read.
        where: what the reader is told the table is ("panel.toml").

    Raises:
        UnknownNameError: a key the model does not have; the message guesses the nearest.
        InvalidDefinitionError: a key is missing, a value is of the wrong kind, or a nested key is unknown.
    """
    for key in table:
        if key not in model.model_fields:
            raise unknown_name(f"key of {where}", key, model.model_fields)
    try:
        return model.model_validate(dict(table))
    except ValidationError as error:
        raise InvalidDefinitionError(f"{where}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    """What is wrong, and the mend; things in a list are counted from 1."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
    said = _said(first["input"])
    if first["type"] == "missing":
        return f"'{place}' is missing, and is required. Add it."
    if first["type"] == "extra_forbidden":
        return f"there is no key '{place}'. Remove it, or mend its spelling."
    return f"'{place}' was given as {said}. {first['msg'].replace('Input should', 'It should')}."


def _said(value: object) -> str:
    """A short value as it was given; a long one may be a text."""
    shown = repr(value)
    return shown if len(shown) <= SHOWN else f"a {type(value).__name__}"
