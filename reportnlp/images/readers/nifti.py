"""NIfTI, packed or not: turned to lie as axial slices are shown, whichever way it was saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportnlp.errors import ImageError
from reportnlp.images.pixels import Image, Window, of_type
from reportnlp.images.readers.blocks import LARGEST, chosen, finite, needs, told

TITLE = "NIfTI volumes"
SUFFIXES = (".nii", ".nii.gz")


def read(path: Path, frame: int | None = None, window: Window | None = None) -> Image:
    """Read a volume, or one axial slice of it (`frame`, from the feet up).

    Values are those of the file after its own slope and intercept; a volume of one slice is an image.

    Raises:
        ImageError: it is no NIfTI, is damaged, holds NaN, colours, or a series of volumes.
    """
    with needs("Reading NIfTI"):
        import nibabel
    with told(path):
        volume = nibabel.load(path)
        _check(path, volume)
        volume = nibabel.funcs.as_closest_canonical(volume)
        values = np.asarray(volume.dataobj)
        spacing = tuple(float(size) for size in volume.header.get_zooms()[2::-1])
    turned = _turned(values)
    shown = chosen(path, finite(path, turned), frame)
    return Image(of_type(_signed(shown), window), spacing[-shown.ndim :])


def _check(path: Path, volume: Any) -> None:
    shape, kind = volume.shape, volume.get_data_dtype().kind
    if kind not in "iuf":
        raise ImageError(path, "it holds colours or complex numbers, not grey values")
    if len(shape) < 2 or any(size != 1 for size in shape[3:]):
        raise ImageError(path, "it is no single volume", f"Its axes are {shape}; save each volume by itself.")
    if np.prod(shape, dtype=np.float64) > LARGEST:
        raise ImageError(path, "it claims more values than a volume has")


def _turned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(x to the right, y to the front, z to the head) becomes (feet up, front to back, right to left)."""
    plain = values.reshape(values.shape[:3]) if values.ndim > 2 else values[..., None]
    lying = plain.transpose(2, 1, 0)[:, ::-1, ::-1]
    return lying[0] if len(lying) == 1 else lying


def _signed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As floats: how a volume was stored says nothing of what range its values have."""
    return values.astype(np.float32)


def plant(folder: Path) -> Path:
    """Lay out a small packed volume of signed whole numbers."""
    import nibabel

    path = folder / "planted.nii.gz"
    values = np.arange(6 * 8 * 5, dtype=np.int16).reshape(6, 8, 5) - 100
    nibabel.save(nibabel.Nifti1Image(values, np.diag([0.5, 0.75, 2.0, 1.0])), path)
    return path
