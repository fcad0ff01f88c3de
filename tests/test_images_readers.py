"""PNG, JPEG, NIfTI and npz: what their values mean, and each trap of the formats."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow

from reportnlp.errors import ImageError
from reportnlp.images.loader import file_of, read_image, read_row
from reportnlp.images.manifest import ImageRow
from reportnlp.images.pixels import Image, Window, stretched, windowed
from reportnlp.images.readers import npz

RAMP = np.arange(16 * 20, dtype=np.uint16).reshape(16, 20) * 200
BYTES = (RAMP // 256).astype(np.uint8)


def seen(path: Path, **how: Any) -> npt.NDArray[np.float32]:
    return read_image(path, **how).pixels


def picture(folder: Path, values: npt.NDArray[Any], name: str = "film.png", **how: Any) -> Path:
    Pillow.fromarray(values).save(folder / name, **how)
    return folder / name


def test_16_bits_keep_their_steps(tmp_path: Path) -> None:
    np.testing.assert_allclose(seen(picture(tmp_path, RAMP)), RAMP / 65535, atol=1e-6)


def test_8_bits_are_divided_by_255(tmp_path: Path) -> None:
    np.testing.assert_allclose(seen(picture(tmp_path, BYTES)), BYTES / 255, atol=1e-6)
    bits = picture(tmp_path, BYTES > 128, "bits.png")
    np.testing.assert_array_equal(seen(bits), (BYTES > 128).astype(np.float32))


def test_colours_become_grey_and_what_is_transparent_black(tmp_path: Path) -> None:
    colour = np.stack([BYTES, BYTES, BYTES, np.full_like(BYTES, 255)], axis=-1)
    colour[0, :, 3] = 0
    pixels = seen(picture(tmp_path, colour))
    assert (pixels[0] == 0).all()
    np.testing.assert_allclose(pixels[1:], BYTES[1:] / 255, atol=0.005)


def test_a_transparent_palette_is_black_too(tmp_path: Path) -> None:
    flat = Pillow.fromarray(np.tile(np.array([0, 1], np.uint8), (16, 10)))
    flat.putpalette([255, 255, 255, 200, 200, 200])
    flat.save(tmp_path / "palette.png", transparency=0)
    pixels = seen(tmp_path / "palette.png")
    assert (pixels[:, 0::2] == 0).all()
    np.testing.assert_allclose(pixels[:, 1::2], 200 / 255, atol=0.005)


def test_a_jpeg_lies_as_its_exif_says(tmp_path: Path) -> None:
    values = np.kron(np.array([[255, 0], [0, 0], [0, 0]], np.uint8), np.ones((16, 16), np.uint8))
    exif = Pillow.Exif()
    exif[274] = 6  # the camera was turned: show it a quarter to the right
    pixels = seen(picture(tmp_path, values, "film.jpg", exif=exif, quality=95))
    assert pixels.shape == (32, 48)
    assert pixels[:16, 32:].mean() > 0.9 and pixels[16:].mean() < 0.1


def test_a_truncated_jpeg_is_damage(tmp_path: Path) -> None:
    path = picture(tmp_path, np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8), "film.jpg")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageError, match="cut short or damaged"):
        read_image(path)


def test_a_file_that_is_no_picture_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"GIF89a" + bytes(100))
    with pytest.raises(ImageError, match="no PNG or JPEG, whatever its name says"):
        read_image(tmp_path / "film.png")


def test_an_animation_is_no_picture(tmp_path: Path) -> None:
    first, *more = (Pillow.fromarray(np.roll(BYTES, at)) for at in range(3))
    first.save(tmp_path / "film.png", save_all=True, append_images=more)
    with pytest.raises(ImageError, match="it is an animation"):
        read_image(tmp_path / "film.png")


@pytest.mark.parametrize("name", ["film.png", "film.dcm", "film.npz", "film.nii.gz"])
def test_a_file_of_no_bytes_is_called_so(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ImageError, match="it is empty: a file of no bytes"):
        read_image(tmp_path / name)


def test_a_header_that_claims_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path, BYTES)
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="more pixels than a radiograph"):
        read_image(path)


def volume(folder: Path, values: npt.NDArray[Any], affine: npt.NDArray[Any], name: str = "ct.nii.gz") -> Path:
    nibabel.save(nibabel.Nifti1Image(values, affine), folder / name)
    return folder / name


MARKED = np.zeros((6, 8, 5), np.int16)
"""x to the patient's right, y to the front, z to the head: one bright corner right, front, head."""
MARKED[5, 7, 4] = 1000


def test_a_volume_lies_as_axial_slices_are_shown(tmp_path: Path) -> None:
    image = read_image(volume(tmp_path, MARKED, np.diag([0.5, 0.75, 2.0, 1.0])))
    assert image.pixels.shape == (5, 8, 6)
    assert image.spacing == (2.0, 0.75, 0.5)
    assert image.pixels[4, 0, 0] == 1 and image.pixels.sum() == 1


def test_whichever_way_it_was_saved(tmp_path: Path) -> None:
    straight = seen(volume(tmp_path, MARKED, np.diag([0.5, 0.75, 2.0, 1.0])))
    turned = MARKED[::-1].transpose(2, 0, 1)  # z, then x to the left, then y
    affine = np.zeros((4, 4))
    affine[2, 0], affine[0, 1], affine[1, 2], affine[3, 3] = 2.0, -0.5, 0.75, 1
    again = read_image(volume(tmp_path, np.ascontiguousarray(turned), affine, "turned.nii"))
    np.testing.assert_array_equal(again.pixels, straight)
    assert again.spacing == (2.0, 0.75, 0.5)


def test_a_window_of_a_volume_is_in_its_units(tmp_path: Path) -> None:
    path = tmp_path / "scaled.nii"
    image = nibabel.Nifti1Image(MARKED, np.eye(4))
    image.header.set_slope_inter(2, -24)
    nibabel.save(image, path)
    values = np.asarray(nibabel.load(path).dataobj)  # type: ignore[attr-defined]
    pixels = seen(path, window=Window(0, 4000))
    assert pixels.max() == pytest.approx(values.max() / 4000 + 0.5)


def test_one_slice_is_an_image_and_a_frame_is_a_slice(tmp_path: Path) -> None:
    flat = read_image(volume(tmp_path, MARKED[:, :, 4:], np.diag([0.5, 0.75, 2.0, 1.0])))
    assert flat.pixels.shape == (8, 6) and flat.spacing == (0.75, 0.5)
    whole = volume(tmp_path, MARKED, np.eye(4), "whole.nii.gz")
    np.testing.assert_array_equal(seen(whole, frame=4), flat.pixels)


def test_a_nan_voxel_is_named_and_counted(tmp_path: Path) -> None:
    values = MARKED.astype(np.float32)
    values[0, 7, 0] = np.nan
    with pytest.raises(ImageError, match=r"no finite numbers\. 1 of 240, the first at \(0, 0, 5\)") as found:
        read_image(volume(tmp_path, values, np.eye(4)))
    assert found.value.reason == "it holds values that are no finite numbers"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 4, 4, 3), np.int16), "no single volume"),
        (np.zeros((4, 4, 4), np.complex64), "colours or complex numbers"),
        (np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours or complex numbers"),
    ],
)
def test_what_is_no_grey_volume_is_refused(values: npt.NDArray[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(volume(tmp_path, values, np.eye(4)))


def test_a_packed_volume_that_breaks_off_is_damage(tmp_path: Path) -> None:
    path = volume(tmp_path, np.random.default_rng(0).integers(0, 99, (9, 9, 9)).astype(np.int16), np.eye(4))
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(whole[: len(whole) // 2]))
    with pytest.raises(ImageError, match="cut short or damaged"):
        read_image(path)


def arrays(folder: Path, **values: npt.NDArray[Any]) -> Path:
    np.savez(folder / "set.npz", **values)  # type: ignore[arg-type]
    return folder / "set.npz"


def test_an_image_of_an_array_has_an_address(tmp_path: Path) -> None:
    path = arrays(tmp_path, train_images=np.stack([BYTES, BYTES // 2]), train_labels=np.zeros((2, 1)))
    np.testing.assert_allclose(seen(Path(f"{path}#train_images/1")), (BYTES // 2) / 255, atol=1e-6)
    assert file_of(Path(f"{path}#train_images/1")) == path
    assert npz.arrays(path) == [("train_images", 2)]
    assert seen(Path(f"{path}#train_images")).shape == (2, 16, 20)


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = arrays(tmp_path, images=np.stack([BYTES]))
    first = seen(Path(f"{path}#images/0"))
    arrays(tmp_path, images=np.stack([255 - BYTES, BYTES]))
    np.testing.assert_allclose(seen(Path(f"{path}#images/0")), 1 - first, atol=1e-6)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("#images/2", "no image of that number. The array has 0 to 1"),
        ("#image/0", "no array of that name. It has: images, labels"),
        ("", "no array of that name"),
        ("#labels", "no image: 1 axes"),
    ],
)
def test_a_wrong_address_is_told_with_the_right_ones(address: str, message: str, tmp_path: Path) -> None:
    path = arrays(tmp_path, images=np.stack([BYTES, BYTES]), labels=np.zeros(2))
    with pytest.raises(ImageError, match=message):
        read_image(f"{path}{address}")


class Harm:
    """What unpickling would run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("/tmp/harm"),))  # type: ignore[return-value]


def test_nothing_pickled_is_read(tmp_path: Path) -> None:
    path = arrays(tmp_path, images=np.array([{"a": 1}, {"b": 2}], dtype=object))
    with pytest.raises(ImageError, match="pickled, which is never read"):
        read_image(f"{path}#images/0")
    (tmp_path / "set.npz").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ImageError, match="cut short or damaged"):
        read_image(tmp_path / "set.npz")
    assert not Path("/tmp/harm").exists()


def test_colours_in_an_array_become_grey(tmp_path: Path) -> None:
    path = arrays(tmp_path, images=np.stack([np.stack([BYTES] * 3, axis=-1)]))
    np.testing.assert_allclose(seen(Path(f"{path}#images/0")), BYTES / 255, atol=0.005)


def test_floats_are_stretched_and_nan_is_named(tmp_path: Path) -> None:
    values = np.stack([RAMP.astype(np.float64), RAMP.astype(np.float64)])
    values[1, 0, 0] = np.nan
    path = arrays(tmp_path, images=values)
    np.testing.assert_allclose(seen(Path(f"{path}#images/0")), RAMP / RAMP.max(), atol=1e-6)
    with pytest.raises(ImageError, match="no finite numbers"):
        read_image(f"{path}#images/1")


def test_a_kind_of_file_that_nobody_reads_is_told(tmp_path: Path) -> None:
    (tmp_path / "film.gif").write_bytes(b"GIF89a")
    with pytest.raises(ImageError, match=r"no reader takes \.gif\. There are: \.dcm"):
        read_image(tmp_path / "film.gif")


def test_a_row_is_named_as_the_manifest_names_it(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as found:
        read_row(ImageRow("s", "far/film.png"), tmp_path)
    assert str(found.value) == "far/film.png: there is no such file. Mend its path in the manifest."
    assert str(pickle.loads(pickle.dumps(found.value))) == str(found.value)


def test_equal_pixels_have_one_digest_whatever_the_file(tmp_path: Path) -> None:
    one = read_image(picture(tmp_path, BYTES))
    other = read_image(f"{arrays(tmp_path, images=np.stack([BYTES]))}#images/0")
    assert one.digest == other.digest
    assert one.digest != Image(np.ascontiguousarray(one.pixels.T)).digest


def test_windowing_by_hand() -> None:
    values = np.array([-700, -600, 0, 150, 1000])
    np.testing.assert_allclose(windowed(values, Window(-225, 750)), [0, 0, 0.8, 1, 1], atol=1e-6)
    np.testing.assert_allclose(stretched(np.array([[-10, 0], [10, 30]])), [[0, 0.25], [0.5, 1]], atol=1e-6)
    assert (stretched(np.full((2, 2), 7)) == 0).all()
