"""A DICOM file opened, and what is refused of it before its pixels are unpacked, in plain words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportnlp.errors import ImageError
from reportnlp.images.readers.blocks import LARGEST, told

if TYPE_CHECKING:
    from pydicom import Dataset

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
NO_PIXELS = "it has no pixel data"
LAYOUT = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation")
"""Elements without which nobody knows how the pixels lie."""

SEALED = "it is encrypted"
UNSEAL = "Decrypt it first: nothing here holds keys."
NO_DICOM = "it is no DICOM file"
ENVELOPE = bytes.fromhex("2a864886f70d010703")
"""Enveloped data of CMS (RFC 5652), in which a secure DICOM file lies (PS3.10 7.4)."""


@contextmanager
def quiet() -> Iterator[None]:
    """Let pydicom not warn of each odd value: it quotes them, and they may be a patient's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def opened(path: Path, **how: Any) -> Dataset:
    """The data set, of a file without the usual preamble too."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import ImplicitVRLittleEndian

    try:
        return dcmread(path, **how)
    except InvalidDicomError:
        _refuse_sealed(path)
    with told(path, NO_DICOM):
        bare = dcmread(path, force=True, **how)
    if "SOPClassUID" not in bare:
        raise ImageError(path, NO_DICOM)
    if "TransferSyntaxUID" not in bare.file_meta:
        bare.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return bare


def _refuse_sealed(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(64)
    packed = head.startswith(b"PK\x03\x04")
    if (head[:1] == b"\x30" and ENVELOPE in head) or (packed and head[6] & 1) or head.startswith(b"Salted__"):
        raise ImageError(path, SEALED, UNSEAL)
    if packed:
        raise ImageError(path, "it is a zip archive", "Unpack it first.")


def check(path: Path, dataset: Dataset, frame: int | None) -> None:
    """Refuse, in plain words, what decoders refuse in many."""
    if not any(name in dataset for name in PIXELS):
        if "EncryptedAttributesSequence" in dataset:
            raise ImageError(path, SEALED, UNSEAL)
        raise ImageError(path, NO_PIXELS)
    lacking = [name for name in LAYOUT if not dataset.get(name)]
    if lacking:
        told = f"It lacks {', '.join(lacking)}."
        raise ImageError(path, "its header does not say how its pixels lie", told)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frame is not None and not 0 <= frame < frames:
        raise ImageError(path, "there is no such frame", f"{frame} was asked for; it has 0 to {frames - 1}.")
    if float(dataset.get("Rows") or 0) * float(dataset.get("Columns") or 0) * frames > LARGEST:
        raise ImageError(path, "it claims more values than an image has")
    _check_decoder(path, dataset)
    _check_length(path, dataset)


def _check_length(path: Path, dataset: Dataset) -> None:
    """Refuse pixels that are a line or more above what the header says: what pydicom makes of them is skewed.

    A few bytes more are padding, and what is missing is found when they are read.
    """
    from pydicom.pixels.utils import get_expected_length

    compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    if compressed or "PixelData" not in dataset or "422" in dataset.PhotometricInterpretation:
        return
    line = dataset.Columns * dataset.SamplesPerPixel * max(dataset.BitsAllocated // 8, 1)
    extra = len(dataset.PixelData) - get_expected_length(dataset)
    if extra >= line:
        raise ImageError(
            path, "it has more pixels than its header says", f"{extra} bytes more: Rows or Columns are wrong."
        )


def _check_decoder(path: Path, dataset: Dataset) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        usable = get_decoder(syntax).is_available
    except NotImplementedError:
        usable = False
    if not usable:
        raise ImageError(
            path,
            f"no decoder takes its transfer syntax {syntax.name}",
            "Install them: pip install 'reportnlp[images]'; or transcode it.",
        )
