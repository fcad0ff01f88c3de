"""A training's state in files that are safe to read: tensors as safetensors, the rest as JSON, no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn

from reportnlp.errors import ResumeError
from reportnlp.training.history import Course

WEIGHTS, MEAN, OPTIMIZER, REST, COURSE = (
    "model.safetensors",
    "mean.safetensors",
    "optimizer.safetensors",
    "optimizer.json",
    "course.json",
)


def write_weights(folder: Path, model: nn.Module, name: str = WEIGHTS) -> None:
    """Write a model's parameters and buffers."""
    save_model(model, str(folder / name))


def read_weights(folder: Path, model: nn.Module, name: str = WEIGHTS) -> None:
    """Put written weights into a model.

    Raises:
        ResumeError: the file is damaged, or of another model.
    """
    try:
        load_model(model, str(folder / name))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise _damaged(folder) from error


def write_optimizer(folder: Path, optimizer: Any, scheduler: Any, scaler: Any) -> None:
    """Write how far optimizer, schedule and (in fp16) loss scaler are.

    Args:
        folder: where to.
        optimizer: has a `state_dict`, as the other two.
        scheduler: the schedule of its learning rate.
        scaler: None but in fp16.
    """
    tensors: dict[str, torch.Tensor] = {}
    numbers: dict[str, Any] = {}
    state = optimizer.state_dict()
    for place, values in state["state"].items():
        for name, value in values.items():
            kept = tensors if isinstance(value, torch.Tensor) else numbers
            kept[f"{place}.{name}"] = value
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / OPTIMIZER)
    rest = {
        "state": numbers,
        "groups": state["param_groups"],
        "scheduler": scheduler.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    (folder / REST).write_text(json.dumps(rest, indent=1), encoding="utf-8")


def read_optimizer(folder: Path, optimizer: Any, scheduler: Any) -> None:
    """Put what `write_optimizer` wrote back into optimizer and schedule.

    Raises:
        ResumeError: the files are damaged.
    """
    rest = _json(folder / REST)
    try:
        state: dict[int, dict[str, Any]] = {}
        for name, value in {**load_file(folder / OPTIMIZER), **rest["state"]}.items():
            place, _, part = name.partition(".")
            state.setdefault(int(place), {})[part] = value
        groups = zip(rest["groups"], optimizer.state_dict()["param_groups"], strict=True)
        optimizer.load_state_dict({"state": state, "param_groups": [_like(*pair) for pair in groups]})
        scheduler.load_state_dict(rest["scheduler"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise _damaged(folder) from error


def read_scaler(folder: Path, scaler: Any) -> None:
    """Put what `write_optimizer` wrote back into the loss scaler; None has nothing to know.

    Raises:
        ResumeError: the file is damaged.
    """
    kept = _json(folder / REST).get("scaler")
    if scaler is not None and kept is not None:
        scaler.load_state_dict(kept)


def write_course(folder: Path, course: Course) -> None:
    """Write how far the training is."""
    (folder / COURSE).write_text(json.dumps(course.as_dict(), indent=1), encoding="utf-8")


def read_course(folder: Path) -> Course:
    """Read how far the training is.

    Raises:
        ResumeError: the file is damaged.
    """
    try:
        return Course.from_dict(_json(folder / COURSE))
    except (KeyError, TypeError) as error:
        raise _damaged(folder) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise _damaged(path.parent)
    return value


def _like(read: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """A group as it was: JSON made lists of its tuples."""
    return {k: tuple(v) if isinstance(now.get(k), tuple) else v for k, v in read.items()}


def _damaged(folder: Path) -> ResumeError:
    return ResumeError(f"The checkpoint {folder} is damaged. Remove it, or start again with --overwrite.")
