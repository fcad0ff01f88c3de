"""Transfer learning: weights of another network, as far as both have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reportnlp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "model.safetensors"
PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".tar")
PASSING = frozenset({"module", "model", "network", "body", "backbone", "encoder", "net", "layers"})
"""Parts of names that say in what a layer lies and not which it is; torchvision's, MONAI's and ours differ in
these alone."""


class Loaded(NamedTuple):
    """What was taken over.

    Attributes:
        taken: tensors taken as they are, or with channels summed.
        summed: of those, first layers whose channels were summed, since images here have fewer.
        left: tensors of the network that kept their first values, its head among them.
        unused: tensors of the file that have no place here.
    """

    taken: int
    summed: int
    left: tuple[str, ...]
    unused: int

    def said(self, source: Path) -> str:
        """In words."""
        summed = f" ({self.summed} with its channels summed)" if self.summed else ""
        new = ", ".join(self.left[:4]) + (", ..." if len(self.left) > 4 else "")
        return (
            f"took {self.taken} tensors{summed} from {source.name}; {len(self.left)} begin anew"
            f"{f' ({new})' if new else ''}, {self.unused} of the file have no place here"
        )


def load_weights(model: nn.Module, given: Path) -> Loaded:
    """Take over weights: every tensor whose name and shape fit; the head fits only a like one.

    Names are compared without the parts that only say in what a layer lies, so files of torchvision,
    TorchXRayVision, MedicalNet and MONAI fit. A first layer for colour is summed over its channels: a grey
    image shown in all of them gives the same.

    Args:
        model: what takes.
        given: a safetensors file, or a folder with `model.safetensors`.

    Raises:
        InputError: it is not there, is pickled or damaged, or no tensor fits.
    """
    theirs = _read(_file(given))
    ours = dict(_tensors(model))
    found = {_plain(name): tensor for name, tensor in theirs.items()}
    taken, summed, used, left = 0, 0, set(), []
    for name, tensor in ours.items():
        their = found.get(_plain(name))
        fitting = None if their is None else _fitting(tensor, their)
        if their is None or fitting is None:
            left.append(name)
            continue
        tensor.copy_(fitting)
        taken, summed = taken + 1, summed + (their.shape != tensor.shape)
        used.add(_plain(name))
    # Counters of batches and the head alone are no network.
    if not any(".head." not in f".{name}" and name not in left and ours[name].ndim > 1 for name in ours):
        raise InputError(
            f"No layer of {given} fits this network: none has the name and the shape of one of its "
            f"{len(ours)}. Take weights of the same --model, with the same settings."
        )
    return Loaded(taken, summed, tuple(left), len(found) - len(used))


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            yield name, tensor


def _fitting(ours: Tensor, theirs: Tensor) -> Tensor | None:
    """Their tensor in our shape, None where it has none."""
    if theirs.shape == ours.shape:
        return theirs
    first = ours.ndim == theirs.ndim > 2 and ours.shape[1] == 1 and theirs.shape[1] == 3
    if first and ours.shape[0] == theirs.shape[0] and ours.shape[2:] == theirs.shape[2:]:
        return theirs.sum(dim=1, keepdim=True)
    return None


def _plain(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in PASSING)


def _file(given: Path) -> Path:
    file = given / WEIGHTS if given.is_dir() else given
    if file.suffix.lower() in PICKLES:
        raise InputError(
            f"{given} is a pickle, and reading one runs whatever code it holds. Where you trust it, turn it "
            'into safetensors: python -c "import torch, safetensors.torch as s; w = '
            "torch.load('IN.pth', weights_only=True); w = w.get('state_dict', w); "
            "s.save_file({k: v.clone().contiguous() for k, v in w.items()}, 'OUT.safetensors')\"."
        )
    if not file.is_file():
        raise InputError(f"There are no weights {file}. Give a .safetensors file, or a model folder.")
    return file


def _read(file: Path) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(str(file))
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file} is no whole safetensors file. Copy or convert it again.") from error
    counts = Counter(_plain(name) for name in tensors if not name.endswith("num_batches_tracked"))
    if twice := [name for name, n in counts.items() if n > 1]:
        raise InputError(
            f"{file} holds more than one layer called '{twice[0]}': it is more than one network. Give a file "
            "of one."
        )
    return {name: tensor for name, tensor in tensors.items() if _plain(name) in counts}
