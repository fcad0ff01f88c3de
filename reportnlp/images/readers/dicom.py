"""DICOM: rescaled, windowed, compressed, of several frames, in colour; and its ids alone, for a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.images.pixels import Image, Pixels, Window
from reportnlp.images.readers._dicom_file import check, opened, quiet
from reportnlp.images.readers._dicom_series import read_stack
from reportnlp.images.readers._dicom_values import shown
from reportnlp.images.readers.blocks import finite, needs, told

if TYPE_CHECKING:
    from pydicom import Dataset

TITLE = "DICOM"
SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")

TAGS = (
    *("StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber", "PatientID", "ViewPosition", "Laterality"),
    *("ImageLaterality", "Modality", "NumberOfFrames", "Rows", "SOPClassUID", "EncryptedAttributesSequence"),
)
"""All that is read of a header for a manifest: ids and what kind of image it is, nothing about a person."""


class Header(NamedTuple):
    """What a file says of itself; None or "" where it does not.

    Attributes:
        frames: how many it has; 0 for a file that holds no image.
    """

    study: str | None
    series: str | None
    accession: str | None
    patient: str | None
    view: str | None
    laterality: str | None
    modality: str | None
    frames: int


def read(path: Path, frame: int | None = None, window: Window | None = None) -> Image:
    """Read one image: (height, width), or (frames, height, width) of a file with several.

    `folder#UID` is the series of that UID in a folder, a file a slice, as one volume, and `folder` its only
    series; `frame` is then one of its slices. See `reportnlp.images.readers._dicom_series`.

    What the values mean is worked out as PS3.3 C.7.6.16 and C.11 say: stored, rescaled, windowed (by the
    file's own window, or the first of several, unless one is given), inverted for MONOCHROME1. Padding is
    black.

    Raises:
        ImageError: it is no DICOM, encrypted, damaged, without pixels, or compressed in a way that none of
            the installed decoders takes.
    """
    with needs("Reading DICOM"):
        from pydicom.pixels.utils import pixel_array
    if not path.is_file():
        with told(path), quiet():
            stack = read_stack(path, frame, window)
            return _image(stack.dataset, stack.pixels, stack.spacing)
    with told(path), quiet():
        dataset = opened(path)
        check(path, dataset, frame)
        stored = pixel_array(dataset, index=frame)
        pixels = shown(dataset, finite(path, stored), frame or 0, window)
    return _image(dataset, finite(path, pixels), _spacing(dataset, pixels.ndim))


def _image(dataset: Dataset, pixels: Pixels, spacing: tuple[float, ...] | None) -> Image:
    head = _header(dataset)
    return Image(
        pixels=pixels,
        spacing=spacing,
        modality=head.modality,
        view=head.view,
        laterality=head.laterality,
        study=head.study,
        series=head.series,
        accession=head.accession,
        patient=head.patient,
    )


def read_header(path: Path) -> Header:
    """Read the ids of a file, and nothing of its pixels.

    Raises:
        ImageError: it is no DICOM, encrypted, or damaged.
    """
    with needs("Reading DICOM"):
        import pydicom  # noqa: F401
    with told(path), quiet():
        return _header(opened(path, stop_before_pixels=True, specific_tags=list(TAGS)))


def _header(dataset: Dataset) -> Header:
    return Header(
        study=_said(dataset, "StudyInstanceUID"),
        series=_said(dataset, "SeriesInstanceUID"),
        accession=_said(dataset, "AccessionNumber"),
        patient=_said(dataset, "PatientID"),
        view=_said(dataset, "ViewPosition"),
        laterality=_said(dataset, "ImageLaterality") or _said(dataset, "Laterality"),
        modality=_said(dataset, "Modality"),
        frames=int(dataset.get("NumberOfFrames") or 1) if dataset.get("Rows") else 0,
    )


def _said(dataset: Dataset, name: str) -> str | None:
    value = dataset.get(name)
    return str(value).strip() or None if value is not None else None


def _spacing(dataset: Dataset, axes: int) -> tuple[float, ...] | None:
    """Millimetres along the axes; the distance of frames is that of slices, where it is told."""
    plane = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    between = dataset.get("SpacingBetweenSlices") or dataset.get("SliceThickness")
    if plane is None or (axes == 3 and between is None):
        return None
    return tuple(float(size) for size in ([between] if axes == 3 else []) + list(plane))


def plant(folder: Path) -> Path:
    """Lay out a small CT slice of signed numbers, in hounsfield units with a window."""
    from pydicom.uid import CTImageStorage

    values = np.arange(48 * 64, dtype=np.int16).reshape(48, 64) - 1000
    dataset = made(values, class_uid=CTImageStorage, Modality="CT", RescaleSlope=1, RescaleIntercept=0)
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    path = folder / "planted.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def made(
    values: npt.NDArray[Any], *, class_uid: str, photometric: str = "MONOCHROME2", **elements: Any
) -> Dataset:
    """A data set around (height, width), (frames, height, width) or (height, width, 3) whole numbers."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = class_uid, generate_uid(entropy_srcs=["planted"])
    for name, value in elements.items():
        setattr(dataset, name, value)
    bits = values.dtype.itemsize * 8
    dataset.set_pixel_data(values, photometric, bits, generate_instance_uid=False)
    return dataset
