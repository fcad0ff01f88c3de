"""A DICOM series with a file a slice, as CT and MR usually are, stacked into one volume.

Slices are sorted by where they lie along the normal of their plane (ImagePositionPatient, PS3.3
C.7.6.2.1.1); where none says that, by InstanceNumber. Axial slices so go from the feet up. Each is rescaled
by its own slope; all are shown by one window: the one that is given, else that of the middle slice. A series
that is no box of evenly spaced slices (some missing, two in one place, of two sizes or directions) is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import ImageError
from reportnlp.images.pixels import Pixels, Window
from reportnlp.images.readers._dicom_file import check, opened
from reportnlp.images.readers._dicom_values import padding, rescaled, shown_grey
from reportnlp.images.readers.blocks import BROKEN, LARGEST, finite

if TYPE_CHECKING:
    from pydicom import Dataset

ALIKE = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "RescaleType", "Units")
"""What all slices of a volume must say alike."""

TAGS = (
    *ALIKE,
    *("SOPClassUID", "SeriesInstanceUID", "NumberOfFrames", "ImagePositionPatient", "InstanceNumber"),
    *("ImageOrientationPatient", "RescaleSlope", "PixelSpacing"),
)
UNEVEN = 1.5
"""Steps between slices may be so many times as wide, or as narrow, as the usual one."""

NARROWEST = 1e-3
"""Slices that are nearer to one another, in millimetres, lie in one place."""

MORE = 3
"""UIDs that an error names."""


class Stack(NamedTuple):
    """A volume.

    Attributes:
        pixels: (slices, height, width) float32 in [0, 1]; (height, width) of one slice alone.
        spacing: millimetres between neighbours along each axis; None where the files do not say.
        dataset: the middle slice's, for what a series says of itself.
    """

    pixels: Pixels
    spacing: tuple[float, ...] | None
    dataset: Dataset


class _Slice(NamedTuple):
    path: Path
    header: Dataset


def read_stack(address: Path, frame: int | None, window: Window | None) -> Stack:
    """Read the series `folder#UID`, or the only one of `folder`.

    Args:
        address: see above.
        frame: one of the slices, in their order; None is the volume.
        window: in rescaled units; None is that of the middle slice.

    Raises:
        ImageError: there is no such series, several are meant, or it is no box of evenly spaced slices.
    """
    slices, step = _ordered(address, _slices(address))
    middle = opened(slices[len(slices) // 2].path)
    if frame is not None:
        if not 0 <= frame < len(slices):
            there = f"{frame} was asked for; it has 0 to {len(slices) - 1}."
            raise ImageError(address, "there is no such frame", there)
        slices = slices[frame : frame + 1]
    values, padded = _values(address, slices)
    pixels = shown_grey(middle, values, padded, 0, window)
    plane = middle.get("PixelSpacing")
    spacing = None if plane is None or step is None else (step, *(float(size) for size in plane))
    if len(slices) == 1:
        return Stack(pixels[0], spacing and spacing[1:], middle)
    return Stack(pixels, spacing, middle)


def _slices(address: Path) -> list[_Slice]:
    """The slices that are meant; files that are no DICOM image may lie among them."""
    folder, _, uid = str(address).partition("#")
    found: dict[str, list[_Slice]] = {}
    for path in sorted(path for path in Path(folder).iterdir() if path.is_file()):
        try:
            header = opened(path, stop_before_pixels=True, specific_tags=list(TAGS))
        except ImageError:
            continue
        if header.get("Rows"):
            found.setdefault(str(header.get("SeriesInstanceUID") or ""), []).append(_Slice(path, header))
    named = [uid] if uid else list(found)
    there = f"It has {len(found)}: {', '.join(list(found)[:MORE])}{', ...' if len(found) > MORE else ''}."
    if not found:
        raise ImageError(
            address, "it is a folder without DICOM images", "Give a file, or the folder of a series."
        )
    if len(named) > 1:
        raise ImageError(address, "it is a folder of several series", f"{there} Name one: FOLDER#UID.")
    if named[0] not in found:
        raise ImageError(address, "the folder has no such series", there)
    return found[named[0]]


def _ordered(address: Path, slices: Sequence[_Slice]) -> tuple[list[_Slice], float | None]:
    """The slices in their order, and the millimetres from one to the next where they say that."""
    _refuse_unlike(address, slices)
    positions = [one.header.get("ImagePositionPatient") for one in slices]
    normals = [_normal(one.header) for one in slices]
    by_place = all(each is not None for each in (*positions, *normals))
    if by_place:
        if np.ptp(np.array(normals), axis=0).max() > NARROWEST:
            raise ImageError(address, "its slices lie in different directions", "List its files one by one.")
        along = np.array(positions, np.float64) @ np.asarray(normals[0])
    else:
        along = _numbers(address, slices)
    order = np.argsort(along, kind="stable")
    step = _step(address, along[order], "mm" if by_place else "by InstanceNumber")
    return [slices[at] for at in order], step if by_place else None


def _refuse_unlike(address: Path, slices: Sequence[_Slice]) -> None:
    if any(int(one.header.get("NumberOfFrames") or 1) > 1 for one in slices):
        raise ImageError(address, "its files have several frames each", "List them one by one.")
    for name in ALIKE:
        values = {str(one.header.get(name)) for one in slices}
        if len(values) > 1:
            raise ImageError(address, f"its slices differ in {name}", "List its files one by one.")
    if len({"RescaleSlope" in one.header for one in slices}) > 1:
        raise ImageError(address, "only some of its slices have a RescaleSlope", "Their units differ.")


def _normal(header: Dataset) -> npt.NDArray[np.float64] | None:
    """(3,) the direction in which slices follow one another: along a row, cross down a column."""
    plane = header.get("ImageOrientationPatient")
    if plane is None or len(plane) != 6:
        return None
    return np.cross(np.array(plane[:3], np.float64), np.array(plane[3:], np.float64))


def _numbers(address: Path, slices: Sequence[_Slice]) -> npt.NDArray[np.float64]:
    numbers = [one.header.get("InstanceNumber") for one in slices]
    if len(slices) > 1 and any(number is None for number in numbers):
        raise ImageError(
            address, "its slices do not say in which order they lie", "They lack position and InstanceNumber."
        )
    return np.array([float(number or 0) for number in numbers])


def _step(address: Path, along: npt.NDArray[np.float64], unit: str) -> float | None:
    """The usual step between slices, if none is much wider or narrower."""
    steps = np.diff(along)
    if not len(steps):
        return None
    if steps.min() < NARROWEST:
        double = int((steps < NARROWEST).sum())
        raise ImageError(
            address, "some of its slices lie in one place", f"{double} do; it may be several volumes."
        )
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    odd = np.flatnonzero((steps > usual * UNEVEN) | (steps < usual / UNEVEN))
    if len(odd):
        first = f"{steps[odd[0]]:g} after slice {odd[0] + 1} of {len(along)}, and usually {usual:g} ({unit})"
        raise ImageError(
            address,
            "slices are missing from it, or lie unevenly",
            f"{len(odd)} of {len(steps)} steps are odd, the first: {first}.",
        )
    return usual


def _values(address: Path, slices: Sequence[_Slice]) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """(slices, height, width) float32 in their units, and which of them only fill up the rectangle."""
    first = slices[0].header
    shape = (len(slices), int(first.Rows), int(first.get("Columns") or 0))
    if np.prod(shape, dtype=np.float64) > LARGEST:
        raise ImageError(address, "it claims more values than a volume has")
    values, padded = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    for at, one in enumerate(slices):
        values[at], padded[at] = _one(address, one.path)
    return values, padded


def _one(address: Path, path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    from pydicom.pixels.utils import pixel_array

    try:
        dataset = opened(path)
        check(path, dataset, None)
        if int(dataset.SamplesPerPixel) > 1:
            raise ImageError(path, "it is in colour")
        stored = finite(path, pixel_array(dataset))
        return finite(path, rescaled(dataset, stored, 0)), padding(dataset, stored)
    except Exception as error:
        why = error.reason if isinstance(error, ImageError) else BROKEN
        raise ImageError(address, f"of one of its slices: {why}", f"It is {path.name}.") from error
