"""Which labelling functions there are, in plain lines."""

from __future__ import annotations

from collections.abc import Iterator

from reportnlp.functions.loader import answers_alone, options_of
from reportnlp.registry import FUNCTIONS


def run(name: str = "") -> Iterator[str]:
    """Describe one function, by name, or every function.

    Raises:
        UnknownNameError: no function has that name.
    """
    for each in (name,) if name else FUNCTIONS.names():
        yield from _lines(each)


def _lines(name: str) -> Iterator[str]:
    module = FUNCTIONS.get(name)
    alone = " (a method of `reportnlp label` too)" if answers_alone(name) else ""
    yield f"{name}: {module.TITLE}{alone}"
    for key, field in options_of(module).model_fields.items():
        default = "needed" if field.is_required() else f"default {field.default!r}"
        yield f"    --option {name}.{key}=...  ({default})"
