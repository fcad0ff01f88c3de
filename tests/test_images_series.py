"""A DICOM series with a file a slice: stacked as it lies, and refused by name where it is no box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, RLELossless

from reportnlp.errors import ImageError
from reportnlp.images.loader import read_image
from reportnlp.images.manifest import ImageRow, read_manifest
from reportnlp.images.pixels import Window
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.readers import dicom
from reportnlp.images.store import fill
from reportnlp.jobs import images_check, images_manifest
from reportnlp.jobs.images_check import ImagesCheckJob
from reportnlp.jobs.images_manifest import ImagesManifestJob
from reportnlp.training.progress import Silent
from tests.conftest import Command

VOLUME = np.random.default_rng(0).integers(-1000, 1000, (6, 8, 10)).astype(np.int16)
"""Slices from the feet up."""

LUNG = Window(0, 2000)
SHUFFLED = (3, 1, 5, 0, 2, 4)


def laid_out(folder: Path, *, places: Sequence[int] = SHUFFLED, without: str = "", **changes: Any) -> Path:
    """Save slices whose names are in no order; `changes` are elements, or those of each slice."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(places):
        given: dict[str, Any] = {
            "StudyInstanceUID": "1.9",
            "SeriesInstanceUID": "1.2.3",
            "PatientID": "P1",
            "Modality": "CT",
            "InstanceNumber": number + 1,
            "RescaleSlope": 2,
            "RescaleIntercept": -24,
            "PixelSpacing": [0.5, 0.75],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "ImagePositionPatient": [0, 0, place * 2.5 - 100],
        }
        given |= {name: value[place] if isinstance(value, dict) else value for name, value in changes.items()}
        given = {name: value for name, value in given.items() if name not in without.split()}
        slice_ = dicom.made(VOLUME[place], class_uid=CTImageStorage, **given)
        slice_.save_as(folder / f"{given['SeriesInstanceUID']}-{number}.dcm", enforce_file_format=True)
    return folder


def shown(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.asarray(np.clip((values * 2.0 - 24) / LUNG.width + 0.5, 0, 1))


def test_slices_lie_where_they_say(tmp_path: Path) -> None:
    found = read_image(laid_out(tmp_path / "ct"), window=LUNG)
    np.testing.assert_allclose(found.pixels, shown(VOLUME), atol=1e-6)
    assert found.spacing == (2.5, 0.5, 0.75)
    assert (found.study, found.series, found.patient, found.modality) == ("1.9", "1.2.3", "P1", "CT")


def test_a_frame_is_a_slice_in_that_order(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "ct")
    found = read_image(folder, frame=4, window=LUNG)
    np.testing.assert_allclose(found.pixels, shown(VOLUME[4]), atol=1e-6)
    assert found.spacing == (0.5, 0.75)
    with pytest.raises(ImageError, match=r"no such frame\. 6 was asked for; it has 0 to 5"):
        read_image(folder, frame=6)


def test_without_positions_numbers_tell_the_order(tmp_path: Path) -> None:
    numbers = {place: place + 7 for place in range(6)}
    folder = laid_out(tmp_path / "ct", without="ImagePositionPatient", InstanceNumber=numbers)
    found = read_image(folder, window=LUNG)
    np.testing.assert_allclose(found.pixels, shown(VOLUME), atol=1e-6)
    assert found.spacing is None


def test_slices_across_the_body_follow_their_normal(tmp_path: Path) -> None:
    positions = {place: [place * 3.0, 0, 0] for place in range(6)}
    plane = [0, 1, 0, 0, 0, 1]
    found = read_image(
        laid_out(tmp_path / "mr", ImagePositionPatient=positions, ImageOrientationPatient=plane), window=LUNG
    )
    np.testing.assert_allclose(found.pixels, shown(VOLUME), atol=1e-6)
    assert found.spacing == (3.0, 0.5, 0.75)


def test_one_window_shows_all_and_each_slice_has_a_slope_of_its_own(tmp_path: Path) -> None:
    centres = {place: 100 * place for place in range(6)}
    own = laid_out(tmp_path / "own", WindowCenter=centres, WindowWidth=2000, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_array_equal(
        read_image(own).pixels, read_image(laid_out(tmp_path / "ct"), window=Window(300, 2000)).pixels
    )
    slopes = {place: place + 1 for place in range(6)}
    scaled = read_image(laid_out(tmp_path / "pet", RescaleSlope=slopes), window=LUNG).pixels
    values = VOLUME * np.arange(1.0, 7)[:, None, None] - 24
    np.testing.assert_allclose(scaled, np.clip(values / LUNG.width + 0.5, 0, 1), atol=1e-6)


def test_without_a_window_the_volume_is_stretched_as_a_whole(tmp_path: Path) -> None:
    found = read_image(laid_out(tmp_path / "ct")).pixels
    low, high = VOLUME.min(), VOLUME.max()
    np.testing.assert_allclose(found, (VOLUME - float(low)) / (float(high) - float(low)), atol=1e-6)


def test_compressed_slices_are_read(tmp_path: Path) -> None:
    from pydicom import dcmread

    folder = laid_out(tmp_path / "ct")
    for path in folder.iterdir():
        packed = dcmread(path)
        packed.compress(RLELossless)
        packed.save_as(path, enforce_file_format=True)
    np.testing.assert_allclose(read_image(folder, window=LUNG).pixels, shown(VOLUME), atol=1e-6)


DIFFERENT = {0: [1, 0, 0, 0, 1, 0], **{place: [0, 1, 0, 0, 0, 1] for place in range(1, 6)}}
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "gap": ("slices are missing from it, or lie unevenly. 1 of 4", {"places": (0, 1, 2, 4, 5)}),
    "gap in numbers": (
        "slices are missing from it",
        {"places": (0, 2, 1), "without": "ImagePositionPatient", "InstanceNumber": {0: 1, 1: 2, 2: 4}},
    ),
    "twice": ("some of its slices lie in one place. 1 do", {"places": (0, 1, 2, 2, 3)}),
    "directions": ("its slices lie in different directions", {"ImageOrientationPatient": DIFFERENT}),
    "no order": (
        "do not say in which order",
        {"without": "ImagePositionPatient InstanceNumber"},
    ),
    "polarity": (
        "differ in PhotometricInterpretation",
        {"photometric": {place: f"MONOCHROME{2 if place else 1}" for place in range(6)}},
    ),
    "units": (
        "differ in RescaleType",
        {"RescaleType": {place: "HU" if place else "US" for place in range(6)}},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_box_is_refused_by_name(fault: str, tmp_path: Path) -> None:
    message, changes = FAULTS[fault]
    with pytest.raises(ImageError, match=message):
        read_image(laid_out(tmp_path / "ct", **changes))


def test_a_broken_slice_is_named(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "ct")
    broken = folder / "1.2.3-4.dcm"
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.raises(
        ImageError, match=r"of one of its slices: it is cut short or damaged. It is 1\.2\.3-4"
    ):
        read_image(folder)


def test_a_folder_of_several_series_asks_for_one(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "ct")
    laid_out(folder, places=(0, 1), SeriesInstanceUID="1.2.4")
    (folder / "notes.txt").write_text("nothing")
    with pytest.raises(ImageError, match=r"several series. It has 2: 1\.2\.3, 1\.2\.4. Name one"):
        read_image(folder)
    assert read_image(f"{folder}#1.2.4").pixels.shape == (2, 8, 10)
    with pytest.raises(ImageError, match="the folder has no such series"):
        read_image(f"{folder}#9")


def archive(folder: Path) -> Path:
    """Two CT series in a folder, a scout alone, two films of one series, and a series that is torn apart."""
    laid_out(folder / "ct")
    laid_out(folder / "ct", SeriesInstanceUID="1.2.4", places=(0, 1, 3))
    laid_out(folder / "scout", SeriesInstanceUID="1.2.5", places=(0,))
    for half in ("half", "other"):
        laid_out(folder / half, SeriesInstanceUID="1.2.6", places=(0, 1))
    (folder / "dx").mkdir()
    for name in ("pa", "ll"):
        film = dicom.made(
            VOLUME[0],
            class_uid=DigitalXRayImageStorageForPresentation,
            Modality="DX",
            StudyInstanceUID="1.8",
            SeriesInstanceUID="1.8.1",
        )
        film.save_as(folder / "dx" / f"{name}.dcm", enforce_file_format=True)
    return folder


def test_series_are_listed_as_volumes_when_asked_for(tmp_path: Path, reportnlp: Command) -> None:
    root, out = archive(tmp_path / "archive"), tmp_path / "manifest.csv"
    told = reportnlp("images", "manifest", str(root), "-o", str(out), "--series")
    assert told.code == 3
    assert "files: 16 = with images 12 + cannot be used 4" in told.out
    assert "4 its series lies in several folders" in told.err
    images = [row.image for row in read_manifest(out) if isinstance(row, ImageRow)]
    assert sorted(images) == [
        *("archive/ct#1.2.3", "archive/ct#1.2.4"),
        *("archive/dx/ll.dcm", "archive/dx/pa.dcm", "archive/scout/1.2.5-0.dcm"),
    ]
    checked = images_check.run(ImagesCheckJob(out))
    [bad] = checked.bad
    assert (bad.row.image, bad.reason) == ("archive/ct#1.2.4", "slices are missing from it, or lie unevenly")


def test_slices_stay_images_of_their_own_unasked(tmp_path: Path) -> None:
    found = images_manifest.run(ImagesManifestJob(archive(tmp_path / "archive"), tmp_path / "manifest.csv"))
    assert len(found.rows) == found.images == found.files == 16


def test_volumes_are_made_ready_for_a_network(tmp_path: Path) -> None:
    laid_out(tmp_path / "ct")
    size = Preprocessing(size=(6, 8, 10), window=(0, 2000))
    rows = [ImageRow("s", "ct#1.2.3")]
    store = fill(rows, tmp_path, size, tmp_path / "work", Silent())
    np.testing.assert_allclose(store.pixels[0], shown(VOLUME), atol=1e-3)
    (tmp_path / "ct" / "1.2.3-0.dcm").unlink()
    [bad] = fill(rows, tmp_path, size, tmp_path / "work", Silent()).bad
    assert bad.reason == "slices are missing from it, or lie unevenly"
