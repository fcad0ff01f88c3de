"""Which engine trains: what `--engine auto` picks, and why.

On processors numba comes before gensim because it read 2.2 to 3.5 times as many words per second of processor
time in alternating runs (skip-gram, 5 negatives, widths 100 and 300, 1 and 2 threads; gensim 4.4.0 by the
faster of its two feeds), with neighbours as like gensim's as those of another gensim seed are.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from reportnlp.errors import MissingExtraError, unknown_name
from reportnlp.registry import EMBEDDINGS

LIBRARIES = {"torch": "torch", "numba": "numba", "gensim": "gensim"}
"""The library that each engine is made of."""

AUTO = "auto"


def choose(method: str, config: Any = None) -> tuple[str, str]:
    """Pick an engine for this machine.

    Args:
        method: a registered embedding method.
        config: its settings; no engine of today is ruled out by them.

    Returns:
        The engine, and the reason in words.

    Raises:
        UnknownNameError: no method has that name.
        MissingExtraError: no library that trains is installed.
    """
    allowed: tuple[str, ...] = EMBEDDINGS.get(method).ENGINES
    if "torch" in allowed and _cuda():
        return "torch", "a CUDA device is at hand"
    if "numba" in allowed and _installed("numba"):
        return "numba", "no CUDA device is at hand, and on processors numba is the fastest"
    if "gensim" in allowed and _installed("gensim"):
        return "gensim", "no CUDA device is at hand, and numba, which is faster, is not installed"
    if "torch" in allowed and _installed("torch"):
        return "torch", "no CUDA device is at hand, and of the engines only torch is installed"
    raise MissingExtraError("Training word vectors", "train")


def engine(name: str, *, method: str, config: Any, allowed: tuple[str, ...]) -> str:
    """Check an engine's name and that it can run; `auto` chooses.

    Raises:
        UnknownNameError: no engine of the method has that name.
        MissingExtraError: its library is not installed.
    """
    if name == AUTO:
        return choose(method, config)[0]
    if name not in allowed:
        raise unknown_name("engine", name, (AUTO, *allowed))
    if not _installed(LIBRARIES[name]):
        raise MissingExtraError(f"Training word vectors with {name}", "train")
    return name


def trainer(name: str) -> ModuleType:
    """Import the module that holds an engine's word2vec and fastText.

    Raises:
        MissingExtraError: its library cannot be imported.
    """
    try:
        return import_module(f"reportnlp.embeddings._{name}")
    except ImportError as error:
        if (error.name or "").startswith("reportnlp"):
            raise
        raise MissingExtraError(f"Training word vectors with {name}", "train") from error


def _installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except (ImportError, ValueError):
        return False


def _cuda() -> bool:
    if not _installed("torch"):
        return False
    import torch

    return bool(torch.cuda.is_available())
