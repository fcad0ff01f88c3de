"""What every image reader must do. A new file in `reportnlp/images/readers` is tested here with no edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reportnlp.errors import ImageError, InvalidDefinitionError
from reportnlp.images.loader import file_of, read_image
from reportnlp.images.pixels import Image, Window
from reportnlp.registry import IMAGE_READERS

NAMES = IMAGE_READERS.names()
SECRET = b"Mr Example has an embolus"


def plant(name: str, folder: Path) -> Path:
    planted: Path = IMAGE_READERS.get(name).plant(folder)
    return planted


def read(name: str, path: Path, frame: int | None = None, window: Window | None = None) -> Image:
    image: Image = IMAGE_READERS.get(name).read(path, frame, window)
    return image


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_says_what_it_is(name: str) -> None:
    reader = IMAGE_READERS.get(name)
    assert reader.TITLE and "\n" not in reader.TITLE
    assert reader.SUFFIXES
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.SUFFIXES)


def test_no_two_readers_take_one_suffix() -> None:
    suffixes = [suffix for name in NAMES for suffix in IMAGE_READERS.get(name).SUFFIXES]
    assert len(suffixes) == len(set(suffixes))


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_grey_values_from_0_to_1(name: str, tmp_path: Path) -> None:
    image = read(name, plant(name, tmp_path))
    assert image.pixels.dtype == np.float32
    assert image.pixels.ndim in (2, 3)
    assert image.pixels.min() >= 0 and image.pixels.max() <= 1
    assert len(np.unique(image.pixels)) > 10
    assert image.spacing is None or len(image.spacing) == image.pixels.ndim


@pytest.mark.parametrize("name", NAMES)
def test_the_loader_finds_the_reader_by_itself_and_reads_alike(name: str, tmp_path: Path) -> None:
    path = plant(name, tmp_path)
    once, again = read(name, path), read_image(path)
    np.testing.assert_array_equal(once.pixels, again.pixels)
    assert once.digest == again.digest


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_a_slice_of_the_whole(name: str, tmp_path: Path) -> None:
    path = plant(name, tmp_path)
    window = Window(0, 500)
    whole = read(name, path, window=window).pixels
    frames = whole if whole.ndim == 3 else whole[None]
    for number in (0, len(frames) - 1):
        np.testing.assert_array_equal(read(name, path, number, window).pixels, frames[number])


@pytest.mark.parametrize("frame", [-1, 10_000])
@pytest.mark.parametrize("name", NAMES)
def test_a_frame_that_is_not_there_is_refused(name: str, frame: int, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=rf"there is no such frame\. {frame} was asked for"):
        read(name, plant(name, tmp_path), frame)


@pytest.mark.parametrize("name", NAMES)
def test_a_window_is_what_is_shown(name: str, tmp_path: Path) -> None:
    path = plant(name, tmp_path)
    assert read(name, path, window=Window(-1e6, 2)).pixels.min() == 1
    assert read(name, path, window=Window(1e6, 2)).pixels.max() == 0


@pytest.mark.parametrize("window", [Window(0, 0), Window(0, -1), Window(float("nan"), 1)])
@pytest.mark.parametrize("name", NAMES)
def test_a_window_that_is_none_is_a_mistake_of_the_caller(name: str, window: Window, tmp_path: Path) -> None:
    with pytest.raises(InvalidDefinitionError, match="the width must be above 0"):
        read(name, plant(name, tmp_path), window=window)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    suffix = IMAGE_READERS.get(name).SUFFIXES[0]
    with pytest.raises(ImageError, match=r"gone\S+: there is no such file") as found:
        read_image(tmp_path / f"gone{suffix}")
    assert found.value.reason == "there is no such file"


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing left": cut(0),
    "one byte": cut(0.001),
    "a tenth": cut(0.1),
    "a half": cut(0.5),
    "end missing": cut(0.9),
    "a text": lambda data: SECRET * 20,
    "zeros": lambda data: bytes(5000),
    "noise": lambda data: np.random.default_rng(0).bytes(5000),
    "a PDF": lambda data: b"%PDF-1.4\n" + data,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", NAMES)
def test_damage_is_an_image_error_that_quotes_nothing(name: str, damage: str, tmp_path: Path) -> None:
    path = plant(name, tmp_path)
    file = file_of(path)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(ImageError) as found:
        read(name, path)
    assert found.value.reason and str(tmp_path) not in found.value.reason
    assert SECRET.decode() not in str(found.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_byte_never_raises_anything_else(name: str, tmp_path: Path) -> None:
    path = plant(name, tmp_path)
    file = file_of(path)
    whole = file.read_bytes()
    for at in np.random.default_rng(1).integers(0, len(whole), 60).tolist():
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            pixels = read(name, path).pixels
        except ImageError:
            continue
        assert np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_in_its_place_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    folder = tmp_path / f"folder{IMAGE_READERS.get(name).SUFFIXES[0]}"
    folder.mkdir()
    with pytest.raises(ImageError):
        read_image(folder)
