"""Tables that a generator draws from, out of a private TOML file beside the file of its words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from reportnlp.config import check, package_toml
from reportnlp.errors import unknown_name


class Strict(BaseModel):
    """A table that cannot be changed, and has no key but those it is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Table = TypeVar("Table", bound=Strict)


def read(model: type[Table], file: str) -> Table:
    """Read one private TOML file of the generators.

    Raises:
        UnknownNameError: a key that the model does not have.
        InvalidDefinitionError: a key is missing, or a value is of the wrong kind.
    """
    return check(model, package_toml("generators", file), where=file)


def refuse_unknown(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse the first name that is not among those known.

    Raises:
        UnknownNameError: there is such a name; the message guesses the nearest.
    """
    allowed = list(known)
    for name in names:
        if name not in allowed:
            raise unknown_name(kind, name, allowed)
