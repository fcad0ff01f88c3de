"""From stored DICOM values to grey ones: PS3.3 C.7.6.3 (pixels), C.11.1 (units), C.11.2 (of interest)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reportnlp.images.pixels import Pixels, Window, of_type, stretched, windowed
from reportnlp.images.readers.blocks import grey

if TYPE_CHECKING:
    from pydicom import Dataset

STEP = 1e-6
"""The width that stands for a window of one value, which is a step."""


def shown(dataset: Dataset, stored: npt.NDArray[Any], first: int, window: Window | None) -> Pixels:
    """What a viewer shows.

    Args:
        dataset: whose elements say what the values mean.
        stored: (..., height, width) numbers, or (..., height, width, 3) of a coloured image.
        first: number of the first frame in `stored`.
        window: in rescaled units; None is the data set's own.

    Returns:
        (..., height, width) float32 in [0, 1].
    """
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        return of_type(grey(apply_color_lut(stored, dataset)), window)
    if int(dataset.get("SamplesPerPixel") or 1) > 1:
        return of_type(grey(stored), window)
    return shown_grey(dataset, rescaled(dataset, stored, first), padding(dataset, stored), first, window)


def shown_grey(
    dataset: Dataset,
    values: npt.NDArray[Any],
    padded: npt.NDArray[np.bool_],
    first: int,
    window: Window | None,
) -> Pixels:
    """What a viewer shows of grey values.

    Args:
        dataset: whose elements say how they are shown.
        values: (..., height, width) numbers in their units.
        padded: same shape, which only fill up the rectangle.
        first: number of the first frame in `values`.
        window: in the units of `values`; None is the data set's own.

    Returns:
        (..., height, width) float32 in [0, 1].
    """
    pixels = _interesting(_group(dataset, first), values, ~padded, window)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        pixels = 1 - pixels
    pixels[padded] = 0
    return pixels


def padding(dataset: Dataset, stored: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which pixels only fill up the rectangle; a limit makes it a range of values (C.7.5.1.1.2)."""
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if value is None or stored.dtype.kind == "f":
        return np.zeros(stored.shape, np.bool_)
    # Its sign is often written wrongly: both ends are taken as the pixels are.
    ends = np.array([value, value if limit is None else limit], np.int64).astype(stored.dtype)
    return np.asarray((stored >= ends.min()) & (stored <= ends.max()))


def rescaled(dataset: Dataset, stored: npt.NDArray[Any], first: int) -> npt.NDArray[Any]:
    """The values in their units; an enhanced multi-frame image may have a slope for each frame."""
    from pydicom.pixels.processing import apply_modality_lut

    if "PerFrameFunctionalGroupsSequence" in dataset and stored.ndim == 3:
        frames = [apply_modality_lut(one, _group(dataset, first + at)) for at, one in enumerate(stored)]
        return np.stack(frames)
    return apply_modality_lut(stored, _group(dataset, first))


def _group(dataset: Dataset, frame: int) -> Dataset:
    """The elements that say what a frame's values mean: of the frame, of all frames, or of the data set."""
    from pydicom import Dataset

    found = Dataset()
    found.update(dataset)
    found.file_meta = dataset.file_meta
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for group in (*shared[:1], *own[frame : frame + 1]):
        for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
            for item in group.get(name) or []:
                found.update(item)
    return found


def _interesting(
    settings: Dataset, values: npt.NDArray[Any], counts: npt.NDArray[np.bool_], window: Window | None
) -> Pixels:
    """By the window that is given; else by the file's table, its first window, or the image's own range."""
    if window is not None:
        return windowed(values, window)
    if settings.get("VOILUTSequence"):
        return _looked_up(settings, values)
    centre, width = _first(settings, "WindowCenter"), _first(settings, "WindowWidth")
    function = str(settings.get("VOILUTFunction") or "LINEAR")
    if centre is None or width is None or width <= 0:
        return stretched(values, counts)
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * (values - centre) / width)), dtype=np.float32)
    if function == "LINEAR_EXACT":
        return windowed(values, Window(centre, width))
    return windowed(values, Window(centre - 0.5, max(width - 1, STEP)))


def _looked_up(settings: Dataset, values: npt.NDArray[Any]) -> Pixels:
    """By the first table (C.11.2.1.1); pydicom's own look-up wraps around in tables of 8 bits."""
    item = settings.VOILUTSequence[0]
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = item.LUTData
    if isinstance(entries, bytes):
        little = settings.file_meta.TransferSyntaxUID.is_little_endian
        entries = np.frombuffer(entries, "<u2" if little else ">u2")
    table = np.asarray(entries, np.float64)[: count or 1 << 16]
    at = np.clip(np.rint(values).astype(np.int64) - first, 0, len(table) - 1)
    return np.asarray(table[at] / (2**bits - 1), dtype=np.float32)


def _first(settings: Dataset, name: str) -> float | None:
    """The first of one value or several."""
    values = settings.get(name)
    if values is None or values == "":
        return None
    try:
        return float(values)
    except TypeError:
        return float(values[0]) if len(values) else None
