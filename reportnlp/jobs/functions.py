"""Which labelling functions there are, in plain lines."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from reportnlp.functions.blocks import Options
from reportnlp.functions.loader import answers_alone, options_of
from reportnlp.registry import FUNCTIONS

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
"""A line below `Attributes:` in a docstring, with those that go on with it."""


def run(name: str = "") -> Iterator[str]:
    """List every function with its options, or say all of one: what its options do, and what its file holds.

    Raises:
        UnknownNameError: no function has that name.
    """
    for each in (name,) if name else FUNCTIONS.names():
        yield from _lines(each, in_full=bool(name))


def _lines(name: str, *, in_full: bool) -> Iterator[str]:
    module = FUNCTIONS.get(name)
    alone = " (a method of `reportnlp label` too)" if answers_alone(name) else ""
    yield f"{name}: {module.TITLE}{alone}"
    options = options_of(module)
    told = described(options)
    for key, field in options.model_fields.items():
        default = "needed" if field.is_required() else f"default {field.default!r}"
        yield f"    --option {name}.{key}={_allowed(field.annotation)}  ({default})"
        if in_full and key in told:
            yield f"        {told[key]}"
    if in_full:
        yield from _more(module)


def described(options: type[Options]) -> Mapping[str, str]:
    """What each option does, out of the docstring of their class."""
    _, _, attributes = inspect.cleandoc(options.__doc__ or "").partition("Attributes:\n")
    return {key: " ".join(words.split()) for key, words in _ATTRIBUTE.findall(attributes)}


def _allowed(kind: Any) -> str:
    """The values that an option may have."""
    if kind is bool:
        return "true|false"
    return "|".join(get_args(kind)) if get_origin(kind) is Literal else "..."


def _more(module: ModuleType) -> Iterator[str]:
    """What a function's file says of it beyond its first paragraph."""
    _, _, more = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
    if more:
        yield ""
        yield from (f"    {line}".rstrip() for line in more.splitlines())
