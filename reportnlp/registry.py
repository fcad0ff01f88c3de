"""Families of entries found by file name: putting the file in the folder registers it.

An entry is imported only when asked for. Other packages add entries through an entry point group named
after the family (`reportnlp.formats`), or, for data families, a group whose entry points name a package
that holds the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from reportnlp.errors import unknown_name

NOT_ENTRIES = ("blocks", "loader", "schema")
"""Modules of a family's folder that serve its entries and are none themselves."""


@dataclass(frozen=True)
class Registry:
    """One family of code entries.

    Attributes:
        kind: what an entry is called in messages ("format").
        family: the folder under `reportnlp`, with dots for slashes, and the rest of the entry point group.
    """

    kind: str
    family: str

    @property
    def group(self) -> str:
        """The entry point group through which other packages add entries."""
        return f"reportnlp.{self.family}"

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    @cached_property
    def _own(self) -> tuple[str, ...]:
        folder = Path(__file__).parent.joinpath(*self.family.split("."))
        stems = (path.stem for path in folder.glob("*.py"))
        return tuple(s for s in stems if not s.startswith("_") and s not in NOT_ENTRIES)

    def names(self) -> tuple[str, ...]:
        """Every entry's name, sorted; nothing is imported."""
        return tuple(sorted({*self._own, *self._plugins}))

    def get(self, name: str) -> ModuleType:
        """Import and return one entry.

        Raises:
            UnknownNameError: no entry has that name; the message guesses the nearest.
        """
        if name in self._own:
            return import_module(f"reportnlp.{self.family}.{name}")
        if name in self._plugins:
            module: ModuleType = self._plugins[name].load()
            return module
        raise unknown_name(self.kind, name, self.names())


FORMATS = Registry("format", "formats")
FUNCTIONS = Registry("labelling function", "functions")
GENERATORS = Registry("generator", "generators")
LABELMODELS = Registry("label model", "labelmodels")
GOLDS = Registry("source of gold answers", "golds")
EMBEDDINGS = Registry("embedding method", "embeddings")
CLASSIFIERS = Registry("architecture", "classifiers")
IMAGE_MODELS = Registry("image model", "images.models")
IMAGE_READERS = Registry("image reader", "images.readers")
