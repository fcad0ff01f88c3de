"""Columns of numbers that go into an evaluation, checked; and scipy, which counts with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InputError, MissingExtraError

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def numbers(name: str, values: npt.ArrayLike, *, low: float = -np.inf, high: float = np.inf) -> Values:
    """(n,) as float64, n at least 1, each finite and within bounds.

    Raises:
        InputError: it is not.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise InputError(
            f"{name} has the shape {array.shape}; it must be (n,), n at least 1. Give one row each."
        )
    wrong = ~(np.isfinite(array) & (array >= low) & (array <= high))
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(
            f"{name}[{first}] is {array[first]} ({wrong.sum()} such); allowed are finite numbers from "
            f"{low:g} to {high:g}. Mend those, or leave their rows out."
        )
    return array


def truths(name: str, values: npt.ArrayLike) -> Mask:
    """(n,) as bool, n at least 1.

    Raises:
        InputError: it has values besides 0 and 1, or another shape.
    """
    array = numbers(name, values)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(
            f"{name}[{first}] is {array[first]} ({wrong.sum()} such); allowed are 0 and 1. Mend those."
        )
    return np.asarray(array == 1)


def same_length(**arrays: npt.NDArray[Any]) -> None:
    """Refuse arrays of unequal lengths.

    Raises:
        InputError: they are.
    """
    if len({len(array) for array in arrays.values()}) > 1:
        told = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise InputError(f"The lengths differ: {told}. Give one value per row in each.")


def both_classes(truth: Mask, purpose: str) -> None:
    """Refuse a truth of one class.

    Raises:
        InputError: all of it is 1, or all of it is 0.
    """
    if truth.all() or not truth.any():
        raise InputError(
            f"{purpose} needs reports of both classes; all {len(truth)} are {int(truth[0])}. "
            "Give reports of the other, too."
        )


def load_scipy() -> Any:
    """Scipy, imported here because it is an extra; its parts load when they are named.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import scipy
    except ImportError as error:
        raise MissingExtraError("Evaluation", "evaluate") from error
    return scipy
