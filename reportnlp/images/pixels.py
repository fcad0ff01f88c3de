"""What an image is here: grey values from 0 to 1, and how the values of a file become those.

Every reader gives the same: float32, no channel axis, 0 is black and 1 is white, as it is shown to a reader
(on a chest film air is black and bone is white, whatever the file's own polarity). What its values mean is
settled in this order:

1. a `Window` that the caller gives, in the file's units (hounsfield units of a CT), clipped;
2. the window, or the table of values, that the file itself has (DICOM);
3. the range of the file's type: 8 bits are divided by 255, 16 by 65535;
4. where a type has no range of its own (DICOM without a window, NIfTI, signed numbers and floats in npz),
   from the smallest to the largest value of this image. Only then do the grey values of two images of one
   set not mean the same: give a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.errors import InvalidDefinitionError

Pixels = npt.NDArray[np.float32]


class Window(NamedTuple):
    """The values that are shown, from `centre - width / 2` to `centre + width / 2`, in the file's units."""

    centre: float
    width: float


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One image, or one volume.

    Attributes:
        pixels: (height, width) or (depth, height, width) float32, all in [0, 1]; 0 is black. Volumes of
            NIfTI lie as axial slices are shown: depth from the feet up, rows from front to back, columns
            from the patient's right to the left.
        spacing: millimetres between neighbours along each axis of `pixels`; None where the file does not say.
        modality: as DICOM says it ("DX", "CT").
        view: "PA", "AP", "LL", ...; None where the file does not say.
        laterality: "L", "R" or "B"; None where the file does not say.
        study, series, accession, patient: the file's ids; None where it has none.
    """

    pixels: Pixels
    spacing: tuple[float, ...] | None = None
    modality: str | None = None
    view: str | None = None
    laterality: str | None = None
    study: str | None = None
    series: str | None = None
    accession: str | None = None
    patient: str | None = None

    @property
    def digest(self) -> str:
        """Digest (hex) of what is seen: equal for equal pixels, whatever file they came in."""
        seen = np.round(self.pixels * 255).astype(np.uint8)
        return blake2b(repr(seen.shape).encode() + seen.tobytes(), digest_size=16).hexdigest()


def windowed(values: npt.NDArray[Any], window: Window) -> Pixels:
    """Clip values to a window and map it to [0, 1]: DICOM PS3.3 C.11.2.1.3.2 (linear exact).

    Raises:
        InvalidDefinitionError: the window is no two finite numbers with a width above 0.
    """
    if not (np.isfinite(window).all() and window.width > 0):
        raise InvalidDefinitionError(
            f"A window was given as centre {window.centre} and width {window.width}; the width must be "
            "above 0. For lung in CT: centre -600, width 1500."
        )
    shown = (np.asarray(values, np.float32) - np.float32(window.centre)) / np.float32(window.width)
    return np.asarray(np.clip(shown + np.float32(0.5), 0, 1), dtype=np.float32)


def stretched(values: npt.NDArray[Any], counts: npt.NDArray[np.bool_] | None = None) -> Pixels:
    """Map the smallest value to 0 and the largest to 1; an image of one value is 0.

    Args:
        values: finite numbers of any type.
        counts: same shape, the values between which to stretch; what lies outside is clipped. None is all.
    """
    plain = np.asarray(values, np.float64)
    chosen = plain if counts is None else plain[counts]
    low, high = (chosen.min(), chosen.max()) if chosen.size else (0.0, 0.0)
    span = high - low if high > low else 1.0
    return np.asarray(np.clip((plain - low) / span, 0, 1), dtype=np.float32)


def of_type(values: npt.NDArray[Any], window: Window | None) -> Pixels:
    """Map values by a window, else by the range of their unsigned type, else by their own range."""
    if window is not None:
        return windowed(values, window)
    if values.dtype == np.bool_:
        return values.astype(np.float32)
    if np.issubdtype(values.dtype, np.unsignedinteger):
        return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    return stretched(values)
