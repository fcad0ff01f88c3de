"""Fingerprints of examples and of a model: is this what the stopped training was made of?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from reportnlp.errors import TrainingError
from reportnlp.training.settings import Example


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def examples_digest(examples: Sequence[Example]) -> str:
    """The sequence's own `digest`, if it has one; else one of all that the examples hold.

    Raises:
        TrainingError: they hold something whose content is not known here.
    """
    known = getattr(examples, "digest", None)
    if isinstance(known, str):
        return known
    state = blake2b(digest_size=16)
    for example in examples:
        _feed(state, example)
    return state.hexdigest()


def model_digest(model: nn.Module) -> str:
    """One of the weights a model begins with and of its settings."""
    state = blake2b(digest_size=16)
    config = getattr(model, "config", None)
    if config is not None:
        settings = {k: v for k, v in config.to_dict().items() if k != "transformers_version"}
        state.update(json.dumps(settings, sort_keys=True, default=str).encode())
    _feed(state, dict(model.state_dict()))
    return state.hexdigest()


def _feed(state: _Hash, value: Any) -> None:
    """Take a value in, with its kind and size, so that no two values read alike."""
    if isinstance(value, torch.Tensor):
        _feed_bytes(state, f"{value.dtype}{tuple(value.shape)}", _raw(value))
    elif isinstance(value, np.ndarray) and value.dtype != object:
        _feed_bytes(state, f"{value.dtype}{value.shape}", np.ascontiguousarray(value).tobytes())
    elif isinstance(value, str | bytes):
        _feed_bytes(state, type(value).__name__, value.encode() if isinstance(value, str) else value)
    elif isinstance(value, bool | int | float | np.generic | None):
        _feed_bytes(state, type(value).__name__, repr(value).encode())
    elif isinstance(value, Mapping):
        state.update(f"m{len(value)};".encode())
        for name in sorted(value):
            _feed(state, name)
            _feed(state, value[name])
    elif isinstance(value, Sequence):
        state.update(f"s{len(value)};".encode())
        for part in value:
            _feed(state, part)
    else:
        raise TrainingError(
            f"An example holds a {type(value).__name__}, which has no fingerprint. Use arrays, numbers and "
            "texts, or give the sequence of examples a `digest` of its own."
        )


def _feed_bytes(state: _Hash, kind: str, content: bytes) -> None:
    state.update(f"{kind}:{len(content)};".encode())
    state.update(content)


def _raw(tensor: torch.Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    # bf16 has no numpy type.
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
