"""DICOM: what stored values mean, and each trap of the format, with files made on the spot."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing, convert_color_space
from pydicom.uid import (
    MPEG2MPML,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from reportnlp.errors import ImageError
from reportnlp.images.loader import read_image
from reportnlp.images.pixels import Window
from reportnlp.images.readers import dicom
from reportnlp.images.readers._dicom_file import ENVELOPE

RAMP = np.arange(16 * 20, dtype=np.int16).reshape(16, 20) * 10 - 1000


def film(values: npt.NDArray[Any] = RAMP, photometric: str = "MONOCHROME2", **elements: Any) -> Dataset:
    return dicom.made(
        values, class_uid=DigitalXRayImageStorageForPresentation, photometric=photometric, **elements
    )


def saved(dataset: Dataset, folder: Path, name: str = "film.dcm") -> Path:
    path = folder / name
    dataset.save_as(path, enforce_file_format=True)
    return path


def seen(dataset: Dataset, folder: Path, **how: Any) -> npt.NDArray[np.float32]:
    return read_image(saved(dataset, folder), **how).pixels


def reason(path: Path) -> str:
    with pytest.raises(ImageError) as found:
        read_image(path)
    return found.value.reason


def test_signed_values_are_rescaled_before_they_are_windowed(tmp_path: Path) -> None:
    pixels = seen(film(RescaleSlope=2, RescaleIntercept=-24), tmp_path, window=Window(0, 1000))
    np.testing.assert_allclose(pixels, np.clip((RAMP * 2.0 - 24) / 1000 + 0.5, 0, 1), atol=1e-6)


def test_the_first_of_several_windows_is_shown(tmp_path: Path) -> None:
    several = film(WindowCenter=[40, -600], WindowWidth=[400, 1500])
    one = film(WindowCenter=40, WindowWidth=400)
    np.testing.assert_array_equal(seen(several, tmp_path), seen(one, tmp_path))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_window_of_the_file_is_shown_as_pydicom_shows_it(function: str, tmp_path: Path) -> None:
    dataset = film(WindowCenter=40, WindowWidth=800, VOILUTFunction=function)
    expected = apply_windowing(RAMP, dataset)
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    np.testing.assert_allclose(seen(dataset, tmp_path), (expected - low) / (high - low), atol=1e-5)


def test_a_given_window_comes_before_the_files_own(tmp_path: Path) -> None:
    own = film(WindowCenter=0, WindowWidth=10)
    np.testing.assert_array_equal(
        seen(own, tmp_path, window=Window(500, 900)), seen(film(), tmp_path, window=Window(500, 900))
    )


@pytest.mark.parametrize("width", [1, 0])
def test_a_window_of_one_value_is_a_step_and_one_of_none_is_no_window(width: int, tmp_path: Path) -> None:
    pixels = seen(film(WindowCenter=0, WindowWidth=width), tmp_path)
    if width:
        np.testing.assert_array_equal(pixels, (RAMP > -0.5).astype(np.float32))
    else:
        np.testing.assert_array_equal(pixels, seen(film(), tmp_path))


def with_table(entries: npt.NDArray[Any], bits: int, first: int) -> Dataset:
    item = Dataset()
    item.add(DataElement(0x00283002, "SS", [len(entries), first, bits]))
    item.add(DataElement(0x00283006, "OW", entries.astype("<u2").tobytes()))
    return film(VOILUTSequence=[item])


def test_a_table_of_values_is_looked_up(tmp_path: Path) -> None:
    dataset = with_table(np.linspace(0, 65535, 1500) ** 0.9, 16, -500)
    expected = apply_voi(RAMP, dataset) / 65535
    np.testing.assert_allclose(seen(dataset, tmp_path), expected, atol=1e-6)


def test_a_table_of_8_bits_may_have_many_entries(tmp_path: Path) -> None:
    pixels = seen(with_table(np.linspace(0, 255, 3000), 8, -1000), tmp_path)
    assert (np.diff(pixels.ravel()) >= 0).all()
    assert pixels[0, 0] == 0 and pixels[-1, -1] > 0.99


def test_without_a_window_an_image_is_shown_by_its_own_range(tmp_path: Path) -> None:
    np.testing.assert_allclose(
        seen(film(), tmp_path), (RAMP - RAMP.min()) / (RAMP.max() - RAMP.min()), atol=1e-6
    )


@pytest.mark.parametrize("window", [None, Window(0, 700)])
def test_monochrome1_is_turned_so_that_air_is_black(window: Window | None, tmp_path: Path) -> None:
    usual, turned = film(), film(photometric="MONOCHROME1")
    np.testing.assert_allclose(
        seen(turned, tmp_path, window=window), 1 - seen(usual, tmp_path, window=window), atol=1e-6
    )


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_stretches_nothing(photometric: str, tmp_path: Path) -> None:
    values = RAMP.copy()
    values[:, :4] = -32000
    dataset = film(values, photometric)
    dataset.add(DataElement(0x00280120, "SS", -32000))
    pixels = seen(dataset, tmp_path)
    assert (pixels[:, :4] == 0).all()
    assert pixels[:, 4:].min() == 0 and pixels[:, 4:].max() == 1


def test_padding_may_be_a_range_and_have_the_wrong_sign(tmp_path: Path) -> None:
    values = RAMP.copy()
    values[0] = -31990
    dataset = film(values)
    dataset.add(DataElement(0x00280120, "US", 65536 - 32000))
    dataset.add(DataElement(0x00280121, "US", 65536 - 31900))
    assert (seen(dataset, tmp_path)[0] == 0).all()
    assert seen(dataset, tmp_path)[1:].max() == 1


def test_frames_are_a_volume_or_one_of_them(tmp_path: Path) -> None:
    values = np.stack([RAMP, RAMP + 1, RAMP + 2])
    dataset = film(values, WindowCenter=0, WindowWidth=2000, PixelSpacing=[0.5, 0.25])
    dataset.SpacingBetweenSlices = 3
    whole = read_image(saved(dataset, tmp_path))
    assert whole.pixels.shape == (3, 16, 20)
    assert whole.spacing == (3.0, 0.5, 0.25)
    one = read_image(tmp_path / "film.dcm", frame=1)
    np.testing.assert_array_equal(one.pixels, whole.pixels[1])
    assert one.spacing == (0.5, 0.25)


def groups(*slopes: float) -> list[Dataset]:
    found = []
    for slope in slopes:
        values, group = Dataset(), Dataset()
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = slope, 0, "US"
        group.PixelValueTransformationSequence = [values]
        found.append(group)
    return found


def test_frames_of_an_enhanced_image_have_slopes_of_their_own(tmp_path: Path) -> None:
    dataset = film(np.stack([RAMP, RAMP]), PerFrameFunctionalGroupsSequence=groups(1, 2))
    pixels = seen(dataset, tmp_path, window=Window(0, 12000))
    np.testing.assert_allclose(pixels[1] - 0.5, 2 * (pixels[0] - 0.5), atol=1e-6)
    np.testing.assert_array_equal(seen(dataset, tmp_path, frame=1, window=Window(0, 12000)), pixels[1])


def test_what_all_frames_share_counts_too(tmp_path: Path) -> None:
    window, shared = Dataset(), groups(3)[0]
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = 0, 5000, "LINEAR_EXACT"
    shared.FrameVOILUTSequence = [window]
    pixels = seen(film(SharedFunctionalGroupsSequence=[shared]), tmp_path)
    np.testing.assert_allclose(pixels, np.clip(RAMP * 3 / 5000 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression_changes_nothing(syntax: str, tmp_path: Path) -> None:
    large = np.tile(RAMP, (4, 4))
    plain = seen(film(large), tmp_path)
    dataset = film(large)
    dataset.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(seen(dataset, tmp_path), plain)


def test_a_jpeg_within_is_unpacked(tmp_path: Path) -> None:
    values = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8) * 3
    packed = io.BytesIO()
    Pillow.fromarray(values).save(packed, "jpeg", quality=95)
    dataset = film(values)
    dataset.PixelData = encapsulate([packed.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    expected = np.asarray(Pillow.open(packed)).astype(np.float32)
    pixels = seen(dataset, tmp_path, window=Window(127.5, 255))
    np.testing.assert_allclose(pixels, expected / 255, atol=0.01)


def test_compressed_frames_are_read_one_by_one(tmp_path: Path) -> None:
    dataset = film(np.stack([RAMP, RAMP[::-1]]))
    dataset.compress(RLELossless, generate_instance_uid=False)
    np.testing.assert_array_equal(
        seen(dataset, tmp_path, frame=1, window=Window(0, 900)),
        seen(film(RAMP[::-1].copy()), tmp_path, window=Window(0, 900)),
    )


def colours() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)


def test_colour_becomes_grey(tmp_path: Path) -> None:
    luma = colours() @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(seen(film(colours(), "RGB"), tmp_path), luma / 255, atol=0.003)
    ybr = convert_color_space(colours(), "RGB", "YBR_FULL")
    np.testing.assert_allclose(seen(film(ybr, "YBR_FULL"), tmp_path), luma / 255, atol=0.015)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    numbers = np.arange(16 * 16, dtype=np.uint8).reshape(16, 16)
    dataset = film(numbers, "PALETTE COLOR")
    for tag, colour in enumerate(("Red", "Green", "Blue")):
        dataset.add(DataElement(0x00281101 + tag, "US", [256, 0, 16]))
        table = np.linspace(0, 65535, 256).astype("<u2")[::-1]
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table.tobytes())
    np.testing.assert_allclose(seen(dataset, tmp_path), 1 - numbers / 255, atol=0.01)


def test_a_report_or_a_plan_has_no_pixels(tmp_path: Path) -> None:
    dataset = film()
    del dataset.PixelData
    assert reason(saved(dataset, tmp_path)) == "it has no pixel data"


def encrypted_attributes(folder: Path) -> Path:
    dataset = film(EncryptedAttributesSequence=[Dataset()])
    del dataset.PixelData
    return saved(dataset, folder)


def envelope(folder: Path) -> Path:
    path = folder / "sealed.dcm"
    path.write_bytes(b"\x30\x80\x06\x09" + ENVELOPE + bytes(range(256)) * 20)
    return path


def locked_zip(folder: Path) -> Path:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("film.dcm", b"x" * 500)
    data = bytearray(held.getvalue())
    data[6] |= 1
    path = folder / "locked.dcm"
    path.write_bytes(data)
    return path


def salted(folder: Path) -> Path:
    path = folder / "salted.dcm"
    path.write_bytes(b"Salted__" + np.random.default_rng(0).bytes(5000))
    return path


@pytest.mark.parametrize("make", [encrypted_attributes, envelope, locked_zip, salted])
def test_an_encrypted_file_is_called_so(make: Any, tmp_path: Path) -> None:
    path = make(tmp_path)
    assert reason(path) == "it is encrypted"
    with pytest.raises(ImageError, match="Decrypt it first"):
        read_image(path)


def test_a_zip_is_called_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "film.dcm", "w") as archive:
        archive.writestr("film.dcm", b"x" * 500)
    assert reason(tmp_path / "film.dcm") == "it is a zip archive"


def test_a_file_without_the_preamble_or_a_suffix_is_read(tmp_path: Path) -> None:
    whole = saved(film(), tmp_path)
    (tmp_path / "1.2.840.7").write_bytes(whole.read_bytes())
    np.testing.assert_array_equal(read_image(tmp_path / "1.2.840.7").pixels, read_image(whole).pixels)
    bare = film()
    bare.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    bare.save_as(tmp_path / "bare", implicit_vr=True, little_endian=True)
    data = (tmp_path / "bare").read_bytes()
    (tmp_path / "bare").write_bytes(data[data.index(b"\x08\x00\x16\x00") :])
    np.testing.assert_array_equal(read_image(tmp_path / "bare").pixels, read_image(whole).pixels)


def test_a_way_of_packing_that_no_decoder_takes_is_named(tmp_path: Path) -> None:
    dataset = film()
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    assert "no decoder takes its transfer syntax MPEG2" in reason(saved(dataset, tmp_path))


def test_pixels_cut_short_are_damage(tmp_path: Path) -> None:
    path = saved(film(), tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    assert reason(path) == "it is cut short or damaged"


def test_a_header_that_claims_too_much_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    dataset = film()
    dataset.Rows = dataset.Columns = 65535
    assert reason(saved(dataset, tmp_path)) == "it claims more values than an image has"


@pytest.mark.parametrize("name", ["Rows", "BitsAllocated", "PhotometricInterpretation"])
def test_a_header_that_lacks_what_pixels_need_is_told(name: str, tmp_path: Path) -> None:
    dataset = film()
    delattr(dataset, name)
    path = saved(dataset, tmp_path)
    with pytest.raises(ImageError, match=f"does not say how its pixels lie. It lacks {name}"):
        read_image(path)


@pytest.mark.parametrize("name", ["Rows", "Columns"])
def test_a_size_that_the_pixels_do_not_have_is_told(name: str, tmp_path: Path) -> None:
    small, large = film(), film()
    setattr(small, name, getattr(small, name) // 2)
    setattr(large, name, getattr(large, name) * 2)
    assert reason(saved(small, tmp_path)) == "it has more pixels than its header says"
    assert reason(saved(large, tmp_path)) == "it is cut short or damaged"


def test_a_few_bytes_after_the_pixels_do_not_matter(tmp_path: Path) -> None:
    padded = film()
    padded.PixelData += bytes(4)
    np.testing.assert_array_equal(seen(padded, tmp_path), seen(film(), tmp_path))


def test_numbers_that_are_none_are_counted(tmp_path: Path) -> None:
    dataset = film()
    values = RAMP.astype(np.float32)
    values[3, 5] = np.nan
    values[4, 5] = np.inf
    del dataset.PixelData
    dataset.FloatPixelData = values.tobytes()
    dataset.BitsAllocated = 32
    path = saved(dataset, tmp_path)
    with pytest.raises(ImageError, match=r"no finite numbers\. 2 of 320, the first at \(3, 5\)"):
        read_image(path)


def test_a_slope_that_is_no_number_is_told(tmp_path: Path) -> None:
    path = saved(film(RescaleSlope=1, RescaleIntercept=0), tmp_path)
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x001.0 ", b"DS\x04\x00bad "))
    assert reason(path) == "it is cut short or damaged"


def test_what_the_file_says_of_itself_comes_along(tmp_path: Path) -> None:
    dataset = film(StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3", AccessionNumber="A7", PatientID="P1")
    dataset.ViewPosition, dataset.ImageLaterality, dataset.Modality = "PA", "R", "DX"
    dataset.PatientName = "Example^Ann"
    image = read_image(saved(dataset, tmp_path))
    told = (image.study, image.series, image.accession, image.patient, image.view, image.laterality)
    assert told == ("1.2", "1.2.3", "A7", "P1", "PA", "R")
    head = dicom.read_header(tmp_path / "film.dcm")
    assert head == ("1.2", "1.2.3", "A7", "P1", "PA", "R", "DX", 1)


def test_a_slope_is_that_of_pydicom(tmp_path: Path) -> None:
    dataset = film(RescaleSlope=1.5, RescaleIntercept=-7)
    values = apply_modality_lut(RAMP, dataset)
    np.testing.assert_allclose(
        seen(dataset, tmp_path), (values - values.min()) / (values.max() - values.min()), atol=1e-6
    )


def test_a_ct_slice_is_read_by_its_window(tmp_path: Path) -> None:
    path = dicom.plant(tmp_path)
    assert dicom.read_header(path).modality == "CT"
    assert read_image(path).pixels.max() == 1
    assert CTImageStorage in path.read_bytes().decode("latin-1")
