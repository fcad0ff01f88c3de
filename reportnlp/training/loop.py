"""Training a model: early stopping, checkpoints to go on from, a log for TensorBoard, one device or more."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging import ERROR
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reportnlp.errors import MissingExtraError, TrainingError, unknown_name
from reportnlp.training._work import LOGS, Work
from reportnlp.training.history import Course, Epoch, History
from reportnlp.training.progress import Progress, Silent
from reportnlp.training.settings import Example, TrainSettings

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor, nn
    from transformers import PreTrainedModel, TrainingArguments

    from reportnlp.training._trainer import Task


def train(
    model: PreTrainedModel,
    training: Sequence[Example],
    validation: Sequence[Example],
    settings: TrainSettings,
    *,
    collate: Callable[[Sequence[Example]], dict[str, Tensor]],
    seed: int,
    work: Path,
    progress: Progress,
    resume: bool = False,
    prefer: Callable[[npt.NDArray[Any], npt.NDArray[Any]], float] | None = None,
    each: Callable[[int, Epoch], None] | None = None,
) -> History:
    """Train a model; it then holds the weights of its best epoch, in evaluation mode, where it came from.

    The same model, examples, settings and seed give the same weights, bit for bit on a CPU, however often
    the training was stopped and gone on with. Under torchrun every process calls this alike: the first one
    writes, and `batch_size` is what each sees at once.

    Args:
        model: its forward gives "loss" and "logits" when the batch has "labels".
        training: the examples to learn from. A sequence may bring `lengths` (of all examples) and `digest` (a
            fingerprint of its content, str), so that no example is read to know them, and `begin_epoch`,
            which hears the number of each epoch, from 0, before its examples are asked for.
        validation: those to choose the epoch by; may be empty, and then the last epoch is the best.
        settings: how to train.
        collate: makes a batch, tensors whose first axis are the examples.
        seed: of order and dropout.
        work: the folder for checkpoints and the log (`logs`); what an earlier training left there goes.
        progress: hears of it.
        resume: go on with what is in `work`, where there is something.
        prefer: (logits, labels) of all validation examples, in their order, to a score; the epoch of the
            highest is the best. Without it that is the one of the lowest validation loss.
        each: hears the number of each epoch, from 1, and how it went, when it is over and kept; what it
            raises ends the training.

    Raises:
        TrainingError: nothing to learn from, a loss that is no number, too little memory, a precision that
            the device lacks.
        ResumeError: the work is of another model, other settings or examples, or it is damaged.
        OutputError: no room, no permission.
        UnknownNameError: no parameter's name begins with one of `frozen`.
        MissingExtraError: the libraries for training are not installed.
    """
    if not training:
        raise TrainingError("There is no example to learn from. Give labelled reports or images.")
    try:
        import accelerate  # noqa: F401
        import tensorboardX  # noqa: F401

        from reportnlp.training._trainer import Task
    except ImportError as error:
        raise MissingExtraError("Training", "train") from error
    with _as_it_was(model), _quiet():
        task = Task(training, validation, collate, settings, _precision(settings), seed, prefer, each)
        _freeze(model, settings.frozen)
        return _run(model, task, work, progress, resume=resume)


def _run(model: PreTrainedModel, task: Task, folder: Path, progress: Progress, *, resume: bool) -> History:
    from reportnlp.training import _state
    from reportnlp.training._trainer import arguments

    args = arguments(task, folder, cpu=_on_cpu(task.settings))
    device, first = args.device, args.process_index == 0
    work = Work(folder, _made_of(model, task, processes=args.world_size))
    last = _last(work, args, resume=resume)
    course = Course(keep=task.settings.keep) if last is None else _state.read_course(last)
    _go(model, args, task, work, course, last, progress if first else Silent())
    best, mean = course.epochs[course.best].step, task.settings.average > 0
    if mean or best != course.epochs[-1].step or last is not None:
        _state.read_weights(work.checkpoints()[best], model, _state.MEAN if mean else _state.WEIGHTS)
    return course.history(device=_name(device), processes=args.world_size, precision=task.precision)


def _go(
    model: PreTrainedModel,
    args: TrainingArguments,
    task: Task,
    work: Work,
    course: Course,
    last: Path | None,
    progress: Progress,
) -> None:
    """Train from the last checkpoint, or from the beginning, to the end."""
    from reportnlp.training._log import Log
    from reportnlp.training._trainer import Loop

    settings = task.settings
    if len(course.epochs) >= settings.epochs or course.stale(settings.patience):
        return
    step = 0 if last is None else int(last.name.rpartition("-")[2])
    log = Log(work.folder / LOGS, step=step) if args.process_index == 0 else None
    try:
        loop = Loop(model, args, task, work, course, log, progress)
        progress.phase("training", settings.epochs * len(task.training) - course.examples, "examples")
        with _memory(settings):
            loop.train(resume_from_checkpoint=None if last is None else str(last))
    finally:
        if log is not None:
            log.close()


def _last(work: Work, args: TrainingArguments, *, resume: bool) -> Path | None:
    """The checkpoint to go on from, None to begin; the first process makes the folder ready for it."""
    there = resume and work.check()
    args.distributed_state.wait_for_everyone()
    if args.process_index == 0 and not there:
        work.begin()
    args.distributed_state.wait_for_everyone()
    return next(reversed(work.checkpoints().values()), None) if there else None


def _made_of(model: nn.Module, task: Task, *, processes: int) -> dict[str, Any]:
    from reportnlp.training._digest import examples_digest, model_digest

    return {
        **task.settings.binding(),
        "precision": task.precision,
        "seed": task.seed,
        "processes": processes,
        "training examples": examples_digest(task.training),
        "validation examples": examples_digest(task.validation),
        "model": model_digest(model),
        "best epoch by": "loss" if task.prefer is None else "score",
    }


def _on_cpu(settings: TrainSettings) -> bool:
    import torch

    return settings.device == "cpu" or not torch.accelerator.is_available()


def _precision(settings: TrainSettings) -> str:
    """What "auto" means here.

    Raises:
        TrainingError: the device cannot do what was asked for.
    """
    import torch

    cuda = not _on_cpu(settings) and torch.cuda.is_available()
    able = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    if settings.precision == "auto":
        return "bf16" if able else "float32"
    if (settings.precision == "fp16" and not cuda) or (settings.precision == "bf16" and cuda and not able):
        raise TrainingError(
            f"This device cannot train in {settings.precision}. Ask for precision auto or float32."
        )
    return settings.precision


def _name(device: Any) -> str:
    import torch

    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else str(device.type)


def _freeze(model: nn.Module, prefixes: Sequence[str]) -> None:
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            beginnings = {".".join(name.split(".")[:depth]) for name in names for depth in (1, 2)}
            raise unknown_name("parameter or group of parameters", prefix, beginnings)
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(prefixes)):
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise TrainingError(
            f"All parameters are frozen by {', '.join(prefixes)}: nothing can learn. Freeze less."
        )


@contextmanager
def _memory(settings: TrainSettings) -> Iterator[None]:
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"The device has too little memory for batches of {settings.batch_size}. Lower batch_size, and "
            f"raise accumulate (it was {settings.accumulate}) by as much: the steps stay the same."
        ) from error


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Give back what the library takes over: the process's chance, and all of the model but its weights."""
    import torch

    moving = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    device = next((parameter.device for parameter, _ in moving), torch.device("cpu"))
    own, config = model.__dict__, getattr(model, "config", None)
    names, cache = set(own), getattr(config, "__dict__", {}).get("use_cache")
    chance = random.getstate(), np.random.get_state()
    try:
        # The CPU's alone: to ask a CUDA device for its own would wake it up, and perhaps not the right one.
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(chance[0])
        np.random.set_state(chance[1])
        # In mixed precision one is a forward that stands before the model's own.
        for name in set(own) - names:
            del own[name]
        if config is not None and cache is None:
            config.__dict__.pop("use_cache", None)
        elif config is not None:
            config.use_cache = cache
        for parameter, moves in moving:
            parameter.requires_grad_(moves)
            parameter.grad = None
        model.to(device).eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's words to itself: this package tells how it goes."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity(ERROR)
    try:
        with warnings.catch_warnings():
            # A process that has threads makes batches in forked ones; they touch nothing but examples.
            warnings.filterwarnings("ignore", ".*use of fork\\(\\) may lead to deadlocks", DeprecationWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
