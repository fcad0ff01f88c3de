"""Which functions vote, with which options: named, found, and built for a panel."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from reportnlp import config
from reportnlp.errors import InputError, InvalidDefinitionError, unknown_name
from reportnlp.findings.schema import Panel
from reportnlp.functions.blocks import Options, Voter
from reportnlp.registry import FUNCTIONS

SUFFIX = ".py"
ALL = "reportnlp weak functions. A file of your own is named by its path: mine.py"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A function that is to vote; travels to a process.

    Attributes:
        name: what its votes are called; its own, unless it was given another.
        entry: its name in the registry; "" for a file of the user's own.
        file: that file.
        options: names and values, as they were given.
    """

    name: str
    entry: str
    file: Path | None = None
    options: tuple[tuple[str, str], ...] = ()

    @property
    def origin(self) -> str:
        """The version of an entry, or the digest of a file."""
        if self.file is None:
            return f"{self.entry}-{version('reportnlp')}"
        return f"{self.file.name}-{sha256(self.file.read_bytes()).hexdigest()[:12]}"

    @property
    def told(self) -> dict[str, Any]:
        """What it is, for `meta.json`."""
        return {"origin": self.origin, "options": dict(self.options)}


@dataclass(frozen=True, slots=True)
class Voice:
    """A function that is ready to vote.

    Attributes:
        name: what its votes are called.
        voter: it.
        identity: what it is, so that a resumed job can tell whether it is still the same.
        source: the code of a file of the user's own.
    """

    name: str
    voter: Voter
    identity: str
    source: str = ""


def answers_alone(name: str) -> bool:
    """Whether an entry labels by itself, as a method of `reportnlp label`: its `Function` can be called."""
    return "__call__" in dir(getattr(FUNCTIONS.get(name), "Function", None))


def joins(chosen: Chosen) -> bool:
    """Whether a function is an entry that looks reports up in a table."""
    return bool(chosen.entry) and hasattr(getattr(FUNCTIONS.get(chosen.entry), "Function", None), "joined")


def needs(name: str) -> tuple[str, ...]:
    """The options without which an entry cannot vote."""
    options = options_of(FUNCTIONS.get(name))
    return tuple(key for key, field in options.model_fields.items() if field.is_required())


def choose(names: Sequence[str], files: Sequence[Path], options: Iterable[str]) -> tuple[Chosen, ...]:
    """Who votes.

    Args:
        names: entries, each as `name` or `alias=name` (two classifiers need two names), and files of the
            user's own, by a path that ends in .py; none: all entries that need no option, and those whose
            options are given.
        files: more files of the user's own. A file is called by its stem, or by its alias; `names` may have
            that too.
        options: `name.key=value`, where `name` is what the function is called.

    Raises:
        UnknownNameError: no function or option has that name.
        InvalidDefinitionError: an option that is no `name.key=value`, or two functions of one name.
    """
    given = list(_given(options))
    own = {path.stem for path in files}
    asked = [_named(name) for name in names if name.strip() not in own]
    if not names:
        asked = [Chosen(name, name) for name in _usual({name for name, _, _ in given})]
    chosen = [*asked, *(Chosen(path.stem, "", path) for path in files)]
    called = [one.name for one in chosen]
    for name in called:
        if called.count(name) > 1:
            raise InvalidDefinitionError(
                f"Two functions are called '{name}'. Call one otherwise: --functions other={name}."
            )
    for name, _, _ in given:
        if name not in called:
            raise unknown_name("function that votes here", name, called)
    return tuple(replace(c, options=tuple((k, v) for n, k, v in given if n == c.name)) for c in chosen)


def _usual(given: set[str]) -> list[str]:
    return [name for name in FUNCTIONS.names() if name in given or not needs(name)]


def _named(asked: str) -> Chosen:
    name, _, entry = asked.strip().partition("=")
    entry = entry or name
    file = Path(entry) if entry.endswith(SUFFIX) else None
    if file is None and entry not in FUNCTIONS.names():
        raise unknown_name("labelling function", entry, FUNCTIONS.names(), see=ALL)
    if file is not None and name == entry:
        name = file.stem
    if not name or ":" in name:
        raise InvalidDefinitionError(f"A function cannot be called '{name}'. Leave ':' out of its name.")
    return Chosen(name, entry) if file is None else Chosen(name, "", file)


def _given(options: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for option in options:
        where, equals, value = option.partition("=")
        name, dot, key = where.partition(".")
        if not (equals and dot and name and key):
            # What was given is not shown: it may be a key or a password.
            raise InvalidDefinitionError(
                "An option is no name.key=value. Give one such as classifier.model=MODEL_DIR."
            )
        yield name, key, value


def build(chosen: Sequence[Chosen], panel: Panel) -> tuple[Voice, ...]:
    """Make the functions ready.

    Raises:
        UnknownNameError: an option has a name that its function does not know.
        InvalidDefinitionError: an option is missing or wrong, or a file holds no function.
        InputError: a file that a function needs cannot be read.
    """
    return tuple(_built(one, panel) for one in chosen)


def _built(chosen: Chosen, panel: Panel) -> Voice:
    module = FUNCTIONS.get(chosen.entry) if chosen.file is None else load_file(chosen.file)
    options = config.check(
        options_of(module), dict(chosen.options), where=f"the options of the function '{chosen.name}'"
    )
    voter = _voter(module, panel, options, chosen.file)
    own = getattr(voter, "identity", "")
    source = "" if chosen.file is None else chosen.file.read_text("utf-8", errors="replace")
    return Voice(chosen.name, voter, " ".join(filter(None, (chosen.origin, str(options), own))), source)


def _voter(module: ModuleType, panel: Panel, options: Options, file: Path | None) -> Voter:
    if hasattr(module, "Function"):
        made = module.Function(panel, options) if hasattr(module, "Options") else module.Function(panel)
    elif hasattr(module, "vote"):
        made = module
    else:
        made = None
    if not callable(getattr(made, "vote", None)):
        raise InvalidDefinitionError(
            f"{file or module.__name__} holds no labelling function. It needs `def vote(report)`, or a class "
            "`Function(panel)` with `vote(self, report)`; both give a dictionary of question to answer."
        )
    return cast(Voter, made)


def options_of(module: ModuleType) -> type[Options]:
    """The model of an entry's options; one without any refuses every name."""
    found: type[Options] = getattr(module, "Options", Options)
    return found


def load_file(path: Path) -> ModuleType:
    """Import a file of the user's own.

    Raises:
        InputError: it is not there, or cannot be imported; the message has the line.
    """
    if not path.is_file():
        raise InputError(
            f"There is no file {path}. Give the path of a Python file with a labelling function."
        )
    spec = importlib.util.spec_from_file_location(f"reportnlp_function_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file. Give one that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickles look for it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{path} cannot be imported: {_told(error, path)}. Mend it.") from error
    return module


def _told(error: Exception, path: Path) -> str:
    """An error's kind, its line in the file and, where it is Python's own word of the code, the reason."""
    line = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None and line is None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == str(path) else None
        trace = trace.tb_next
    reason = error.msg if isinstance(error, SyntaxError | ModuleNotFoundError) else ""
    told = f"{type(error).__name__}" + (f" at line {line}" if line else "")
    return f"{told}: {reason}" if reason else told
